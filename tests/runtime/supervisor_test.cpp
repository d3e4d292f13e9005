#include "runtime/supervisor.hpp"

#include "tests/support/troupe.hpp"

namespace greenroom::tests {

// --- start and stop --------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(troupe, "supervisor: starts in order, each when the one before was built, and stops in reverse",
                 "[runtime]") {
  auto seed = GENERATE(range(1U, 31U));
  INFO("seed " << seed);
  auto top = keep(runtime::supervisor::spawn(here(), {.id = "top", .children = {child("a"), child("b"), child("c")}}));
  settle_randomly(seed);
  CHECK(scene() == script{"+a", "+b", "+c"});
  caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
  settle_randomly(seed);
  CHECK(scene() == script{"-c", "-b", "-a"});
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(troupe, "supervisor: a spec with problems is refused before anything is spawned", "[runtime]") {
  CHECK_THROWS_WITH(supervise({child("a"), child("a")}), "Supervisor 'top' has two children with the id 'a'.");
  CHECK(scene().empty());
}

TEST_CASE_METHOD(troupe,
                 "supervisor: a child that does not end is killed after its time, and then the next one is stopped",
                 "[runtime]") {
  auto stubborn = child(player::options{.id = "b", .deaf = true});
  stubborn.shutdown = 3s;
  auto top = supervise({child("a"), stubborn, child("c")});
  scene();
  end(top);
  CHECK(scene() == script{"-c"});
  advance(2999ms);
  CHECK(scene().empty());
  advance(1ms);
  CHECK(scene() == script{"-b", "-a"});
}

TEST_CASE_METHOD(troupe, "supervisor: a child may take as long as it takes", "[runtime]") {
  auto stubborn = child(player::options{.id = "a", .deaf = true});
  stubborn.shutdown = runtime::as_long_as_it_takes;
  auto top = supervise({stubborn});
  scene();
  end(top);
  advance(24h);
  CHECK(scene().empty());
  end(handle(top, "a"), caf::exit_reason::kill);
  CHECK(scene() == script{"-a"});
}

TEST_CASE_METHOD(troupe, "supervisor: killed, it takes its children with it", "[runtime]") {
  auto top = supervise({child("a"), child("b")});
  end(top, caf::exit_reason::kill);
  CHECK(system.registry().running() == 0);
}

// --- OTP's matrix ----------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(troupe, "supervisor: OTP's matrix of restart kinds and endings", "[runtime]") {
  auto [kind, ending, comes_back] = GENERATE(table<restart, const char*, bool>({
      {restart::permanent, "normal", true},
      {restart::permanent, "shutdown", true},
      {restart::permanent, "error", true},
      {restart::permanent, "kill", true},
      {restart::permanent, "crash", true},
      {restart::transient, "normal", false},
      {restart::transient, "shutdown", false},
      {restart::transient, "error", true},
      {restart::transient, "kill", true},
      {restart::transient, "crash", true},
      {restart::temporary, "normal", false},
      {restart::temporary, "shutdown", false},
      {restart::temporary, "error", false},
      {restart::temporary, "kill", false},
      {restart::temporary, "crash", false},
  }));
  INFO("kind " << static_cast<int>(kind) << ", " << ending);
  auto top = supervise({child("a", kind), child("b")});
  auto before = handle(top, "a");
  scene();
  std::string how = ending;
  if (how == "normal") runtime::tell(before, player::leave{});
  if (how == "error") runtime::tell(before, player::leave{errc::restarting});
  if (how == "crash") runtime::tell(before, player::crash{});
  settle();
  if (how == "shutdown") end(before);
  if (how == "kill") end(before, caf::exit_reason::kill);

  auto after = look(top, "a");
  CHECK(scene() == (comes_back ? script{"-a", "+a"} : script{"-a"}));
  CHECK(after.state == (comes_back ? child_state::up : child_state::absent));
  CHECK(after.restarts == (comes_back ? 1 : 0));
  CHECK((after.handle == before) == (comes_back && how == "crash"));  // only a crash keeps the address
  CHECK(look(top, "b").state == child_state::up);
}

// --- strategies ------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(troupe, "supervisor: one_for_one restarts the one that failed", "[runtime]") {
  auto top = supervise({child("a"), child("b"), child("c")});
  scene();
  crash(handle(top, "b"));
  CHECK(scene() == script{"-b", "+b"});
}

