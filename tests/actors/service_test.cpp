// Services: who is called, within which bounds, and what becomes of a call whose service fails.
#include "actors/limits.hpp"
#include "actors/service_directory.hpp"
#include "tests/support/scripted_service.hpp"

namespace greenroom::tests {

using codecs::error_code;

TEST_CASE_METHOD(service_fixture, "service: answers a method, whatever document it is given", "[actors][service]") {
  CHECK(dump(ann().call("bot.do", R"({"a":[1,null]})")) == R"({"a":[1,null]})");
  CHECK(dump(ann().call("bot.do", "[1,2]")) == "[1,2]");
  CHECK(bot.heard == strings{"start", R"(bot.do {"a":[1,null]})", "bot.do [1,2]"});
  CHECK(row().calls == 2);
}

TEST_CASE_METHOD(service_fixture, "service: knows who calls", "[actors][service]") {
  bot.call = [](service_control&, service_request request) {
    request.reply(json_document("[\"" + request.from().user.value + "\",\"" + request.from().session.value + "\"]"));
  };
  ann();
  const auto& bob = connect().open("bob");
  CHECK(dump(connect().resume(bob), "resumed") == "true");
  auto& carl = connect();
  const auto session = text(carl.open("carl"), "session");
  CHECK(dump(carl.call("bot.do")) == "[\"carl\",\"" + session + "\"]");
}

TEST_CASE_METHOD(service_fixture, "service: a method that nobody answers is named", "[actors][service]") {
  const auto why = ann().refused("bot.dance");
  CHECK(why.code == error_code::method_not_found);
  CHECK(why.message == "no service answers bot.dance");
}

TEST_CASE_METHOD(service_fixture, "service: a notification runs and is not answered", "[actors][service]") {
  ann().notify("bot.do", "[7]");
  settle();
  CHECK(bot.heard == strings{"start", "bot.do [7]"});
  CHECK(ann().story() == strings{"session.open ok"});
}

TEST_CASE_METHOD(service_fixture, "service: the first answer counts", "[actors][service]") {
  bot.call = [](service_control&, service_request request) {
    request.reply(json_document("1"));
    request.refuse(error_code::conflict, "no");
    request.reply();
  };
  CHECK(dump(ann().call("bot.do")) == "1");
  CHECK(row().errors == 0);
}

TEST_CASE_METHOD(service_fixture, "service: a refusal is the caller's answer", "[actors][service]") {
  bot.call = [](service_control&, service_request request) { request.refuse(error_code::not_found, "no such game"); };
  const auto why = ann().refused("bot.do");
  CHECK(why.code == error_code::not_found);
  CHECK(why.message == "no such game");
  CHECK(row().errors == 1);
}

TEST_CASE_METHOD(service_fixture, "service: a request that is dropped undecided is an internal error with a trace",
                 "[actors][service]") {
  bot.call = [](service_control&, service_request) {};
  const auto why = ann().refused("bot.do");
  CHECK(why.code == error_code::internal);
  CHECK_FALSE(why.trace.empty());
}

TEST_CASE_METHOD(service_fixture, "service: answers come in any order, later too", "[actors][service]") {
  hold();
  const auto first = ann().send("bot.do", "[1]"), second = ann().send("bot.do", "[2]");
  settle();
  REQUIRE(bot.held.size() == 2);
  bot.held[1].reply(json_document("\"two\""));
  settle();
  CHECK(ann().take().back().id == second);
  bot.held[0].reply(json_document("\"one\""));
  settle();
  CHECK(ann().take().back().id == first);
}

// --- bounds

TEST_CASE_METHOD(service_fixture, "service: over its concurrency calls wait in order, over its queue they are refused",
                 "[actors][service]") {
  spec.concurrency_max = 2;
  spec.queue_max = 3;
  hold();
  for (int i = 1; i <= 7; ++i) ann().send("bot.do", "[" + std::to_string(i) + "]");
  settle();
  CHECK(bot.heard == strings{"start", "bot.do [1]", "bot.do [2]"});
  CHECK(ann().story() == strings{"session.open ok", "bot.do -32008", "bot.do -32008"});
  CHECK(row().in_work == 2);
  CHECK(row().queued == 3);
  CHECK(row().refused == 2);
  bot.held[1].reply();
  settle();
  CHECK(bot.heard.back() == "bot.do [3]");
  hold();
  for (std::size_t i = 0; i < 5; ++i) {
    bot.held[i].reply();
    settle();
  }
  CHECK(bot.heard == strings{"start", "bot.do [1]", "bot.do [2]", "bot.do [3]", "bot.do [4]", "bot.do [5]"});
  CHECK(ann().story().size() == 5);
  CHECK(row().in_work == 0);
}

TEST_CASE_METHOD(service_fixture, "service: a long queue is worked off a part at a time", "[actors][service]") {
  spec.concurrency_max = 1;
  hold();
  const std::size_t calls = 3 * limits::service_turn_calls_max;
  for (std::size_t i = 0; i < calls; ++i) ann().send("bot.do");
  settle();
  bot.call = nullptr;
  bot.held.front().reply();
  settle();
  CHECK(ann().story().size() == calls + 1);
  CHECK(row().calls == calls);
}

TEST_CASE_METHOD(service_fixture,
                 "service: over its time a call is answered, and the answer that comes late is nobody's",
                 "[actors][service]") {
  spec.time_limit = 3s;
  spec.concurrency_max = 1;
  hold();
  ann().send("bot.do", "[1]");
  ann().send("bot.do", "[2]");
  settle();
  advance(2'999ms);
  CHECK(ann().story() == strings{"session.open ok"});
  CHECK_FALSE(bot.held[0].cancelled());
  advance(1ms);
  CHECK(ann().story() == strings{"bot.do -32009", "bot.do -32009"});
  CHECK(bot.held[0].cancelled());
  CHECK(row().timed_out == 2);
  CHECK(row().in_work == 0);
  CHECK(bot.heard == strings{"start", "bot.do [1]"});  // the second never left the queue
  bot.held[0].reply();
  settle();
  CHECK(ann().story().empty());
}

TEST_CASE_METHOD(service_fixture, "service: while the node drains, new calls are refused and old ones end",
                 "[actors][service]") {
  hold();
  ann().send("bot.do");
  settle();
  ctx().at = stage::draining;
  CHECK(ann().refused("bot.do").code == error_code::draining);
  ann().take();
  bot.held[0].reply();
  settle();
  CHECK(ann().story() == strings{"bot.do ok"});
}

// --- a newer build

struct newer_fixture : service_fixture {
  std::shared_ptr<const service_spec> build() { return std::make_shared<const service_spec>(spec_of(newer)); }
  std::string on_trial() { return ask(ctx().services, service_directory::try_build{build()}).why; }
  std::string taken_over() { return ask(ctx().services, service_directory::swap_build{build()}).why; }

  service_script newer;
};

TEST_CASE_METHOD(newer_fixture, "service: a newer build takes over with the state and the timers of the older one",
                 "[actors][service]") {
  bot.state = "7";
  bot.start = [](service_control& node) { node.set_timer("tick", 1s); };
  ann();
  settle();
  CHECK(on_trial().empty());
  CHECK(newer.heard == strings{"restore 7"});
  newer.heard.clear();
  CHECK(taken_over().empty());
  CHECK(dump(ann().call("bot.do", "[1]")) == "[1]");
  advance(1s);
  CHECK(newer.heard == strings{"restore 7", "start", "bot.do [1]", "timer tick"});
  CHECK(bot.heard == strings{"start"});
}

TEST_CASE_METHOD(newer_fixture,
                 "service: a newer build that does not understand the state changes nothing, and says why",
                 "[actors][service]") {
  bot.state = "7";
  newer.restore = [](std::string_view state) { throw std::runtime_error{"what is " + std::string{state} + "?"}; };
  ann();
  settle();
  CHECK(on_trial() == "what is 7?");
  CHECK(taken_over() == "what is 7?");
  ann().call("bot.do", "[1]");
  CHECK(newer.heard == strings{"restore 7", "restore 7"});
  CHECK(bot.heard == strings{"start", "bot.do [1]"});
}

TEST_CASE_METHOD(newer_fixture,
                 "service: a newer build whose start throws leaves nothing behind, and the older goes on",
                 "[actors][service]") {
  bot.start = [](service_control& node) {
    node.set_timer("late", 2s);
    node.set_timer("soon", 1s);
  };
  int told = 0;
  newer.start = [&](service_control& node) {
    node.set_timer("soon", 3s);
    node.cancel_timer("late");
    node.set_timer("of the newer", 1s);
    node.call("bot.get", nullptr, 1min, [&](const codecs::outcome&) { ++told; });
    throw std::runtime_error{"not today"};
  };
  ann();
  settle();
  CHECK(on_trial().empty());  // which does not start it
  CHECK(taken_over() == "not today");
  ann().call("bot.do", "[1]");
  std::erase(bot.heard, "bot.get -");
  advance(1min);
  CHECK(bot.heard == strings{"start", "bot.do [1]", "timer soon", "timer late"});
  CHECK(newer.heard == strings{"start"});
  CHECK(told == 0);
  CHECK(row().restarts == 0);
  newer.start = nullptr;
  CHECK(taken_over().empty());
  ann().call("bot.do", "[2]");
  CHECK(newer.heard == strings{"start", "start", "bot.do [2]"});
}

TEST_CASE_METHOD(newer_fixture,
                 "service: what is in work ends with the older build, later calls wait for the newer one",
                 "[actors][service]") {
  hold();
  ann().send("bot.do", "[1]");
  settle();
  caf::scoped_actor plugins{system};
  auto told = plugins->request(ctx().services, caf::infinite, service_directory::swap_build{build()});
  settle();
  ann().send("bot.do", "[2]");
  settle();
  CHECK(row().queued == 1);
  CHECK(newer.heard.empty());
  ann().take();
  SECTION("answered") {
    bot.held[0].reply();
    settle();
    CHECK(ann().story() == strings{"bot.do ok", "bot.do ok"});
  }
  SECTION("lost, where it takes too long") {
    advance(limits::swap_patience);
    CHECK(ann().story() == strings{"bot.do -32603", "bot.do ok"});
  }
  CHECK(bot.heard == strings{"start", "bot.do [1]"});
  CHECK(newer.heard == strings{"start", "bot.do [2]"});
  told.receive([](const service_directory::swap_build::reply& r) { CHECK(r.why.empty()); },
               [](const caf::error& why) { FAIL(runtime::explain(why)); });
}

}  // namespace greenroom::tests
