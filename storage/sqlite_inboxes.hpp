/// The inboxes of a database. As with logs, an inbox's row is read once a batch and written once, at its end. An inbox
/// that was emptied stays, because its numbers must grow; over `inboxes_max` empty ones are forgotten, and whoever
/// comes back starts above all forgotten numbers.
///
/// Threading: an object belongs to the writer; the static functions read through any connection, in a transaction of
/// their caller.
/// Bounds: a user's by each operation; `inboxes_max`: then `unavailable`.
/// Failure: sqlite_error ends the batch. A damaged row is made anew from the letters; what is missing counts as purged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/operation.hpp"
#include "storage/sqlite_dead.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {

class query;

class sqlite_inboxes {
 public:
  sqlite_inboxes(connection& db, sqlite_sums& sums, sqlite_damage& damage, sqlite_dead& dead, std::size_t inboxes_max)
      : db_{db}, sums_{sums}, damage_{damage}, dead_{dead}, inboxes_max_{inboxes_max} {}

  outcome execute(const inbox_append& op);
  outcome execute(const inbox_ack& op);
  outcome execute(const inbox_expire& op);
  outcome execute(const inbox_attempt& op);
  outcome execute(const inbox_purge& op);
  outcome execute(const dead_replay& op);
  std::size_t sweep(std::int64_t now_ms, sweep_budget& budget);
  void skip_numbers();  ///< of every inbox, also of those that were forgotten
  void flush();
  void forget() { boxes_.clear(); }

  static inbox_state state(connection& db, sqlite_damage& damage, std::string_view user, std::uint64_t forgotten_upto);
  static inbox_page read(connection& db, sqlite_damage& damage, std::string_view user, std::uint64_t after,
                         std::size_t count_max, std::size_t bytes_max, std::int64_t now_ms,
                         std::uint64_t forgotten_upto);
  static std::vector<inbox_summary> list(connection& db, sqlite_damage& damage, std::string_view after,
                                         std::size_t count_max);
  static holders_page holders(connection& db, std::string_view after, std::size_t rows_max);

 private:
  struct row {
    std::uint64_t id = 0;
    inbox_state state{};
    std::optional<std::int64_t> due_ms{};  // none of the letters expires before it

    std::int64_t sum(std::string_view user) const;
  };
  enum class found_as : std::uint8_t { nothing, sound, damaged };
  struct box : row {
    bool stored = false;
    bool alive = false;
    bool changed = false;
  };

  static bool fill(query& from, std::string_view user, row& into);  // false: its sum is another one
  static found_as find(connection& db, std::string_view user, row& into);
  box& look(const std::string& user);
  box* find_or_make(const std::string& user);  // null: there are too many
  void rebuild(const std::string& user, box& of);
  void forget_empty();
  bool fits(const box& of, std::uint64_t bytes, const inbox_bounds& bounds) const noexcept;
  errc make_room(const std::string& user, box& of, std::uint64_t bytes, const inbox_bounds& bounds,
                 std::int64_t now_ms);
  std::uint64_t queue(box& of, std::uint64_t message, std::uint64_t size, std::int64_t at_ms, std::int64_t expires_ms);
  void left(box& of, std::uint64_t count, std::uint64_t bytes);
  std::uint64_t remove_upto(box& of, std::uint64_t upto);
  bool bury(const std::string& user, box& of, std::uint64_t n, dead_reason reason, std::int64_t now_ms);
  std::size_t bury_expired(const std::string& user, box& of, std::int64_t now_ms, std::uint64_t removals_max);
  void write(const std::string& user, box& of);

  connection& db_;
  sqlite_sums& sums_;
  sqlite_damage& damage_;
  sqlite_dead& dead_;
  const std::size_t inboxes_max_;
  std::unordered_map<std::string, box> boxes_;
  std::string hand_;  // where the next search for empty inboxes begins
};

}  // namespace greenroom::storage
