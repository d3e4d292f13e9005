#include "storage/sqlite_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "storage/sqlite_schema.hpp"

namespace greenroom::storage {
namespace {

namespace fs = std::filesystem;

std::string suspect_mark(const std::string& path) { return path + ".suspect"; }

void sync(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags | O_CLOEXEC);
  const bool done = file >= 0 && ::fsync(file) == 0;
  const auto why = errno;
  if (file >= 0) ::close(file);
  if (!done) throw open_error{"Cannot sync " + path + ": " + std::strerror(why) + "."};
}

}  // namespace

file_lock::file_lock(const std::string& path) {
  const auto name = path + ".lock";
  file_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file_ < 0) throw open_error{"Cannot open " + name + ": " + std::strerror(errno) + "."};
  if (::flock(file_, LOCK_EX | LOCK_NB) == 0) return;
  const auto why = errno;
  ::close(file_);
  throw open_error{why == EWOULDBLOCK ? "The database " + path + " is in use by another store."
                                      : "Cannot lock " + name + ": " + std::strerror(why) + "."};
}

file_lock::~file_lock() { ::close(file_); }

void mark_suspect(const std::string& path) noexcept {
  const int file = ::open(suspect_mark(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return;
  ::fsync(file);
  ::close(file);
}

bool is_suspect(const std::string& path) { return fs::exists(suspect_mark(path)); }

void clear_suspect(const std::string& path) { fs::remove(suspect_mark(path)); }

std::string set_aside(const std::string& path) {
  std::string to;
  for (int n = 1; to.empty() || fs::exists(to) || fs::exists(to + "-wal"); ++n)
    to = path + ".damaged-" + std::to_string(n);
  std::error_code ignored;
  fs::rename(path + "-wal", to + "-wal", ignored);  // there may be none
  fs::remove(path + "-shm", ignored);
  fs::rename(path, to);
  sync_directory_of(path);
  return to;
}

void sync_directory_of(const std::string& path) {
  const auto parent = fs::path{path}.parent_path();
  sync(parent.empty() ? "." : parent.string(), O_RDONLY | O_DIRECTORY);
}

void sync_file(const std::string& path) { sync(path, O_RDWR); }

}  // namespace greenroom::storage
