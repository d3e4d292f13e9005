#include "runtime/data_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace greenroom::runtime {
namespace {

constexpr mode_t owner_only = 0700;

[[noreturn]] void fail(int error, const std::string& sentence) {
  throw std::system_error{error, std::generic_category(), sentence};
}

/// The pid that the holder wrote into its lock file; empty while it is about to.
std::string holder_of(int lock) {
  std::array<char, 32> text{};
  const auto size = ::pread(lock, text.data(), text.size(), 0);
  const std::string_view read{text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  return std::string{read.substr(0, read.find('\n'))};
}

unique_fd take_lock(const std::filesystem::path& directory, const std::filesystem::path& file) {
  unique_fd lock{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!lock) fail(errno, "The lock " + file.string() + " cannot be opened");
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail(errno, "The data directory " + directory.string() + " cannot be locked");
    const auto pid = holder_of(lock.get());
    fail(EAGAIN, "The data directory " + directory.string() + " is in use by " +
                     (pid.empty() ? "another node" : "the node with pid " + pid));
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
    fail(errno, "The lock " + file.string() + " cannot be written");
  return lock;
}

}  // namespace

data_dir::data_dir(std::filesystem::path path) : path_{std::move(path)} {
  if (!path_.has_filename()) path_ = path_.parent_path();  // "data/"
  if (path_.has_parent_path()) std::filesystem::create_directories(path_.parent_path());
  if (::mkdir(path_.c_str(), owner_only) != 0 && errno != EEXIST)
    fail(errno, "The data directory " + path_.string() + " cannot be made");
  if (!std::filesystem::is_directory(path_)) fail(ENOTDIR, "The data directory " + path_.string() + " is a file");
  path_ = std::filesystem::canonical(path_);
  lock_ = take_lock(path_, lock_file());
}

}  // namespace greenroom::runtime
