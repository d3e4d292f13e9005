// Behaviours of durable rooms: their state and the messages that changed it are one.
#include "tests/support/durable_fixture.hpp"
#include "tests/support/scripted_behaviour.hpp"

namespace greenroom::tests {

using codecs::error_code;

namespace {

class durable_behaviour : public durable_fixture {
 public:
  durable_behaviour() { policy("durable").behaviour = "scripted"; }

  client& player(std::string_view name) {
    ctx().behaviours.set(build_of(by));
    return member(name);
  }
  std::string state(std::string_view room = x) {
    const auto found = disk().snapshot(room);
    return found ? *found : "none";
  }

  script by;
};

}  // namespace

TEST_CASE_METHOD(durable_behaviour, "durable behaviour: its state is in the batch of the message that changed it",
                 "[actors][durable][behaviour]") {
  auto& ann = player("ann");
  strings states;
  disk().before_commit = [&](const storage::operation& what) {
    if (const auto* one = std::get_if<storage::append>(&what)) states.push_back(one->snapshot ? *one->snapshot : "-");
    CHECK_FALSE(std::holds_alternative<storage::snapshot_put>(what));
  };
  ann.send("room.publish", saying(x, "one"));
  ann.send("room.publish", saying(x, "two"));
  settle();
  CHECK(states == strings{"n1", "n2"});
  CHECK(state() == "n2");
}

TEST_CASE_METHOD(durable_behaviour, "durable behaviour: a failed batch forgets what it had decided in memory",
                 "[actors][durable][behaviour]") {
  const auto how = GENERATE(fate::refused, fate::lost);
  INFO("fate " << static_cast<int>(how));
  auto& ann = player("ann");
  auto& bob = member("bob");
  auto& carl = user("carl");
  ann.publish(x, "one");
  during_commit<storage::append>([&] { carl.send("room.publish", saying(x, "behind it")); }, how);
  ann.send("room.publish", saying(x, "fails"));
  settle();
  CHECK(by.count == 1);
  CHECK(state() == "n1");
  CHECK(by.heard == strings{"opened", "join ann", "join bob", "restarted"});
  CHECK(number(bob.publish(x, "two"), "seq") == 2);
  CHECK(by.count == 2);
  CHECK(state() == "n2");
  CHECK(bob.seqs(x) == range(1, 2));
}

TEST_CASE_METHOD(durable_behaviour, "durable behaviour: what was stored though nobody knew is part of it",
                 "[actors][durable][behaviour]") {
  auto& ann = player("ann");
  auto& bob = member("bob");
  disk().doom<storage::append>(fate::lost_but_stored);
  ann.send("room.publish", saying(x, "one"));
  settle();
  CHECK(by.count == 1);
  CHECK(number(bob.publish(x, "two"), "seq") == 2);
  CHECK(by.count == 2);
  CHECK(bob.seqs(x) == range(1, 2));
}

TEST_CASE_METHOD(durable_behaviour,
                 "durable behaviour: a state that comes behind a failed message is not stored either",
                 "[actors][durable][behaviour]") {
  auto& ann = player("ann");
  auto& bob = user("bob");
  ann.publish(x, "one");
  by.message = [](room_control&, publish_request m) {
    if (dump(json{m.event()}) == R"(["refuse"])") return m.refuse(codecs::make_error(error_code::conflict));
    m.accept();
  };
  during_commit<storage::append>(
      [&] {
        bob.send("room.publish", dump(json{{"room", x}, {"event", "refuse"}, {"payload", 1}}));
      },
      fate::refused);
  ann.send("room.publish", saying(x, "fails"));
  settle();
  CHECK(state() == "n1");
  CHECK(by.count == 1);
}

TEST_CASE_METHOD(durable_behaviour, "durable behaviour: an id that it gives is its room's own",
                 "[actors][durable][behaviour]") {
  by.message = [](room_control& room, publish_request m) {
    room.publish({.event = "echo", .payload = json_document("1"), .id = "round-1"});
    m.accept();
  };
  auto& ann = player("ann");
  ann.join(y);
  ann.publish(x, "hi");
  ann.publish(y, "hi");
  CHECK(disk().head(x)->last == 2);
  CHECK(disk().head(y)->last == 2);
  ann.publish(x, "again");  // in the same room it is a repeat
  CHECK(disk().head(x)->last == 3);
}

TEST_CASE_METHOD(durable_behaviour,
                 "durable behaviour: a state whose message was a repeat or refused is stored all the same",
                 "[actors][durable][behaviour]") {
  auto& ann = player("ann");
  SECTION("refused by the behaviour") {
    by.message = [](room_control&, publish_request m) { m.refuse(codecs::make_error(error_code::conflict)); };
    ann.refused("room.publish", saying(x, "one"));
    ann.refused("room.publish", saying(x, "two"));
  }
  SECTION("a repeat of the behaviour's own") {
    by.message = [](room_control& room, publish_request m) {
      room.publish({.event = "echo", .payload = json_document("1"), .id = "round-1"});
      m.reply(json_document("null"));
    };
    ann.call("room.publish", saying(x, "one"));
    ann.call("room.publish", saying(x, "two"));
    CHECK(disk().head(x)->last == 1);
  }
  CHECK(state() == "n2");
}

TEST_CASE_METHOD(durable_behaviour, "durable behaviour: a repeat is not shown to it", "[actors][durable][behaviour]") {
  json session;
  auto& ann = user("ann", &session);
  ctx().behaviours.set(build_of(by));
  const auto hi = saying(x, "hi", "m-1");
  const auto duplicates = [](client& who) {
    strings all;
    for (const auto& each : who.take()) {
      REQUIRE_FALSE(each.failure);
      all.push_back(dump(each.body, "duplicate"));
    }
    return all;
  };
  SECTION("of a message that is stored") {
    ann.send("room.publish", hi);
    settle();
    ann.send("room.publish", hi);
    settle();
    CHECK(duplicates(ann) == strings{"-", "true"});
  }
  SECTION("while both wait for the reader") {
    ann.send("room.publish", hi);
    ann.send("room.publish", hi);
    settle_without("store_reader");
    CHECK(by.count == 0);
    settle();
    CHECK(duplicates(ann) == strings{"-", "true"});
  }
  SECTION("while the first is committing") {
    during_commit<storage::append>([&] { ann.send("room.publish", hi); });
    ann.send("room.publish", hi);
    settle();
    CHECK(duplicates(ann) == strings{"-", "true"});
  }
  SECTION("over a restart") {
    ann.call("room.publish", hi);
    restart();
    ctx().behaviours.set(build_of(by));
    auto& again = connect();
    again.resume(session);
    CHECK(dump(again.call("room.publish", hi), "duplicate") == "true");
  }
  SECTION("though the reader crashes with the question") {
    ann.call("room.publish", hi);
    ann.story();
    ann.send("room.publish", hi);
    settle_without("store_reader");
    fail(ctx().readers[0]);
    settle();
    CHECK(duplicates(ann) == strings{"true"});
  }
  CHECK(by.count == 1);
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(durable_behaviour,
                 "durable behaviour: messages keep their order behind one that is looked for on disk",
                 "[actors][durable][behaviour]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 31u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = player("ann");
  for (int i = 1; i <= 12; ++i) {
    const auto n = std::to_string(i);
    ann.send("room.publish", saying(x, n, i % 3 == 0 ? "" : "m-" + n));
    if (i % 4 == 0) ann.send("room.publish", saying(x, n, "m-" + n));  // a repeat, where it had an id
  }
  settle_randomly(random);
  strings payloads;
  for (const auto& each : ann.messages(x)) payloads.push_back(text(each.body, "payload"));
  strings wanted;
  for (int i = 1; i <= 12; ++i) {
    wanted.push_back(std::to_string(i));
    if (i == 12) wanted.push_back("12");  // it had no id the first time
  }
  CHECK(payloads == wanted);
  CHECK(state() == "n13");
}

TEST_CASE_METHOD(durable_behaviour, "durable behaviour: its state comes back after a restart and a crash",
                 "[actors][durable][behaviour][restart]") {
  auto& ann = player("ann");
  ann.publish(x, "one");
  ann.publish(x, "two");
  SECTION("restart") { restart(); }
  SECTION("crash") { crash(ctx().shards[0].rooms); }
  auto& bob = player("bob");
  bob.publish(x, "three");
  CHECK(by.count == 3);
  CHECK(state() == "n3");
}

}  // namespace greenroom::tests
