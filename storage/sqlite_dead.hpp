/// The dead letters of a database. A letter that was in an inbox takes its message along: no body is copied.
///
/// Threading: an object belongs to the writer; `list` reads through any connection.
/// Bounds: over `bytes_max` the oldest are purged at once, over `age_ms` by a sweep; both are counted as purged.
/// Failure: sqlite_error ends the batch. A letter that is damaged, or whose key is missing, is listed without
/// its body and cannot be replayed.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/operation.hpp"
#include "storage/sqlite_logs.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {

class query;

class sqlite_dead {
 public:
  /// A row: the letter, whose inbox it was in (0: none), where its body is, and what is the message's own.
  struct row : dead_letter {
    std::uint64_t inbox = 0;
    std::uint64_t size = 0;
    std::uint64_t message = 0;
    std::string name{};     ///< of a room's letter: the message's id, …
    std::string content{};  ///< … and what a repeat has in common with it
    bool sound = true;

    std::int64_t sum() const;
  };

  sqlite_dead(connection& db, sqlite_sums& sums, sqlite_damage& damage, row_keys& keys, std::uint64_t bytes_max,
              std::int64_t age_ms)
      : db_{db}, sums_{sums}, damage_{damage}, keys_{keys}, bytes_max_{bytes_max}, age_ms_{age_ms} {}

  void bury(row letter);                      ///< gives it its id
  std::optional<row> find(std::uint64_t id);  ///< with its body
  bool take_for_replay(const row& letter);    ///< its message stays; false: it was purged meanwhile
  outcome execute(const dead_purge& op);
  outcome execute(const dead_put& op);
  outcome execute(const dead_settle& op);
  std::size_t sweep(std::int64_t now_ms, sweep_budget& budget);

  static std::vector<dead_letter> list(connection& db, sqlite_damage& damage, row_keys& keys,
                                       std::optional<std::string_view> user, std::uint64_t after,
                                       std::size_t count_max);
  static std::vector<dead_letter> list_room(connection& db, sqlite_damage& damage, row_keys& keys,
                                            std::string_view room, std::uint64_t after, std::size_t count_max);

 private:
  static row read(const query& from);
  static void load_body(connection& db, sqlite_damage& damage, row_keys& keys, row& of);
  std::optional<row> known_letter(const row& same);
  bool put_message(const row& letter, std::uint64_t id, const dead_put& op);
  static std::uint64_t cost(const row& letter) noexcept;
  static std::vector<dead_letter> all_of(query&& found, connection& db, sqlite_damage& damage, row_keys& keys);
  std::optional<row> next(const dead_purge& of, std::uint64_t after);
  void remove(const row& letter);
  void purge(const row& letter);

  connection& db_;
  sqlite_sums& sums_;
  sqlite_damage& damage_;
  row_keys& keys_;
  const std::uint64_t bytes_max_;
  const std::int64_t age_ms_;
};

}  // namespace greenroom::storage
