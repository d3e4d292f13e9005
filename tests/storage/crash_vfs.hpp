/// A file system for SQLite whose power can be cut and whose calls can fail. It stands in front of the system's: reads
/// see everything that was written, but only what was synced is sure to be there after the cut. Of the rest each
/// 512-byte sector of each write is kept, dropped or garbled, at random. Bytes beside a write are never touched: SQLite
/// relies on that (POWERSAFE_OVERWRITE), as disks promise it.
///
/// Threading: any; calls are counted under one lock. The files' locks and shared memory are the system's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

struct sqlite3_vfs;

namespace greenroom::storage::testing {

class crash_vfs {
 public:
  enum class call : std::uint8_t { read, write, sync, truncate, remove };
  /// What the n-th call answers instead of being done: SQLite's code, or 0 to let it be done.
  using fault = std::function<int(call what, std::uint64_t n)>;

  explicit crash_vfs(std::string name);
  crash_vfs(const crash_vfs&) = delete;
  crash_vfs& operator=(const crash_vfs&) = delete;
  ~crash_vfs();

  const std::string& name() const noexcept { return name_; }

  /// From the n-th writing call on (write, sync, truncate, remove) there is no power. 0: never.
  void cut_at(std::uint64_t n);
  bool is_cut() const;
  std::uint64_t writing_calls() const;  ///< so far
  void fail(fault with);                ///< empty: nothing fails any more; counts from 0 again
  std::uint64_t calls() const;          ///< since `fail`

  /// What is on the disk after the cut, in another directory.
  void leave_in(const std::filesystem::path& directory, std::uint64_t seed) const;

  // For the files.
  struct change {
    bool truncates = false;
    std::size_t offset = 0;  // or the new size
    std::string bytes{};
  };
  struct file_state {
    std::string synced;           // what is on the disk for certain
    std::vector<change> pending;  // in order
  };
  int before(call what);  // SQLite's code, or 0
  std::shared_ptr<file_state> state_of(const std::string& path);
  void forget(const std::string& path);
  template <class Change>
  void note(Change change) {
    std::lock_guard guard{mutex_};
    change();
  }

 private:
  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<file_state>> files_;
  std::uint64_t writing_calls_ = 0, cut_at_ = 0, calls_ = 0;
  bool cut_ = false;
  fault fault_;
};

}  // namespace greenroom::storage::testing
