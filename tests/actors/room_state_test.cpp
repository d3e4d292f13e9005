// Behaviours inside rooms: what survives of them, and how a newer build takes over.
#include <caf/scoped_actor.hpp>

#include <optional>
#include <stdexcept>

#include "actors/room_directory.hpp"
#include "runtime/errc.hpp"
#include "tests/support/scripted_behaviour.hpp"

namespace greenroom::tests {

// --- state

TEST_CASE_METHOD(behaviour_fixture, "behaviour: its state is stored with the message that changed it",
                 "[actors][behaviour]") {
  auto& ann = member("ann");
  std::optional<std::string> with_message;
  store().before_commit = [&](const storage::operation& what) {
    if (const auto* append = std::get_if<storage::append>(&what); append && append->snapshot)
      with_message = *append->snapshot;
  };
  ann.publish("lobby", "hi");
  CHECK(with_message == "n1");
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a state that no message carried is stored when the turn is over",
                 "[actors][behaviour]") {
  by.message = [](room_control&, publish_request m) { m.refuse("counted all the same"); };
  auto& ann = member("ann");
  ann.refused("room.publish", say_hi);
  ann.refused("room.publish", say_hi);
  REQUIRE(store().snapshot("lobby"));
  CHECK(*store().snapshot("lobby") == "n2");
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: one that throws crashes its room alone, and its state comes back",
                 "[actors][behaviour][crash]") {
  auto& ann = member("ann");
  auto& bob = member("bob");
  ann.publish("lobby", "one");
  by.message = [](room_control&, publish_request) { throw std::runtime_error{"as the test wants"}; };
  CHECK(ann.refused("room.publish", say_hi).code == codecs::error_code::internal);
  CHECK(by.count == 1);  // the second one was not stored
  by.message = nullptr;
  CHECK(number(bob.publish("lobby", "two"), "seq") == 2);
  CHECK(by.count == 2);
  CHECK(ann.seqs("lobby") == range(1, 2));
  CHECK(by.heard == strings{"opened", "join ann", "join bob", "restarted"});
  CHECK(dump(ann.call("room.members", R"({"room":"lobby"})"), "total") == "2");
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: its state survives the room's leaving memory", "[actors][behaviour]") {
  auto& ann = user("ann");
  ann.publish("lobby", "one");
  ann.publish("lobby", "two");
  advance(3min);
  REQUIRE(ctx().meters.rooms == 0);
  ann.publish("lobby", "three");
  CHECK(by.count == 3);
  CHECK(by.heard == strings{"opened", "opened"});
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a room with a timer or an undecided request stays in memory",
                 "[actors][behaviour]") {
  std::optional<publish_request> kept;
  by.start = [](room_control& room) { room.set_timer("later", 10min); };
  by.message = [&](room_control&, publish_request m) { kept = m; };
  auto& ann = user("ann");
  ann.send("room.publish", say_hi);
  advance(9min);
  CHECK(ctx().meters.rooms == 1);
  advance(5min);
  CHECK(ctx().meters.rooms == 1);
  inside(ann, [&] { kept->accept(); });
  kept.reset();
  advance(3min);
  CHECK(ctx().meters.rooms == 0);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a state that it does not understand keeps its room from starting",
                 "[actors][behaviour][crash]") {
  auto& ann = user("ann");
  ann.publish("lobby", "one");
  advance(3min);
  REQUIRE(ctx().meters.rooms == 0);
  by.prefix = "other";
  CHECK(ann.refused("room.publish", say_hi).code == codecs::error_code::internal);
  by.prefix = "n";
  CHECK(number(ann.publish("lobby", "two"), "seq") == 2);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a state over its bound crashes the room rather than being cut",
                 "[actors][behaviour][crash]") {
  auto& ann = member("ann");
  ann.publish("lobby", "one");
  by.padding = 65 << 10;
  CHECK(ann.refused("room.publish", say_hi).code == codecs::error_code::internal);
  by.padding = 0;
  CHECK(by.count == 1);
  CHECK(number(ann.publish("lobby", "two"), "seq") == 2);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a room of a namespace whose behaviour nobody registered is given up",
                 "[actors][behaviour][crash]") {
  policy().behaviour = "nobody";
  auto& ann = connect();
  ann.open("ann");
  CHECK(ann.refused("room.join", R"({"room":"lobby"})").code == codecs::error_code::internal);
}

// --- a newer build

namespace {

class swap_fixture : public behaviour_fixture {
 public:
  script newer;
  /// The room's directory is asked, as a plugin's reload asks it.
  std::optional<std::string> try_build() {
    std::optional<std::string> why;
    const auto told = ask(ctx().rooms_of("lobby"), room_directory::try_build{build_of(newer)});
    if (!told.refused.empty()) why = told.refused.front().room + ": " + told.refused.front().why;
    return why;
  }
  void swap() {
    ctx().behaviours.set(build_of(newer));
    ask(ctx().rooms_of("lobby"), room_directory::swap_build{build_of(newer)});
  }
};

}  // namespace

TEST_CASE_METHOD(swap_fixture, "behaviour: a newer build takes over with the state, and nobody notices",
                 "[actors][behaviour][swap]") {
  auto& ann = member("ann");
  ann.publish("lobby", "one");
  by.start = nullptr;
  newer.message = [](room_control&, publish_request m) {
    m.rewrite(json_document(R"("newer")"));
    m.accept();
  };
  CHECK(try_build() == std::nullopt);
  CHECK(newer.heard.empty());
  swap();
  ann.publish("lobby", "two");
  CHECK(newer.count == 2);
  CHECK(newer.heard == strings{"swapped"});
  CHECK(ann.story() == strings{"lobby 1 \"one\"", "room.publish ok", "lobby 2 \"newer\"", "room.publish ok"});
}

TEST_CASE_METHOD(swap_fixture,
                 "behaviour: a build that does not understand a room's state is refused, with the room's name",
                 "[actors][behaviour][swap]") {
  auto& ann = member("ann");
  ann.publish("lobby", "one");
  newer.prefix = "other";
  CHECK(try_build() == "lobby: this is not my state");
  ann.publish("lobby", "two");
  CHECK(by.count == 2);
}

TEST_CASE_METHOD(swap_fixture, "behaviour: what an older build kept undecided goes back to its senders at a swap",
                 "[actors][behaviour][swap]") {
  std::optional<publish_request> kept;
  by.message = [&](room_control&, publish_request m) { kept = m; };
  auto& ann = member("ann");
  const auto open = ann.send("room.publish", say_hi_as_m1);
  settle();
  swap();
  settle();
  bool answered = false;
  for (const auto& each : ann.take()) {
    if (each.id != open) continue;
    answered = true;
    REQUIRE(each.failure);
    CHECK(each.failure->code == codecs::error_code::unavailable);
  }
  CHECK(answered);
  kept->accept();  // nobody listens any more
  kept.reset();
  CHECK(number(ann.call("room.publish", say_hi_as_m1), "seq") == 1);
}

TEST_CASE_METHOD(swap_fixture, "behaviour: timers go on over a swap", "[actors][behaviour][swap]") {
  by.start = [](room_control& room) { room.set_timer("tick", 10s); };
  member("ann");
  advance(5s);
  swap();
  advance(5s);
  CHECK(newer.heard == strings{"swapped", "timer tick"});
  CHECK(by.heard == strings{"opened", "join ann"});
}

TEST_CASE_METHOD(swap_fixture, "behaviour: messages around a swap keep their order and none is lost",
                 "[actors][behaviour][swap]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = member("ann");
  auto& bob = member("bob");
  int sent = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 4; ++i, ++sent)
      ann.notify("room.publish", dump(json{{"room", "lobby"}, {"event", "n"}, {"payload", sent}}));
    for (auto steps = random() % 9; steps-- > 0 && !jobs.jobs.empty();) jobs.run_once();
    caf::scoped_actor asker{system};
    auto pending = asker->request(ctx().rooms_of("lobby"), caf::infinite, room_directory::swap_build{build_of(newer)});
    settle_randomly(random);
    pending.receive([](const room_directory::swap_build::reply& r) { CHECK(r.rooms == 1); },
                    [](const caf::error& why) { FAIL(runtime::explain(why)); });
  }
  CHECK(bob.seqs("lobby") == range(1, 20));
  CHECK(newer.count == 20);
}

}  // namespace greenroom::tests
