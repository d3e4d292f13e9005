// A client that reads slower than its rooms write: what each policy does, and that nobody else notices.
#include "storage/store.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

struct slow_fixture : node_fixture {
  static constexpr runtime::outbox_bounds small{
      .bytes_max = 4'096, .frames_max = 20, .reply_bytes_max = 65'536, .reply_frames_max = 100};

  /// A member of "lobby" that has stopped reading, and one that reads.
  void fill(runtime::slow_policy how) {
    policy().slow_members = how;
    policy().history_count = 1'000;
    fast = &connect();
    slow = &connect({.outbox = small});
    fast->join("lobby");
    slow->join("lobby");
    slow->story();
    slow->wire().stop_reading();
  }
  void publish(int count, std::string_view event = "say", std::string_view room = "lobby") {
    for (int i = 0; i < count; ++i) {
      fast->call("room.publish", dump(json{{"room", room}, {"event", event}, {"payload", i}}));
    }
  }

  client* fast = nullptr;
  client* slow = nullptr;
};

TEST_CASE_METHOD(slow_fixture, "slow member: `disconnect` closes 1013, drops what waited, and the others go on",
                 "[actors][slow]") {
  fill(runtime::slow_policy::disconnect);
  publish(100);
  CHECK(slow->wire().over());
  REQUIRE(slow->wire().how());
  CHECK(slow->wire().how()->code == 1013);
  CHECK(slow->wire().how()->reason == "slow_consumer");
  CHECK(slow->story().empty());
  CHECK(fast->seqs("lobby") == range(1, 100));
}

TEST_CASE_METHOD(slow_fixture, "slow member: one closed for it resumes and has missed nothing", "[actors][slow]") {
  policy().history_count = 1'000;
  fast = &connect();
  slow = &connect({.outbox = small});
  auto was = slow->open("slow");
  slow->join("lobby");
  slow->wire().stop_reading();
  publish(100);
  CHECK(slow->wire().over());
  auto& back = connect();
  back.resume(was);
  CHECK(back.seqs("lobby") == range(1, 100));
}

TEST_CASE_METHOD(slow_fixture, "slow member: `spill` catches up from the log, without loss or repeat",
                 "[actors][slow]") {
  fill(runtime::slow_policy::spill);
  publish(100);
  CHECK_FALSE(slow->wire().over());
  CHECK(slow->wire().out().bytes() <= small.bytes_max);
  slow->wire().read_again();
  settle();
  CHECK(slow->seqs("lobby") == range(1, 100));
  publish(3);  // and it is live again
  CHECK(slow->seqs("lobby") == range(101, 103));
}

TEST_CASE_METHOD(slow_fixture, "slow member: one that reads drop by drop is fed in order while the room goes on",
                 "[actors][slow]") {
  fill(runtime::slow_policy::spill);
  numbers got;
  auto read = [&] {
    for (auto seq : slow->seqs("lobby")) got.push_back(seq);
  };
  for (int i = 0; i < 200; ++i) {
    publish(1);
    slow->wire().read_again();
    slow->wire().flush(37);
    slow->wire().stop_reading();
    settle();
    read();
  }
  slow->wire().read_again();
  settle();
  read();
  CHECK(got == range(1, 200));
}

TEST_CASE_METHOD(slow_fixture, "slow member: a member that catches up is never counted as slow", "[actors][slow]") {
  policy().slow_members = runtime::slow_policy::disconnect;
  policy().history_count = 1'000;
  fast = &connect();
  slow = &connect({.outbox = small});
  auto was = slow->open("slow");
  slow->join("lobby");
  slow->wire().break_off();
  settle();
  publish(500);
  auto& back = connect({.outbox = small});
  back.wire().stop_reading();
  back.send(
      "session.open",
      dump(json{{"resume",
                 {{"session", was.at("session")}, {"token", was.at("resume_token")}, {"positions", {{"lobby", 0}}}}}}));
  settle();
  publish(100);
  CHECK_FALSE(back.wire().over());
  back.wire().read_again();
  settle();
  CHECK(back.seqs("lobby") == range(1, 600));
}

