// The refs by which Phoenix' clients know the entries of a room's presence, and what phoenix.js makes of the batches.
#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>
#include <string>

#include "actors/room_presence.hpp"

namespace greenroom::tests {
namespace {

using turn = room_presence::turn;
using audience = room_presence::tidings::audience;

membership who(const std::string& user, const std::string& session = "s", const std::string& meta = {}) {
  membership one;
  one.session = session_id{user + '/' + session};
  one.user = user_id{user};
  one.since_ms = 1;
  if (!meta.empty()) one.presence = std::make_shared<const codecs::payload>(codecs::format::json, meta);
  return one;
}

using metas = std::map<std::string, std::map<std::uint64_t, std::string>>;  ///< of a user: by ref, as JSON

void join(metas& into, const std::vector<codecs::results::member>& users) {
  for (const auto& user : users)
    for (const auto& each : user.entries)
      into[user.user][each.ref] = each.meta ? std::string{each.meta->as(codecs::format::json)} : "-";
}

/// What phoenix.js' Presence keeps: syncState and syncDiff, as they are in its source.
struct presence_view {
  void state(const codecs::pushes::room_people& told) {
    known.clear();
    join(known, told.users);
  }
  void diff(const codecs::pushes::room_changes& told) {
    join(known, told.fresh);
    for (const auto& user : told.gone) {
      auto found = known.find(user.user);
      if (found == known.end()) continue;
      for (const auto& each : user.entries) found->second.erase(each.ref);
      if (found->second.empty()) known.erase(found);
    }
  }
  metas known;
};

/// "ann:1>2 ": users, refs before and now, relative to `from`.
std::string refs(const std::vector<codecs::results::member>& users, std::uint64_t from) {
  std::string all;
  const auto number = [&](std::uint64_t ref) { return ref == 0 ? "" : std::to_string(ref - from); };
  for (const auto& user : users)
    for (const auto& each : user.entries) all += user.user + ':' + number(each.ref_prev) + '>' + number(each.ref) + ' ';
  return all;
}

}  // namespace

TEST_CASE("room presence: an entry has a ref of its own, and what it shows anew another with the one before",
          "[actors][presence][units]") {
  room_presence room{"lobby", {}};
  room.enter(who("ann"));
  const auto first = room.page({}, 1).list.at(0).entries.at(0).ref;
  const auto from = first - 1;
  CHECK(first != 0);
  auto told = room.take(turn::quick);
  CHECK(refs(told.changes->fresh, from) == "ann:>1 ");
  CHECK(refs(told.people->users, from) == "ann:>1 ");
  room.enter(who("ann", "s", "[1]"));
  room.enter(who("ann", "s", "[2]"));  // the one between was seen by nobody
  told = room.take(turn::quick);
  const auto now = told.changes->fresh.at(0).entries.at(0).ref;
  CHECK(now > first);
  CHECK(told.changes->fresh.at(0).entries.at(0).ref_prev == first);
  CHECK(refs(told.changes->gone, from) == "ann:>1 ");
  room.enter(who("ann", "s", "[2]"));
  CHECK_FALSE(room.take(turn::quick).changes);
  room.leave(who("ann", "s"));
  room.enter(who("bob"));
  told = room.take(turn::quick);
  CHECK(told.changes->gone.at(0).entries.at(0).ref == now);
  CHECK(told.changes->fresh.at(0).user == "bob");
}

TEST_CASE("room presence: refs of what a batch brings and takes again are told to nobody",
          "[actors][presence][units]") {
  room_presence room{"lobby", {}};
  room.enter(who("ann", "s", "[1]"));
  const auto first = room.take(turn::quick).people->users.at(0).entries.at(0).ref;
  room.enter(who("ann", "s", "[2]"));
  room.enter(who("ann", "s", "[1]"));
  room.enter(who("bob"));
  room.leave(who("bob"));
  const auto told = room.take(turn::quick);
  CHECK_FALSE(told.changes);
  CHECK(told.people->users.at(0).entries.at(0).ref == first);  // as those know it who were here
  room.leave(who("ann", "s"));
  room.enter(who("ann", "s", "[1]"));
  CHECK_FALSE(room.take(turn::quick).changes);
  CHECK(room.page({}, 1).list.at(0).entries.at(0).ref == first);
}

TEST_CASE("room presence: rooms never give two entries one ref", "[actors][presence][units]") {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10; ++i) {
    room_presence room{"lobby", {}};
    for (int n = 0; n < 10; ++n) room.enter(who(std::to_string(n)));
    for (const auto& each : room.page({}, 100).list) CHECK(seen.insert(each.entries.at(0).ref).second);
  }
}

TEST_CASE("room presence: whatever happens, phoenix.js' Presence shows who is there and what they show",
          "[actors][presence][units]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 60u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  room_presence room{"lobby", {.users_max = 1 + random() % 20, .bytes_max = 1u << 20}};
  presence_view old, fresh;
  bool old_is_new = true, fresh_is_new = true;
  room.enter(who("0"));
  std::set<std::string> here{"0/s"};
  for (int step = 0; step < 400; ++step) {
    auto one = who(std::to_string(1 + random() % 12), std::to_string(random() % 3), std::to_string(random() % 3));
    if (here.contains(one.session.value) && random() % 2) {
      room.leave(one);
      here.erase(one.session.value);
    } else {
      room.enter(one);
      here.insert(one.session.value);
    }
    if (random() % 50 == 0) fresh_is_new = true, room.call_roll();
    if (random() % 3) continue;
    const auto what = room.take(turn::slow);
    const bool all = what.people_for == audience::everybody;
    for (auto [view, is_new] : {std::pair{&old, &old_is_new}, std::pair{&fresh, &fresh_is_new}}) {
      if (what.people && (all || *is_new))
        view->state(*what.people), *is_new = false;
      else if (what.changes && !*is_new)
        view->diff(*what.changes);
    }
    if (room.is_large()) continue;
    metas truth;
    join(truth, room.page({}, 1'000).list);
    CHECK(old.known == truth);
    CHECK((fresh_is_new || fresh.known == truth));
  }
}

}  // namespace greenroom::tests
