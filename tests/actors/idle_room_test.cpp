// Rooms that nobody uses leave memory and come back with the next message, as if nothing had happened.
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {

TEST_CASE_METHOD(node_fixture, "idle room: leaves memory after its time, and comes back where it stood",
                 "[actors][idle]") {
  auto& ann = connect();
  auto first = ann.publish("lobby", "one");
  CHECK(ctx().meters.rooms == 1);
  advance(3min);
  CHECK(ctx().meters.rooms == 0);
  auto second = ann.publish("lobby", "two");
  CHECK(number(second, "seq") == 2);
  CHECK(text(second, "epoch") == text(first, "epoch"));
}

TEST_CASE_METHOD(node_fixture, "idle room: one that has members stays, also when they are away", "[actors][idle]") {
  auto& ann = connect();
  ann.open("ann");
  ann.join("lobby");
  advance(10min);
  CHECK(ctx().meters.rooms == 1);
  ann.wire().break_off();
  advance(1min);
  CHECK(ctx().meters.rooms == 1);
  advance(5min);  // the session's window is over, then the room's time
  CHECK(ctx().meters.rooms == 0);
}

TEST_CASE_METHOD(node_fixture, "idle room: messages that race with its leaving are kept, in their order",
                 "[actors][idle]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 80u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect();
  auto& bob = connect();
  ann.open("ann");
  bob.open("bob");
  ann.publish("lobby", "one");
  ann.story();
  bob.story();
  jobs.advance_time(90s);  // its look around is due
  for (int i = 0; i < 6; ++i) {
    ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
    if (i == 2) bob.send("room.join", R"({"room":"lobby"})");
    for (auto steps = random() % 9; steps-- > 0 && !jobs.jobs.empty();) {  // some of it happens in between
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }
  settle_randomly(random);
  numbers acks;
  for (const auto& each : ann.take()) acks.push_back(number(each.body, "seq"));
  CHECK(acks == range(2, 7));
  auto got = bob.take();
  auto at = number(got.at(0).body, "seq");
  for (std::size_t i = 1; i < got.size(); ++i) CHECK(number(got[i].body, "seq") == ++at);
  CHECK(at == 7);
  bob.call("room.leave", R"({"room":"lobby"})");
  advance(5min);
  CHECK(ctx().meters.rooms == 0);  // having stayed once, it leaves the next time
}

TEST_CASE_METHOD(node_fixture, "idle room: a resume that races with its leaving finds the room", "[actors][idle]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect();
  auto& bob = connect();
  auto was = ann.open("ann");
  auto epoch = text(bob.publish("lobby", "one"), "epoch");
  ann.wire().break_off();
  settle();
  jobs.advance_time(90s);
  auto& back = connect();
  back.send("session.open", dump(json{{"resume",
                                       {{"session", was.at("session")},
                                        {"token", was.at("resume_token")},
                                        {"positions", {{"lobby", {{"epoch", epoch}, {"seq", 0}}}}}}}}));
  settle_randomly(random);
  CHECK(back.story() == strings{"session.open ok", R"(lobby 1 "one")"});
}

TEST_CASE_METHOD(durable_fixture, "idle room: a durable one rests and comes back unseen", "[actors][idle][durable]") {
  auto& ann = user("ann");
  const auto first = ann.publish(x, "one");
  CHECK(ctx().meters.rooms == 1);
  advance(3min);
  CHECK(ctx().meters.rooms == 0);
  CHECK(history(ann, x).at("messages").as_array().size() == 1);
  advance(3min);
  CHECK(ctx().meters.rooms == 0);
  const auto second = ann.publish(x, "two");
  CHECK(number(second, "seq") == 2);
  CHECK(text(second, "epoch") == text(first, "epoch"));
}

TEST_CASE_METHOD(durable_fixture, "idle room: a durable one does not rest while a commit or a join is pending",
                 "[actors][idle][durable]") {
  auto& ann = user("ann");
  ann.publish(x, "one");
  ann.story();
  SECTION("a commit") { ann.send("room.publish", saying(x, "two")); }
  SECTION("a join") { ann.send("room.join", dump(json{{"room", x}})); }
  settle_without_disk();
  for (int i = 0; i < 10; ++i) {
    jobs.advance_time(1min);
    settle_without_disk();
  }
  CHECK(ctx().meters.rooms == 1);
  CHECK(ann.story().empty());
  settle();
  CHECK(ann.story().size() == 1);
}

TEST_CASE_METHOD(durable_fixture, "idle room: messages that race with a durable one's leaving keep their order",
                 "[actors][idle][durable]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 61u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = user("ann");
  auto& bob = user("bob");
  ann.publish(x, "one");
  ann.story();
  jobs.advance_time(90s);  // its look around is due
  for (int i = 0; i < 6; ++i) {
    ann.send("room.publish", saying(x, "hi"));
    if (i == 2) bob.send("room.join", dump(json{{"room", x}}));
    for (auto steps = random() % 12; steps-- > 0 && !jobs.jobs.empty();) jobs.run_once();
  }
  settle_randomly(random);
  numbers acks;
  for (const auto& each : ann.take()) acks.push_back(number(each.body, "seq"));
  CHECK(acks == range(2, 7));
  auto got = bob.take();
  auto at = number(got.at(0).body, "seq");
  for (std::size_t i = 1; i < got.size(); ++i)
    if (got[i].method == "room.message") CHECK(number(got[i].body, "seq") == ++at);
  CHECK(at == 7);
}

}  // namespace greenroom::tests
