// Who is in a room: the table and its batches without actors, then what members are told, by whom and when.
#include <boost/json/parse.hpp>

#include "actors/limits.hpp"
#include "actors/room_presence.hpp"
#include "actors/shared_push.hpp"
#include "tests/support/node_fixture.hpp"
#include "tests/support/roster_view.hpp"

namespace greenroom::tests {
namespace {

using turn = room_presence::turn;
using pace = room_presence::pace;
using audience = room_presence::tidings::audience;

membership who(const std::string& user, const std::string& session = "s", const std::string& meta = {},
               std::int64_t since = 1) {
  membership one;
  one.session = session_id{user + '/' + session};
  one.user = user_id{user};
  one.since_ms = since;
  if (!meta.empty()) one.presence = std::make_shared<const codecs::payload>(codecs::format::json, meta);
  return one;
}

json params_of(codecs::push what) {
  const auto frame = *shared_push{std::move(what)}.frame(codecs::codec_id::native_json);
  return boost::json::parse(frame.substr(frame.find("{\"jsonrpc"))).at("params");
}

/// "joined ann, left bob, of 3"
std::string told(const room_presence::tidings& what) {
  std::string all;
  if (what.changes) {
    for (const auto& each : what.changes->joined) all += "+" + each.user + ' ';
    for (const auto& each : what.changes->left) all += "-" + each + ' ';
    for (const auto& each : what.changes->updated) all += "~" + each.user + ' ';
    all += "of " + std::to_string(what.changes->total) + ' ';
  }
  if (what.people) {
    all += what.people_for == audience::everybody ? "all:" : "new:";
    for (const auto& each : what.people->users) all += ' ' + each.user;
    all += " of " + std::to_string(what.people->total) + ' ';
  }
  return all;
}

}  // namespace

TEST_CASE("room presence: members hear of changes, who is new gets everybody", "[actors][presence][units]") {
  room_presence room{"lobby", {}};
  CHECK(room.due() == pace::never);
  room.enter(who("ann"));
  CHECK(room.due() == pace::soon);
  CHECK(told(room.take(turn::quick)) == "+ann of 1 new: ann of 1 ");
  CHECK(room.due() == pace::never);
  room.enter(who("bob"));
  room.enter(who("bob", "t"));
  room.enter(who("carl"));
  CHECK(told(room.take(turn::quick)) == "+bob +carl of 3 new: ann bob carl of 3 ");
  room.leave(who("bob"));
  room.leave(who("carl"));
  CHECK(told(room.take(turn::quick)) == "-carl ~bob of 2 ");
  room.leave(who("bob", "t"));
  room.leave(who("nobody"));
  room.leave(who("ann", "other"));
  CHECK(told(room.take(turn::quick)) == "-bob of 1 ");
  room.leave(who("ann"));
  CHECK(room.due() == pace::never);  // there is nobody to tell
  CHECK(room.users() == 0);
}

TEST_CASE("room presence: what a batch brings and takes again is not told", "[actors][presence][units]") {
  room_presence room{"lobby", {}};
  room.enter(who("ann"));
  room.take(turn::quick);
  room.enter(who("bob"));
  room.leave(who("bob"));
  CHECK(told(room.take(turn::quick)) == "new: ann of 1 ");  // for him who has left, and nobody else is new
  room.leave(who("ann"));
  room.enter(who("ann"));
  CHECK(told(room.take(turn::quick)) == "new: ann of 1 ");
  room.enter(who("ann", "s", "[1]"));
  CHECK(told(room.take(turn::quick)) == "~ann of 1 new: ann of 1 ");
}

TEST_CASE("room presence: a session that comes again keeps its time, and a user has the oldest of its sessions",
          "[actors][presence][units]") {
  room_presence room{"lobby", {}};
  room.enter(who("ann", "s", {}, 10));
  room.enter(who("ann", "t", {}, 5));
  room.take(turn::quick);
  room.enter(who("ann", "s", {}, 20));
  CHECK_FALSE(room.take(turn::quick).changes);
  CHECK(room.page({}, 10).list.at(0).since_ms == 5);
  room.leave(who("ann", "t"));
  CHECK(room.page({}, 10).list.at(0).since_ms == 10);
}

TEST_CASE("room presence: a large room tells its size and its first page, slowly and only when they are others",
          "[actors][presence][units]") {
  room_presence room{"lobby", {.users_max = 10, .bytes_max = 1u << 20}};
  for (char c = 'a'; c < 'a' + 10; ++c) room.enter(who({c}));
  CHECK(told(room.take(turn::quick)).ends_with("new: a b c d e f g h i j of 10 "));
  room.enter(who("k"));
  CHECK(room.is_large());
  CHECK(told(room.take(turn::quick)) == "all: a b c d e f g h i j of 11 ");  // who knew all must know that it does not
  room.enter(who("m"));
  CHECK(told(room.take(turn::quick)) == "new: a b c d e f g h i j of 12 ");  // who comes does not wait
  CHECK(room.due() == pace::later);
  CHECK(told(room.take(turn::quick)).empty());
  CHECK(told(room.take(turn::slow)) == "all: a b c d e f g h i j of 12 ");
  CHECK(room.due() == pace::never);
  room.leave(who("m"));
  room.enter(who("n"));
  room.call_roll();
  CHECK(told(room.take(turn::slow)) == "new: a b c d e f g h i j of 12 ");  // for the others nothing is another
  room.leave(who("n"));
  room.leave(who("k"));
  CHECK(room.is_large());  // at the limit it does not go to and fro
  room.leave(who("j"));
  CHECK_FALSE(room.is_large());
  CHECK(told(room.take(turn::quick)) == "all: a b c d e f g h i of 9 ");
}

TEST_CASE("room presence: what is shown counts, too: a few who show much make a large room",
          "[actors][presence][units]") {
  room_presence room{"lobby", {.users_max = 100, .bytes_max = 10'000}};
  const std::string much = '"' + std::string(4'000, 'x') + '"';
  for (const auto* each : {"ann", "bob"}) room.enter(who(each, "s", much));
  CHECK_FALSE(room.is_large());
  room.enter(who("carl", "s", much));
  CHECK(told(room.take(turn::quick)) == "all: ann bob of 3 ");
}

TEST_CASE("room presence: a batch with too many changes is told as a whole", "[actors][presence][units]") {
  room_presence room{"lobby", {.users_max = 1'000, .bytes_max = 1u << 20}};
  room.enter(who("ann"));
  room.take(turn::quick);
  for (std::size_t i = 0; i < limits::roster_changes_max; ++i) room.enter(who("u" + std::to_string(i)));
  CHECK(room.take(turn::quick).changes->joined.size() == limits::roster_changes_max);
  for (std::size_t i = 0; i <= limits::roster_changes_max; ++i) room.enter(who("v" + std::to_string(i)));
  auto many = room.take(turn::quick);
  CHECK_FALSE(many.changes);
  CHECK(many.people_for == audience::everybody);
  CHECK(many.people->users.size() == 2 * limits::roster_changes_max + 2);
}

TEST_CASE("room presence: a user with many sessions is listed with some of them", "[actors][presence][units]") {
  room_presence room{"lobby", {}};
  for (int i = 0; i < 200; ++i) room.enter(who("ann", std::to_string(i)));
  CHECK(room.page({}, 10).list.at(0).entries.size() == limits::member_entries_max);
}

TEST_CASE("room presence: whatever happens, a client that applies what it is told knows who is there",
          "[actors][presence][units]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 60u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  room_presence room{"lobby", {.users_max = 1 + random() % 20, .bytes_max = 1u << 20}};
  roster_view old, fresh;
  bool fresh_is_new = true;
  std::map<std::string, membership> here;
  room.enter(who("0"));
  here["0/s"] = who("0");
  for (int step = 0; step < 400; ++step) {
    auto one = who(std::to_string(1 + random() % 24), std::to_string(random() % 2), random() % 3 ? "1" : "2");
    if (here.contains(one.session.value) && random() % 2) {
      room.leave(one);
      here.erase(one.session.value);
    } else {
      room.enter(one);
      here[one.session.value] = one;
    }
    if (random() % 50 == 0) fresh_is_new = true, room.call_roll();
    if (random() % 3) continue;
    auto what = room.take(turn::slow);
    const bool all = what.people_for == audience::everybody;
    if (what.people && (all || old.notices == 0))
      old.hear(params_of(*what.people));
    else if (what.changes)
      old.hear(params_of(*what.changes));
    if (what.people && (all || fresh_is_new))
      fresh.hear(params_of(*what.people)), fresh_is_new = false;
    else if (what.changes && !fresh_is_new)
      fresh.hear(params_of(*what.changes));
    std::map<std::string, std::string> truth;
    for (const auto& each : room.page({}, 1'000).list) truth[each.user] = "here";
    CHECK(old.total == truth.size());
    if (room.is_large()) continue;
    CHECK(old.known.size() == truth.size());
    CHECK(old.line() == fresh.line());
  }
}

// --- with actors

struct roster_fixture : node_fixture {
  client& enter(const std::string& user, std::string_view room = "lobby", const client::settings& how = {}) {
    auto& one = connect(how);
    one.open(user);
    one.join(room);
    return one;
  }
  /// What a client was told of a room since the last look, a line each.
  strings notices(client& of, std::string_view room = "lobby") {
    strings all;
    for (const auto& each : of.take())
      if (each.method == "room.presence" && text(each.body, "room") == room) {
        std::string line;
        for (const auto* list : {"users", "joined", "left", "updated"})
          if (const auto* found = each.body.as_object().if_contains(list)) {
            line += std::string{list} + ' ';
            for (const auto& member : found->as_array()) line += text(member, "user") + ' ';
          }
        all.push_back(line + "of " + std::to_string(number(each.body, "total")));
      }
    return all;
  }
  void pass() { advance(100ms); }
};

TEST_CASE_METHOD(roster_fixture, "room presence: who comes is told who is there, the others that it came",
                 "[actors][presence]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  CHECK(notices(ann).empty());  // not before the batch is complete
  pass();
  CHECK(notices(ann) == strings{"users ann of 1"});
  auto& bob = enter("bob", "lobby", {.codec = codecs::codec_id::native_msgpack, .shard = shards - 1});
  pass();
  CHECK(notices(ann) == strings{"joined bob of 2"});
  CHECK(notices(bob) == strings{"users ann bob of 2"});
  bob.call("room.leave", R"({"room":"lobby"})");
  pass();
  CHECK(notices(ann) == strings{"left bob of 1"});
  CHECK(notices(bob).empty());
  advance(10s);
  CHECK(notices(ann).empty());
  CHECK(figure(R"(greenroom_room_presence_total{kind="whole"})") == 2);
  CHECK(figure(R"(greenroom_room_presence_total{kind="changes"})") == 2);
}

TEST_CASE_METHOD(roster_fixture, "room presence: what one batch gathers is one notice", "[actors][presence]") {
  auto& ann = enter("ann");
  pass();
  notices(ann);
  for (const auto* each : {"bob", "carl", "dora"}) enter(each), advance(20ms);
  auto& eve = enter("eve");
  eve.call("room.leave", R"({"room":"lobby"})");
  pass();
  CHECK(notices(ann) == strings{"joined bob carl dora of 4"});
}

TEST_CASE_METHOD(roster_fixture, "room presence: two sessions of a user are one user with two entries",
                 "[actors][presence]") {
  auto& ann = enter("ann");
  pass();
  notices(ann);
  auto& first = enter("bob");
  first.call("room.join", R"({"room":"lobby","presence":{"n":1}})");
  pass();
  CHECK(notices(ann) == strings{"joined bob of 2"});
  auto& second = connect();
  second.open("bob");
  second.call("room.join", R"({"room":"lobby","presence":{"n":2}})");
  pass();
  auto heard = ann.take();
  REQUIRE(heard.size() == 1);
  CHECK(dump(heard[0].body.at("updated").at(0).at("entries").at(0), "meta") != "-");
  CHECK(heard[0].body.at("updated").at(0).at("entries").as_array().size() == 2);
  second.call("session.close");
  pass();
  CHECK(notices(ann) == strings{"updated bob of 2"});
}

TEST_CASE_METHOD(roster_fixture, "room presence: a lost connection leaves when its window ends, a polite close at once",
                 "[actors][presence]") {
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  auto& carl = enter("carl");
  pass();
  notices(ann);
  bob.wire().break_off();
  carl.call("session.close");
  pass();
  CHECK(notices(ann) == strings{"left carl of 2"});
  advance(119s);
  CHECK(notices(ann).empty());
  advance(2s);
  CHECK(notices(ann) == strings{"left bob of 1"});
}

TEST_CASE_METHOD(roster_fixture, "room presence: a resume is not seen by others, and is told who is there now",
                 "[actors][presence]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  auto& bob = connect();
  auto was = bob.open("bob");
  bob.call("room.join", R"({"room":"lobby","presence":"here"})");
  pass();
  notices(ann);
  bob.wire().break_off();
  settle();
  enter("carl");
  pass();
  CHECK(notices(ann) == strings{"joined carl of 3"});
  auto& back = connect({.shard = shards - 1});
  back.resume(was);
  pass();
  CHECK(notices(ann).empty());
  auto heard = back.take();
  CHECK(heard.front().method == "session.open");
  roster_view view;
  for (const auto& each : heard) view.hear(each, "lobby");
  CHECK(view.line() == roster_line(back.call("room.members", R"({"room":"lobby"})")));
  CHECK(view.total == 3);
}

TEST_CASE_METHOD(roster_fixture, "room presence: a namespace may do without", "[actors][presence]") {
  policy().presence = false;
  auto& ann = enter("ann");
  auto& bob = enter("bob", "feed:prices");
  enter("bob");
  enter("carl", "feed:prices");
  advance(5s);
  CHECK(notices(ann).empty());
  CHECK(notices(bob, "feed:prices").empty());
  CHECK(number(ann.call("room.members", R"({"room":"lobby"})"), "total") == 2);
}

TEST_CASE_METHOD(roster_fixture, "room presence: after a crash of the room or of its directory everybody is told anew",
                 "[actors][presence][crash]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  auto& bob = enter("bob", "lobby", {.shard = shards - 1});
  pass();
  notices(ann);
  notices(bob);
  auto& carl = enter("carl");
  SECTION("the room") {
    store().fail_next<storage::append>();
    ann.refused("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  }
  SECTION("its directory, and nobody calls") {
    for (auto& each : ctx().shards) crash(each.rooms);
  }
  SECTION("its directory with a leave on its way") {
    carl.send("room.leave", R"({"room":"lobby"})");
    auto& dora = enter("dora");
    carl.send("room.leave", R"({"room":"lobby"})");
    for (auto& each : ctx().shards) crash(each.rooms);
    dora.call("session.close");
    settle();
    carl.send("room.join", R"({"room":"lobby"})");
  }
  pass();
  CHECK(notices(ann) == strings{"users ann bob carl of 3"});
  CHECK(notices(bob) == strings{"users ann bob carl of 3"});
}

TEST_CASE_METHOD(roster_fixture, "room presence: a leave that dies with its room's directory is a leave",
                 "[actors][presence][crash]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  pass();
  notices(ann);
  bob.send("room.leave", R"({"room":"lobby"})");
  for (auto some = random() % 6; some-- > 0 && !jobs.jobs.empty();) jobs.run_once();
  crash(ctx().shards[0].rooms);
  settle_randomly(random);
  advance(2s);
  CHECK(roster_line(ann.call("room.members", R"({"room":"lobby"})")).find("bob") == std::string::npos);
  roster_view view;
  for (const auto& each : ann.take()) view.hear(each, "lobby");
  CHECK(view.total == 1);
}

TEST_CASE_METHOD(roster_fixture, "room presence: after a crash of the relay its members are told anew",
                 "[actors][presence][crash]") {
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  pass();
  notices(ann);
  notices(bob);
  enter("carl");
  crash(ctx().shards[0].relay);
  advance(2s);
  roster_view view;
  for (const auto& each : ann.take()) view.hear(each, "lobby");
  CHECK(view.line() == roster_line(bob.call("room.members", R"({"room":"lobby"})")));
  CHECK(view.total == 3);
}

TEST_CASE_METHOD(roster_fixture, "room presence: a session that is killed leaves its rooms, also while it is detached",
                 "[actors][presence][crash]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  auto& bob = enter("bob", "lobby", {.shard = shards - 1});
  pass();
  notices(ann);
  const auto session = bob.peer().session();
  const bool detached = GENERATE(true, false);
  if (detached) bob.wire().break_off(), settle();
  caf::anon_send_exit(session, caf::exit_reason::kill);
  pass();
  CHECK(notices(ann) == strings{"left bob of 1"});
  if (!detached) CHECK(bob.story().back() == "close 1011 internal");
}

TEST_CASE_METHOD(roster_fixture, "room presence: after a crash of the session directory the rooms are empty",
                 "[actors][presence][crash]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  auto& bob = enter("bob", "lobby", {.shard = shards - 1});
  bob.wire().break_off();
  settle();
  crash(ctx().sessions);
  advance(2s);
  CHECK(ann.story().back() == "close 1011 internal");
  CHECK(number(connect().call("room.members", R"({"room":"lobby"})"), "total") == 0);
}

TEST_CASE_METHOD(roster_fixture, "room presence: a session that dies while it moves leaves its rooms, too",
                 "[actors][presence][crash]") {
  shards = 2;
  auto seed = GENERATE(Catch::Generators::range(1u, 100u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect({.shard = seed % 2});
  auto was = ann.open("ann");
  for (const auto* room : {"a", "b", "c"}) ann.join(room);
  auto& back = connect({.shard = 1 - seed % 2});
  back.send("session.open",
            dump(json{{"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}}}}));
  for (auto some = random() % 30; some-- > 0 && !jobs.jobs.empty();) {
    std::rotate(jobs.jobs.begin(), jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size()),
                jobs.jobs.end());
    jobs.run_once();
  }
  crash(ctx().sessions);
  settle_randomly(random);
  advance(2s);
  auto& visitor = connect();
  for (const auto* room : {"a", "b", "c"})
    CHECK(number(visitor.call("room.members", dump(json{{"room", room}})), "total") == 0);
}

TEST_CASE_METHOD(roster_fixture, "room presence: a member whose outbox is full is told later, and stays",
                 "[actors][presence][slow]") {
  auto& ann =
      enter("ann", "lobby",
            {.outbox = {.bytes_max = 4'096, .frames_max = 20, .reply_bytes_max = 65'536, .reply_frames_max = 100}});
  pass();
  notices(ann);
  ann.wire().stop_reading();
  for (int i = 0; i < 30; ++i) enter("user-" + std::to_string(i)), pass();
  CHECK_FALSE(ann.wire().over());
  CHECK(figure(R"(greenroom_dropped_messages_total{reason="presence"})") == 1);
  ann.wire().read_again();
  advance(1s);
  roster_view view;
  for (const auto& each : ann.take()) view.hear(each, "lobby");
  CHECK(view.line() == roster_line(ann.call("room.members", R"({"room":"lobby"})")));
  CHECK(view.total == 31);
}

TEST_CASE_METHOD(roster_fixture,
                 "room presence: 5,000 joins within a second are some 10,000 notices and not 25 million",
                 "[actors][presence]") {
  constexpr int crowd = 5'000;
  std::vector<client*> all;
  for (int i = 0; i < crowd; ++i) {
    all.push_back(&connect());
    all.back()->send("room.join", R"({"room":"lobby"})");
    if (i % 50 == 49) advance(10ms);
  }
  advance(2s);
  std::uint64_t notices = 0, bytes = 0;
  for (auto* each : all) {
    roster_view view;
    for (const auto& what : each->take()) {
      view.hear(what, "lobby");
      if (what.method == "room.presence") bytes += dump(what.body).size();
    }
    CHECK(view.total == crowd);
    CHECK(view.known.size() == limits::roster_page);
    notices += view.notices;
  }
  INFO(notices << " notices, " << bytes << " bytes");
  CHECK(notices < 6 * crowd);
  advance(1min);
  for (auto* each : all) CHECK(each->take().empty());
}

}  // namespace greenroom::tests
