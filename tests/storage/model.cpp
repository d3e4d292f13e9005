#include "tests/storage/model.hpp"

#include <algorithm>

namespace greenroom::storage::testing {
namespace {

template <class Messages>
std::uint64_t bytes_of(const Messages& messages) {
  std::uint64_t sum = 0;
  for (const auto& m : messages) sum += m.body->size();
  return sum;
}

}  // namespace

outcome model::execute(const operation& op, const outcome& said) {
  return std::visit([&](const auto& o) { return run(o, said); }, op);
}

std::string model::fresh_epoch(const outcome& said) {
  return epochs.insert(said.at.epoch).second && !said.at.epoch.empty() ? said.at.epoch : "an epoch never seen before";
}

model::log& model::open(const std::string& name, const outcome& said) {
  const auto found = logs.find(name);
  if (found != logs.end()) return found->second;
  return logs.emplace(name, log{.newest = {fresh_epoch(said), 0}, .keep = {}, .records = {}, .snapshot = {}})
      .first->second;
}

void model::trim(log& of, std::int64_t now_ms) {
  auto& kept = of.records;
  while (!kept.empty() && (kept.size() > of.keep.count || (of.keep.bytes != 0 && bytes_of(kept) > of.keep.bytes) ||
                           (of.keep.age_ms != 0 && kept.front().at_ms + of.keep.age_ms <= now_ms)))
    kept.erase(kept.begin());
}

std::optional<outcome> model::known(const std::optional<idempotency>& once, std::int64_t now_ms) const {
  if (!once) return {};
  const auto found = ids.find({once->sender, once->id});
  if (found == ids.end() || found->second.original.at_ms + limits::id_age_ms <= now_ms) return {};
  if (found->second.once.content != once->content) return outcome{.error = errc::conflict};
  const auto& original = found->second.original;
  return outcome{.duplicate = true, .at = original.at, .n = original.n, .at_ms = original.at_ms};
}

std::uint64_t model::first_of(const log& of) { return of.newest.seq - of.records.size() + 1; }

outcome model::run(const log_open& op, const outcome& said) {
  auto& log = open(op.log, said);
  log.keep = op.keep;
  return {.at = log.newest, .first = first_of(log)};
}

outcome model::run(const append& op, const outcome& said) {
  if (auto before = known(op.once, op.at_ms)) return *before;
  auto& log = open(op.log, said);
  log.keep = op.keep;
  ++log.newest.seq;
  log.records.push_back({log.newest.seq, op.at_ms, op.body});
  if (op.snapshot) log.snapshot = op.snapshot;
  trim(log, op.at_ms);
  const outcome out{.at = log.newest, .first = first_of(log), .at_ms = op.at_ms};
  if (op.once) ids[{op.once->sender, op.once->id}] = {*op.once, out};
  return out;
}

outcome model::run(const snapshot_put& op, const outcome&) {
  const auto found = logs.find(op.log);
  if (found == logs.end()) return {.error = errc::not_found};
  found->second.snapshot = op.snapshot;
  return {};
}

outcome model::run(const epoch_reset& op, const outcome& said) {
  const auto found = logs.find(op.log);
  if (found == logs.end()) return {.error = errc::not_found};
  found->second.newest = {fresh_epoch(said), 0};
  found->second.records.clear();
  found->second.snapshot.reset();
  return {.at = found->second.newest};
}

outcome model::run(const log_erase& op, const outcome&) {
  return {.error = logs.erase(op.log) != 0 ? errc::success : errc::not_found};
}

std::uint64_t model::queue(inbox& box, bytes_ptr body, std::int64_t at_ms, std::int64_t expires_ms,
                           const outcome& said) {
  box.last = std::max(box.last + 1, said.n);  // it grows; gaps are possible
  box.messages.push_back({box.last, at_ms, expires_ms, 0, std::move(body)});
  return box.last;
}

std::uint64_t model::expire(const std::string& user, std::int64_t now_ms) {
  auto& messages = inboxes[user].messages;
  const auto before = messages.size();
  for (const auto& m : messages)
    if (m.expires_ms <= now_ms) dead.push_back({user, m, dead_reason::expired, now_ms});
  std::erase_if(messages, [now_ms](const auto& m) { return m.expires_ms <= now_ms; });
  return before - messages.size();
}

bool model::fits(const std::string& user, const bytes_ptr& body, const inbox_bounds& bounds, std::int64_t now_ms) {
  const auto& messages = inboxes[user].messages;
  const auto fit = [&] {
    return messages.size() < bounds.messages && bytes_of(messages) + body->size() <= bounds.bytes;
  };
  if (!fit()) expire(user, now_ms);
  return fit();
}

outcome model::run(const inbox_append& op, const outcome& said) {
  if (auto before = known(op.once, op.at_ms)) return *before;
  if (!fits(op.user, op.body, op.bounds, op.at_ms)) return {.error = errc::queue_full};
  ++accepted;
  auto& box = inboxes[op.user];
  const auto n = queue(box, op.body, op.at_ms, op.expires_ms, said);
  const outcome out{.n = n, .at_ms = op.at_ms};
  if (op.once) ids[{op.once->sender, op.once->id}] = {*op.once, out};
  return out;
}

outcome model::run(const inbox_ack& op, const outcome&) {
  auto& messages = inboxes[op.user].messages;
  const auto removed = std::erase_if(messages, [&op](const auto& m) { return m.n <= op.upto; });
  acknowledged += removed;
  return {.count = removed, .left = messages.size()};
}

outcome model::run(const inbox_expire& op, const outcome&) {
  const auto moved = expire(op.user, op.now_ms);
  return {.count = moved, .left = inboxes[op.user].messages.size()};
}

outcome model::run(const inbox_attempt& op, const outcome&) {
  auto& messages = inboxes[op.user].messages;
  if (messages.empty()) return {};
  outcome out{.n = messages.front().n};
  if (++messages.front().attempts >= op.attempts_max) {
    dead.push_back({op.user, messages.front(), dead_reason::undeliverable, op.now_ms});
    messages.erase(messages.begin());
    out.count = 1;
  }
  out.left = messages.size();
  return out;
}

outcome model::run(const inbox_purge& op, const outcome&) {
  auto& messages = inboxes[op.user].messages;
  purged += messages.size();
  return {.count = std::exchange(messages, {}).size()};
}

outcome model::run(const dead_replay& op, const outcome& said) {
  const auto id = std::ranges::find(dead_ids, op.id);
  if (id == dead_ids.end()) return {.error = errc::not_found};
  const auto which = id - dead_ids.begin();
  const auto letter = dead[static_cast<std::size_t>(which)];
  if (!letter.room.empty()) return {.error = errc::not_found};
  if (!fits(letter.user, letter.message.body, op.bounds, op.now_ms)) return {.error = errc::queue_full};
  dead.erase(dead.begin() + which);
  dead_ids.erase(id);
  const auto n = queue(inboxes[letter.user], letter.message.body, letter.message.at_ms, op.expires_ms, said);
  return {.n = n, .at_ms = letter.message.at_ms};
}

outcome model::run(const dead_put& op, const outcome& said) {
  for (std::size_t i = 0; i < dead.size(); ++i) {
    auto& each = dead[i];
    if (each.room.empty() || each.once.sender != op.once.sender || each.once.id != op.once.id ||
        each.once.content != op.once.content)
      continue;
    ++each.message.attempts;
    // One of this batch has no id yet that the model would know.
    return {.duplicate = true, .n = i < dead_ids.size() ? dead_ids[i] : said.n};
  }
  ++accepted;
  auto& added = dead.emplace_back();
  added.reason = dead_reason::crashed;
  added.died_ms = op.now_ms;
  added.room = op.room;
  added.once = op.once;
  added.kind = op.kind;
  added.message.at_ms = op.now_ms;
  added.message.attempts = 1;
  added.message.body = op.body;
  return {.n = said.n};
}

outcome model::run(const dead_settle& op, const outcome&) {
  const auto id = std::ranges::find(dead_ids, op.id);
  if (id == dead_ids.end()) return {.error = errc::not_found};
  const auto which = id - dead_ids.begin();
  if (dead[static_cast<std::size_t>(which)].room.empty()) return {.error = errc::not_found};
  ++acknowledged;
  dead.erase(dead.begin() + which);
  dead_ids.erase(id);
  return {};
}

outcome model::run(const dead_purge& op, const outcome&) {
  outcome out;
  for (std::size_t i = 0; i < dead_ids.size();) {
    if (dead_ids[i] > op.upto || (op.user && dead[i].user != *op.user) || (op.room && dead[i].room != *op.room)) {
      ++i;
      continue;
    }
    dead.erase(dead.begin() + static_cast<std::ptrdiff_t>(i));
    dead_ids.erase(dead_ids.begin() + static_cast<std::ptrdiff_t>(i));
    ++out.count;
  }
  purged += out.count;
  return out;
}

outcome model::run(const session_put& op, const outcome&) {
  auto& stored = sessions[op.session.id];
  std::vector<stored_membership> rooms;
  for (const auto& each : op.session.rooms) {
    const auto known = std::ranges::find(stored.rooms, each.room, &stored_membership::room);
    if (!each.seen.epoch.empty())
      rooms.push_back(each);
    else if (known != stored.rooms.end())
      rooms.push_back(*known);
  }
  stored = op.session;
  stored.rooms = std::move(rooms);
  return {};
}

outcome model::run(const membership_put& op, const outcome&) {
  const auto found = sessions.find(op.session);
  if (found == sessions.end()) return {.error = errc::not_found};
  auto& rooms = found->second.rooms;
  const auto same = std::ranges::find(rooms, op.member.room, &stored_membership::room);
  if (same != rooms.end())
    *same = op.member;
  else
    rooms.push_back(op.member);
  return {};
}

outcome model::run(const sessions_restart& op, const outcome&) {
  outcome out;
  for (auto& [id, session] : sessions) {
    if (session.deadline_ms != 0) continue;
    session.deadline_ms = op.now_ms + session.window_ms;
    ++out.count;
  }
  return out;
}

outcome model::run(const secret_put& op, const outcome&) {
  secrets[op.secret.name] = op.secret;
  return {};
}

outcome model::run(const secret_erase& op, const outcome&) {
  return {.error = secrets.erase(op.name) != 0 ? errc::success : errc::not_found};
}

outcome model::run(const secret_rewrap& op, const outcome&) {
  const auto found = secrets.find(op.name);
  if (found == secrets.end() || found->second.wrapped != op.was) return {.error = errc::not_found};
  found->second.kek = op.kek;
  found->second.wrapped = op.wrapped;
  return {};
}

outcome model::run(const session_erase& op, const outcome&) {
  return {.error = sessions.erase(op.id) != 0 ? errc::success : errc::not_found};
}

outcome model::run(const storage::sweep&, const outcome& said) { return said; }  // part by part: see sweep()

void model::sweep(std::int64_t now_ms) {
  for (auto& [name, log] : logs) trim(log, now_ms);
  for (auto& [user, box] : inboxes) expire(user, now_ms);
  purged += std::erase_if(dead, [now_ms](const auto& l) { return l.died_ms + limits::dead_age_ms <= now_ms; });
  std::erase_if(sessions, [now_ms](const auto& s) {
    return s.second.deadline_ms != 0 && s.second.deadline_ms + limits::session_grace_ms <= now_ms;
  });
  std::erase_if(ids, [now_ms](const auto& i) { return i.second.original.at_ms + limits::id_age_ms <= now_ms; });
}

}  // namespace greenroom::storage::testing
