/// The idempotency records of a database, in the order in which they were made. A record goes when it is older than
/// `age_ms`, or early when its sender has more than `per_sender_max` younger ones.
///
/// Threading: an object belongs to the writer; `recall` reads through any connection.
/// Bounds: a sender over its number searches `searched_at_once` of all records, from where it stopped the last time, for
/// its own oldest.
/// Failure: sqlite_error ends the batch. A damaged record, or a sender's damaged row, counts as absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "storage/operation.hpp"
#include "storage/row_keys.hpp"
#include "storage/sqlite_logs.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {

inline constexpr std::uint64_t id_overhead_bytes = 96;  ///< what a record costs beside its id and epoch

class sqlite_ids {
 public:
  static constexpr std::size_t searched_at_once = 1'000;

  sqlite_ids(connection& db, sqlite_sums& sums, sqlite_damage& damage, row_keys& keys, std::size_t per_sender_max,
             std::int64_t age_ms)
      : db_{db}, sums_{sums}, damage_{damage}, keys_{keys}, per_sender_max_{per_sender_max}, age_ms_{age_ms} {}

  /// What the id got before, counted as duplicate or conflict.
  std::optional<outcome> known(const idempotency& once, std::int64_t now_ms);
  /// Once, after `known` had nothing. Of a message that lies encrypted only a keyed hash of the content is kept: another
  /// one would let a reader of the file try what it may have said.
  void record(idempotency once, const outcome& original, at_rest rest);
  std::size_t sweep(std::int64_t now_ms, sweep_budget& budget);
  void flush();
  void forget() { senders_.clear(); }

  static std::optional<outcome> recall(connection& db, sqlite_damage& damage, row_keys& keys, const idempotency& once,
                                       std::int64_t now_ms, std::int64_t age_ms);

 private:
  struct row {
    std::uint64_t id = 0;
    std::uint64_t count = 0;
    std::uint64_t oldest = 0;  // none of the records has a lower ordinal
  };
  struct sender : row {
    bool stored = false;
    bool changed = false;
  };
  struct kept {
    std::uint64_t ordinal = 0;
    std::uint64_t bytes = 0;
    bool sound = false;
    bool same_content = false;
    outcome answer{};
  };

  static bool find(connection& db, sqlite_damage& damage, std::string_view name, row& into);
  static std::optional<kept> find(connection& db, sqlite_damage& damage, row_keys& keys, std::uint64_t sender,
                                  const idempotency& once);
  static std::optional<outcome> answer(const std::optional<kept>& found, std::int64_t now_ms, std::int64_t age_ms);
  sender& look(const std::string& name);
  void remove(std::uint64_t ordinal, std::uint64_t bytes);
  void remove_oldest(sender& of);
  void removed_of(std::uint64_t sender);
  void write(const std::string& name, sender& of);

  connection& db_;
  sqlite_sums& sums_;
  sqlite_damage& damage_;
  row_keys& keys_;
  const std::size_t per_sender_max_;
  const std::int64_t age_ms_;
  std::unordered_map<std::string, sender> senders_;
};

}  // namespace greenroom::storage
