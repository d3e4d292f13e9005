/// The sums of everything that a database holds. Those that must be there when it is opened stand in one row, which is
/// written in the transaction that changed them: nothing is counted by looking at what grows, unless that row is
/// damaged.
///
/// Threading: the writer's; readers get a copy after each commit.
#pragma once

#include <algorithm>
#include <cstdint>

#include "storage/store.hpp"

namespace greenroom::storage {

class connection;
class sqlite_damage;

/// Left out where the last number of an inbox is not known any more.
inline constexpr std::uint64_t inbox_numbers_skipped = 1'000'000;

struct sqlite_sums {
  statistics seen{};              ///< kept: gauges, and what `balanced` speaks of; the rest since the store was opened
  std::uint64_t last_id = 0;      ///< the last number given to a log, an inbox, a message …
  std::uint64_t last_dead = 0;    ///< the last number given to a dead letter
  std::uint64_t inboxes_all = 0;  ///< with the empty ones
  std::uint64_t forgotten_upto = 0;  ///< no new inbox gives a number up to this one
  std::uint64_t newest_ms = 0;       ///< the latest time that any message was stored with

  bool doubtful = false;  ///< damage was met: they are counted again at the end of the batch

  std::uint64_t next_id() noexcept { return ++last_id; }
  void saw(std::int64_t at_ms) noexcept {
    newest_ms = std::max(newest_ms, static_cast<std::uint64_t>(std::max<std::int64_t>(0, at_ms)));
  }
};

/// Damage may make a sum smaller than its parts; it never wraps.
inline void take(std::uint64_t& from, std::uint64_t amount) noexcept { from -= std::min(from, amount); }

/// Whether the row would say the same.
bool same_row(const sqlite_sums& a, const sqlite_sums& b);
void load(connection& db, sqlite_sums& into, sqlite_damage& damage);
void save(connection& db, const sqlite_sums& sums);
/// The gauges, by looking at every row.
void recount(connection& db, sqlite_sums& into);

}  // namespace greenroom::storage
