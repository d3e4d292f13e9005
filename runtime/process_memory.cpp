#include "runtime/process_memory.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

namespace greenroom::runtime {
namespace {

// What version 1 says where there is no limit: the largest multiple of a page in 63 bits. Nobody has as much.
constexpr std::uint64_t limit_max = 1ull << 60;

std::uint64_t page_bytes() {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::uint64_t limit_in(const std::filesystem::path& file) {
  std::ifstream in{file};
  std::string text;
  std::getline(in, text);
  return parse_limit(text);
}

/// The least limit of that group and of those around it, up to the mount.
std::uint64_t least_limit(const std::filesystem::path& mount, std::filesystem::path group, const char* file) {
  std::uint64_t least = 0;
  const auto consider = [&](const std::filesystem::path& where) {
    if (const auto one = limit_in(where / file); one != 0) least = least == 0 ? one : std::min(least, one);
  };
  for (group = group.relative_path(); !group.empty(); group = group.parent_path()) consider(mount / group);
  consider(mount);  // inside a container its own group is mounted here, whatever its path says
  return least;
}

}  // namespace

std::uint64_t parse_limit(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && value < limit_max ? value : 0;
}

std::uint64_t resident_bytes() {
  std::ifstream statm{"/proc/self/statm"};
  std::uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return statm ? resident * page_bytes() : 0;
}

std::uint64_t cgroup_limit_bytes(const std::string& root) {
  std::ifstream groups{root + "/proc/self/cgroup"};
  std::uint64_t least = 0;
  for (std::string line; std::getline(groups, line);) {  // "0::/path" or "4:memory:/path"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::filesystem::path mount{root + "/sys/fs/cgroup"}, path{line.substr(second + 1)};
    std::uint64_t one = 0;
    if (controllers == ",,")
      one = least_limit(mount, path, "memory.max");
    else if (controllers.find(",memory,") != std::string::npos)
      one = least_limit(mount / "memory", path, "memory.limit_in_bytes");
    if (one != 0) least = least == 0 ? one : std::min(least, one);
  }
  return least;
}

std::uint64_t memory_limit_bytes() {
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_bytes();
  const auto group = cgroup_limit_bytes("");
  return group == 0 ? machine : std::min(group, machine);
}

void return_free_memory() { ::malloc_trim(0); }

}  // namespace greenroom::runtime
