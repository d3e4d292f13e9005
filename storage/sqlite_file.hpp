/// The files of a database: the lock that keeps a second store away, the mark that it may be damaged, and where a
/// damaged one goes.
///
/// Threading: none of its own. Failure: `open_error`.
#pragma once

#include <string>

namespace greenroom::storage {

/// Held as long as the store lives; the system frees it with the process.
class file_lock {
 public:
  explicit file_lock(const std::string& path);  ///< `path`.lock; `open_error` where somebody holds it
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;
  ~file_lock();

 private:
  int file_ = -1;
};

/// Damage was met at run time: the next one who opens the database looks at all of it first.
void mark_suspect(const std::string& path) noexcept;
bool is_suspect(const std::string& path);
void clear_suspect(const std::string& path);

/// Renames the database and its WAL to `path`.damaged-1, -2 …; answers the new name.
std::string set_aside(const std::string& path);

/// Makes what was created or renamed in the file's directory outlast a power cut.
void sync_directory_of(const std::string& path);
void sync_file(const std::string& path);

}  // namespace greenroom::storage
