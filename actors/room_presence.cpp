#include "actors/room_presence.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <random>

#include "actors/limits.hpp"

namespace greenroom {
namespace {

constexpr std::size_t member_guess = 48, entry_guess = 64;        ///< bytes beside names and meta
constexpr std::size_t back_numerator = 9, back_denominator = 10;  ///< a large room turns small under this part

std::size_t bytes_of(const codecs::payload_ptr& meta) { return entry_guess + (meta ? meta->original().size() : 0); }

/// Rooms of every shard take from one row of numbers. Where it begins is drawn, so that a restarted node, or another one,
/// does not give a client a ref that it knows already.
std::uint64_t next_ref() {
  static std::atomic<std::uint64_t> last = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32 | random()) >> 1;
  }();
  return ++last;
}

bool same(const codecs::payload_ptr& one, const codecs::payload_ptr& other) {
  if (!one || !other) return !one && !other;
  return one->as(codecs::format::msgpack) == other->as(codecs::format::msgpack);
}

/// Adds to `into` what of `all` is not in `among`, under that user's name.
void add_difference(std::vector<codecs::results::member>& into, const std::string& user, std::int64_t since_ms,
                    const std::vector<codecs::results::presence_entry>& all,
                    const std::vector<codecs::results::presence_entry>& among) {
  codecs::results::member one{.user = user, .since_ms = since_ms, .entries = {}};
  for (const auto& each : all) {
    if (std::ranges::find(among, each.ref, &codecs::results::presence_entry::ref) == among.end())
      one.entries.push_back(each);
  }
  if (!one.entries.empty()) into.push_back(std::move(one));
}

void mix(std::uint64_t& into, std::uint64_t what) { into ^= what + 0x9e37'79b9'7f4a'7c15 + (into << 12) + (into >> 4); }
void mix(std::uint64_t& into, std::string_view what) { mix(into, std::hash<std::string_view>{}(what)); }

}  // namespace

void room_presence::enter(const membership& who) {
  touch(who.user.value);
  auto& one = people_[who.user.value];
  if (one.sessions.empty()) one.bytes = member_guess + who.user.value.size();
  const auto before = one.sessions.empty() ? 0 : one.bytes;
  auto [place, fresh] = one.sessions.try_emplace(who.session.value, entry{who.since_ms, nullptr, next_ref()});
  if (!fresh) {
    one.bytes -= bytes_of(place->second.meta);
    if (!same(place->second.meta, who.presence)) renew(who, place->second);
  }
  place->second.meta = who.presence;
  one.bytes += bytes_of(who.presence);
  bytes_ += one.bytes - before;
  newcomers_ = true;
  weigh();
}

void room_presence::leave(const membership& who) {
  auto found = people_.find(who.user.value);
  if (found == people_.end()) return;
  auto& one = found->second;
  auto place = one.sessions.find(who.session.value);
  if (place == one.sessions.end()) return;
  touch(who.user.value);
  const auto before = one.bytes;
  one.bytes -= bytes_of(place->second.meta);
  one.sessions.erase(place);
  if (one.sessions.empty()) {
    bytes_ -= before;
    people_.erase(found);
  } else {
    bytes_ -= before - one.bytes;
  }
  weigh();
}

/// Whether the room is large now. Its members hear of it when that has changed.
void room_presence::weigh() {
  const bool over = people_.size() > most_.users_max || bytes_ > most_.bytes_max;
  const bool under = people_.size() * back_denominator <= most_.users_max * back_numerator &&
                     bytes_ * back_denominator <= most_.bytes_max * back_numerator;
  if (large_ ? !under : !over) return;
  large_ = !large_;
  tell_everybody();
}

void room_presence::touch(const std::string& user) {
  stale_ = true;
  if (large_ || everybody_) return;
  if (!touched_.contains(user)) {
    told_of before;
    if (const auto found = people_.find(user); found != people_.end())
      before = {digest(found->second), member_of(*found).entries};
    touched_.emplace(user, std::move(before));
  }
  if (touched_.size() > limits::roster_changes_max) tell_everybody();
}

/// Another ref. The one before it is the one that the members saw.
void room_presence::renew(const membership& who, entry& what) const {
  what.ref_prev = what.ref;
  if (const auto before = touched_.find(who.user.value); before != touched_.end()) {
    const auto& seen = before->second.entries;
    const auto found = std::ranges::find(seen, who.session.value, &codecs::results::presence_entry::session);
    what.ref_prev = found == seen.end() ? 0 : found->ref;
  }
  what.ref = next_ref();
}

