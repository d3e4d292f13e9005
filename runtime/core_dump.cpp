#include "runtime/core_dump.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "runtime/unique_fd.hpp"

namespace greenroom::runtime {

std::error_code write_no_core_dumps() noexcept {
  const auto failed = [] { return std::error_code{errno, std::generic_category()}; };
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) != 0) return failed();
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 1);
  if (::setrlimit(RLIMIT_CORE, &limit) != 0) return failed();
  constexpr std::string_view headers_only = "0x10";  // bit 4: the first page of what is mapped from files, if it is ELF
  const unique_fd file{::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC)};
  const bool done = file && ::write(file.get(), headers_only.data(), headers_only.size()) ==
                                static_cast<ssize_t>(headers_only.size());
  return done ? std::error_code{} : failed();
}

}  // namespace greenroom::runtime
