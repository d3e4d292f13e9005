// How a client gets its session, and what happens to its calls before and after.
#include "actors/limits.hpp"
#include "actors/session_directory.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

TEST_CASE_METHOD(node_fixture, "session: an explicit open names the session, its user, its token and the limits",
                 "[actors][session]") {
  auto& ann = connect();
  auto opened = ann.open("ann");
  CHECK(text(opened, "user") == "ann");
  CHECK_FALSE(text(opened, "session").empty());
  CHECK(text(opened, "resume_token").size() == 43);
  CHECK(dump(opened, "resumed") == "false");
  CHECK(dump(opened, "reason") == "-");
  CHECK(dump(opened, "rooms") == "[]");
  CHECK(dump(opened, "heartbeat") == R"({"interval_ms":25000,"timeout_ms":20000})");
  CHECK(number(opened, "time") == static_cast<std::uint64_t>(ctx().now_ms()));
  CHECK(ctx().meters.sessions == 1);
}

TEST_CASE_METHOD(node_fixture, "session: no id looks like an option of a command line", "[actors][session]") {
  for (int i = 0; i != 500; ++i) CHECK(text(connect().open("user-" + std::to_string(i)), "session").front() != '-');
}

TEST_CASE_METHOD(node_fixture, "session: a second open on one connection is a conflict", "[actors][session]") {
  auto& ann = connect();
  ann.open("ann");
  CHECK(ann.refused("session.open").code == codecs::error_code::conflict);

  auto& bob = connect();
  bob.send("session.open");
  bob.send("session.open");  // while the first one is on its way
  settle();
  CHECK(bob.story() == strings{"session.open -32005", "session.open ok"});
}

TEST_CASE_METHOD(node_fixture, "session: the first call opens one where guests are welcome, without a window",
                 "[actors][session]") {
  auto& guest = connect();
  CHECK(number(guest.join("lobby"), "members") == 1);
  CHECK(ctx().meters.sessions == 1);
  CHECK(guest.refused("session.open").code == codecs::error_code::conflict);
  guest.wire().break_off();
  settle();
  CHECK(ctx().meters.sessions == 0);
  CHECK(disk().counters().sessions == 0);
}

TEST_CASE_METHOD(node_fixture, "session: calls that came while it opened are answered in their order",
                 "[actors][session]") {
  auto& ann = connect();
  ann.send("session.open", R"({"user":"ann"})");
  ann.send("room.join", R"({"room":"lobby"})");
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  ann.send("room.members", R"({"room":"lobby"})");
  settle();
  auto story = ann.story();
  std::erase(story, "room.members ok");  // another way back: it may come earlier
  CHECK(story == strings{"session.open ok", "room.join ok", "lobby 1 1", "room.publish ok"});
}

TEST_CASE_METHOD(node_fixture, "session: without anonymous access every call is refused, and the connection stays",
                 "[actors][session]") {
  config = runtime::default_config(runtime::preset::closed);
  auto& ann = connect();
  ann.send("room.join", R"({"room":"lobby"})");
  ann.send("session.open", R"({"user":"ann"})");
  ann.send("session.open", R"({"token":"xyz"})");
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  settle();
  CHECK(ann.story() ==
        strings{"room.join -32001", "session.open -32001", "session.open -32001", "room.publish -32001"});
  CHECK(ctx().meters.sessions == 0);
  CHECK_FALSE(ann.wire().over());
}

TEST_CASE_METHOD(node_fixture, "session: anonymous access is for callers on this machine alone", "[actors][session]") {
  auto& far = connect({.from = access::origin::elsewhere});
  CHECK(far.refused("session.open").code == codecs::error_code::unauthenticated);
  CHECK(far.refused("room.join", R"({"room":"lobby"})").code == codecs::error_code::unauthenticated);
}

