#include "storage/memory_sessions.hpp"

#include <algorithm>

namespace greenroom::storage {

memory_sessions::memory_sessions(std::size_t sessions_max)
    : per_stripe_max_{std::max<std::size_t>(1, sessions_max / limits::stripes)} {}

outcome memory_sessions::execute(const session_put& op) {
  auto in = stripes_.at(op.session.id);
  if (const auto found = in->all.find(op.session.id); found != in->all.end()) {
    auto rooms = merged(op.session.rooms, found->second.rooms);
    found->second = op.session;
    found->second.rooms = std::move(rooms);
    return {};
  }
  if (in->all.size() >= per_stripe_max_) {
    ++in->refused;
    return {.error = errc::unavailable};
  }
  auto& made = in->all.emplace(op.session.id, op.session).first->second;
  made.rooms = merged(op.session.rooms, {});
  return {};
}

outcome memory_sessions::execute(const membership_put& op) {
  auto in = stripes_.at(op.session);
  const auto found = in->all.find(op.session);
  if (found == in->all.end()) return {.error = errc::not_found};
  auto& rooms = found->second.rooms;
  const auto same = std::ranges::find(rooms, op.member.room, &stored_membership::room);
  if (same != rooms.end())
    *same = op.member;
  else if (rooms.size() < limits::session_rooms_max)
    rooms.push_back(op.member);
  else
    return {.error = errc::too_large};
  return {};
}

outcome memory_sessions::execute(const sessions_restart& op) {
  outcome out;
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    auto in = stripes_.part(i);
    for (auto& [id, session] : in->all) {
      if (session.deadline_ms != 0) continue;
      session.deadline_ms = op.now_ms + session.window_ms;
      ++out.count;
    }
  }
  return out;
}

std::size_t memory_sessions::sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max) {
  auto in = stripes_.part(stripe);
  std::size_t removed = 0;
  for (auto each = in->all.begin(); each != in->all.end() && removed < removals_max;) {
    const auto deadline = each->second.deadline_ms;
    const bool over = deadline != 0 && deadline + limits::session_grace_ms <= now_ms;
    each = over ? in->all.erase(each) : std::next(each);
    removed += over;
  }
  return removed;
}

outcome memory_sessions::execute(const session_erase& op) {
  auto in = stripes_.at(op.id);
  return {.error = in->all.erase(op.id) == 0 ? errc::not_found : errc::success};
}

std::optional<stored_session> memory_sessions::get(std::string_view id) const {
  const auto in = stripes_.at(id);
  const auto found = in->all.find(id);
  if (found == in->all.end()) return {};
  return found->second;
}

std::vector<stored_session> memory_sessions::list(std::string_view after, std::size_t count_max) const {
  std::vector<stored_session> found;
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    std::size_t taken = 0;
    for (auto s = in->all.upper_bound(after); s != in->all.end() && taken < count_max; ++s, ++taken)
      found.push_back(s->second);
  }
  std::ranges::sort(found, {}, &stored_session::id);
  if (found.size() > count_max) found.resize(count_max);
  return found;
}

void memory_sessions::count(statistics& into) const {
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    into.sessions += in->all.size();
    into.unavailable += in->refused;
  }
}

}  // namespace greenroom::storage
