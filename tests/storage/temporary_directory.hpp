/// A directory that goes with the object; in memory where the system has a place for that and the test has many.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace greenroom::storage::testing {

class temporary_directory {
 public:
  enum class place { on_disk, in_memory };

  explicit temporary_directory(place where = place::on_disk) {
    namespace fs = std::filesystem;
    const fs::path memory{"/dev/shm"};
    const bool there = where == place::in_memory && fs::is_directory(memory);
    auto name = ((there ? memory : fs::temp_directory_path()) / "greenroom-storage-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error{"no temporary directory"};
    path_ = name;
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace greenroom::storage::testing
