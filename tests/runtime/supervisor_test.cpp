#include "runtime/supervisor.hpp"

#include <stdexcept>

#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests::player {

/// What the children of a test did, in order: "+a" built, "-a" destroyed.
using script = std::vector<std::string>;

struct speak {
  struct reply {
    std::uint32_t life;
  };
};
struct crash {};
struct leave {
  caf::error reason;
};

struct options {
  std::string id;
  script* played = nullptr;
  bool deaf = false;                   ///< ignores exits
  const bool* cannot_start = nullptr;  ///< true there: the constructor throws
};

struct state {
  static inline const char* name = "player";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {
    if (opts.cannot_start && *opts.cannot_start) throw std::runtime_error{"stage fright"};
    if (opts.deaf) self->set_exit_handler([](caf::exit_msg&) {});
    opts.played->push_back("+" + opts.id);
  }
  ~state() { opts.played->push_back("-" + opts.id); }

  caf::behavior start() {
    return {
        [this](const speak&) { return speak::reply{self->life()}; },
        [](const crash&) { throw std::runtime_error{"fell off the stage"}; },
        [this](const leave& m) { self->quit(m.reason); },
    };
  }

  runtime::actor_base* self;
  options opts;
};

}  // namespace greenroom::tests::player

GREENROOM_REQUEST(greenroom::tests::player::speak)
GREENROOM_MESSAGE(greenroom::tests::player::crash)
GREENROOM_MESSAGE(greenroom::tests::player::leave)

namespace greenroom::tests {

namespace {

using player::script;
using runtime::backoff;
using runtime::child_spec;
using runtime::errc;
using runtime::intensity;
using runtime::place;
using runtime::restart;
using runtime::strategy;
using runtime::supervisor_spec;
using runtime::child_state;
using runtime::supervisor::describe;

struct troupe : actor_fixture {
  script played;
  bool stage_fright = false;
  std::string last_words;  ///< what on_gave_up said

  ~troupe() { end_actors(); }

  child_spec child(std::string id, restart kind = restart::permanent) {
    return {.id = id,
            .start =
                [this, id](const place& p) {
                  return runtime::spawn<player::state>(p, player::options{id, &played});
                },
            .restart = kind};
  }
  child_spec child(player::options opts) {
    opts.played = &played;
    return {.id = opts.id, .start = [opts](const place& p) { return runtime::spawn<player::state>(p, opts); }};
  }

  caf::actor supervise(std::vector<child_spec> children, strategy how = strategy::one_for_one) {
    return supervise(supervisor_spec{.id = "top", .strategy = how, .children = std::move(children)});
  }
  caf::actor supervise(supervisor_spec spec) {
    spec.seed = 1;
    if (!spec.on_gave_up) spec.on_gave_up = [this](const caf::error& why) { last_words = runtime::explain(why); };
    auto top = keep(runtime::supervisor::spawn(here(), std::move(spec)));
    settle();
    return top;
  }

  describe::child look(const caf::actor& top, const std::string& id) {
    for (auto& each : ask(top, describe{}).children)
      if (each.id == id) return each;
    FAIL("no child " << id);
    return {};
  }
  caf::actor handle(const caf::actor& top, const std::string& id) { return look(top, id).handle; }

  void crash(const caf::actor& who) {
    runtime::tell(who, player::crash{});
    settle();
  }
  void end(const caf::actor& who, caf::exit_reason how = caf::exit_reason::user_shutdown) {
    caf::anon_send_exit(who, how);
    settle();
  }
  /// What happened since the last look.
  script scene() { return std::exchange(played, {}); }
};

}  // namespace

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

// --- escalation ------------------------------------------------------------------------------------------------------

namespace {

struct tree : troupe {
  caf::actor top, branch;

