#include "storage/sqlite_sessions.hpp"

#include <algorithm>
#include <cstring>

#include "storage/checksum.hpp"
#include "storage/packed.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {
namespace {

std::string_view view(const token_hash& hash) { return {reinterpret_cast<const char*>(hash.data()), hash.size()}; }

bool read_hash(std::string_view bytes, token_hash& into) {
  if (bytes.size() != into.size()) return false;
  std::memcpy(into.data(), bytes.data(), into.size());
  return true;
}

/// Without the deadline, which a restart changes for all at once.
std::int64_t sum_of(std::uint64_t key, const stored_session& s) {
  row_sum sum;
  sum << key << s.id << s.user << static_cast<std::uint8_t>(s.kind) << view(s.token)
      << (s.previous_token ? view(*s.previous_token) : std::string_view{}) << s.created_ms << s.window_ms
      << s.shown.status << s.shown.location << s.shown.meta << s.shown.stamp << packed(s.watched);
  return sum.value();
}

std::int64_t sum_of(std::uint64_t session, const stored_membership& m, std::uint64_t ordinal) {
  return (row_sum{} << session << m.room << ordinal << m.seen.epoch << m.seen.seq << m.incarnation << m.since_ms
                    << m.presence)
      .value();
}

}  // namespace

sqlite_sessions::row sqlite_sessions::read(const query& from) {
  row found{.key = from.u64(0)};
  auto& s = found.session;
  s.id = from.text(1);
  s.user = from.text(2);
  s.kind = from.i64(3) == 0 ? identity::authenticated : identity::anonymous;
  bool whole = read_hash(from.bytes(4), s.token);
  if (!from.null(5)) whole = read_hash(from.bytes(5), s.previous_token.emplace()) && whole;
  s.created_ms = from.i64(6);
  s.window_ms = from.i64(7);
  s.deadline_ms = from.i64(8);
  s.shown = {.status = from.text(9), .location = from.text(10), .meta = from.text(11), .stamp = from.i64(12)};
  s.watched = unpacked(from.bytes(13));
  found.sound = whole && from.i64(14) == sum_of(found.key, s);
  return found;
}

std::vector<sqlite_sessions::member> sqlite_sessions::members(connection& db, sqlite_damage& damage,
                                                              std::uint64_t session) {
  std::vector<member> all;
  auto rows = db.ask(sql::memberships_of, session);
  while (rows.next()) {
    member found{.stored = {.room = rows.text(0),
                            .seen = {rows.text(2), rows.u64(3)},
                            .incarnation = rows.u64(4),
                            .since_ms = rows.i64(5),
                            .presence = rows.text(6)},
                 .ordinal = rows.u64(1)};
    if (rows.i64(7) == sum_of(session, found.stored, found.ordinal))
      all.push_back(std::move(found));
    else
      damage.found("a membership of a session in the room \"" + found.stored.room + "\"");
  }
  return all;
}

std::optional<stored_session> sqlite_sessions::whole(connection& db, sqlite_damage& damage, row from) {
  if (!from.sound) {
    damage.found("the session \"" + from.session.id + "\"");
    return {};
  }
  for (auto& each : members(db, damage, from.key)) from.session.rooms.push_back(std::move(each.stored));
  return std::move(from.session);
}

std::optional<stored_session> sqlite_sessions::get(connection& db, sqlite_damage& damage, std::string_view id) {
  auto found = db.ask(sql::session_get, id);
  if (!found.next()) return {};
  return whole(db, damage, read(found));
}

std::vector<stored_session> sqlite_sessions::list(connection& db, sqlite_damage& damage, std::string_view after,
                                                  std::size_t count_max) {
  std::vector<stored_session> all;
  auto found = db.ask(sql::sessions_after, after);
  while (all.size() < count_max && found.next())
    if (auto session = whole(db, damage, read(found))) all.push_back(*std::move(session));
  return all;
}

std::optional<sqlite_sessions::row> sqlite_sessions::find(std::string_view id) {
  auto found = db_.ask(sql::session_get, id);
  if (!found.next()) return {};
  return read(found);
}

