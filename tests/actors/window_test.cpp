// How long a session waits for its client, and how many may wait.
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

TEST_CASE_METHOD(node_fixture, "window: a detached session ends with its window, and leaves its rooms then",
                 "[actors][session]") {
  auto& ann = connect();
  auto& bob = connect();
  auto was = ann.open("ann");
  ann.join("lobby");
  ann.wire().break_off();
  advance(119s);
  CHECK(number(bob.call("room.members", R"({"room":"lobby"})"), "total") == 1);
  CHECK(ctx().meters.detached_sessions == 1);
  advance(2s);
  CHECK(number(bob.call("room.members", R"({"room":"lobby"})"), "total") == 0);
  CHECK(ctx().meters.detached_sessions == 0);
  CHECK_FALSE(disk().session(text(was, "session")));
  CHECK(text(connect().resume(was), "reason") == "unknown_session");
}

TEST_CASE_METHOD(node_fixture, "window: who comes back stops the clock; it starts anew with the next loss",
                 "[actors][session]") {
  auto was = [&] {
    auto& ann = connect();
    auto opened = ann.open("ann");
    ann.wire().break_off();
    return opened;
  }();
  advance(100s);
  auto& back = connect();
  auto now = back.resume(was);
  advance(10min);
  CHECK(dump(now, "resumed") == "true");
  back.wire().break_off();
  advance(100s);
  CHECK(dump(connect().resume(now), "resumed") == "true");
}

TEST_CASE_METHOD(node_fixture, "window: of 0, the session ends with its connection and has no token",
                 "[actors][session]") {
  config.sessions.resume_window_ms = 0;
  auto& ann = connect();
  auto opened = ann.open("ann");
  CHECK(text(opened, "resume_token").empty());
  ann.join("lobby");
  ann.wire().break_off();
  settle();
  CHECK(ctx().meters.sessions == 0);
  CHECK(number(connect().call("room.members", R"({"room":"lobby"})"), "total") == 0);
}

TEST_CASE_METHOD(node_fixture, "window: at most so many sessions of a user wait, the oldest ends first",
                 "[actors][session]") {
  config.sessions.detached_per_user_max = 2;
  std::vector<json> opened;
  for (int i = 0; i < 4; ++i) {
    auto& ann = connect();
    opened.push_back(ann.open("ann"));
    ann.wire().break_off();
    settle();
  }
  auto& other = connect();
  other.open("bob");
  other.wire().break_off();
  settle();
  CHECK(ctx().meters.detached_sessions == 3);
  CHECK(text(connect().resume(opened[0]), "reason") == "unknown_session");
  CHECK(text(connect().resume(opened[1]), "reason") == "unknown_session");
  CHECK(dump(connect().resume(opened[2]), "resumed") == "true");
  CHECK(dump(connect().resume(opened[3]), "resumed") == "true");
  CHECK(figure("greenroom_sessions_expired_early_total") == 2);
}

TEST_CASE_METHOD(node_fixture, "window: the bounds hold when many lose their connections at once",
                 "[actors][session]") {
  config.sessions.detached_per_user_max = 2;
  config.sessions.detached_max = 5;
  for (int i = 0; i < 9; ++i) connect().open("user-" + std::to_string(i % 3));
  std::vector<client*> clients;
  for (int i = 0; i < 9; ++i) {
    clients.push_back(&connect());
    clients.back()->open("user-" + std::to_string(i % 3));
  }
  auto seed = GENERATE(Catch::Generators::range(1u, 20u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (auto* each : clients) each->wire().break_off();
  settle_randomly(random);
  CHECK(ctx().meters.detached_sessions == 5);
  CHECK(ctx().meters.sessions == 9 + 5);
  CHECK(disk().counters().sessions == 9 + 5);
}

TEST_CASE_METHOD(node_fixture, "window: resume and expiry at one moment: one of them wins, whole",
                 "[actors][session]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect();
  auto was = ann.open("ann");
  ann.join("lobby");
  ann.wire().break_off();
  settle();
  auto& back = connect();
  settle();
  jobs.advance_time(120s);  // the timer is due; nobody has run yet
  back.send("session.open",
            dump(json{{"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}}}}));
  settle_randomly(random);
  auto answer = back.take().at(0).body;
  const bool resumed = dump(answer, "resumed") == "true";
  CHECK(number(connect().call("room.members", R"({"room":"lobby"})"), "total") == (resumed ? 1 : 0));
  CHECK(disk().session(text(was, "session")).has_value() == resumed);
}

}  // namespace greenroom::tests
