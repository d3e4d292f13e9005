/// DATA_DIR is the directory that a node owns while it runs: created with mode 0700, and locked, so that two nodes
/// never share one.
///
/// Lifecycle: construct before anything opens a file in it; the lock ends with the object, or with the process however
/// it ends (it is the kernel's, not the file's).
/// Threading: any thread after construction.
/// Failure: std::system_error with a sentence; a directory that another node holds is
/// `std::errc::resource_unavailable_try_again` and names the holder's pid.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/unique_fd.hpp"

namespace greenroom::runtime {

class data_dir {
 public:
  explicit data_dir(std::filesystem::path path);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path admin_socket() const { return path_ / "admin.sock"; }
  std::filesystem::path database() const { return path_ / "greenroom.db"; }
  std::filesystem::path lock_file() const { return path_ / "lock"; }

 private:
  std::filesystem::path path_;
  unique_fd lock_;
};

}  // namespace greenroom::runtime