outcome sqlite_sessions::execute(const session_put& op) {
  const auto& s = op.session;
  const auto before = find(s.id);
  if (!before && sums_.seen.sessions >= sessions_max_) {
    ++sums_.seen.unavailable;
    return {.error = errc::unavailable};
  }
  const auto key = before ? before->key : sums_.next_id();
  const auto previous = s.previous_token ? std::optional{view(*s.previous_token)} : std::nullopt;
  const auto write = [&](const auto& previous_token) {
    db_.change(before ? sql::session_update : sql::session_insert, key, s.id, s.user, static_cast<std::uint8_t>(s.kind),
               s.token, previous_token, s.created_ms, s.window_ms, s.deadline_ms, s.shown.status, s.shown.location,
               s.shown.meta, s.shown.stamp, std::string_view{packed(s.watched)}, sum_of(key, s));
  };
  previous ? write(*previous) : write(std::nullopt);
  if (!before) ++sums_.seen.sessions;
  put_rooms(key, s.rooms);
  return {};
}

/// Writes the rows that changed where the rooms are the same, in the same order; else all.
void sqlite_sessions::put_rooms(std::uint64_t key, const std::vector<stored_membership>& wanted) {
  const auto before = members(db_, damage_, key);
  std::vector<stored_membership> stored;
  for (const auto& each : before) stored.push_back(each.stored);
  const auto rooms = merged(wanted, stored);
  const bool same_rooms = std::ranges::equal(
      before, rooms, {}, [](const member& m) -> auto& { return m.stored.room; }, &stored_membership::room);
  if (!same_rooms) db_.change(sql::memberships_delete, key);
  for (std::size_t i = 0; i < rooms.size(); ++i)
    if (!same_rooms)
      put(key, rooms[i], sums_.next_id());
    else if (before[i].stored != rooms[i])
      put(key, rooms[i], before[i].ordinal);
}

void sqlite_sessions::put(std::uint64_t session, const stored_membership& m, std::uint64_t ordinal) {
  db_.change(sql::membership_put, session, m.room, ordinal, m.seen.epoch, m.seen.seq, m.incarnation, m.since_ms,
             m.presence, sum_of(session, m, ordinal));
}

outcome sqlite_sessions::execute(const membership_put& op) {
  const auto session = find(op.session);
  if (!session || !session->sound) return {.error = errc::not_found};
  std::uint64_t ordinal = 0;
  {
    auto same = db_.ask(sql::membership_get, session->key, op.member.room);
    if (same.next()) ordinal = same.u64(0);
  }
  if (ordinal == 0) {
    auto others = db_.ask(sql::membership_count, session->key);
    others.next();
    if (others.u64(0) >= limits::session_rooms_max) return {.error = errc::too_large};
    ordinal = sums_.next_id();
  }
  put(session->key, op.member, ordinal);
  return {};
}

void sqlite_sessions::erase(std::uint64_t key) {
  db_.change(sql::memberships_delete, key);
  db_.change(sql::session_delete, key);
  take(sums_.seen.sessions, 1);
}

outcome sqlite_sessions::execute(const session_erase& op) {
  const auto session = find(op.id);
  if (!session) return {.error = errc::not_found};
  erase(session->key);
  return {};
}

outcome sqlite_sessions::execute(const sessions_restart& op) {
  return {.count = db_.change(sql::sessions_restart, op.now_ms)};
}

void sqlite_sessions::erase_all() {
  db_.script("DELETE FROM membership; DELETE FROM session");
  sums_.seen.sessions = 0;
}

std::size_t sqlite_sessions::sweep(std::int64_t now_ms, sweep_budget& budget) {
  std::size_t removed = 0;
  for (; budget.left > 0; ++removed) {
    std::uint64_t key = 0;
    {
      auto due = db_.ask(sql::session_due, now_ms - limits::session_grace_ms);
      if (!due.next()) break;
      key = due.u64(0);
    }
    budget.spend();
    erase(key);
  }
  return removed;
}

}  // namespace greenroom::storage
