/// The store in the engine's words: room logs, inboxes, dead letters, sessions and idempotency records. Backends are
/// interchangeable: `tests/storage/contract.hpp` says what each of them must do.
///
/// Changes go through `commit`, a batch at a time; a batch is what one transaction of a database is. A refusal
/// (`conflict`, `queue_full` …) concerns its own operation. A failure of the backend concerns the batch: every outcome
/// is `unavailable` (nothing is stored) or `outcome_unknown`.
///
/// Threading: every function may be called from any thread at any time. With `durability::accepted` calls return in
/// microseconds and shards call them directly. With `durability::durable` they wait for the disk: `commit` belongs to
/// one writer, reads to detached readers.
/// Bounds: `limits.hpp`; over each of them something is refused or dropped, and counted in `statistics`.
/// Lifecycle: outlives every actor that holds a reference. Time is passed in; the store has no clock and no thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/inbox.hpp"
#include "storage/log.hpp"
#include "storage/operation.hpp"
#include "storage/secret.hpp"
#include "storage/session.hpp"

namespace greenroom::storage {

enum class durability : std::uint8_t {
  accepted,  ///< in memory: the end of the process may lose it
  durable,   ///< on disk when `commit` returned
};

/// Whether a batch may be stored now.
enum class condition : std::uint8_t {
  good,
  full,    ///< no space: batches are `unavailable`; each one tries again
  broken,  ///< the disk has failed: batches are `unavailable` until `repair` has succeeded
};

/// Counters since the store was opened, and gauges of now. Read part by part: exact once nobody commits. A durable
/// backend keeps `accepted`, `acknowledged` and `purged` with the messages, so that `balanced` holds over restarts.
struct statistics {
  std::uint64_t logs = 0, records = 0, record_bytes = 0;     // gauges
  std::uint64_t appended = 0, trimmed = 0;                   ///< trimmed: by retention
  std::uint64_t shed = 0;                                    ///< dropped early, for the bound of all logs
  std::uint64_t inboxes = 0, queued = 0, queued_bytes = 0;   // gauges
  std::uint64_t accepted = 0, acknowledged = 0, purged = 0;  ///< of inbox messages, and rooms' dead letters
  std::uint64_t refused_full = 0;                            ///< `queue_full` answers
  std::uint64_t dead = 0, dead_bytes = 0;                    // gauges
  std::uint64_t dead_expired = 0, dead_undeliverable = 0, dead_crashed = 0;  ///< moves into the dead letters, …
  std::uint64_t replayed = 0;                                                ///< … and out of them
  std::uint64_t ids = 0, ids_bytes = 0;                                      // gauges
  std::uint64_t ids_evicted = 0;  ///< before their time: a repeat would go unnoticed
  std::uint64_t duplicates = 0, conflicts = 0;
  std::uint64_t sessions = 0;     // gauge
  std::uint64_t unavailable = 0;  ///< operations refused for a bound of the store
  std::uint64_t damaged = 0;      ///< rows, each time they were met other than they were stored

  /// The invariant of the inbox; a room's letter was accepted when it was kept.
  bool balanced() const noexcept { return accepted == acknowledged + queued + dead + purged; }
};

class store {
 public:
  virtual ~store() = default;

  virtual durability level() const noexcept = 0;
  virtual storage::condition condition() const noexcept { return storage::condition::good; }
  /// Grows with each `repair` that succeeded: what was stored before it may be gone. Any thread.
  virtual std::uint32_t generation() const noexcept { return 0; }

  // For the writer, between its batches.
  /// What a batch leaves for after its answers: checkpoints. Bounded; never needed for what was acknowledged.
  virtual void upkeep() {}
  /// After the disk has failed: forgets the handle and opens the database again. Empty, or why that did not work: later
  /// it may.
  virtual std::string repair() { return {}; }

  /// Executes the operations in order; the outcomes stand in the same order. More than `batch_operations_max`:
  /// std::invalid_argument.
  std::vector<outcome> commit(std::span<const operation> batch);
  outcome commit(const operation& one);

  // Logs
  virtual std::optional<log_head> head(std::string_view log) const = 0;
  /// Messages with a seq above `after`, from the oldest on. At least one where there is one, else within both bounds.
  virtual log_page read(std::string_view log, std::uint64_t after, std::size_t count_max,
                        std::size_t bytes_max) const = 0;
  /// The newest messages with a seq below `before`, oldest first. At least one where there is one, else within both
  /// bounds.
  virtual log_page read_before(std::string_view log, std::uint64_t before, std::size_t count_max,
                               std::size_t bytes_max) const = 0;
  virtual bytes_ptr snapshot(std::string_view log) const = 0;  ///< null where there is none
  /// Logs that have a snapshot, by name, after `after`.
  virtual std::vector<named_snapshot> snapshots(std::string_view after, std::size_t count_max) const = 0;

  // Inboxes, dead letters
  /// Messages with an n above `after` that have not expired.
  virtual inbox_page read_inbox(std::string_view user, std::uint64_t after, std::size_t count_max,
                                std::size_t bytes_max, std::int64_t now_ms) const = 0;
  virtual inbox_state inbox(std::string_view user) const = 0;  ///< counts expired messages until they are moved
  /// Inboxes that hold messages, by name, after `after`.
  virtual std::vector<inbox_summary> inboxes(std::string_view after, std::size_t count_max) const = 0;
  /// Whose they are, after `after`, looking at no more rows than that; nothing where the disk could not be read.
  virtual std::optional<holders_page> inbox_holders(std::string_view after, std::size_t rows_max) const = 0;
  /// Dead letters with an id above `after`, oldest first, of one user or of all.
  virtual std::vector<dead_letter> dead_letters(std::optional<std::string_view> user, std::uint64_t after,
                                                std::size_t count_max) const = 0;
  virtual std::vector<dead_letter> dead_letters_of_room(std::string_view room, std::uint64_t after,
                                                        std::size_t count_max) const = 0;

  // Sessions, idempotency
  virtual std::optional<stored_session> session(std::string_view id) const = 0;
  /// Sessions by id, after `after`: how a node finds what it had before it ended.
  virtual std::vector<stored_session> sessions(std::string_view after, std::size_t count_max) const = 0;
  /// What a message under this id would get (duplicate or conflict), before anything runs for it; none where it is new.
  virtual std::optional<outcome> recall(const idempotency& once, std::int64_t now_ms) const = 0;

  // Secrets
  virtual std::optional<stored_secret> secret(std::string_view name) const = 0;
  /// Secrets by name, after `after`, with the store's own data keys, which come first.
  virtual std::vector<stored_secret> secrets(std::string_view after, std::size_t count_max) const = 0;
  /// Which keys wrap the data keys of all of them, by id. Looks at each.
  virtual std::vector<kek_use> keks() const = 0;
  // Who may come. None: they could not be read, which is not the same as that there are none.
  /// By id, after `after`.
  virtual std::optional<std::vector<stored_key>> api_keys(std::string_view after, std::size_t count_max) const = 0;
  /// Of one kind, by name, after `after`.
  virtual std::optional<std::vector<stored_revocation>> revocations(revoked kind, std::string_view after,
                                                                    std::size_t count_max) const = 0;

  virtual statistics counters() const = 0;

 protected:
  /// `out` has the length of `batch` and holds default outcomes.
  virtual void execute(std::span<const operation> batch, std::span<outcome> out) = 0;
};

}  // namespace greenroom::storage
