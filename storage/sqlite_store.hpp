/// The durable store: one SQLite database in WAL mode. A batch is one transaction, and on disk when `commit` returned.
///
/// Threading: one connection writes, guarded by a lock (`commit`, `upkeep`, `repair`); reads take one of `readers`
/// connections and wait where all are taken. `report` is called from whichever thread meets something, and must
/// not call the store.
/// Bounds: `sqlite_options`.
/// Failure: no space: the batch is `unavailable` and the condition `full` until one succeeds. A failed COMMIT: the
/// batch is `outcome_unknown`. That, and damage: the condition is `broken`, the handle is never written to again, and
/// every batch is `unavailable` until `repair` has succeeded; reads go on. A locked file: `unavailable` after `busy_ms`.
/// Damaged rows: see `statistics::damaged`.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "storage/limits.hpp"
#include "storage/sqlite_schema.hpp"
#include "storage/store.hpp"

namespace greenroom::storage {

class vault;

enum class synchronous : std::uint8_t {
  full,
  normal,  ///< loses commits at a power cut
  off,     ///< loses more; both are for tests that show it
};

struct sqlite_options {
  std::string path{};
  std::size_t readers = 2;
  std::uint64_t cache_bytes = limits::sqlite_cache_bytes;            ///< of the writer
  std::uint64_t checkpoint_bytes = limits::sqlite_checkpoint_bytes;  ///< of new WAL after which `upkeep` moves it over
  std::uint64_t wal_bytes_max = limits::sqlite_wal_bytes_max;        ///< over it `upkeep` waits for readers to let go
  std::uint64_t dead_bytes_max = limits::dead_bytes_max;
  std::int64_t dead_age_ms = limits::dead_age_ms;
  std::size_t ids_per_sender_max = limits::ids_per_sender_max;
  std::int64_t id_age_ms = limits::id_age_ms;
  std::size_t logs_max = limits::sqlite_logs_max;          ///< over it: unavailable
  std::size_t inboxes_max = limits::sqlite_inboxes_max;    ///< over it empty ones are forgotten, then: unavailable
  std::size_t sessions_max = limits::sqlite_sessions_max;  ///< over it: unavailable
  int busy_ms = 250;                                       ///< how long a batch waits for somebody else's lock
  synchronous sync = synchronous::full;
  std::shared_ptr<const vault> keys{};               ///< null: what is encrypted is locked
  std::string vfs{};                                 ///< empty: the system's
  std::function<void(const std::string&)> report{};  ///< sentences for the log
};

/// What operating it needs to know; counters since it was opened.
struct sqlite_figures {
  std::uint64_t batches = 0, operations = 0;  ///< committed
  std::uint64_t failed = 0;                   ///< batches that were not
  std::uint64_t commit_ns = 0, commit_ns_max = 0;
  std::uint64_t checkpoints = 0, checkpoint_ns = 0, checkpoint_ns_max = 0;
  std::uint64_t database_bytes = 0, wal_bytes = 0;  // gauges
  std::uint64_t damaged = 0;                        ///< rows, see `statistics`
  std::uint64_t reopened = 0;                       ///< repairs that succeeded
};

class connection;

class sqlite_store : public store {
 public:
  virtual sqlite_figures figures() const = 0;  ///< any thread; waits for nobody
  /// The latest time that any message was stored with; 0: none was.
  virtual std::int64_t newest_ms() const = 0;

  /// Lends the writer's connection between batches, for the backup.
  virtual void lend(const std::function<void(connection&)>& work) = 0;
};

/// `open_error` where the file cannot be opened, is not ours, or newer than this build. A damaged file is set aside.
std::unique_ptr<sqlite_store> open_sqlite_store(sqlite_options options);

}  // namespace greenroom::storage
