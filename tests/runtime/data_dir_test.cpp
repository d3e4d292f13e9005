#include "runtime/data_dir.hpp"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <system_error>

namespace greenroom::runtime {
namespace {

/// An empty directory for one test.
class place {
 public:
  place() {
    std::string name = (std::filesystem::temp_directory_path() / "greenroom-data-dir-test-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~place() { std::filesystem::remove_all(root_); }
  place(const place&) = delete;
  place& operator=(const place&) = delete;
  std::filesystem::path operator/(std::string_view name) const { return root_ / name; }

 private:
  std::filesystem::path root_;
};

std::string failure_of(const std::filesystem::path& path, std::errc expected) {
  try {
    data_dir{path};
  } catch (const std::system_error& failed) {
    CHECK(failed.code() == expected);
    return failed.what();
  }
  return "no failure";
}

}  // namespace

TEST_CASE("data directory: it is made with its parents, and for its owner only", "[data_dir]") {
  const place in;
  const data_dir made{in / GENERATE("var/greenroom", "var/greenroom/")};
  struct stat found {};
  REQUIRE(::stat(made.path().c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0700);
  CHECK(made.admin_socket() == made.path() / "admin.sock");
  CHECK(made.path().is_absolute());
}

TEST_CASE("data directory: one that is there is taken with what it holds", "[data_dir]") {
  const place in;
  std::filesystem::create_directories(in / "data");
  std::ofstream{in / "data/kept"} << "x";
  const data_dir taken{in / "data"};
  CHECK(std::filesystem::exists(taken.path() / "kept"));
}

TEST_CASE("data directory: a second node is refused by name of the first one's pid, until that one is gone",
          "[data_dir]") {
  const place in;
  std::optional<data_dir> first{in / "data"};
  const auto sentence = failure_of(in / "data", std::errc::resource_unavailable_try_again);
  CHECK(sentence.find("is in use by the node with pid " + std::to_string(::getpid())) != std::string::npos);
  first.reset();
  CHECK_NOTHROW(data_dir{in / "data"});
}

TEST_CASE("data directory: the lock of a killed process holds nobody up", "[data_dir]") {
  const place in;
  const auto path = in / "data";
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const auto child = ::fork();
  if (child == 0) {
    const data_dir held{path};
    [[maybe_unused]] const auto told = ::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  const auto sentence = failure_of(path, std::errc::resource_unavailable_try_again);
  CHECK(sentence.find("pid " + std::to_string(child)) != std::string::npos);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_NOTHROW(data_dir{path});
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("data directory: a file in its place, or a place that cannot be, is a sentence", "[data_dir]") {
  const place in;
  std::ofstream{in / "file"} << "x";
  CHECK(failure_of(in / "file", std::errc::not_a_directory).find("is a file") != std::string::npos);
  CHECK_THROWS_AS(data_dir{in / "file/below"}, std::system_error);
  std::filesystem::create_directories(in / "data");
  std::filesystem::create_symlink(in / "elsewhere", in / "data/lock");
  CHECK(failure_of(in / "data", std::errc::too_many_symbolic_link_levels).find("cannot be opened") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(in / "elsewhere"));
}

}  // namespace greenroom::runtime
