// Joins of durable rooms: what the disk has, then what is live; the membership is stored before anybody is told.
#include <algorithm>

#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

namespace {

/// Everything of the room that this answer of a join and what followed it have brought.
struct joiner {
  std::optional<json> answer;
  numbers seqs;
  void hear(client& who) {
    for (const auto& each : who.take()) {
      if (each.method == "room.join" && !each.failure) {
        answer = each.body;
        if (const auto* missed = answer->as_object().if_contains("missed"))
          for (const auto& one : missed->as_array()) seqs.push_back(number(one, "seq"));
      }
      if (each.method == "room.message") seqs.push_back(number(each.body, "seq"));
    }
  }
};

}  // namespace

TEST_CASE_METHOD(durable_fixture,
                 "durable join: with a position it brings the whole gap and then what follows, while others publish",
                 "[actors][durable]") {
  shards = GENERATE(1u, 2u);
  const auto seed = GENERATE(Catch::Generators::range(1u, 81u));
  INFO("seed " << seed << ", shards " << shards);
  std::mt19937 random{seed};
  auto& ann = user("ann");
  std::string epoch;
  for (int i = 0; i < 5; ++i) epoch = text(ann.publish(x, "old"), "epoch");
  auto& bob = connect({.shard = shards - 1});
  bob.open("bob");
  bob.story();
  const auto from = random() % 6;
  const auto some_steps = [&] {
    for (auto steps = random() % 25; steps-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  };
  for (std::uint32_t i = 0; i < 20; ++i) {
    ann.send("room.publish", saying(x, "new"));
    some_steps();
    if (i == 8) bob.send("room.join", since(x, epoch, from));
    some_steps();
  }
  settle_randomly(random);
  joiner got;
  got.hear(bob);
  REQUIRE(got.answer);
  CHECK(dump(*got.answer, "recovered") == "true");
  CHECK(got.seqs == range(from + 1, 25));
}

TEST_CASE_METHOD(durable_fixture,
                 "durable join: without a position it hears where the room stands, and all that follows",
                 "[actors][durable]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 41u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = user("ann");
  auto& bob = user("bob");
  for (int i = 0; i < 10; ++i) {
    ann.send("room.publish", saying(x, "hi"));
    if (i == 4) bob.send("room.join", dump(json{{"room", x}}));
    for (auto steps = random() % 20; steps-- > 0 && !jobs.jobs.empty();) jobs.run_once();
  }
  settle_randomly(random);
  joiner got;
  got.hear(bob);
  REQUIRE(got.answer);
  CHECK(got.seqs == range(number(*got.answer, "seq") + 1, 10));
}

TEST_CASE_METHOD(durable_fixture, "durable join: all or nothing, with the reason", "[actors][durable]") {
  policy("durable").history_count = 2'000;
  auto& ann = user("ann");
  auto& bob = user("bob");
  const auto publish = [&](int times, const std::string& what = "hi") {
    for (int i = 0; i < times; ++i) ann.notify("room.publish", saying(x, what));
    settle();
    return text(history(bob, x), "epoch");
  };
  const auto refused = [&](const std::string& how, std::string_view reason) {
    const auto joined = bob.call("room.join", how);
    CHECK(dump(joined, "recovered") == "false");
    CHECK(dump(joined, "missed") == "-");
    CHECK(text(joined, "reason") == reason);
  };
  const auto missed = [&](const std::string& how) { return bob.call("room.join", how).at("missed").as_array().size(); };
  SECTION("too far: over 1,000 messages") {
    const auto epoch = publish(1'002);
    refused(since(x, epoch, 1), "too_far");
    CHECK(missed(since(x, epoch, 2)) == 1'000);
  }
  SECTION("too far: over 1 MiB") {
    const auto epoch = publish(40, std::string(30'000, 'x'));
    refused(since(x, epoch, 0), "too_far");
    CHECK(missed(since(x, epoch, 10)) == 30);
  }
  SECTION("expired: older than the first that is kept") {
    policy("durable").history_count = 5;  // the policy of a node is read when it starts
    restart();
    auto& carl = user("carl");
    for (int i = 0; i < 10; ++i) carl.publish(x, "hi");
    const auto epoch = text(history(carl, x), "epoch");
    CHECK(text(carl.call("room.join", since(x, epoch, 4)), "reason") == "expired");
    CHECK(carl.call("room.join", since(x, epoch, 5)).at("missed").as_array().size() == 5);
  }
  SECTION("epoch changed: another epoch, or a position that was never given") {
    const auto epoch = publish(3);
    refused(since(x, "elsewhere", 1), "epoch_changed");
    refused(since(x, epoch, 4), "epoch_changed");
  }
}

TEST_CASE_METHOD(durable_fixture, "durable join: is stored before it is answered: a restart right then brings it back",
                 "[actors][durable][restart]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 61u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  json session;
  auto& ann = user("ann");
  auto& bob = user("bob", &session);
  for (int i = 0; i < 3; ++i) ann.publish(x, "old");
  bob.send("room.join", dump(json{{"room", x}}));
  std::optional<json> joined;
  while (!joined && !jobs.jobs.empty()) {
    if (random() % 8 == 0) bob.send("presence.set", R"({"status":"busy"})");  // its session is stored meanwhile
    auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());
    std::rotate(jobs.jobs.begin(), job, job + 1);
    jobs.run_once();
    bob.wire().flush();
    for (const auto& each : bob.take())
      if (each.method == "room.join") joined = each.body;
  }
  REQUIRE(joined);
  restart();
  auto& carl = user("carl");
  carl.publish(x, "missed");
  auto& back = connect();
  const auto resumed = back.resume(session);
  CHECK(dump(resumed, "resumed") == "true");
  REQUIRE(resumed.at("rooms").as_array().size() == 1);
  CHECK(dump(resumed.at("rooms").at(0), "recovered") == "true");
  CHECK(back.seqs(x) == numbers{4});
  carl.publish(x, "live");
  CHECK(back.seqs(x) == numbers{5});
}

TEST_CASE_METHOD(durable_fixture, "durable join: while the disk is full it is refused and leaves no member",
                 "[actors][durable]") {
  json session;
  auto& ann = member("ann");
  auto& bob = user("bob", &session);
  disk().now = storage::condition::full;
  CHECK(bob.refused("room.join", dump(json{{"room", x}})).code == error_code::unavailable);
  CHECK(bob.refused("room.join", dump(json{{"room", y}})).code == error_code::unavailable);  // nobody has opened it
  CHECK(total(ann, x) == 1);
  CHECK(history(ann, x).at("messages").as_array().empty());  // reads go on
  disk().now = storage::condition::good;
  advance(1s);
  CHECK(disk().session(text(session, "session"))->rooms.empty());
  ann.publish(x, "hi");
  CHECK(bob.seqs(x).empty());
  bob.join(x);
  bob.join(y);
  CHECK(total(ann, x) == 2);
}

TEST_CASE_METHOD(durable_fixture, "durable join: a leave that comes while it waits for the disk comes after it",
                 "[actors][durable]") {
  json session;
  auto& ann = member("ann");
  auto& bob = user("bob", &session);
  bob.send("room.join", dump(json{{"room", x}}));
  settle_without_disk();
  bob.send("room.leave", dump(json{{"room", x}}));
  settle_without_disk();
  CHECK(bob.story().empty());
  settle();
  CHECK(bob.story() == strings{"room.join ok", "room.leave ok"});
  CHECK(total(ann, x) == 1);
  ann.publish(x, "hi");
  CHECK(bob.story().empty());
  advance(2s);
  CHECK(disk().session(text(session, "session"))->rooms.empty());
}

TEST_CASE_METHOD(durable_fixture, "durable join: a second one that comes while the first waits takes its place",
                 "[actors][durable]") {
  auto& ann = member("ann");
  auto& bob = user("bob");
  bob.send("room.join", dump(json{{"room", x}}));
  settle_without_disk();
  bob.send("room.join", dump(json{{"room", x}, {"presence", {{"mood", "new"}}}}));
  settle_without_disk();
  ann.send("room.publish", saying(x, "between"));
  settle();
  auto story = bob.take();
  std::erase_if(story, [](const client::heard& each) { return each.method == "room.presence"; });
  REQUIRE(story.size() >= 2);
  CHECK(story[0].method == "room.join");
  numbers seqs;
  std::uint64_t joins = 0;
  for (const auto& each : story) {
    joins += each.method == "room.join" && !each.failure;
    if (each.method == "room.message") seqs.push_back(number(each.body, "seq"));
  }
  CHECK(joins == 2);
  CHECK(seqs.size() <= 1);
  CHECK(total(ann, x) == 2);
  ann.publish(x, "hi");
  CHECK(bob.seqs(x) == numbers{2});  // once
}

TEST_CASE_METHOD(durable_fixture, "durable join: of a session that ends meanwhile leaves no zombie",
                 "[actors][durable]") {
  json session;
  auto& ann = member("ann");
  auto& bob = user("bob", &session);
  bob.send("room.join", dump(json{{"room", x}}));
  SECTION("it says goodbye") {
    settle_without_disk();
    bob.send("session.close");
  }
  SECTION("at random") {
    const auto seed = GENERATE(Catch::Generators::range(1u, 41u));
    INFO("seed " << seed);
    std::mt19937 random{seed};
    for (auto steps = random() % 12; steps-- > 0 && !jobs.jobs.empty();) jobs.run_once();
    bob.send("session.close");
    settle_randomly(random);
  }
  settle();
  CHECK(total(ann, x) == 1);
  CHECK_FALSE(disk().session(text(session, "session")));
  CHECK(ctx().meters.sessions == 1);
  ann.publish(x, "hi");
  CHECK(bob.seqs(x).empty());
}

TEST_CASE_METHOD(durable_fixture,
                 "durable join: that its room's crash interrupts may be asked again, and leaves one member",
                 "[actors][durable][crash]") {
  auto& ann = member("ann");
  auto& bob = user("bob");
  bob.send("room.join", dump(json{{"room", x}}));
  settle_without_disk();
  crash(ctx().shards[0].rooms);
  settle();
  const auto story = bob.take();
  REQUIRE(story.size() == 1);
  CHECK((!story[0].failure || story[0].failure->code == error_code::internal));
  bob.join(x);
  CHECK(total(ann, x) == 2);
  bob.story();
  ann.publish(x, "hi");
  CHECK(bob.seqs(x) == numbers{1});
}

// --- what the disk does not give back

TEST_CASE_METHOD(durable_fixture, "durable room: a damaged message is a gap that everybody sees", "[actors][durable]") {
  json session;
  auto& ann = user("ann");
  auto& bob = member("bob", &session);
  bob.wire().break_off();
  settle();
  for (int i = 0; i < 3; ++i) ann.publish(x, "hi");
  disk().damaged = [](std::string_view, std::uint64_t seq) { return seq == 2; };
  SECTION("who catches up gets a notice") {
    auto& back = connect();
    back.resume(session);
    CHECK(back.story() ==
          strings{"session.open ok", R"(durable:x 1 "hi")", "durable:x dropped 2..2", R"(durable:x 3 "hi")"});
    ann.publish(x, "live");
    CHECK(back.seqs(x) == numbers{4});
  }
  SECTION("who joins with a position is told that not everything is there") {
    auto& carl = user("carl");
    const auto joined = carl.call("room.join", since(x, text(history(ann, x), "epoch"), 0));
    CHECK(dump(joined, "recovered") == "false");
    CHECK(dump(joined, "missed") == "-");
    carl.story();
    ann.publish(x, "live");
    CHECK(carl.seqs(x) == numbers{4});
  }
  SECTION("history leaves it out") {
    const auto page = history(ann, x);
    CHECK(number(page, "last") == 3);
    REQUIRE(page.at("messages").as_array().size() == 2);
    CHECK(number(page.at("messages").at(1), "seq") == 3);
  }
}

TEST_CASE_METHOD(durable_fixture, "durable room: its history is read from the disk in pages", "[actors][durable]") {
  auto& ann = user("ann");
  for (int i = 0; i < 30; ++i) ann.send("room.publish", saying(x, "hi"));
  settle();
  restart();
  auto& bob = user("bob");
  const auto seqs = [&](const std::string& bounds) {
    numbers all;
    const auto page = bob.call("room.history", R"({"room":"durable:x")" + bounds + "}");
    for (const auto& each : page.at("messages").as_array()) all.push_back(number(each, "seq"));
    return all;
  };
  CHECK(seqs("") == range(1, 30));
  CHECK(seqs(R"(,"limit":3)") == range(28, 30));
  CHECK(seqs(R"(,"before":20,"limit":2)") == numbers{18, 19});
  CHECK(seqs(R"(,"after":7,"limit":4)") == range(8, 11));
  CHECK(seqs(R"(,"after":30)").empty());
}

}  // namespace greenroom::tests