/// A user who shows what it showed before shows it under the refs that the members know.
void room_presence::restore(person& who, const told_of& before) {
  for (const auto& each : before.entries) {
    auto& now = who.sessions.at(each.session);
    now.ref = each.ref;
    now.ref_prev = each.ref_prev;
  }
}

void room_presence::tell_everybody() {
  everybody_ = true;
  touched_.clear();
}

std::uint64_t room_presence::digest(const person& who) {
  std::uint64_t sum = who.sessions.size();
  for (const auto& [session, entry] : who.sessions) {
    mix(sum, session);
    mix(sum, static_cast<std::uint64_t>(entry.since_ms));
    if (entry.meta) mix(sum, entry.meta->as(codecs::format::msgpack));  // a stored one is in that format
  }
  return sum | 1;  // 0: nobody
}

std::uint64_t room_presence::digest_of(const std::string& user) const {
  auto found = people_.find(user);
  return found == people_.end() ? 0 : digest(found->second);
}

codecs::results::member room_presence::member_of(const table::value_type& who) const {
  codecs::results::member one{.user = who.first, .since_ms = INT64_MAX, .entries = {}};
  for (const auto& [session, entry] : who.second.sessions) {
    one.since_ms = std::min(one.since_ms, entry.since_ms);
    if (one.entries.size() < limits::member_entries_max)
      one.entries.push_back({session, entry.meta, entry.ref, entry.ref_prev});
  }
  return one;
}

codecs::results::members room_presence::page(std::string_view after, std::size_t count_max) const {
  codecs::results::members page{.total = people_.size(), .list = {}, .next = {}};
  const auto most = std::min(count_max, limits::members_page_max);
  for (auto i = people_.upper_bound(after); i != people_.end(); ++i) {
    if (page.list.size() == most) {
      page.next = page.list.back().user;
      break;
    }
    page.list.push_back(member_of(*i));
  }
  return page;
}

// --- what is told

room_presence::pace room_presence::due() const noexcept {
  if (people_.empty()) return pace::never;
  if (everybody_ || newcomers_ || !touched_.empty()) return pace::soon;
  return large_ && stale_ ? pace::later : pace::never;
}

room_presence::tidings room_presence::take(turn which) {
  tidings told;
  if (everybody_ || (large_ && stale_ && which == turn::slow)) {
    told.people = people();
    std::uint64_t page = 1;
    mix(page, told.people->total);
    for (const auto& each : told.people->users) mix(page, each.user), mix(page, digest_of(each.user));
    if (everybody_ || page != told_page_)
      told.people_for = tidings::audience::everybody;
    else if (!newcomers_)
      told.people.reset();
    told_page_ = page;
    everybody_ = stale_ = false;
  } else {
    if (!large_) told.changes = changes();
    if (newcomers_) told.people = people();
  }
  newcomers_ = false;
  touched_.clear();
  return told;
}

std::optional<codecs::pushes::room_changes> room_presence::changes() {
  codecs::pushes::room_changes made{.room = room_, .joined = {}, .left = {}, .updated = {}, .total = people_.size()};
  for (const auto& [user, before] : touched_) {
    auto found = people_.find(user);
    if (found == people_.end()) {
      if (before.digest == 0) continue;
      made.left.push_back(user);
      add_difference(made.gone, user, 0, before.entries, {});
      continue;
    }
    if (digest(found->second) == before.digest) {
      restore(found->second, before);
      continue;
    }
    auto now = member_of(*found);
    add_difference(made.gone, user, now.since_ms, before.entries, now.entries);
    add_difference(made.fresh, user, now.since_ms, now.entries, before.entries);
    (before.digest == 0 ? made.joined : made.updated).push_back(std::move(now));
  }
  if (made.joined.empty() && made.left.empty() && made.updated.empty()) return std::nullopt;
  return made;
}

/// Everybody; of a large room the first page.
codecs::pushes::room_people room_presence::people() const {
  codecs::pushes::room_people all{.room = room_, .users = {}, .total = people_.size()};
  const auto most = large_ ? std::min(most_.users_max, limits::roster_page) : people_.size();
  std::size_t bytes = 0;
  for (const auto& each : people_) {
    bytes += each.second.bytes;
    if (all.users.size() == most || (!all.users.empty() && bytes > most_.bytes_max)) break;
    all.users.push_back(member_of(each));
  }
  return all;
}

}  // namespace greenroom
