/// The sessions of a database: a row each, and a row for each of their memberships, so that a join writes one row and a
/// session that is written whole writes only what changed.
///
/// Threading: an object belongs to the writer; the static functions read through any connection, in a transaction of
/// their caller.
/// Bounds: `sessions_max`: then `unavailable`.
/// Failure: sqlite_error ends the batch. A damaged session, or membership, counts as absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/operation.hpp"
#include "storage/sqlite_logs.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {

class query;

class sqlite_sessions {
 public:
  sqlite_sessions(connection& db, sqlite_sums& sums, sqlite_damage& damage, std::size_t sessions_max)
      : db_{db}, sums_{sums}, damage_{damage}, sessions_max_{sessions_max} {}

  outcome execute(const session_put& op);
  outcome execute(const membership_put& op);
  outcome execute(const session_erase& op);
  outcome execute(const sessions_restart& op);
  void erase_all();
  std::size_t sweep(std::int64_t now_ms, sweep_budget& budget);

  static std::optional<stored_session> get(connection& db, sqlite_damage& damage, std::string_view id);
  static std::vector<stored_session> list(connection& db, sqlite_damage& damage, std::string_view after,
                                          std::size_t count_max);

 private:
  struct row {
    std::uint64_t key = 0;
    stored_session session{};
    bool sound = true;
  };
  struct member {
    stored_membership stored{};
    std::uint64_t ordinal = 0;
  };

  static row read(const query& from);
  static std::optional<stored_session> whole(connection& db, sqlite_damage& damage, row from);
  static std::vector<member> members(connection& db, sqlite_damage& damage, std::uint64_t session);
  std::optional<row> find(std::string_view id);
  void put_rooms(std::uint64_t key, const std::vector<stored_membership>& wanted);
  void put(std::uint64_t session, const stored_membership& member, std::uint64_t ordinal);
  void erase(std::uint64_t key);

  connection& db_;
  sqlite_sums& sums_;
  sqlite_damage& damage_;
  const std::size_t sessions_max_;
};

}  // namespace greenroom::storage
