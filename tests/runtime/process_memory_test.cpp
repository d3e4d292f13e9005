#include "runtime/process_memory.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

namespace greenroom::runtime {
namespace {

/// The part of a file system that says what a process may have.
class fake_root {
 public:
  fake_root()
      : path_{std::filesystem::temp_directory_path() / ("greenroom-cgroup-test-" + std::to_string(::getpid()))} {
    std::filesystem::remove_all(path_);
  }
  ~fake_root() { std::filesystem::remove_all(path_); }
  fake_root(const fake_root&) = delete;
  fake_root& operator=(const fake_root&) = delete;

  fake_root& file(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream{path_ / name} << text;
    return *this;
  }
  std::uint64_t limit() const { return cgroup_limit_bytes(path_.string()); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("process memory: the limit of a control group is the least of those around it", "[memory]") {
  fake_root root;
  root.file("proc/self/cgroup", "0::/system.slice/greenroom.service\n");
  CHECK(root.limit() == 0);
  root.file("sys/fs/cgroup/system.slice/greenroom.service/memory.max", "max\n");
  CHECK(root.limit() == 0);
  root.file("sys/fs/cgroup/system.slice/memory.max", "2147483648\n");
  CHECK(root.limit() == 2'147'483'648);
  root.file("sys/fs/cgroup/system.slice/greenroom.service/memory.max", "536870912\n");
  CHECK(root.limit() == 536'870'912);
}

TEST_CASE("process memory: inside a container its own group is the mount", "[memory]") {
  fake_root root;
  root.file("proc/self/cgroup", "0::/\n").file("sys/fs/cgroup/memory.max", "1073741824\n");
  CHECK(root.limit() == 1'073'741'824);
}

TEST_CASE("process memory: version 1 has it in another place, and another word for no limit", "[memory]") {
  fake_root root;
  root.file("proc/self/cgroup", "11:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/docker/abc\n");
  root.file("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(root.limit() == 0);
  root.file("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");  // as seen from inside
  CHECK(root.limit() == 268'435'456);
}

TEST_CASE("process memory: what is no number is no limit", "[memory]") {
  for (const auto* text : {"", "max", "-1", "12x", "99999999999999999999", "9223372036854771712"})
    CHECK(parse_limit(text) == 0);
  CHECK(parse_limit("4096") == 4'096);
}

TEST_CASE("process memory: what is resident grows with what is touched", "[memory]") {
  constexpr std::size_t size = 64u << 20;
  const auto before = resident_bytes();
  const std::string block(size, 'x');
  CHECK(resident_bytes() >= before + size * 9 / 10);
  CHECK(block.back() == 'x');
  CHECK(memory_limit_bytes() >= resident_bytes());
}

}  // namespace greenroom::runtime
