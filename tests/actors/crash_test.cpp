// Every actor crashes once, in the worst moment: what was acknowledged stays, and nobody else notices.
#include "actors/connection.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

struct crash_fixture : node_fixture {
  crash_fixture() { policy().history_count = 1'000; }

  void members() {
    for (auto* each : {&ann, &bob}) *each = &connect({.shard = each == &bob ? shards - 1 : 0});
    was = ann->open("ann");
    bob->open("bob");
    epoch = text(ann->join("lobby"), "epoch");
    bob->join("lobby");
    ann->publish("lobby", "before");
    ann->story();
    bob->story();
  }
  void burst(client& from, int count) {
    for (int i = 0; i < count; ++i) from.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  }

  client* ann = nullptr;
  client* bob = nullptr;
  json was;
  std::string epoch;
};

TEST_CASE_METHOD(crash_fixture, "crash: of a room costs the call that caused it -32603, and nothing else",
                 "[actors][crash]") {
  shards = GENERATE(1u, 2u);
  members();
  store().fail_next<storage::append>();
  CHECK(ann->refused("room.publish", R"({"room":"lobby","event":"say","payload":"poison"})").code ==
        error_code::internal);
  auto ack = ann->publish("lobby", "after");
  CHECK(number(ack, "seq") == 2);
  CHECK(text(ack, "epoch") == epoch);
  CHECK(bob->story() == strings{R"(lobby 2 "after")"});
  CHECK(number(bob->call("room.members", R"({"room":"lobby"})"), "total") == 2);
}

TEST_CASE_METHOD(crash_fixture, "crash: of a room in the middle of a turn loses nothing that it had stored",
                 "[actors][crash]") {
  shards = GENERATE(1u, 2u);
  members();
  int left = 5;
  store().before_commit = [&left](const storage::operation& what) {
    if (std::holds_alternative<storage::append>(what) && --left == 0) throw std::runtime_error{"the sixth"};
  };
  burst(*ann, 9);
  settle();
  auto story = ann->take();
  std::size_t unknown = 0;
  numbers acked, seen;
  for (const auto& each : story) {
    if (each.failure) ++unknown;
    if (each.failure) CHECK(each.failure->code == error_code::internal);
    if (each.answer() && !each.failure) acked.push_back(number(each.body, "seq"));
    if (each.method == "room.message" && !each.answer()) seen.push_back(number(each.body, "seq"));
  }
  CHECK(unknown >= 1);
  CHECK(acked.size() + unknown == 9);
  CHECK(seen == range(2, 9));  // one of nine was not stored
  CHECK(bob->seqs("lobby") == range(2, 9));
}

TEST_CASE_METHOD(crash_fixture, "crash: what came for a room while it was down waits, in its order",
                 "[actors][crash]") {
  members();
  store().fail_next<storage::append>();
  burst(*ann, 1);
  burst(*bob, 20);
  auto late = connect().send("room.join", R"({"room":"lobby"})");
  CHECK(late == 1);
  settle();
  CHECK(bob->seqs("lobby").size() == 20);
  CHECK(ann->seqs("lobby") == range(2, 21));
  CHECK(number(bob->call("room.members", R"({"room":"lobby"})"), "total") == 3);
}

TEST_CASE_METHOD(crash_fixture, "crash: of a room that fails again and again closes it, and members are told",
                 "[actors][crash]") {
  members();
  store().fail_next<storage::append>(6);
  for (int i = 0; i < 6; ++i) ann->send("room.publish", R"({"room":"lobby","event":"say","payload":1})"), settle();
  auto story = bob->story();
  CHECK(story == strings{"lobby closed"});
  ann->story();
  CHECK(number(ann->join("lobby"), "members") == 1);  // it may be opened again
  ann->publish("lobby", "again");
  CHECK(ann->seqs("lobby") == numbers{2});
  CHECK(bob->story().empty());
}

TEST_CASE_METHOD(crash_fixture, "crash: of a room directory keeps members, epoch and order", "[actors][crash]") {
  shards = GENERATE(1u, 2u);
  members();
  for (auto& each : ctx().shards) crash(each.rooms);
  burst(*bob, 3);
  settle();
  auto ack = ann->publish("lobby", "after");
  CHECK(text(ack, "epoch") == epoch);
  CHECK(number(bob->call("room.members", R"({"room":"lobby"})"), "total") == 2);
  auto seqs = ann->seqs("lobby");
  CHECK(seqs == range(2, number(ack, "seq")));
  CHECK(bob->seqs("lobby") == seqs);
}

TEST_CASE_METHOD(crash_fixture, "crash: of a relay: its sessions register again, and their members miss nothing",
                 "[actors][crash]") {
  shards = GENERATE(1u, 2u);
  members();
  auto seed = GENERATE(Catch::Generators::range(1u, 25u));
  INFO("seed " << seed << ", shards " << shards);
  std::mt19937 random{seed};
  burst(*ann, 5);
  for (auto& each : ctx().shards) crash(each.relay);
  burst(*bob, 5);
  settle_randomly(random);
  burst(*ann, 5);
  settle_randomly(random);
  CHECK(ann->seqs("lobby") == range(2, 16));
  CHECK(bob->seqs("lobby") == range(2, 16));
}

TEST_CASE_METHOD(crash_fixture, "crash: of a relay and the rooms at once: the room waits until its members are known",
                 "[actors][crash]") {
  shards = GENERATE(1u, 2u);
  members();
  auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed << ", shards " << shards);
  std::mt19937 random{seed};
  for (auto& each : ctx().shards) {
    crash(each.rooms);
    crash(each.relay);
  }
  auto& carl = connect();
  carl.open("carl");  // settles: both are back
  for (auto& each : ctx().shards) {
    crash(each.relay);
    crash(each.rooms);
  }
  carl.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  settle_randomly(random);
  auto ack = carl.publish("lobby", "last");
  CHECK(number(carl.call("room.members", R"({"room":"lobby"})"), "total") == 2);
  CHECK(ann->seqs("lobby") == range(2, number(ack, "seq")));
  CHECK(bob->seqs("lobby") == range(2, number(ack, "seq")));
}

