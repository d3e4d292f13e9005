/// A copy of a living database, and how a node begins with one.
///
/// A backup steps on the writer's own connection, between its batches: what is committed meanwhile is in it, too, and
/// it never begins again. The file appears under its name when it is whole.
///
/// Threading: a backup belongs to one thread; each step keeps the writer for as long as its pages take.
/// Failure: `backup_error`, with a sentence; nothing is left behind.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "storage/sqlite_store.hpp"

struct sqlite3_backup;

namespace greenroom::storage {

class backup_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class existing_file : std::uint8_t { refuse, replace };

class sqlite_backup {
 public:
  struct progress {
    bool done = false;
    std::uint64_t remaining = 0, total = 0;  ///< pages; both may grow while the store is written to
  };

  /// Begins one. The store must outlive it. A file that is replaced stays what it was until the copy is whole.
  sqlite_backup(sqlite_store& store, std::string target, existing_file old = existing_file::refuse);
  sqlite_backup(const sqlite_backup&) = delete;
  sqlite_backup& operator=(const sqlite_backup&) = delete;
  ~sqlite_backup();  ///< gives up what is not done

  progress step(int pages);

 private:
  std::string partial() const { return target_ + ".partial"; }
  void close() noexcept;
  void sync_some(int pages);
  void finish();

  sqlite_store& store_;
  const std::string target_;
  std::unique_ptr<connection> copy_;
  sqlite3_backup* running_ = nullptr;
  const void* source_ = nullptr;  // the handle on which it runs: after a repair it is another one
  int unsynced_pages_ = 0;
  progress now_;
};

enum class damaged_rows : std::uint8_t { refuse, accept };

struct restored {
  std::uint64_t logs = 0, messages = 0, inboxes = 0, letters = 0, dead = 0;
  std::uint64_t sessions_ended = 0;
  std::uint64_t damaged = 0;  ///< rows that did not come back as they were stored
};

/// Checks the backup, all of it, and places a copy where `options` say, which must not exist yet. History stays, but every
/// log begins a new epoch and every inbox's numbers jump, so that no client takes what it saw after the backup for what
/// comes now; sessions are removed, since their tokens may be older than those that clients hold.
restored restore(const std::string& backup, const sqlite_options& options, damaged_rows damage = damaged_rows::refuse);

}  // namespace greenroom::storage