TEST_CASE_METHOD(troupe, "supervisor: one_for_all drops all in reverse and builds all in order, at their addresses",
                 "[runtime]") {
  auto seed = GENERATE(range(1U, 31U));
  INFO("seed " << seed);
  auto top = supervise({child("a"), child("b"), child("c"), child("d")}, strategy::one_for_all);
  auto before = ask(top, describe{}).children;
  scene();
  runtime::tell(before[1].handle, player::crash{});
  settle_randomly(seed);
  CHECK(scene() == script{"-b", "-d", "-c", "-a", "+a", "+b", "+c", "+d"});
  auto after = ask(top, describe{}).children;
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(after[i].handle == before[i].handle);
    CHECK(after[i].state == child_state::up);
    CHECK(ask(after[i].handle, player::speak{}).life == 1);
    CHECK(after[i].restarts == (i == 1 ? 1 : 0));
  }
}

TEST_CASE_METHOD(troupe, "supervisor: rest_for_one restarts what was started after the one that failed", "[runtime]") {
  auto seed = GENERATE(range(1U, 31U));
  INFO("seed " << seed);
  auto top = supervise({child("a"), child("b"), child("c"), child("d")}, strategy::rest_for_one);
  scene();
  runtime::tell(handle(top, "b"), player::crash{});
  settle_randomly(seed);
  CHECK(scene() == script{"-b", "-d", "-c", "+b", "+c", "+d"});
}

TEST_CASE_METHOD(troupe, "supervisor: one_for_all ends temporary children for good and brings transient ones back",
                 "[runtime]") {
  auto top =
      supervise({child("a"), child("t", restart::temporary), child("r", restart::transient)}, strategy::one_for_all);
  end(handle(top, "r"));  // normal: stays down
  scene();
  crash(handle(top, "a"));
  CHECK(scene() == script{"-a", "-t", "+a", "+r"});
  CHECK(look(top, "t").state == child_state::absent);
}

TEST_CASE_METHOD(troupe, "supervisor: two that crash at once are restarted once each", "[runtime]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  auto seed = GENERATE(range(1U, 101U));
  INFO("strategy " << static_cast<int>(how) << ", seed " << seed);
  auto top = supervise({child("a"), child("b"), child("c")}, how);
  for (auto& each : ask(top, describe{}).children)
    if (each.id != "b") runtime::tell(each.handle, player::crash{});
  settle_randomly(seed);
  for (auto& each : ask(top, describe{}).children) CHECK(each.state == child_state::up);
  scene();
  end(top);
  CHECK(scene() == script{"-c", "-b", "-a"});
}

TEST_CASE_METHOD(troupe, "supervisor: a child that was killed comes back with a new address, its siblings keep theirs",
                 "[runtime]") {
  auto top = supervise({child("a"), child("b")}, strategy::one_for_all);
  auto a = handle(top, "a"), b = handle(top, "b");
  end(b, caf::exit_reason::kill);
  CHECK(handle(top, "b") != b);
  CHECK(handle(top, "a") == a);
  CHECK(ask(a, player::speak{}).life == 1);
}

