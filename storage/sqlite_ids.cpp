#include "storage/sqlite_ids.hpp"

#include <sqlite3.h>

#include <limits>
#include <utility>

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {
namespace {

constexpr auto any_age = std::numeric_limits<std::int64_t>::max();

std::string_view view(const std::array<std::byte, 16>& content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

std::int64_t record_sum(const idempotency& once, std::string_view content, const position& at, std::uint64_t n,
                        std::int64_t at_ms) {
  return (row_sum{} << once.sender << once.id << content << at.epoch << at.seq << n << at_ms).value();
}

std::int64_t sender_sum(std::string_view name, std::uint64_t id, std::uint64_t count, std::int64_t due_ms) {
  return (row_sum{} << name << id << count << due_ms).value();
}

std::uint64_t cost(std::uint64_t id_bytes, std::uint64_t epoch_bytes) noexcept {
  return id_overhead_bytes + id_bytes + epoch_bytes;
}

}  // namespace

bool sqlite_ids::find(connection& db, sqlite_damage& damage, std::string_view name, row& into) {
  auto found = db.ask(sql::sender_get, name);
  if (!found.next()) return false;
  into = {.id = found.u64(0), .count = found.u64(1), .due_ms = found.i64(2)};
  if (found.i64(3) == sender_sum(name, into.id, into.count, into.due_ms)) return true;
  damage.found("the sender \"" + std::string{name} + "\"; its ids are free again");
  into = {};
  return true;
}

std::optional<sqlite_ids::kept> sqlite_ids::find(connection& db, sqlite_damage& damage, std::uint64_t sender,
                                                 const idempotency& once) {
  if (sender == 0) return {};
  auto found = db.ask(sql::once_find, sender, once.id);
  if (!found.next()) return {};
  kept record{.ordinal = found.u64(0), .epoch_bytes = found.bytes(2).size()};
  record.answer = {.duplicate = true, .at = {found.text(2), found.u64(3)}, .n = found.u64(4), .at_ms = found.i64(5)};
  const auto content = found.bytes(1);
  record.same_content = content == view(once.content);
  record.sound = found.i64(6) == record_sum(once, content, record.answer.at, record.answer.n, record.answer.at_ms);
  if (!record.sound) damage.found("an id of the sender \"" + once.sender + "\"; it is free again");
  return record;
}

std::optional<outcome> sqlite_ids::answer(const std::optional<kept>& found, std::int64_t now_ms, std::int64_t age_ms) {
  if (!found || !found->sound || found->answer.at_ms <= now_ms - age_ms) return {};
  if (!found->same_content) return outcome{.error = errc::conflict};
  return found->answer;
}

std::optional<outcome> sqlite_ids::recall(connection& db, sqlite_damage& damage, const idempotency& once,
                                          std::int64_t now_ms, std::int64_t age_ms) {
  row from;
  if (!find(db, damage, once.sender, from)) return {};
  return answer(find(db, damage, from.id, once), now_ms, age_ms);
}

sqlite_ids::sender& sqlite_ids::look(const std::string& name) {
  const auto [place, is_new] = senders_.try_emplace(name);
  if (is_new) place->second.stored = find(db_, damage_, name, place->second);
  return place->second;
}

std::optional<outcome> sqlite_ids::known(const idempotency& once, std::int64_t now_ms) {
  auto& from = look(once.sender);
  const auto found = find(db_, damage_, from.id, once);
  auto out = answer(found, now_ms, age_ms_);
  if (out)
    ++(out->ok() ? sums_.seen.duplicates : sums_.seen.conflicts);
  else if (found)
    remove(from, found->ordinal, cost(once.id.size(), found->epoch_bytes));
  return out;
}

void sqlite_ids::remove(sender& of, std::uint64_t ordinal, std::uint64_t bytes) {
  db_.change(sql::once_delete, of.id, ordinal);
  take(of.count, 1);
  of.changed = true;
  take(sums_.seen.ids, 1);
  take(sums_.seen.ids_bytes, bytes);
}

/// Removes the oldest record if it was made at `upto_ms` or before: nothing. Else when it was made; `any_age` where
/// there is none.
std::optional<std::int64_t> sqlite_ids::remove_oldest(sender& of, std::int64_t upto_ms) {
  std::uint64_t ordinal = 0;
  std::uint64_t bytes = 0;
  {
    auto oldest = db_.ask(sql::once_oldest, of.id);
    if (!oldest.next()) return any_age;
    if (oldest.i64(3) > upto_ms) return oldest.i64(3);
    ordinal = oldest.u64(0);
    bytes = cost(oldest.bytes(1).size(), oldest.bytes(2).size());
  }
  remove(of, ordinal, bytes);
  return {};
}

void sqlite_ids::record(const idempotency& once, const outcome& original) {
  auto& from = look(once.sender);
  if (from.id == 0) static_cast<row&>(from) = {.id = sums_.next_id()};
  if (from.count == 0) from.due_ms = original.at_ms + age_ms_;
  const auto& at = original.at;
  db_.change(sql::once_put, from.id, sums_.next_id(), once.id, once.content, at.epoch, at.seq, original.n,
             original.at_ms, record_sum(once, view(once.content), at, original.n, original.at_ms));
  ++from.count;
  from.changed = true;
  ++sums_.seen.ids;
  sums_.seen.ids_bytes += cost(once.id.size(), at.epoch.size());
  if (from.count <= per_sender_max_) return;
  remove_oldest(from, any_age);
  ++sums_.seen.ids_evicted;
}

void sqlite_ids::write(const std::string& name, sender& of) {
  if (!std::exchange(of.changed, false)) return;
  if (of.count == 0) {
    if (std::exchange(of.stored, false)) db_.change(sql::sender_delete, name);
    of.id = 0;
    return;
  }
  db_.change(std::exchange(of.stored, true) ? sql::sender_update : sql::sender_insert, name, of.id, of.count, of.due_ms,
             sender_sum(name, of.id, of.count, of.due_ms));
}

void sqlite_ids::flush() {
  for (auto& [name, from] : senders_) write(name, from);
  senders_.clear();
}

std::size_t sqlite_ids::sweep(std::int64_t now_ms, sweep_budget& budget) {
  flush();
  std::size_t removed = 0;
  while (budget.left > 0) {
    std::string name;
    {
      auto due = db_.ask(sql::sender_due, now_ms);
      if (!due.next()) break;
      name = due.text(0);
    }
    auto& from = look(name);
    if (!from.stored) throw sqlite_error{SQLITE_CORRUPT, "an index of senders names one that is not there"};
    std::optional<std::int64_t> younger;
    while (budget.left > 0 && !(younger = remove_oldest(from, now_ms - age_ms_))) {
      budget.spend();
      ++removed;
    }
    if (younger == any_age)
      from.count = 0;
    else if (younger)
      from.due_ms = *younger + age_ms_;
    from.changed = true;
    write(name, from);
    senders_.erase(name);
  }
  return removed;
}

}  // namespace greenroom::storage
