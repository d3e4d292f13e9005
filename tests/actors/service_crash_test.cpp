// A service that fails: the call that did it, the calls beside it, and those that come.
#include <algorithm>

#include "tests/support/scripted_service.hpp"

namespace greenroom::tests {

using codecs::error_code;

/// `poison` makes the service throw; others are kept.
struct failing_fixture : service_fixture {
  failing_fixture() {
    bot.call = [this](service_control&, service_request request) {
      if (request.params() && request.params()->as(codecs::format::json) == "[\"poison\"]")
        throw std::runtime_error{"poisoned"};
      bot.held.push_back(std::move(request));
    };
  }
  void poison(std::string_view method = "bot.do") {
    ann().send(method, R"(["poison"])");
    settle();
  }
  /// The service's back-off, at its first failure.
  void wait_for_next_life() { advance(200ms); }
};

TEST_CASE_METHOD(failing_fixture, "service crash: the call that caused it is answered at once, with a trace",
                 "[actors][service][crash]") {
  const auto why = ann().refused("bot.do", R"(["poison"])");
  CHECK(why.code == error_code::internal);
  CHECK_FALSE(why.trace.empty());
  CHECK(bot.heard.size() == 2);  // the next life has not begun
  wait_for_next_life();
  CHECK(bot.heard.back() == "start");
  CHECK(row().restarts == 1);
}

TEST_CASE_METHOD(failing_fixture, "service crash: of the others in work the idempotent ones are repeated once",
                 "[actors][service][crash]") {
  ann().send("bot.do", "[1]");
  ann().send("bot.get", "[2]");
  settle();
  poison();
  CHECK(ann().story() == strings{"session.open ok", "bot.do -32603", "bot.do -32603"});
  wait_for_next_life();
  CHECK(bot.heard == strings{"start", "bot.do [1]", "bot.get [2]", R"(bot.do ["poison"])", "start", "bot.get [2]"});
  CHECK(row().repeated == 1);
  bot.held[0].reply();  // of the life before: nobody's
  bot.held[1].reply();
  settle();
  CHECK(ann().story().empty());
  poison();  // a second time it is not repeated
  CHECK(ann().story() == strings{"bot.do -32603", "bot.get -32603"});
  CHECK(row().in_work == 0);
}

TEST_CASE_METHOD(failing_fixture, "service crash: the call that caused it is not repeated, though idempotent",
                 "[actors][service][crash]") {
  poison("bot.get");
  CHECK(ann().story() == strings{"session.open ok", "bot.get -32603"});
  wait_for_next_life();
  CHECK(bot.heard == strings{"start", R"(bot.get ["poison"])", "start"});
}

TEST_CASE_METHOD(failing_fixture, "service crash: nor where the service had kept it", "[actors][service][crash]") {
  bot.call = [this](service_control&, service_request request) {
    bot.held.push_back(std::move(request));
    throw std::runtime_error{"with a copy in hand"};
  };
  CHECK(ann().refused("bot.get").code == error_code::internal);
  wait_for_next_life();
  CHECK(bot.heard == strings{"start", "bot.get {}", "start"});
}

TEST_CASE_METHOD(failing_fixture,
                 "service crash: what nobody waits for any more when the next life begins is not begun",
                 "[actors][service][crash]") {
  spec.time_limit = 50ms;
  poison();
  ann().send("bot.do", "[1]");
  wait_for_next_life();
  CHECK(ann().story() == strings{"session.open ok", "bot.do -32603", "bot.do -32009"});
  CHECK(bot.heard == strings{"start", R"(bot.do ["poison"])", "start"});
}

TEST_CASE_METHOD(failing_fixture,
                 "service crash: a call that it kept and lets fail later is repeated once, not for ever",
                 "[actors][service][crash]") {
  bot.timer = [](service_control&, std::string_view) { throw std::runtime_error{"later"}; };
  bot.call = [this](service_control& node, service_request request) {
    bot.held.push_back(std::move(request));
    node.set_timer("later", 10ms);
  };
  ann().send("bot.get");
  advance(5s);
  CHECK(ann().story() == strings{"session.open ok", "bot.get -32603"});
  CHECK(bot.heard == strings{"start", "bot.get {}", "timer later", "start", "bot.get {}", "timer later", "start"});
}

TEST_CASE_METHOD(failing_fixture, "service crash: what waits in the queue and in the mailbox goes on",
                 "[actors][service][crash]") {
  spec.concurrency_max = 1;
  ann().send("bot.do", R"(["poison"])");
  ann().send("bot.do", "[1]");
  ann().send("bot.do", "[2]");
  settle();
  bot.call = nullptr;
  ann().send("bot.do", "[3]");
  wait_for_next_life();
  CHECK(ann().story() == strings{"session.open ok", "bot.do -32603", "bot.do ok", "bot.do ok", "bot.do ok"});
  CHECK(bot.heard == strings{"start", R"(bot.do ["poison"])", "start", "bot.do [1]", "bot.do [2]", "bot.do [3]"});
}

TEST_CASE_METHOD(failing_fixture, "service crash: nobody is kept waiting for a service that fails again and again",
                 "[actors][service][crash]") {
  for (int i = 0; i < 3; ++i) {
    poison();
    if (i < 2) advance(500ms);
  }
  CHECK(row().away);
  CHECK(ann().refused("bot.do").code == error_code::unavailable);
  advance(1s);
  CHECK_FALSE(row().away);  // a life has begun well
  bot.call = nullptr;
  ann().call("bot.do");
}

TEST_CASE_METHOD(failing_fixture, "service crash: one that cannot start is tried again for ever, and ends nobody else",
                 "[actors][service][crash]") {
  int failures = 20;
  bot.start = [&failures](service_control&) {
    if (failures-- > 0) throw std::runtime_error{"not yet"};
  };
  ann().join("lobby");
  advance(10s);
  CHECK(ann().refused("bot.do").code == error_code::unavailable);
  ann().publish("lobby", "hello");
  bot.call = nullptr;
  advance(1h);
  CHECK(failures < 0);
  ann().call("bot.do");
}

TEST_CASE_METHOD(failing_fixture, "service crash: timers, questions and kept requests go with the life",
                 "[actors][service][crash]") {
  bot.start = [](service_control& node) { node.set_timer("tick", 1s); };
  ann();
  poison();
  advance(200ms);
  bot.start = nullptr;
  advance(10s);
  CHECK(bot.heard == strings{"start", R"(bot.do ["poison"])", "start", "timer tick"});
}

// --- the actors around it

TEST_CASE_METHOD(failing_fixture,
                 "service crash: of a router answers what it owed, cancels it, and finds its targets again",
                 "[actors][service][crash]") {
  ann().send("bot.get");
  settle();
  crash(ctx().shards[0].router);
  ann().send("bot.do", "[1]");
  settle();
  CHECK(ann().story() == strings{"session.open ok", "bot.get -32603"});
  CHECK(bot.held[0].cancelled());
  REQUIRE(bot.held.size() == 2);
  bot.held[1].reply();
  settle();
  CHECK(ann().story() == strings{"bot.do ok"});
  CHECK(row().in_work == 0);
}

TEST_CASE_METHOD(failing_fixture, "service crash: of the directory starts its services anew",
                 "[actors][service][crash]") {
  ann().send("bot.do", "[1]");
  ann().send("bot.get", "[2]");
  settle();
  crash(ctx().services);
  settle();
  const auto told = ann().story();
  CHECK(told == strings{"session.open ok", "bot.do -32603", "bot.get -32603"});
  bot.call = nullptr;
  ann().call("bot.do", "[3]");
  const auto rows = ctx().board.rows();
  CHECK(std::ranges::count(rows, "bot", [](const auto& each) { return each->service; }) == 1);
}

TEST_CASE_METHOD(failing_fixture, "service crash: of a caller's connection cancels its calls, in work and in the queue",
                 "[actors][service][crash]") {
  spec.concurrency_max = 1;
  ann();
  auto& bob = connect();
  bob.open("bob");
  bob.send("bot.do", "[1]");
  bob.send("bot.do", "[2]");
  ann().send("bot.do", "[3]");
  settle();
  bob.wire().break_off();
  settle();
  CHECK(bot.held[0].cancelled());
  CHECK(bot.heard == strings{"start", "bot.do [1]", "bot.do [3]"});  // the second was never begun
  CHECK(row().cancelled == 2);
  bot.held[1].reply();
  settle();
  CHECK(ann().story() == strings{"session.open ok", "bot.do ok"});
}

}  // namespace greenroom::tests
