#include "storage/sqlite_inboxes.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "storage/checksum.hpp"
#include "storage/planted.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {
namespace {

constexpr std::uint64_t all = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t looked_at_once = 1'000;  // inboxes, in the search for empty ones
constexpr std::size_t looks = 10;

}  // namespace

std::int64_t sqlite_inboxes::row::sum(std::string_view user) const {
  return (row_sum{} << user << id << state.count << state.bytes << state.first << state.last << due_ms.value_or(-1))
      .value();
}

bool sqlite_inboxes::fill(query& from, std::string_view user, row& into) {
  into.id = from.u64(0);
  into.state = {.count = from.u64(1), .bytes = from.u64(2), .first = from.u64(3), .last = from.u64(4)};
  if (!from.null(5)) into.due_ms = from.i64(5);
  return from.i64(6) == into.sum(user);
}

sqlite_inboxes::found_as sqlite_inboxes::find(connection& db, std::string_view user, row& into) {
  auto found = db.ask(sql::inbox_get, user);
  if (!found.next()) return found_as::nothing;
  return fill(found, user, into) ? found_as::sound : found_as::damaged;
}

sqlite_inboxes::box& sqlite_inboxes::look(const std::string& user) {
  const auto [place, is_new] = boxes_.try_emplace(user);
  auto& box = place->second;
  if (!is_new) return box;
  const auto found = find(db_, user, box);
  if (found == found_as::nothing) return box;
  box.stored = box.alive = true;
  if (found == found_as::damaged) {
    damage_.found("the inbox of \"" + user + "\"; it is made anew from its messages");
    rebuild(user, box);
  }
  return box;
}

/// Nothing of the row is believed but its number, and that only as far as messages confirm it: their sums know whose
/// they are.
void sqlite_inboxes::rebuild(const std::string& user, box& of) {
  std::uint64_t last = 0;
  const auto before = of.state;
  {
    auto sums = db_.ask(sql::letter_sums, of.id, all);
    sums.next();
    of.state = {.count = sums.u64(0), .bytes = sums.u64(1)};
    last = sums.u64(2);
  }
  bool theirs = of.state.count > 0;
  if (theirs) {
    auto letters = db_.ask(sql::letters_after, of.id, 0);
    theirs = letters.next() &&
             letters.i64(6) == message_sum(of.id, letters.u64(0), letters.u64(1), letters.i64(2), letters.bytes(7));
    of.state.first = letters.u64(0);
  }
  if (!theirs) {
    of.id = sums_.next_id();
    of.state = {};
  }
  of.state.last = std::max({last, before.last < all - inbox_numbers_skipped ? before.last : 0, sums_.forgotten_upto}) +
                  inbox_numbers_skipped;
  of.due_ms = 0;
  of.changed = true;
  damage_.say("The inbox of \"" + user + "\" holds " + std::to_string(of.state.count) + " messages.");
  sums_.doubtful = true;
}

void sqlite_inboxes::forget_empty() {
  flush();
  for (std::size_t look = 0; look < looks; ++look) {
    std::vector<std::string> empty;
    std::size_t seen = 0;
    {
      auto boxes = db_.ask(sql::inboxes_from, hand_, looked_at_once);
      std::string last;
      for (; boxes.next(); ++seen) {
        last = boxes.text(0);
        if (boxes.u64(1) > 0) continue;
        empty.push_back(last);
        sums_.forgotten_upto = std::max(sums_.forgotten_upto, boxes.u64(2));
      }
      hand_ = seen < looked_at_once ? std::string{} : last + '\0';
    }
    for (const auto& user : empty) db_.change(sql::inbox_delete, user);
    take(sums_.inboxes_all, empty.size());
    if (!empty.empty()) return;
  }
}

sqlite_inboxes::box* sqlite_inboxes::find_or_make(const std::string& user) {
  if (auto& box = look(user); box.alive) return &box;
  if (sums_.inboxes_all >= inboxes_max_) {
    if (sums_.seen.inboxes < sums_.inboxes_all) forget_empty();
    if (sums_.inboxes_all >= inboxes_max_) {
      ++sums_.seen.unavailable;
      return nullptr;
    }
  }
  auto& box = look(user);
  static_cast<row&>(box) = {.id = sums_.next_id(), .state = {.last = sums_.forgotten_upto}};
  box.alive = box.changed = true;
  ++sums_.inboxes_all;
  return &box;
}

