// Behaviours inside rooms: what they decide and what they do by themselves.
#include <optional>
#include <stdexcept>

#include "tests/support/scripted_behaviour.hpp"

namespace greenroom::tests {

TEST_CASE_METHOD(behaviour_fixture, "behaviour: one that accepts everything changes nothing", "[actors][behaviour]") {
  auto& ann = member("ann");
  auto& bob = member("bob");
  CHECK(number(ann.publish("lobby", "hi"), "seq") == 1);
  CHECK(ann.story() == strings{"lobby 1 \"hi\"", "room.publish ok"});
  CHECK(bob.story() == strings{"lobby 1 \"hi\""});
  CHECK(by.heard == strings{"opened", "join ann", "join bob"});
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: what it rewrites is what members see and the history keeps",
                 "[actors][behaviour]") {
  by.message = [](room_control&, publish_request m) {
    m.rewrite("shout", json_document(R"("HI")"));
    m.accept();
  };
  auto& ann = member("ann");
  auto& bob = member("bob");
  CHECK(number(ann.call("room.publish", say_hi), "seq") == 1);
  const auto got = bob.messages("lobby");
  REQUIRE(got.size() == 1);
  CHECK(text(got[0].body, "event") == "shout");
  CHECK(text(got[0].body, "payload") == "HI");
  CHECK(text(got[0].body, "from") == "ann");
  CHECK(dump(ann.call("room.history", R"({"room":"lobby"})"), "messages").find("HI") != std::string::npos);
}

TEST_CASE_METHOD(behaviour_fixture,
                 "behaviour: a repeat is known by what its sender gave, and is not asked about again",
                 "[actors][behaviour]") {
  by.message = [](room_control&, publish_request m) {
    m.rewrite(json_document("1"));
    m.accept();
  };
  auto& ann = member("ann");
  ann.call("room.publish", say_hi_as_m1);
  const auto again = ann.call("room.publish", say_hi_as_m1);
  CHECK(number(again, "seq") == 1);
  CHECK(dump(again, "duplicate") == "true");
  CHECK(by.count == 1);
  CHECK(ann.refused("room.publish", R"({"room":"lobby","event":"say","payload":1,"id":"m1"})").code ==
        codecs::error_code::conflict);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: what it refuses takes no position, and the sender learns why",
                 "[actors][behaviour]") {
  by.message = [](room_control&, publish_request m) { m.refuse("mind your language"); };
  auto& ann = member("ann");
  const auto why = ann.refused("room.publish", say_hi);
  CHECK(why.code == codecs::error_code::forbidden);
  CHECK(why.message == "mind your language");
  by.message = nullptr;
  CHECK(number(ann.publish("lobby", "hi"), "seq") == 1);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: what it answers itself is not published", "[actors][behaviour]") {
  by.message = [](room_control&, publish_request m) { m.reply(json_document(R"({"you":"win"})")); };
  auto& ann = member("ann");
  CHECK(dump(ann.call("room.publish", say_hi)) == R"({"you":"win"})");
  CHECK(ann.story() == strings{"room.publish ok"});
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: the first decision counts", "[actors][behaviour]") {
  by.message = [](room_control&, publish_request m) {
    m.accept();
    m.refuse("too late");
    m.accept();
  };
  auto& ann = member("ann");
  CHECK(number(ann.publish("lobby", "hi"), "seq") == 1);
  CHECK(ann.story() == strings{"lobby 1 \"hi\"", "room.publish ok"});
}

TEST_CASE_METHOD(behaviour_fixture,
                 "behaviour: a message that is kept lets others pass, and takes its position when accepted",
                 "[actors][behaviour]") {
  std::optional<publish_request> kept;
  by.message = [&](room_control&, publish_request m) {
    if (!kept)
      kept = m;
    else
      m.accept();
  };
  auto& ann = member("ann");
  auto& bob = member("bob");
  const auto first = ann.send("room.publish", say_hi_as_m1);
  const auto repeat = ann.send("room.publish", say_hi_as_m1);
  CHECK(number(bob.publish("lobby", "passes"), "seq") == 1);
  CHECK(by.count == 2);
  inside(ann, [&] { kept->accept(); });
  kept.reset();
  CHECK(bob.story() == strings{"lobby 1 \"passes\"", "room.publish ok", "lobby 2 \"hi\""});
  for (const auto& each : ann.take()) {
    if (each.id == first) CHECK(number(each.body, "seq") == 2);
    if (each.id == repeat) CHECK(dump(each.body, "duplicate") == "true");
  }
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a request that is dropped undecided is answered as an internal error",
                 "[actors][behaviour]") {
  by.message = [](room_control&, publish_request) {};
  auto& ann = member("ann");
  CHECK(ann.refused("room.publish", say_hi).code == codecs::error_code::internal);
  by.join = [](room_control&, join_request) {};
  CHECK(user("bob").refused("room.join", R"({"room":"lobby"})").code == codecs::error_code::internal);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: decides who joins, at once or later", "[actors][behaviour]") {
  std::optional<join_request> kept;
  by.join = [&](room_control&, join_request who) {
    if (who.who().user.value == "eve") return who.refuse("not you");
    if (who.who().user.value == "bob") return void(kept = who);
    who.accept();
  };
  auto& ann = member("ann");
  auto& eve = user("eve");
  CHECK(eve.refused("room.join", R"({"room":"lobby"})").message == "not you");
  CHECK(eve.refused("room.leave", R"({"room":"lobby"})").code == codecs::error_code::not_found);
  auto& bob = user("bob");
  bob.send("room.join", R"({"room":"lobby"})");
  ann.publish("lobby", "before");
  CHECK(bob.story().empty());
  inside(ann, [&] { kept->accept(); });
  ann.publish("lobby", "after");
  CHECK(bob.story() == strings{"room.join ok", "lobby 2 \"after\""});
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: a join whose session goes is withdrawn", "[actors][behaviour]") {
  std::optional<join_request> kept;
  by.join = [&](room_control&, join_request who) { kept = who; };
  auto& bob = user("bob");
  bob.send("room.join", R"({"room":"lobby"})");
  settle();
  REQUIRE(kept);
  bob.call("session.close");
  auto& ann = user("ann");
  inside(ann, [&] { kept->accept(); });
  CHECK(dump(ann.call("room.members", R"({"room":"lobby"})"), "total") == "0");
  CHECK(by.heard == strings{"opened", "join bob"});
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: hears of members that leave, and of none twice",
                 "[actors][behaviour]") {
  auto& ann = member("ann");
  auto& bob = member("bob");
  bob.join("lobby");  // takes its older place
  bob.call("room.leave", R"({"room":"lobby"})");
  ann.wire().break_off();
  settle();
  CHECK(by.heard == strings{"opened", "join ann", "join bob", "leave bob"});
  advance(3min);
  CHECK(by.heard.back() == "leave ann");
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: publishes by itself, and may leave one member out",
                 "[actors][behaviour]") {
  by.message = [](room_control& room, publish_request m) {
    m.accept();
    room.publish({.event = "echo", .payload = m.payload(), .from = "bot", .except = m.from().session, .id = {}});
  };
  auto& ann = member("ann");
  auto& bob = member("bob");
  ann.publish("lobby", "hi");
  CHECK(ann.story() == strings{"lobby 1 \"hi\"", "room.publish ok"});
  const auto got = bob.messages("lobby");
  REQUIRE(got.size() == 2);
  CHECK(text(got[1].body, "from") == "bot");
  CHECK(number(got[1].body, "seq") == 2);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: publishes once under an id, also after a crash",
                 "[actors][behaviour]") {
  by.start = [](room_control& room) {
    room.publish({.event = "born", .payload = json_document("true"), .from = "bot", .except = {}, .id = "born"});
  };
  by.message = [](room_control&, publish_request) { throw std::runtime_error{"as the test wants"}; };
  auto& ann = member("ann");
  ann.refused("room.publish", say_hi);
  by.message = nullptr;
  CHECK(number(ann.publish("lobby", "hi"), "seq") == 2);
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: sends an event to one member alone", "[actors][behaviour]") {
  by.message = [](room_control& room, publish_request m) {
    room.push_event(m.from().session, "whisper", json_document("1"));
    m.accept();
  };
  auto& ann = member("ann");
  auto& bob = member("bob");
  ann.publish("lobby", "hi");
  const auto told = ann.take();
  const auto found = std::find_if(told.begin(), told.end(), [](const auto& h) { return h.method == "room.push"; });
  REQUIRE(found != told.end());
  CHECK(dump(found->body) == R"({"room":"lobby","event":"whisper","payload":1})");
  CHECK(bob.story() == strings{"lobby 1 \"hi\""});
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: removes a member, which is told and may join again",
                 "[actors][behaviour]") {
  by.message = [](room_control& room, publish_request m) {
    m.accept();
    room.remove(m.from().session, "enough");
  };
  auto& ann = member("ann");
  auto& bob = member("bob");
  ann.publish("lobby", "hi");
  settle();
  bob.publish("lobby", "gone?");
  const auto story = ann.story();
  CHECK(std::find(story.begin(), story.end(), "lobby removed") != story.end());
  CHECK(std::find(story.begin(), story.end(), "lobby 2 \"gone?\"") == story.end());
  CHECK(ann.refused("room.leave", R"({"room":"lobby"})").code == codecs::error_code::not_found);
  ann.join("lobby");
}

TEST_CASE_METHOD(behaviour_fixture, "behaviour: timers have names; setting one again moves it", "[actors][behaviour]") {
  by.start = [](room_control& room) {
    room.set_timer("a", 10s);
    room.set_timer("b", 20s);
    room.set_timer("c", 20s);
    room.set_timer("a", 30s);
    room.cancel_timer("c");
  };
  member("ann");
  by.heard.clear();
  advance(19s);
  CHECK(by.heard.empty());
  advance(1s);
  CHECK(by.heard == strings{"timer b"});
  advance(10s);
  CHECK(by.heard == strings{"timer b", "timer a"});
}

}  // namespace greenroom::tests
