#include "storage/sqlite_dead.hpp"

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {

std::int64_t sqlite_dead::row::sum() const {
  return (row_sum{} << id << inbox << user << n << at_ms << died_ms << static_cast<std::uint8_t>(reason) << attempts
                    << size << message)
      .value();
}

std::uint64_t sqlite_dead::cost(const row& letter) noexcept {
  return limits::message_overhead_bytes + letter.user.size() + letter.size;
}

sqlite_dead::row sqlite_dead::read(const query& from) {
  row found;
  found.id = from.u64(0);
  found.inbox = from.u64(1);
  found.user = from.text(2);
  found.n = from.u64(3);
  found.at_ms = from.i64(4);
  found.died_ms = from.i64(5);
  found.reason = from.i64(6) == 0 ? dead_reason::expired : dead_reason::undeliverable;
  found.attempts = static_cast<std::uint32_t>(from.u64(7));
  found.size = from.u64(8);
  found.message = from.u64(9);
  found.sound = from.i64(10) == found.sum();
  return found;
}

void sqlite_dead::load_body(connection& db, sqlite_damage& damage, row& of) {
  if (of.sound) {
    auto message = db.ask(sql::message_get, of.message);
    if (message.next()) {
      const auto body = message.bytes(1);
      if (message.i64(0) == message_sum(of.inbox, of.n, of.message, of.at_ms, body)) {
        of.body = std::make_shared<const std::string>(body);
        return;
      }
    }
  }
  damage.found("dead letter " + std::to_string(of.id));
}

void sqlite_dead::bury(row letter) {
  letter.id = ++sums_.last_dead;
  db_.change(sql::dead_put, letter.id, letter.inbox, letter.user, letter.n, letter.at_ms, letter.died_ms,
             static_cast<std::uint8_t>(letter.reason), letter.attempts, letter.size, letter.message, letter.sum());
  auto& seen = sums_.seen;
  ++seen.dead;
  seen.dead_bytes += cost(letter);
  ++(letter.reason == dead_reason::expired ? seen.dead_expired : seen.dead_undeliverable);
  while (seen.dead_bytes > bytes_max_) {
    const auto oldest = next({}, 0);
    if (!oldest) break;
    purge(*oldest);
  }
}

std::optional<sqlite_dead::row> sqlite_dead::find(std::uint64_t id) {
  std::optional<row> found;
  {
    auto letter = db_.ask(sql::dead_get, id);
    if (!letter.next()) return {};
    found = read(letter);
  }
  load_body(db_, damage_, *found);
  return found;
}

bool sqlite_dead::take_for_replay(const row& letter) {
  if (db_.change(sql::dead_delete, letter.id) == 0) return false;
  take(sums_.seen.dead, 1);
  take(sums_.seen.dead_bytes, cost(letter));
  ++sums_.seen.replayed;
  return true;
}

std::optional<sqlite_dead::row> sqlite_dead::next(const std::optional<std::string>& user, std::uint64_t after) {
  auto found = user ? db_.ask(sql::dead_of_user_after, *user, after, 1) : db_.ask(sql::dead_after, after, 1);
  if (!found.next()) return {};
  return read(found);
}

void sqlite_dead::purge(const row& letter) {
  db_.change(sql::message_delete, letter.message);
  db_.change(sql::dead_delete, letter.id);
  take(sums_.seen.dead, 1);
  take(sums_.seen.dead_bytes, cost(letter));
  ++sums_.seen.purged;
}

outcome sqlite_dead::execute(const dead_purge& op) {
  outcome out;
  for (auto letter = next(op.user, 0); letter && letter->id <= op.upto; letter = next(op.user, letter->id)) {
    purge(*letter);
    ++out.count;
  }
  return out;
}

std::size_t sqlite_dead::sweep(std::int64_t now_ms, sweep_budget& budget) {
  std::size_t removed = 0;
  while (budget.left > 0) {
    const auto oldest = next({}, 0);
    if (!oldest || oldest->died_ms > now_ms - age_ms_) break;
    budget.spend(oldest->size);
    purge(*oldest);
    ++removed;
  }
  return removed;
}

std::vector<dead_letter> sqlite_dead::list(connection& db, sqlite_damage& damage, std::optional<std::string_view> user,
                                           std::uint64_t after, std::size_t count_max) {
  std::vector<dead_letter> all;
  auto found =
      user ? db.ask(sql::dead_of_user_after, *user, after, count_max) : db.ask(sql::dead_after, after, count_max);
  while (found.next()) {
    auto letter = read(found);
    load_body(db, damage, letter);
    all.push_back(std::move(letter));
  }
  return all;
}

}  // namespace greenroom::storage