bool sqlite_inboxes::fits(const box& of, std::uint64_t bytes, const inbox_bounds& bounds) const noexcept {
  return of.state.count < bounds.messages && of.state.bytes + bytes <= bounds.bytes;
}

errc sqlite_inboxes::make_room(const std::string& user, box& of, std::uint64_t bytes, const inbox_bounds& bounds,
                               std::int64_t now_ms) {
  if (!fits(of, bytes, bounds)) bury_expired(user, of, now_ms, all);
  if (fits(of, bytes, bounds)) return errc::success;
  ++sums_.seen.refused_full;
  return errc::queue_full;
}

std::uint64_t sqlite_inboxes::queue(box& of, std::uint64_t message, std::uint64_t size, std::int64_t at_ms,
                                    std::int64_t expires_ms) {
  auto& state = of.state;
  const auto n = ++state.last;
  db_.change(sql::letter_put, of.id, n, message, at_ms, expires_ms, 0, size);
  if (state.count == 0) {
    state.first = n;
    ++sums_.seen.inboxes;
  }
  ++state.count;
  state.bytes += size;
  of.due_ms = std::min(of.due_ms.value_or(expires_ms), expires_ms);
  of.changed = true;
  ++sums_.seen.queued;
  sums_.seen.queued_bytes += size;
  return n;
}

outcome sqlite_inboxes::execute(const inbox_append& op) {
  auto* box = find_or_make(op.user);
  if (!box) return {.error = errc::unavailable};
  const auto& body = *op.body;
  if (const auto refused = make_room(op.user, *box, body.size(), op.bounds, op.at_ms); refused != errc::success)
    return {.error = planted("silent_drop_full") ? errc::success : refused};
  const auto message = sums_.next_id();
  db_.change(sql::message_put, message, message_sum(box->id, box->state.last + 1, message, op.at_ms, body), body);
  ++sums_.seen.accepted;
  sums_.saw(op.at_ms);
  return {.n = queue(*box, message, body.size(), op.at_ms, op.expires_ms), .at_ms = op.at_ms};
}

/// Letters have left: what remains is another first one, or an empty inbox.
void sqlite_inboxes::left(box& of, std::uint64_t count, std::uint64_t bytes) {
  auto& state = of.state;
  take(state.count, count);
  if (state.count == 0) bytes = state.bytes;
  take(sums_.seen.queued, count);
  take(sums_.seen.queued_bytes, std::min(bytes, state.bytes));
  take(state.bytes, bytes);
  of.changed = true;
  state.first = 0;
  if (state.count == 0) {
    of.due_ms.reset();
    take(sums_.seen.inboxes, 1);
    return;
  }
  auto oldest = db_.ask(sql::letter_oldest, of.id);
  if (!oldest.next()) throw sqlite_error{SQLITE_CORRUPT, "an inbox counts messages that are not there"};
  state.first = oldest.u64(0);
}

std::uint64_t sqlite_inboxes::remove_upto(box& of, std::uint64_t upto) {
  if (of.state.count == 0 || of.state.first > upto) return 0;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  {
    auto sums = db_.ask(sql::letter_sums, of.id, upto);
    sums.next();
    count = sums.u64(0);
    bytes = sums.u64(1);
  }
  db_.change(sql::letters_delete_messages, of.id, upto);
  db_.change(sql::letters_delete_upto, of.id, upto);
  left(of, count, bytes);
  return count;
}

outcome sqlite_inboxes::execute(const inbox_ack& op) {
  auto& box = look(op.user);
  if (!box.alive) return {};
  const auto count = remove_upto(box, op.upto);
  sums_.seen.acknowledged += count;
  return {.count = count, .left = box.state.count};
}

outcome sqlite_inboxes::execute(const inbox_purge& op) {
  auto& box = look(op.user);
  if (!box.alive) return {};
  const auto count = remove_upto(box, all);
  sums_.seen.purged += count;
  return {.count = count};
}