  /// top (a, branch (b, c), d)
  void grow(strategy how = strategy::one_for_one) {
    supervisor_spec inner{.id = "branch", .children = {child("b"), child("c")}};
    child_spec limb{.id = "branch",
                    .start = [inner](const place& p) { return runtime::supervisor::spawn(p, inner); },
                    .kind = runtime::kind::supervisor};
    top = supervise({child("a"), limb, child("d")}, how);
    branch = handle(top, "branch");
  }
  void crash_often(const std::string& id, int times) {
    for (int i = 0; i < times; ++i) crash(handle(branch, id));
  }
};

}  // namespace

TEST_CASE_METHOD(tree, "supervisor: a branch counts as started when its children are", "[runtime]") {
  grow();
  CHECK(scene() == script{"+a", "+b", "+c", "+d"});
}

TEST_CASE_METHOD(tree, "supervisor: a branch that gives up is restarted by its parent, all addresses kept",
                 "[runtime]") {
  grow();
  auto b = handle(branch, "b"), c = handle(branch, "c");
  crash_often("c", 5);
  scene();
  crash_often("c", 1);
  CHECK(scene() == script{"-c", "-b", "+b", "+c"});
  CHECK(handle(top, "branch") == branch);
  CHECK(handle(branch, "b") == b);
  CHECK(handle(branch, "c") == c);
  CHECK(look(top, "branch").restarts == 1);
  CHECK(look(top, "branch").last_error.find("child 'c' of 'branch'") != std::string::npos);
  crash_often("c", 5);  // a new life, a new window
  CHECK(look(top, "branch").restarts == 1);
  CHECK(last_words.empty());
}

TEST_CASE_METHOD(tree, "supervisor: escalation goes on to the root", "[runtime]") {
  grow();
  crash_often("c", 5 * 6);  // each sixth crash is one of the branch
  crash_often("c", 5);
  CHECK(last_words.empty());
  crash_often("c", 1);
  CHECK(last_words.find("child 'branch' of 'top'") != std::string::npos);
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(tree, "supervisor: a branch is dropped and built anew with its siblings", "[runtime]") {
  grow(strategy::one_for_all);
  auto c = handle(branch, "c");
  scene();
  crash(handle(top, "a"));
  CHECK(scene() == script{"-a", "-d", "-c", "-b", "+a", "+b", "+c", "+d"});
  CHECK(handle(branch, "c") == c);
  CHECK(ask(c, player::speak{}).life == 1);
}

TEST_CASE_METHOD(tree, "supervisor: a branch and its sibling that fail at once end up, all of them", "[runtime]") {
  auto seed = GENERATE(range(1U, 101U));
  INFO("seed " << seed);
  grow(strategy::one_for_all);
  for (int i = 0; i < 6; ++i) runtime::tell(handle(branch, "c"), player::crash{});
  runtime::tell(handle(top, "d"), player::crash{});
  settle_randomly(seed);
  for (auto& each : ask(top, describe{}).children) CHECK(each.state == child_state::up);
  for (auto& each : ask(branch, describe{}).children) CHECK(each.state == child_state::up);
}

TEST_CASE_METHOD(tree, "supervisor: a tree stops from its last leaf to its first", "[runtime]") {
  grow();
  scene();
  end(top);
  CHECK(scene() == script{"-d", "-c", "-b", "-a"});
}

TEST_CASE_METHOD(tree, "supervisor: a killed branch takes its children with it and comes back with new ones",
                 "[runtime]") {
  grow();
  auto b = handle(branch, "b");
  end(branch, caf::exit_reason::kill);
  CHECK(look(top, "branch").state == child_state::up);
  CHECK(handle(top, "branch") != branch);
  CHECK(handle(handle(top, "branch"), "b") != b);
}

TEST_CASE_METHOD(tree, "supervisor: whatever crashes or is killed, in whatever order, the tree stands again",
                 "[runtime]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  auto seed = GENERATE(range(1U, 101U));
  INFO("strategy " << static_cast<int>(how) << ", seed " << seed);
  std::mt19937 generator{seed};
  auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  supervisor_spec inner{.id = "branch", .strategy = how, .children = {child("b"), child("c")}};
  child_spec limb{.id = "branch",
                  .start = [inner](const place& p) { return runtime::supervisor::spawn(p, inner); },
                  .kind = runtime::kind::supervisor};
  supervisor_spec outer{.id = "top", .strategy = how, .children = {child("a"), limb, child("d")}};
  for (auto& each : outer.children) each.limit = intensity{.restarts_max = 1'000'000};
  top = supervise(std::move(outer));
  branch = handle(top, "branch");

  std::vector<caf::actor> known;
  auto learn = [&](const caf::actor& from) {
    for (auto& each : ask(from, describe{}).children)
      if (each.handle) known.push_back(each.handle);
  };
  for (int round = 0; round < 10; ++round) {
    settle_randomly(random());
    known.clear();
    learn(top);
    learn(handle(top, "branch"));
    for (int blow = 0; blow < 8; ++blow) {
      auto& victim = known[random() % known.size()];
      auto is_branch = std::string{"supervisor"} == caf::actor_cast<caf::local_actor*>(victim)->name();
      if (random() % 4 == 0)
        caf::anon_send_exit(victim, random() % 2 == 0 ? caf::exit_reason::kill : caf::exit_reason::user_shutdown);
      else if (!is_branch)
        runtime::tell(victim, player::crash{});
      settle_randomly(random(), random() % 10);
    }
  }
  settle_randomly(random());
  for (auto& each : ask(top, describe{}).children) CHECK(each.state == child_state::up);
  for (auto& each : ask(handle(top, "branch"), describe{}).children) CHECK(each.state == child_state::up);
  scene();
  caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
  settle_randomly(random());
  CHECK(scene() == script{"-d", "-c", "-b", "-a"});
}

}  // namespace greenroom::tests