TEST_CASE_METHOD(crash_fixture, "crash: of a relay while it feeds from the log repeats nothing", "[actors][crash]") {
  members();
  ann->wire().break_off();
  settle();
  burst(*bob, 600);  // more than a page
  settle();
  int reads = 2;
  store().before_read = [&reads](std::string_view) {
    if (--reads == 0) throw std::runtime_error{"the second page"};
  };
  auto& back = connect();
  back.resume(was, R"({"lobby":1})");
  CHECK(reads <= 0);
  CHECK(back.seqs("lobby") == range(2, 601));
}

TEST_CASE_METHOD(crash_fixture, "crash: of a relay between a resume's hold and its answer leaves nobody held",
                 "[actors][crash]") {
  members();
  ann->wire().break_off();
  settle();
  burst(*bob, 3);
  settle();
  auto seed = GENERATE(Catch::Generators::range(1u, 60u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& back = connect();
  back.send(
      "session.open",
      dump(json{{"resume",
                 {{"session", was.at("session")}, {"token", was.at("resume_token")}, {"positions", {{"lobby", 1}}}}}}));
  crash(ctx().shards[0].relay);
  settle_randomly(random);
  auto story = back.take();
  CHECK(story.at(0).method == "session.open");  // nothing of a room before it
  numbers seqs;
  for (const auto& each : story)
    if (each.method == "room.message") seqs.push_back(number(each.body, "seq"));
  CHECK(seqs == numbers{2, 3, 4});
}

TEST_CASE_METHOD(crash_fixture, "crash: of a session keeps its connection, its rooms and its inbox",
                 "[actors][crash]") {
  members();
  fail(ann->peer().session());
  settle();
  CHECK_FALSE(ann->wire().over());
  bob->publish("lobby", "after");
  bob->call("user.send", R"({"to":"ann","event":"say","payload":"hi"})");
  CHECK(ann->story() == strings{R"(lobby 2 "after")", R"(inbox 1 "hi")"});
  CHECK(dump(connect().resume(was), "resumed") == "true");
}

TEST_CASE_METHOD(crash_fixture, "crash: of a session that opens does not keep its client waiting", "[actors][crash]") {
  members();
  SECTION("a fresh one") {
    auto& carl = connect();
    carl.send("session.open", R"({"user":"carl"})");
    fail_next("session");
    settle();
    CHECK(carl.story() == strings{"session.open ok"});
    carl.join("lobby");
  }
  SECTION("a resumed one comes back with its rooms") {
    ann->wire().break_off();
    settle();
    bob->publish("lobby", "missed");
    auto& back = connect();
    back.send("session.open", R"({"resume":{"session":")" + text(was, "session") + R"(","token":")" +
                                  text(was, "resume_token") + R"(","positions":{"lobby":1}}})");
    fail_next("session");
    settle();
    CHECK(back.story() == strings{"session.open ok", R"(lobby 2 "missed")"});
    bob->publish("lobby", "live");
    CHECK(back.seqs("lobby") == numbers{3});
  }
}

TEST_CASE_METHOD(crash_fixture, "crash: of a detached session keeps its deadline", "[actors][crash]") {
  members();
  const auto session = ann->peer().session();
  ann->wire().break_off();
  settle();
  advance(60s);
  fail(session);
  advance(61s);
  CHECK(number(bob->call("room.members", R"({"room":"lobby"})"), "total") == 1);
  CHECK(ctx().meters.detached_sessions == 0);
  CHECK(disk().counters().sessions == 1);
}

TEST_CASE_METHOD(crash_fixture, "crash: of a connection costs only its client, who resumes", "[actors][crash]") {
  members();
  caf::anon_send_exit(ann->peer().connection(), caf::exit_reason::kill);
  settle();
  CHECK(ann->story() == strings{"close 1011 internal"});
  CHECK(ctx().meters.connections == 1);
  bob->publish("lobby", "missed");
  CHECK(bob->seqs("lobby") == numbers{2});
  auto& back = connect();
  CHECK(dump(back.resume(was, R"({"lobby":1})"), "resumed") == "true");
  CHECK(back.seqs("lobby") == numbers{2});
}

TEST_CASE_METHOD(crash_fixture, "crash: of a session again and again closes its connection 1011, and only that",
                 "[actors][crash]") {
  members();
  for (int i = 0; i < 6; ++i) {
    fail(ann->peer().session());
    settle();
  }
  CHECK(ann->story() == strings{"close 1011 internal"});
  CHECK(ctx().meters.sessions == 1);
  bob->publish("lobby", "after");
  CHECK(bob->seqs("lobby") == numbers{2});
  CHECK(number(bob->call("room.members", R"({"room":"lobby"})"), "total") == 1);
}

}  // namespace greenroom::tests