bool sqlite_inboxes::bury(const std::string& user, box& of, std::uint64_t n, dead_reason reason, std::int64_t now_ms) {
  sqlite_dead::row letter;
  {
    auto found = db_.ask(sql::letter_get, of.id, n);
    if (!found.next()) return false;
    letter.message = found.u64(0);
    letter.at_ms = found.i64(1);
    letter.attempts = static_cast<std::uint32_t>(found.u64(2));
    letter.size = found.u64(3);
  }
  letter.inbox = of.id;
  letter.user = user;
  letter.n = n;
  letter.died_ms = now_ms;
  letter.reason = reason;
  const auto size = letter.size;
  db_.change(sql::letter_delete, of.id, n);
  dead_.bury(std::move(letter));
  left(of, 1, size);
  return true;
}

std::size_t sqlite_inboxes::bury_expired(const std::string& user, box& of, std::int64_t now_ms,
                                         std::uint64_t removals_max) {
  if (!of.due_ms || *of.due_ms > now_ms) return 0;
  std::vector<std::uint64_t> expired;
  {
    auto letters = db_.ask(sql::letters_expired, of.id, now_ms, removals_max);
    while (letters.next()) expired.push_back(letters.u64(0));
  }
  std::ranges::sort(expired);
  for (const auto n : expired) bury(user, of, n, dead_reason::expired, now_ms);
  if (of.state.count > 0) {
    auto next = db_.ask(sql::letter_first_expiry, of.id);
    next.next();
    of.due_ms = next.i64(0);
  }
  of.changed = true;
  return expired.size();
}

outcome sqlite_inboxes::execute(const inbox_expire& op) {
  auto& box = look(op.user);
  if (!box.alive) return {};
  const auto moved = bury_expired(op.user, box, op.now_ms, all);
  return {.count = moved, .left = box.state.count};
}

outcome sqlite_inboxes::execute(const inbox_attempt& op) {
  auto& box = look(op.user);
  if (!box.alive || box.state.count == 0) return {};
  const auto n = box.state.first;
  db_.change(sql::letter_attempt, box.id, n);
  std::uint64_t attempts = 0;
  {
    auto oldest = db_.ask(sql::letter_get, box.id, n);
    if (!oldest.next()) throw sqlite_error{SQLITE_CORRUPT, "an inbox begins with a message that is not there"};
    attempts = oldest.u64(2);
  }
  const bool over = attempts >= op.attempts_max && bury(op.user, box, n, dead_reason::undeliverable, op.now_ms);
  return {.n = n, .count = over, .left = box.state.count};
}

outcome sqlite_inboxes::execute(const dead_replay& op) {
  const auto letter = dead_.find(op.id);
  if (!letter || !letter->body || !letter->room.empty()) return {.error = errc::not_found};
  auto* box = find_or_make(letter->user);
  if (!box) return {.error = errc::unavailable};
  if (const auto refused = make_room(letter->user, *box, letter->size, op.bounds, op.now_ms); refused != errc::success)
    return {.error = refused};
  if (!dead_.take_for_replay(*letter)) return {.error = errc::not_found};
  const auto sum = message_sum(box->id, box->state.last + 1, letter->message, letter->at_ms, *letter->body);
  db_.change(sql::message_resum, letter->message, sum);
  return {.n = queue(*box, letter->message, letter->size, letter->at_ms, op.expires_ms), .at_ms = letter->at_ms};
}

std::size_t sqlite_inboxes::sweep(std::int64_t now_ms, sweep_budget& budget) {
  flush();
  std::size_t moved = 0;
  while (budget.left > 0) {
    std::string user;
    {
      auto due = db_.ask(sql::inbox_due, now_ms);
      if (!due.next()) break;
      user = due.text(0);
    }
    auto& box = look(user);
    if (!box.alive) throw sqlite_error{SQLITE_CORRUPT, "an index of inboxes names one that is not there"};
    const auto buried = bury_expired(user, box, now_ms, budget.left);
    moved += buried;
    take(budget.left, std::max<std::uint64_t>(buried, 1));
    box.changed = true;
    write(user, box);
    boxes_.erase(user);
  }
  return moved;
}

