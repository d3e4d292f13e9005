#include "runtime/core_dump.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "runtime/unique_fd.hpp"

namespace greenroom::runtime {

std::error_code leave_memory_out_of_core_dumps() noexcept {
  constexpr std::string_view headers_only = "0x10";  // bit 4: the first page of what is mapped from files, if it is ELF
  const unique_fd file{::open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC)};
  const bool done = file && ::write(file.get(), headers_only.data(), headers_only.size()) ==
                                static_cast<ssize_t>(headers_only.size());
  return done ? std::error_code{} : std::error_code{errno, std::generic_category()};
}

}  // namespace greenroom::runtime