TEST_CASE_METHOD(slow_fixture, "slow member: what the log has lost while it caught up is said, not skipped",
                 "[actors][slow]") {
  fill(runtime::slow_policy::spill);
  publish(20);
  store().commit(storage::append{.log = "lobby",
                                 .body = std::make_shared<const std::string>("?"),
                                 .at_ms = ctx().now_ms(),
                                 .keep = {.count = 5, .bytes = 0, .age_ms = 0},
                                 .once = {},
                                 .snapshot = nullptr});  // the same log, kept shorter; damaged, too
  publish(30);
  slow->wire().read_again();
  settle();
  std::uint64_t at = 0;
  for (const auto& each : slow->take()) {
    if (each.method == "room.notice") {
      CHECK(text(each.body, "code") == "dropped");
      CHECK(number(each.body, "from") == at + 1);
      at = number(each.body, "to");
    } else if (each.method == "room.message") {
      CHECK(number(each.body, "seq") == ++at);
    }
  }
  CHECK(at == 51);
}

TEST_CASE_METHOD(slow_fixture, "slow member: `latest` keeps the newest, and a notice names what gave way",
                 "[actors][slow]") {
  fill(runtime::slow_policy::latest);
  publish(100, "price");
  CHECK_FALSE(slow->wire().over());
  slow->wire().read_again();
  settle();
  std::uint64_t at = 0;
  auto story = slow->take();
  bool noticed = false;
  for (const auto& each : story) {
    if (each.method == "room.notice") {
      noticed = true;
      CHECK(text(each.body, "code") == "dropped");
      CHECK(number(each.body, "from") == at + 1);
      at = number(each.body, "to");
    } else {
      REQUIRE(each.method == "room.message");
      CHECK(number(each.body, "seq") == ++at);
    }
  }
  CHECK(noticed);
  CHECK(at == 100);
  const auto dropped = slow->wire().stats().dropped_latest;
  CHECK(dropped > 0);
  CHECK(figure(R"(greenroom_dropped_messages_total{reason="latest"})") == static_cast<double>(dropped));
  CHECK(fast->seqs("lobby") == range(1, 100));
}

TEST_CASE_METHOD(slow_fixture, "slow member: replies are never dropped and keep their order", "[actors][slow]") {
  fill(runtime::slow_policy::latest);
  std::vector<std::uint64_t> asked, answered;
  for (int i = 0; i < 30; ++i) {
    publish(5, "price");
    asked.push_back(slow->send("room.members", R"({"room":"lobby"})"));
    settle();
  }
  slow->wire().read_again();
  settle();
  for (const auto& each : slow->take())
    if (each.answer()) answered.push_back(*each.id);
  CHECK(answered == asked);
}

TEST_CASE_METHOD(slow_fixture, "slow member: over the bound of its replies the connection closes 1013",
                 "[actors][slow]") {
  slow = &connect({.outbox = small});
  slow->open("slow");
  slow->wire().stop_reading();
  for (int i = 0; i < 150; ++i) slow->send("room.members", R"({"room":"lobby"})");
  settle();
  REQUIRE(slow->wire().how());
  CHECK(slow->wire().how()->code == 1013);
}

TEST_CASE_METHOD(slow_fixture, "slow member: the policy touches only the frames of its own room", "[actors][slow]") {
  fill(runtime::slow_policy::spill);
  slow->wire().read_again();
  slow->join("feed:ticks");
  slow->story();
  slow->wire().stop_reading();
  publish(5);
  publish(100, "tick", "feed:ticks");
  slow->wire().read_again();
  settle();
  auto all = slow->take();
  numbers lobby;
  for (const auto& each : all)
    if (each.method == "room.message" && text(each.body, "room") == "lobby") lobby.push_back(number(each.body, "seq"));
  CHECK(lobby == range(1, 5));
}

}  // namespace greenroom::tests