void sqlite_inboxes::write(const std::string& user, box& of) {
  if (!std::exchange(of.changed, false)) return;
  const auto& state = of.state;
  db_.change(std::exchange(of.stored, true) ? sql::inbox_update : sql::inbox_insert, user, of.id, state.count,
             state.bytes, state.first, state.last, of.due_ms, of.sum(user));
}

void sqlite_inboxes::flush() {
  for (auto& [user, box] : boxes_) write(user, box);
  boxes_.clear();
}

void sqlite_inboxes::skip_numbers() {
  flush();
  std::string next;  // the least name that was not seen yet
  for (bool more = true; more; flush()) {
    std::vector<std::string> users;
    {
      auto boxes = db_.ask(sql::inboxes_from, next, looked_at_once);
      while (boxes.next()) users.push_back(boxes.text(0));
    }
    more = users.size() == looked_at_once;
    if (more) next = users.back() + '\0';
    for (const auto& user : users) {
      auto& box = look(user);
      box.state.last += inbox_numbers_skipped;
      box.changed = true;
    }
  }
  sums_.forgotten_upto += inbox_numbers_skipped;
}

inbox_state sqlite_inboxes::state(connection& db, sqlite_damage& damage, std::string_view user,
                                  std::uint64_t forgotten_upto) {
  row found;
  switch (find(db, user, found)) {
    case found_as::nothing: return {.last = forgotten_upto};
    case found_as::damaged: damage.found("the inbox of \"" + std::string{user} + "\""); break;
    case found_as::sound: break;
  }
  return found.state;
}

inbox_page sqlite_inboxes::read(connection& db, sqlite_damage& damage, std::string_view user, std::uint64_t after,
                                std::size_t count_max, std::size_t bytes_max, std::int64_t now_ms,
                                std::uint64_t forgotten_upto) {
  row found;
  switch (find(db, user, found)) {
    case found_as::nothing: return {.state = {.last = forgotten_upto}};
    case found_as::damaged:
      damage.found("the inbox of \"" + std::string{user} + "\"");
      return {.error = errc::unavailable};
    case found_as::sound: break;
  }
  inbox_page page{.state = found.state};
  std::size_t bytes = 0;
  auto letters = db.ask(sql::letters_after, found.id, after);
  while (letters.next()) {
    inbox_message message{.n = letters.u64(0),
                          .at_ms = letters.i64(2),
                          .expires_ms = letters.i64(3),
                          .attempts = static_cast<std::uint32_t>(letters.u64(4))};
    if (message.expires_ms <= now_ms) {
      ++page.expired;
      continue;
    }
    const auto size = letters.u64(5);
    if (page.messages.size() >= count_max || (!page.messages.empty() && bytes + size > bytes_max)) break;
    bytes += size;
    const auto body = letters.bytes(7);
    const auto sum = message_sum(found.id, message.n, letters.u64(1), message.at_ms, body);
    if (!letters.null(6) && letters.i64(6) == sum)
      message.body = std::make_shared<const std::string>(body);
    else
      damage.found("message " + std::to_string(message.n) + " of the inbox of \"" + std::string{user} + "\"");
    page.messages.push_back(std::move(message));
  }
  return page;
}

std::vector<inbox_summary> sqlite_inboxes::list(connection& db, sqlite_damage& damage, std::string_view after,
                                                std::size_t count_max) {
  std::vector<inbox_summary> found;
  auto users = db.ask(sql::inboxes_held, after);
  while (found.size() < count_max && users.next()) {
    const auto user = users.text(0);
    found.push_back({user, state(db, damage, user, 0)});
  }
  return found;
}

/// From the rows, whose sums tell what is damaged, and not from the index of those that hold messages: nobody would notice
/// whom that has lost.
holders_page sqlite_inboxes::holders(connection& db, std::string_view after, std::size_t rows_max) {
  holders_page page;
  std::size_t seen = 0;
  auto rows = db.ask(sql::inbox_rows, after, rows_max);
  for (; rows.next(); ++seen) {
    auto user = std::string{rows.text(7)};
    row one;
    const bool sound = fill(rows, user, one);
    if (one.state.count != 0 || !sound) page.users.push_back(user);
    page.upto = std::move(user);
  }
  if (seen < rows_max) page.upto.reset();
  return page;
}

}  // namespace greenroom::storage