// --- restart in place ------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(troupe, "supervisor: a child whose constructor throws is tried again until the intensity is used up",
                 "[runtime]") {
  stage_fright = true;
  auto top = supervise({.id = "top", .children = {child(player::options{.id = "a", .cannot_start = &stage_fright})}});
  CHECK(last_words ==
        "supervision gave up after too many restarts: child 'a' of 'top': "
        "the actor failed while it handled this message: stage fright");
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(troupe, "supervisor: a start function that throws, or gives nothing, counts as a failure",
                 "[runtime]") {
  int tries = 0;
  auto broken = child_spec{.id = "a", .start = [&](const place&) -> caf::actor {
                             if (++tries % 2) throw std::runtime_error{"no stage"};
                             return {};
                           }};
  auto top = supervise({child("b"), broken, child("c")});
  CHECK(tries == 6);
  CHECK(last_words.find("child 'a' of 'top'") != std::string::npos);
  CHECK(scene() == script{"+b", "-b"});  // c was never reached
}

TEST_CASE_METHOD(troupe, "supervisor: the next child waits while one before it cannot start", "[runtime]") {
  stage_fright = true;
  auto shy = child(player::options{.id = "a", .cannot_start = &stage_fright});
  shy.limit = backoff{};
  auto top = supervise({shy, child("b")});
  advance(10s);
  CHECK(scene().empty());
  stage_fright = false;
  advance(30s);
  CHECK(scene() == script{"+a", "+b"});
}

// --- limits ----------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(troupe, "supervisor: over the intensity a root stops its children, says why and ends", "[runtime]") {
  auto top = supervise({.id = "top", .children = {child("a"), child("b")}});
  caf::error reason;
  top->attach_functor([&](const caf::error& why) { reason = why; });
  for (int i = 0; i < 5; ++i) crash(handle(top, "a"));
  CHECK(last_words.empty());
  scene();
  crash(handle(top, "a"));
  CHECK(scene() == script{"-a", "-b"});
  CHECK(last_words ==
        "supervision gave up after too many restarts: child 'a' of 'top': "
        "the actor failed while it handled this message: fell off the stage");
  CHECK(reason == errc::gave_up);
}

TEST_CASE_METHOD(troupe, "supervisor: the intensity forgets restarts older than its period", "[runtime]") {
  auto top = supervise({child("a")});
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 5; ++i) crash(handle(top, "a"));
    CHECK(last_words.empty());
    advance(30s + 1ms);
  }
  CHECK(look(top, "a").restarts == 20);
}

TEST_CASE_METHOD(troupe, "supervisor: each child has an intensity of its own, and all may have one together",
                 "[runtime]") {
  auto together = GENERATE(false, true);
  supervisor_spec spec{.id = "top", .children = {child("a"), child("b")}};
  if (together) spec.intensity = intensity{.restarts_max = 5, .period = 30s};
  auto top = supervise(std::move(spec));
  for (int i = 0; i < 3; ++i)
    for (auto id : {"a", "b"}) {
      if (!last_words.empty()) break;
      crash(handle(top, id));
    }
  CHECK(last_words.empty() == !together);
}

TEST_CASE_METHOD(troupe, "supervisor: a back-off waits 100 ms, doubles with 0 to 20 % jitter, and never escalates",
                 "[runtime]") {
  auto patient = child("a");
  patient.limit = backoff{};
  auto top = supervise({patient, child("b")});
  auto wait = 100ms;
  for (int i = 0; i < 20; ++i) {
    crash(handle(top, "a"));
    CHECK(look(top, "a").state == child_state::waiting);
    advance(wait - 1ms);
    REQUIRE(look(top, "a").state == child_state::waiting);
    advance(1ms + wait / 5);
    REQUIRE(look(top, "a").state == child_state::up);
    wait = std::min(wait * 2, std::chrono::milliseconds{30s});
  }
  CHECK(last_words.empty());
  CHECK(look(top, "b").restarts == 0);
  advance(60s);  // of health
  crash(handle(top, "a"));
  advance(120ms);
  CHECK(look(top, "a").state == child_state::up);
}

TEST_CASE_METHOD(troupe, "supervisor: one that is in its back-off holds up no other", "[runtime]") {
  auto patient = child("a");
  patient.limit = backoff{};
  auto top = supervise({patient, child("b")});
  auto a = handle(top, "a"), b = handle(top, "b");
  crash(a);
  crash(b);
  CHECK(look(top, "a").state == child_state::waiting);
  CHECK(look(top, "b").state == child_state::up);
}

TEST_CASE_METHOD(troupe, "supervisor: messages wait out a back-off in their order", "[runtime]") {
  auto patient = child("a");
  patient.limit = backoff{};
  auto top = supervise({patient});
  auto a = handle(top, "a");
  crash(a);
  caf::scoped_actor asker{system};
  auto first = asker->request(a, caf::infinite, player::speak{});
  settle();
  CHECK(look(top, "a").depth == 1);
  advance(1s);
  std::uint32_t life = 0;
  first.receive([&](const player::speak::reply& r) { life = r.life; }, [](caf::error&) {});
  CHECK(life == 1);
  CHECK(look(top, "a").depth == 0);
}

}  // namespace greenroom::tests