TEST_CASE_METHOD(node_fixture, "session: a node that drains opens none, and says so to every call that waited",
                 "[actors][session]") {
  auto& ann = connect();
  auto& bob = connect();
  settle();
  ctx().at = stage::draining;
  ann.send("session.open", R"({"user":"ann"})");
  ann.send("room.join", R"({"room":"lobby"})");
  bob.send("room.join", R"({"room":"lobby"})");
  settle();
  CHECK(ann.story() == strings{"session.open -32010", "room.join -32010"});
  CHECK(bob.story() == strings{"room.join -32010"});
}

TEST_CASE_METHOD(node_fixture, "session: while the node drains, calls that change something are refused",
                 "[actors][session]") {
  auto& ann = connect();
  ann.open("ann");
  ann.join("lobby");
  ann.publish("lobby", "before");
  ann.story();
  ctx().at = stage::draining;
  for (auto [method, params] : {std::pair{"room.join", R"({"room":"other"})"},
                                {"room.publish", R"({"room":"lobby","event":"say","payload":1})"},
                                {"user.send", R"({"to":"bob","event":"say","payload":1})"}})
    CHECK(ann.refused(method, params).code == codecs::error_code::draining);
  CHECK(dump(ann.call("room.history", R"({"room":"lobby"})"), "last") == "1");
}

TEST_CASE_METHOD(node_fixture, "session: a polite close is answered, closes 1000 and leaves the rooms at once",
                 "[actors][session]") {
  auto& ann = connect();
  auto& bob = connect();
  auto was = ann.open("ann");
  ann.join("lobby");
  bob.join("lobby");
  ann.story();
  ann.send("session.close");
  settle();
  CHECK(ann.story() == strings{"session.close ok", "close 1000 closed"});
  CHECK(ann.wire().over());
  CHECK(dump(bob.call("room.members", R"({"room":"lobby"})"), "total") == "1");
  CHECK(dump(connect().resume(was), "reason") == R"("unknown_session")");
}

TEST_CASE_METHOD(node_fixture, "session: a token to refresh is not to be had for a guest", "[actors][session]") {
  auto& ann = connect();
  ann.open("ann");
  CHECK(ann.refused("session.refresh", R"({"token":"t"})").code == codecs::error_code::unauthenticated);
}

TEST_CASE_METHOD(node_fixture, "session: at most rooms_max rooms; leaving one makes space", "[actors][session]") {
  auto& ann = connect();
  ann.open("ann");
  for (std::uint32_t i = 0; i < config.sessions.rooms_max; ++i) ann.join("room-" + std::to_string(i));
  CHECK(config.sessions.rooms_max == 128);
  CHECK(ann.refused("room.join", R"({"room":"room-128"})").code == codecs::error_code::too_large);
  ann.join("room-7");  // a rejoin takes no further place
  ann.call("room.leave", R"({"room":"room-7"})");
  ann.join("room-128");
}

TEST_CASE_METHOD(node_fixture, "session: where too many open at once, one more is told when to come again",
                 "[actors][session]") {
  auto& ann = connect();
  ctx().sessions_opening = limits::sessions_opening_max;
  const auto why = ann.refused("session.open", R"({"user":"ann"})");
  CHECK(why.code == codecs::error_code::rate_limited);
  REQUIRE(why.retry_after_ms);
  CHECK(*why.retry_after_ms >= limits::opening_retry_min_ms);
  ctx().sessions_opening = 0;
  ann.open("ann");
  CHECK(ctx().sessions_opening == 0);  // its place is free again
}

TEST_CASE_METHOD(node_fixture, "session: an announcement reaches every session", "[actors][session]") {
  auto& ann = connect();
  auto& bob = connect_msgpack();
  ann.open("ann");
  bob.open("bob");
  ann.story();
  bob.story();
  CHECK(ask(ctx().sessions, session_directory::announce{"announcement", "tea is ready"}).sessions == 2);
  settle();
  CHECK(ann.story() == strings{"notice announcement"});
  CHECK(bob.story() == strings{"notice announcement"});
}

}  // namespace greenroom::tests
