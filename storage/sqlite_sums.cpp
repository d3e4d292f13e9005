#include "storage/sqlite_sums.hpp"

#include <array>
#include <string>

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_ids.hpp"

namespace greenroom::storage {
namespace {

constexpr std::size_t kept = 19;

/// In the order of the row's columns.
template <class Sums>
auto parts(Sums& s) {
  auto& seen = s.seen;
  return std::array{&s.last_id,         &s.last_dead,   &s.inboxes_all,     &s.forgotten_upto, &s.newest_ms,
                    &seen.logs,         &seen.records,  &seen.record_bytes, &seen.inboxes,     &seen.queued,
                    &seen.queued_bytes, &seen.accepted, &seen.acknowledged, &seen.purged,      &seen.dead,
                    &seen.dead_bytes,   &seen.ids,      &seen.ids_bytes,    &seen.sessions};
}

std::int64_t sum_of(const sqlite_sums& s) {
  row_sum sum;
  for (const auto* part : parts(s)) sum << *part;
  return sum.value();
}

std::uint64_t number(connection& db, const std::string& question) {
  const auto found = db.answer(question);
  return found.empty() ? 0 : std::stoull(found);
}

}  // namespace

bool same_row(const sqlite_sums& a, const sqlite_sums& b) {
  const auto left = parts(a);
  const auto right = parts(b);
  return std::equal(left.begin(), left.end(), right.begin(), [](const auto* l, const auto* r) { return *l == *r; });
}

void load(connection& db, sqlite_sums& into, sqlite_damage& damage) {
  {
    auto row = db.ask(sql::totals_get);
    if (row.next()) {
      int column = 0;
      for (auto* part : parts(into)) *part = row.u64(column++);
      if (row.i64(column) == sum_of(into)) return;
      damage.found("the sums of the store; they are counted again");
    }
  }
  recount(db, into);
  into.last_id = 0;
  for (const auto* each :
       {"max(id) FROM message", "max(id) FROM log", "max(log) FROM gone", "max(id) FROM inbox", "max(id) FROM sender",
        "max(ordinal) FROM once", "max(key) FROM session", "max(ordinal) FROM membership", "max(inbox) FROM dead",
        "max(message) FROM log_entry", "max(message) FROM letter", "max(message) FROM dead"})
    into.last_id = std::max(into.last_id, number(db, std::string{"SELECT "} + each));
  into.last_dead = number(db, "SELECT max(id) FROM dead");
  for (const auto* each : {"log_entry", "letter", "dead"})
    into.newest_ms = std::max(into.newest_ms, number(db, std::string{"SELECT max(at_ms) FROM "} + each));
  if (into.inboxes_all > 0) into.forgotten_upto = number(db, "SELECT max(last) FROM inbox") + inbox_numbers_skipped;
}

void save(connection& db, const sqlite_sums& sums) {
  const auto values = parts(sums);
  static_assert(std::tuple_size_v<decltype(values)> == kept);
  [&]<std::size_t... I>(std::index_sequence<I...>) { db.change(sql::totals_put, *values[I]..., sum_of(sums)); }
  (std::make_index_sequence<kept>{});
}

void recount(connection& db, sqlite_sums& into) {
  const auto sum = [&db](const std::string& of, const std::string& from) {
    return number(db, "SELECT coalesce(" + of + ", 0) FROM " + from);
  };
  auto& seen = into.seen;
  into.inboxes_all = sum("count(*)", "inbox");
  seen.logs = sum("count(*)", "log");
  seen.records = sum("sum(last + 1 - first)", "log");
  seen.record_bytes = sum("sum(bytes)", "log");
  seen.inboxes = sum("count(*)", "inbox WHERE count > 0");
  seen.queued = sum("sum(count)", "inbox");
  seen.queued_bytes = sum("sum(bytes)", "inbox");
  seen.dead = sum("count(*)", "dead");
  seen.dead_bytes = sum("sum(size + length(user) + coalesce(length(room) + length(sender), 0) + " +
                            std::to_string(limits::message_overhead_bytes) + ")",
                        "dead");
  seen.ids = sum("count(*)", "once");
  seen.ids_bytes = sum("sum(length(id) + length(epoch) + " + std::to_string(id_overhead_bytes) + ")", "once");
  seen.sessions = sum("count(*)", "session");
  seen.accepted = std::max(seen.accepted, seen.acknowledged + seen.queued + seen.dead + seen.purged);
  seen.purged = seen.accepted - seen.acknowledged - seen.queued - seen.dead;
}

}  // namespace greenroom::storage
