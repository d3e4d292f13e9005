#include "runtime/supervision.hpp"

#include <caf/actor.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>

#include "runtime/actor_base.hpp"

namespace greenroom::tests {

using namespace std::chrono_literals;
using runtime::child_state;
using runtime::ending;
using runtime::restart;
using runtime::strategy;
using runtime::supervision;
using verb = supervision::step::verb;

namespace {

runtime::supervisor_spec family(std::size_t count, strategy how = strategy::one_for_one) {
  runtime::supervisor_spec spec{.id = "family", .strategy = how, .seed = 1};
  for (std::size_t i = 0; i < count; ++i)
    spec.children.push_back({.id = std::string(1, static_cast<char>('a' + i)),
                             .start = [](const runtime::place&) { return caf::actor{}; }});
  return spec;
}

/// Runs a head until it waits; starts and suspends succeed at once.
struct obedient {
  explicit obedient(runtime::supervisor_spec s, supervision::rank where = supervision::rank::root)
      : spec{std::move(s)}, head{spec, where} {}

  std::string run() {
    std::string done;
    for (auto step = head.next(now); step.what != verb::none; step = head.next(now)) {
      auto name = step.child < spec.children.size() ? spec.children[step.child].id : "";
      switch (step.what) {
        case verb::spawn: done += "*" + name; break;
        case verb::restart: done += "+" + name; break;
        case verb::suspend: done += "-" + name; break;
        case verb::stop: done += "x" + name; break;
        case verb::wait: done += "w" + name; break;
        case verb::say_started: done += "!"; break;
        case verb::say_held: done += "held"; break;
        case verb::quit: return done + "quit";
        case verb::none: break;
      }
      if (step.what == verb::spawn || step.what == verb::restart) head.started(step.child);
      if (step.what == verb::suspend) head.suspended(step.child);
      if (step.what == verb::stop) head.ended(step.child, ending::normal, "", now);
    }
    return done;
  }
  std::string fail(std::size_t who) {
    head.failed(who, "fell", now);
    return run();
  }

