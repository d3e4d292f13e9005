#include "storage/sqlite_ids.hpp"

#include <stdexcept>
#include <utility>
#include <vector>

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {
namespace {

std::string_view view(const std::array<std::byte, 16>& content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

std::int64_t record_sum(const idempotency& once, std::string_view content, const position& at, std::uint64_t n,
                        std::int64_t at_ms) {
  return (row_sum{} << once.sender << once.id << content << at.epoch << at.seq << n << at_ms).value();
}

std::int64_t sender_sum(std::string_view name, std::uint64_t id, std::uint64_t count, std::uint64_t oldest) {
  return (row_sum{} << name << id << count << oldest).value();
}

}  // namespace

bool sqlite_ids::find(connection& db, sqlite_damage& damage, std::string_view name, row& into) {
  auto found = db.ask(sql::sender_get, name);
  if (!found.next()) return false;
  into = {.id = found.u64(0), .count = found.u64(1), .oldest = found.u64(2)};
  if (found.i64(3) == sender_sum(name, into.id, into.count, into.oldest)) return true;
  damage.found("the sender \"" + std::string{name} + "\"; its ids are free again");
  into = {};
  return true;
}

std::optional<sqlite_ids::kept> sqlite_ids::find(connection& db, sqlite_damage& damage, row_keys& keys,
                                                 std::uint64_t sender, const idempotency& once) {
  if (sender == 0) return {};
  auto found = db.ask(sql::once_find, once.id, sender);
  if (!found.next()) return {};
  kept record{.ordinal = found.u64(0), .bytes = once.id.size() + found.bytes(2).size()};
  record.answer = {.duplicate = true, .at = {found.text(2), found.u64(3)}, .n = found.u64(4), .at_ms = found.i64(5)};
  const auto content = found.bytes(1);
  record.same_content = content == view(once.content);
  if (!record.same_content)
    if (const auto key = keys.hashes(db)) record.same_content = content == view(fingerprint(*key, view(once.content)));
  record.sound = found.i64(6) == record_sum(once, content, record.answer.at, record.answer.n, record.answer.at_ms);
  if (!record.sound) damage.found("an id of the sender \"" + once.sender + "\"; it is free again");
  return record;
}

std::optional<outcome> sqlite_ids::answer(const std::optional<kept>& found, std::int64_t now_ms, std::int64_t age_ms) {
  if (!found || !found->sound || found->answer.at_ms <= now_ms - age_ms) return {};
  if (!found->same_content) return outcome{.error = errc::conflict};
  return found->answer;
}

std::optional<outcome> sqlite_ids::recall(connection& db, sqlite_damage& damage, row_keys& keys,
                                          const idempotency& once, std::int64_t now_ms, std::int64_t age_ms) {
  row from;
  if (!find(db, damage, once.sender, from)) return {};
  return answer(find(db, damage, keys, from.id, once), now_ms, age_ms);
}

sqlite_ids::sender& sqlite_ids::look(const std::string& name) {
  const auto [place, is_new] = senders_.try_emplace(name);
  if (is_new) place->second.stored = find(db_, damage_, name, place->second);
  return place->second;
}

std::optional<outcome> sqlite_ids::known(const idempotency& once, std::int64_t now_ms) {
  auto& from = look(once.sender);
  const auto found = find(db_, damage_, keys_, from.id, once);
  auto out = answer(found, now_ms, age_ms_);
  if (out) {
    ++(out->ok() ? sums_.seen.duplicates : sums_.seen.conflicts);
  } else if (found) {
    remove(found->ordinal, found->bytes);
    take(from.count, 1);
    from.changed = true;
  }
  return out;
}

void sqlite_ids::remove(std::uint64_t ordinal, std::uint64_t bytes) {
  db_.change(sql::once_delete, ordinal);
  take(sums_.seen.ids, 1);
  take(sums_.seen.ids_bytes, id_overhead_bytes + bytes);
}

void sqlite_ids::record(idempotency once, const outcome& original, at_rest rest) {
  if (rest == at_rest::encrypted) {
    const auto key = keys_.find_or_make(db_, row_keys::of_ids).key;
    if (!key) throw std::logic_error{"a message was stored encrypted though its id cannot be"};
    once.content = fingerprint(*key, view(once.content));
  }
  auto& from = look(once.sender);
  const auto ordinal = sums_.next_id();
  if (from.id == 0) static_cast<row&>(from) = {.id = sums_.next_id(), .oldest = ordinal};
  const auto& at = original.at;
  db_.change(sql::once_put, ordinal, from.id, once.id, once.content, at.epoch, at.seq, original.n, original.at_ms,
             record_sum(once, view(once.content), at, original.n, original.at_ms));
  ++from.count;
  from.changed = true;
  ++sums_.seen.ids;
  sums_.seen.ids_bytes += id_overhead_bytes + once.id.size() + at.epoch.size();
  if (from.count > per_sender_max_) remove_oldest(from);
}

/// Ends those of the sender's oldest records that are too many and near enough.
void sqlite_ids::remove_oldest(sender& of) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> found;  // ordinals and bytes
  {
    auto records = db_.ask(sql::once_from, of.oldest, searched_at_once);
    while (of.count - found.size() > per_sender_max_ && records.next()) {
      of.oldest = records.u64(0) + 1;
      if (records.u64(1) == of.id) found.emplace_back(records.u64(0), records.u64(2));
    }
  }
  for (const auto& [ordinal, bytes] : found) remove(ordinal, bytes);
  of.count -= found.size();
  sums_.seen.ids_evicted += found.size();
}

void sqlite_ids::write(const std::string& name, sender& of) {
  if (!std::exchange(of.changed, false)) return;
  if (of.count == 0) {
    if (std::exchange(of.stored, false)) db_.change(sql::sender_delete, name);
    of.id = 0;
    return;
  }
  db_.change(std::exchange(of.stored, true) ? sql::sender_update : sql::sender_put, of.id, name, of.count, of.oldest,
             sender_sum(name, of.id, of.count, of.oldest));
}

void sqlite_ids::flush() {
  for (auto& [name, from] : senders_) write(name, from);
  senders_.clear();
}

void sqlite_ids::removed_of(std::uint64_t sender) {
  std::string name;
  {
    auto found = db_.ask(sql::sender_name, sender);
    if (!found.next()) return;  // it was damaged, and its records are nobody's
    name = found.text(0);
  }
  auto& from = look(name);
  if (from.id != sender) return;
  take(from.count, 1);
  from.changed = true;
}

std::size_t sqlite_ids::sweep(std::int64_t now_ms, sweep_budget& budget) {
  flush();
  std::size_t removed = 0;
  for (; budget.left > 0; ++removed) {
    std::uint64_t ordinal = 0;
    std::uint64_t sender = 0;
    std::uint64_t bytes = 0;
    {
      auto oldest = db_.ask(sql::once_from, 0, 1);
      if (!oldest.next() || oldest.i64(3) > now_ms - age_ms_) break;
      ordinal = oldest.u64(0);
      sender = oldest.u64(1);
      bytes = oldest.u64(2);
    }
    budget.spend();
    remove(ordinal, bytes);
    removed_of(sender);
  }
  flush();
  return removed;
}

}  // namespace greenroom::storage
