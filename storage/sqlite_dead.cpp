#include "storage/sqlite_dead.hpp"

#include <algorithm>

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {

std::int64_t sqlite_dead::row::sum() const {
  return (row_sum{} << id << inbox << user << n << at_ms << died_ms << static_cast<std::uint8_t>(reason) << attempts
                    << size << message << room << sender << static_cast<std::uint8_t>(kind) << name << content)
      .value();
}

std::uint64_t sqlite_dead::cost(const row& letter) noexcept {
  return limits::message_overhead_bytes + letter.user.size() + letter.room.size() + letter.sender.size() + letter.size;
}

sqlite_dead::row sqlite_dead::read(const query& from) {
  row found;
  found.id = from.u64(0);
  found.inbox = from.u64(1);
  found.user = from.text(2);
  found.n = from.u64(3);
  found.at_ms = from.i64(4);
  found.died_ms = from.i64(5);
  found.reason = static_cast<dead_reason>(std::clamp<std::int64_t>(from.i64(6), 0, 2));
  found.attempts = static_cast<std::uint32_t>(from.u64(7));
  found.size = from.u64(8);
  found.message = from.u64(9);
  if (!from.null(10)) {
    found.room = from.text(10);
    found.sender = from.text(11);
    found.kind = from.i64(12) == 0 ? identity::authenticated : identity::anonymous;
    found.name = from.text(13);
    found.content = from.text(14);
  }
  found.sound = from.i64(15) == found.sum();
  return found;
}

void sqlite_dead::load_body(connection& db, sqlite_damage& damage, row_keys& keys, row& of) {
  if (of.sound) {
    auto message = db.ask(sql::message_get, of.message);
    if (message.next()) {
      const auto body = message.bytes(1);
      const auto place = of.room.empty() ? of.n : of.id;
      const auto sum = message_sum(of.inbox, place, of.message, of.at_ms, body);
      if (message.i64(0) == sum) {
        of.body = std::make_shared<const std::string>(body);
        return;
      }
      if (message.i64(0) == encrypted_form(sum)) {
        const auto found = keys.find(db, row_keys::of_dead);
        if (found.what == row_keys::state::locked) return;
        if (found.key)
          if (auto plain = open_row(*found.key, bound_to_letter(of.room, of.id, of.at_ms), body)) {
            of.body = std::make_shared<const std::string>(std::move(*plain));
            return;
          }
      }
    }
  }
  damage.found("dead letter " + std::to_string(of.id));
}

void sqlite_dead::bury(row letter) {
  letter.id = ++sums_.last_dead;
  const auto put = [&](const auto&... of_room) {
    db_.change(sql::dead_put, letter.id, letter.inbox, letter.user, letter.n, letter.at_ms, letter.died_ms,
               static_cast<std::uint8_t>(letter.reason), letter.attempts, letter.size, letter.message, of_room...,
               letter.sum());
  };
  if (letter.reason == dead_reason::crashed)
    put(letter.room, letter.sender, static_cast<std::uint8_t>(letter.kind), letter.name, letter.content);
  else
    put(std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt);
  auto& seen = sums_.seen;
  ++seen.dead;
  seen.dead_bytes += cost(letter);
  switch (letter.reason) {
    case dead_reason::expired: ++seen.dead_expired; break;
    case dead_reason::undeliverable: ++seen.dead_undeliverable; break;
    case dead_reason::crashed: ++seen.dead_crashed; break;
  }
  while (seen.dead_bytes > bytes_max_) {
    const auto oldest = next({}, 0);
    if (!oldest) break;
    purge(*oldest);
  }
}

/// The letter that is kept of the same message.
std::optional<sqlite_dead::row> sqlite_dead::known_letter(const row& same) {
  auto found = db_.ask(sql::dead_of_message, same.name, same.sender, same.content);
  if (!found.next()) return std::nullopt;
  auto letter = read(found);
  return letter.sound ? std::optional{std::move(letter)} : std::nullopt;
}

/// False: its key is missing.
bool sqlite_dead::put_message(const row& letter, std::uint64_t id, const dead_put& op) {
  if (op.rest == at_rest::plain) {
    db_.change(sql::message_put, letter.message, message_sum(letter.inbox, id, letter.message, letter.at_ms, *op.body),
               *op.body);
    return true;
  }
  const auto key = keys_.find_or_make(db_, row_keys::of_dead).key;
  if (!key) return false;
  const auto sealed = seal_row(*key, bound_to_letter(letter.room, id, letter.at_ms), *op.body);
  const auto sum = encrypted_form(message_sum(letter.inbox, id, letter.message, letter.at_ms, sealed));
  db_.change(sql::message_put, letter.message, sum, sealed);
  return true;
}

outcome sqlite_dead::execute(const dead_put& op) {
  row letter;
  letter.room = op.room;
  letter.sender = op.once.sender;
  letter.kind = op.kind;
  letter.name = op.once.id;
  letter.content = {reinterpret_cast<const char*>(op.once.content.data()), op.once.content.size()};
  const bool encrypted = op.rest == at_rest::encrypted;
  const auto key = encrypted ? keys_.find_or_make(db_, row_keys::of_ids).key : keys_.hashes(db_);
  if (encrypted && !key) return {.error = errc::unavailable};
  std::string keyed;  // as in the records of ids: nobody can try what it may have said
  if (key) {
    const auto hash = fingerprint(*key, letter.content);
    keyed.assign(reinterpret_cast<const char*>(hash.data()), hash.size());
  }
  auto known = known_letter(letter);
  if (encrypted) letter.content = keyed;
  if (!known && key) {
    auto other = letter;
    other.content = keyed;
    known = known_letter(other);
  }
  if (known) {
    ++known->attempts;
    db_.change(sql::dead_attempt, known->id, known->attempts, known->sum());
    return {.duplicate = true, .n = known->id};
  }
  letter.at_ms = letter.died_ms = op.now_ms;
  letter.reason = dead_reason::crashed;
  letter.attempts = 1;
  letter.size = op.body->size();
  letter.message = sums_.next_id();
  const auto id = sums_.last_dead + 1;  // as bury() will give it
  if (!put_message(letter, id, op)) return {.error = errc::unavailable};
  ++sums_.seen.accepted;
  sums_.saw(op.now_ms);
  bury(std::move(letter));
  return {.n = id};
}

outcome sqlite_dead::execute(const dead_settle& op) {
  std::optional<row> letter;
  if (auto found = db_.ask(sql::dead_get, op.id); found.next()) letter = read(found);
  if (!letter || letter->room.empty()) return {.error = errc::not_found};
  remove(*letter);
  ++sums_.seen.acknowledged;
  ++sums_.seen.replayed;
  return {};
}

std::optional<sqlite_dead::row> sqlite_dead::find(std::uint64_t id) {
  std::optional<row> found;
  {
    auto letter = db_.ask(sql::dead_get, id);
    if (!letter.next()) return {};
    found = read(letter);
  }
  load_body(db_, damage_, keys_, *found);
  return found;
}

bool sqlite_dead::take_for_replay(const row& letter) {
  if (db_.change(sql::dead_delete, letter.id) == 0) return false;
  take(sums_.seen.dead, 1);
  take(sums_.seen.dead_bytes, cost(letter));
  ++sums_.seen.replayed;
  return true;
}

std::optional<sqlite_dead::row> sqlite_dead::next(const dead_purge& of, std::uint64_t after) {
  auto found = of.user   ? db_.ask(sql::dead_of_user_after, *of.user, after, 1)
               : of.room ? db_.ask(sql::dead_of_room_after, *of.room, after, 1)
                         : db_.ask(sql::dead_after, after, 1);
  if (!found.next()) return {};
  return read(found);
}

void sqlite_dead::remove(const row& letter) {
  db_.change(sql::message_delete, letter.message);
  db_.change(sql::dead_delete, letter.id);
  take(sums_.seen.dead, 1);
  take(sums_.seen.dead_bytes, cost(letter));
}

void sqlite_dead::purge(const row& letter) {
  remove(letter);
  ++sums_.seen.purged;
}

outcome sqlite_dead::execute(const dead_purge& op) {
  outcome out;
  for (auto letter = next(op, 0); letter && letter->id <= op.upto; letter = next(op, letter->id)) {
    if (op.user && op.room) break;  // no letter has both
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

std::vector<dead_letter> sqlite_dead::list(connection& db, sqlite_damage& damage, row_keys& keys,
                                           std::optional<std::string_view> user, std::uint64_t after,
                                           std::size_t count_max) {
  return user ? all_of(db.ask(sql::dead_of_user_after, *user, after, count_max), db, damage, keys)
              : all_of(db.ask(sql::dead_after, after, count_max), db, damage, keys);
}

std::vector<dead_letter> sqlite_dead::list_room(connection& db, sqlite_damage& damage, row_keys& keys,
                                                std::string_view room, std::uint64_t after, std::size_t count_max) {
  return all_of(db.ask(sql::dead_of_room_after, room, after, count_max), db, damage, keys);
}

std::vector<dead_letter> sqlite_dead::all_of(query&& found, connection& db, sqlite_damage& damage, row_keys& keys) {
  std::vector<dead_letter> all;
  while (found.next()) {
    auto letter = read(found);
    load_body(db, damage, keys, letter);
    all.push_back(std::move(letter));
  }
  return all;
}

}  // namespace greenroom::storage