  runtime::supervisor_spec spec;
  supervision head;
  supervision::time_point now{1h};
};

}  // namespace

TEST_CASE("supervision: asks for the next child only when the one before is up", "[runtime]") {
  auto spec = family(3);
  supervision head{spec, supervision::rank::root};
  for (std::size_t i = 0; i < 3; ++i) {
    auto step = head.next({});
    CHECK(step.what == verb::spawn);
    CHECK(step.child == i);
    CHECK(head.next({}).what == verb::none);
    head.started(i);
  }
  CHECK(head.next({}).what == verb::say_started);
  CHECK(head.next({}).what == verb::none);
}

TEST_CASE("supervision: the strategies, as steps", "[runtime]") {
  auto [how, steps] = GENERATE(table<strategy, const char*>({
      {strategy::one_for_one, "+b"},
      {strategy::one_for_all, "-d-c-a+a+b+c+d"},
      {strategy::rest_for_one, "-d-c+b+c+d"},
  }));
  obedient it{family(4, how)};
  CHECK(it.run() == "*a*b*c*d!");
  CHECK(it.fail(1) == steps);
}

TEST_CASE("supervision: over its limit a branch drops all and waits for its parent, a root ends", "[runtime]") {
  auto rank = GENERATE(supervision::rank::root, supervision::rank::branch);
  obedient it{family(2), rank};
  it.run();
  for (int i = 0; i < 5; ++i) CHECK(it.fail(0) == "+a");
  auto root = rank == supervision::rank::root;
  CHECK(it.fail(0) == (root ? "xbxaquit" : "-bheld"));
  CHECK(it.head.gave_up() == "child 'a' of 'family': fell");
  if (root) return;
  CHECK(it.head.held());
  it.head.begin();
  CHECK(it.run() == "+a+b!");
  CHECK(it.fail(0) == "+a");  // with a clean record
}

TEST_CASE("supervision: a child in its back-off is waited for by those after it, in an ordered start only",
          "[runtime]") {
  auto spec = family(3);
  spec.children[1].limit = runtime::backoff{.jitter = 0};
  obedient it{spec};
  it.run();
  CHECK(it.fail(1) == "wb");
  CHECK(it.fail(2) == "+c");
  it.now += 100ms;
  CHECK(it.run() == "+b");
  it.head.hold();
  CHECK(it.run() == "-c-b-aheld");
  it.head.begin();
  CHECK(it.run() == "+a+b+c!");
  CHECK(it.fail(1) == "wb");
  it.head.hold();
  it.run();
  it.head.begin();
  CHECK(it.run() == "+a+b+c!");  // a new life owes no back-off
}

TEST_CASE("supervision: an answer to what is no longer wanted is ignored", "[runtime]") {
  auto spec = family(1);
  supervision head{spec, supervision::rank::root};
  head.next({});
  head.started(0);
  head.hold();
  CHECK(head.next({}).what == verb::suspend);
  head.end();
  CHECK(head.next({}).what == verb::stop);
  head.suspended(0);
  head.started(0);
  CHECK(head.next({}).what == verb::none);
  CHECK(head.children()[0].state == child_state::stopping);
  head.ended(0, ending::normal, "", {});
  CHECK(head.next({}).what == verb::quit);
}

TEST_CASE("supervision: an alarm counts for the step that set it and no other", "[runtime]") {
  auto spec = family(2);
  supervision head{spec, supervision::rank::root};
  for (std::size_t i = 0; i < 2; ++i) {
    head.next({});
    head.started(i);
  }
  head.hold();
  auto suspend = head.next({});
  REQUIRE(suspend.what == verb::suspend);
  CHECK(suspend.after == 5s);
  CHECK(head.rung(1, suspend.alarm));
  CHECK_FALSE(head.rung(0, suspend.alarm));
  head.suspended(1);
  CHECK_FALSE(head.rung(1, suspend.alarm));
}

// A model of the children that answers late, crashes whenever it likes and dies at random. Whatever it does, the order of
// starts and ends holds, and once it is quiet everything is up.
TEST_CASE("supervision: keeps its order and comes to rest, whatever the children do and whenever they say it",
          "[runtime]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  auto seed = GENERATE(range(1U, 201U));
  INFO("strategy " << static_cast<int>(how) << ", seed " << seed);
  std::mt19937 random{seed};
  constexpr std::size_t count = 5;
  auto spec = family(count, how);
  for (auto& each : spec.children) each.limit = runtime::intensity{.restarts_max = 1'000'000};
  supervision head{spec, supervision::rank::branch};
  supervision::time_point now{1h};

  enum class life { none, building, up, waiting };
  struct child {
    life is = life::none;
    std::deque<verb> mail;                   // told and not yet heard
    std::deque<std::function<void()>> said;  // said and not yet heard by the supervisor
  };
  std::array<child, count> kids;
  bool said_started = false;

  auto act = [&](const supervision::step& step) {
    auto& kid = kids[step.child];
    switch (step.what) {
      case verb::spawn:
        REQUIRE(kid.is == life::none);
        kid.is = life::building;
        break;
      case verb::restart:
      case verb::suspend: kid.mail.push_back(step.what); break;
      case verb::say_started: said_started = true; break;
      default: FAIL("an unexpected step");
    }
    if (step.what ==
        verb::suspend)  // the last started first: nobody after it is being suspended or up and to be dropped
      for (auto i = step.child + 1; i < count; ++i) REQUIRE(head.children()[i].state != child_state::suspending);
  };
  auto proceed = [&] {
    for (auto step = head.next(now); step.what != verb::none; step = head.next(now)) act(step);
  };
  auto live = [&](std::size_t i) {  // one thing that child i does
    auto& kid = kids[i];
    if (kid.is == life::building) {
      kid.is = life::up;
      kid.said.push_back([&head, i] { head.started(i); });
    } else if (!kid.mail.empty()) {
      auto told = kid.mail.front();
      kid.mail.pop_front();
      if (told == verb::suspend) {
        kid.is = life::waiting;
        kid.said.push_back([&head, i] { head.suspended(i); });
      } else if (kid.is == life::waiting) {
        kid.is = life::building;
      }
    }
  };
  auto hear = [&](std::size_t i) {
    if (kids[i].said.empty()) return;
    auto what = std::move(kids[i].said.front());
    kids[i].said.pop_front();
    what();
    proceed();
  };

  proceed();
  for (int turn = 0; turn < 500; ++turn) {
    auto i = random() % count;
    now += 1ms;
    switch (random() % 8) {
      case 0:
        if (kids[i].is == life::up || kids[i].is == life::building) {
          kids[i].is = life::waiting;
          kids[i].said.push_back([&head, i, &now] { head.failed(i, "fell", now); });
        }
        break;
      case 1:
        if (kids[i].is != life::none && random() % 4 == 0) {
          kids[i] = {};  // what it had said is heard from an unknown actor by then
          head.ended(i, ending::abnormal, "killed", now);
          proceed();
        }
        break;
      case 2:
      case 3:
      case 4: live(i); break;
      default: hear(i);
    }
  }
  for (int turn = 0; turn < 1000; ++turn) {
    auto i = static_cast<std::size_t>(turn) % count;
    live(i);
    hear(i);
  }
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(head.children()[i].state == child_state::up);
    CHECK(kids[i].is == life::up);
  }
  CHECK(said_started);
}

}  // namespace greenroom::tests
