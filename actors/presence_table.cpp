#include "actors/presence_table.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace greenroom {
namespace {

void mix(std::uint64_t& into, std::uint64_t what) { into ^= what + 0x9e37'79b9'7f4a'7c15 + (into << 12) + (into >> 4); }
void mix(std::uint64_t& into, std::string_view what) { mix(into, std::hash<std::string_view>{}(what)); }

}  // namespace

std::uint64_t digest_of(const codecs::results::presence_state& state) {
  std::uint64_t sum = state.online ? 1 : 2;
  mix(sum, state.status);
  mix(sum, state.location);
  if (state.meta) mix(sum, state.meta->as(codecs::format::msgpack));  // a stored one is in that format
  if (!state.online && state.last_seen_ms) mix(sum, static_cast<std::uint64_t>(*state.last_seen_ms));
  return sum | 1;
}

void presence_table::arrive(const user_id& user, const session_id& session, presence_words_ptr words,
                            std::int64_t now_ms) {
  touch(user.value, now_ms);
  away_.erase(user.value);
  auto& sessions = users_[user.value];
  auto found = std::ranges::find(sessions, session, &entry::session);
  if (found == sessions.end())
    sessions.push_back({session, std::move(words)});
  else
    found->words = std::move(words);
}

void presence_table::depart(const user_id& user, const session_id& session, std::int64_t now_ms) {
  auto found = users_.find(user.value);
  if (found == users_.end()) return;
  touch(user.value, now_ms);
  std::erase_if(found->second, [&](const entry& each) { return each.session == session; });
  if (!found->second.empty()) return;
  away_.write(user.value, now_ms);
  users_.erase(found);
}

void presence_table::depart_all(std::int64_t now_ms) {
  for (const auto& [user, sessions] : users_) away_.write(user, now_ms);
  users_.clear();
}

codecs::results::presence_state presence_table::state_of(std::string_view user, std::int64_t now_ms) const {
  codecs::results::presence_state state;
  auto found = users_.find(user);
  if (found == users_.end()) {
    state.last_seen_ms = away_.of(user);
    return state;
  }
  state.online = true;
  state.last_seen_ms = now_ms;
  const presence_words* newest = nullptr;
  for (const auto& each : found->second)
    if (each.words && (!newest || each.words->stamp > newest->stamp)) newest = each.words.get();
  if (newest) {
    state.status = newest->status;
    state.location = newest->location;
    state.meta = newest->meta;
  }
  return state;
}

void presence_table::page(std::string_view after, std::size_t count_max, codecs::results::online& into) const {
  into.total += users_.size();
  std::vector<std::string> mine;
  for (auto i = users_.upper_bound(after); i != users_.end() && mine.size() < count_max; ++i) mine.push_back(i->first);
  std::vector<std::string> both;
  std::ranges::merge(into.users, mine, std::back_inserter(both));
  if (both.size() > count_max) both.resize(count_max);
  into.users = std::move(both);
}

// --- watching

bool presence_table::watch(watcher_id who, const std::string& user) {
  auto& watchers = watchers_[user];
  if (!watchers.contains(who)) {
    if (watchers.size() >= watchers_max_) return false;
    watchers.insert(who);
    watched_[who].insert(user);
    ++watches_;
  }
  // Whoever asks now, also again, is told the state of this moment, which may be another than at the batch's begin.
  if (auto changing = touched_.find(user); changing != touched_.end()) changing->second = 0;
  return true;
}

void presence_table::unwatch(watcher_id who, const std::string& user) {
  auto watched = watched_.find(who);
  if (watched == watched_.end() || watched->second.erase(user) == 0) return;
  if (watched->second.empty()) watched_.erase(watched);
  --watches_;
  auto watchers = watchers_.find(user);
  watchers->second.erase(who);
  if (!watchers->second.empty()) return;
  watchers_.erase(watchers);
  touched_.erase(user);
}

void presence_table::forget(watcher_id who) {
  auto watched = watched_.find(who);
  if (watched == watched_.end()) return;
  for (const auto& user : std::vector<std::string>{watched->second.begin(), watched->second.end()}) unwatch(who, user);
}

void presence_table::touch(const std::string& user, std::int64_t now_ms) {
  if (watchers_.contains(user)) touched_.try_emplace(user, digest_of(state_of(user, now_ms)));
}

std::vector<presence_table::change> presence_table::take(std::int64_t now_ms) {
  std::vector<change> all;
  for (const auto& [user, before] : std::exchange(touched_, {})) {
    auto now = state_of(user, now_ms);
    if (digest_of(now) == before) continue;
    const auto& watchers = watchers_.at(user);
    all.push_back({user, std::move(now), {watchers.begin(), watchers.end()}});
  }
  return all;
}

}  // namespace greenroom
