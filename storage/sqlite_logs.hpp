/// The logs of a database. Heads are read once a batch, changed in memory, and written once, at its end. A log that is
/// reset or erased leaves its entries behind under a number that nobody uses any more: sweeps remove them, so that no
/// commit waits for it.
///
/// Threading: an object belongs to the writer; the static functions read through any connection, in a transaction of
/// their caller.
/// Bounds: `logs_max`, over it a new log is `unavailable`; an append trims at most `trimmed_an_append`.
/// What is to lie encrypted is sealed here, where its place is known.
/// Failure: sqlite_error ends the batch. A damaged head ends the log's epoch, since nobody knows its last position.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/operation.hpp"
#include "storage/row_keys.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {

/// What one step of a sweep may remove: a message counts more, the longer it is.
struct sweep_budget {
  std::uint64_t left = 0;
  void spend(std::uint64_t bytes = 0) noexcept { take(left, 1 + bytes / 16384); }
};

class sqlite_logs {
 public:
  static constexpr std::size_t trimmed_an_append = 64;

  sqlite_logs(connection& db, sqlite_sums& sums, sqlite_damage& damage, row_keys& keys, std::size_t logs_max)
      : db_{db}, sums_{sums}, damage_{damage}, keys_{keys}, logs_max_{logs_max} {}

  outcome execute(const log_open& op);
  outcome execute(const append& op);
  outcome execute(const snapshot_put& op);
  outcome execute(const epoch_reset& op);
  outcome execute(const log_erase& op);
  std::size_t sweep(std::int64_t now_ms, sweep_budget& budget);
  std::size_t sweep_gone(sweep_budget& budget);
  void renew_epochs();  ///< of every log; what it holds stays
  void flush();         ///< writes the heads that changed, and forgets all
  void forget() { heads_.clear(); }

  static std::optional<log_head> head(connection& db, sqlite_damage& damage, std::string_view log);
  static log_page read(connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log, std::uint64_t after,
                       std::size_t count_max, std::size_t bytes_max);
  static log_page read_before(connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log,
                              std::uint64_t before, std::size_t count_max, std::size_t bytes_max);
  static bytes_ptr snapshot(connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log);
  /// Without those that are locked.
  static std::vector<named_snapshot> snapshots(connection& db, sqlite_damage& damage, row_keys& keys,
                                               std::string_view after, std::size_t count_max);

 private:
  struct row {
    std::uint64_t id = 0;
    std::string epoch{};
    std::uint64_t first = 1, last = 0, bytes = 0;
    retention keep{};
    std::optional<std::int64_t> due_ms{};

    std::uint64_t count() const noexcept { return last + 1 - first; }
    std::int64_t sum(std::string_view name) const;
  };
  enum class found_as : std::uint8_t { nothing, sound, damaged };
  struct oldest_entry {
    std::uint64_t message = 0;
    std::int64_t at_ms = 0;
    std::uint64_t size = 0;
  };
  struct log : row {
    bool stored = false;                   // there is a row
    bool alive = false;                    // there is a log
    bool changed = false;                  // the row does not say what stands here
    std::optional<oldest_entry> oldest{};  // of `first`, where somebody asked
  };

  static found_as find(connection& db, std::string_view name, row& into);
  static log_page page_of(connection& db, sqlite_damage& damage, std::string_view log, row& head);
  log& look(const std::string& name);
  log* find_or_make(const std::string& name);  // null: there are too many
  const oldest_entry& oldest(log& of);
  bool overdue(log& of, std::int64_t now_ms);
  void drop_oldest(log& of);
  std::size_t trim(log& of, std::int64_t now_ms, std::size_t removals_max);
  void leave_behind(const std::string& name, log& of);
  bool unlocked(const log& of, at_rest rest);
  void put_snapshot(const std::string& name, const log& of, const bytes_ptr& snapshot, at_rest rest);
  void set_due(log& of);
  void write(const std::string& name, log& of);

  connection& db_;
  sqlite_sums& sums_;
  sqlite_damage& damage_;
  row_keys& keys_;
  const std::size_t logs_max_;
  std::unordered_map<std::string, log> heads_;
};

}  // namespace greenroom::storage
