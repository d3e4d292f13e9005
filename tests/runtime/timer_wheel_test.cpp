#include "runtime/timer_wheel.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace greenroom::tests {

using namespace std::chrono_literals;
using runtime::timer_wheel;

namespace {

const timer_wheel::time_point origin{std::chrono::hours{1000}};
constexpr auto tick = timer_wheel::tick;

struct alarm final : runtime::timer {
  void on_timer() override {
    ++rings;
    if (then) then();
  }
  int rings = 0;
  std::function<void()> then;
};

}  // namespace

TEST_CASE("timer wheel: a timer fires once, at its deadline and not before", "[runtime]") {
  timer_wheel wheel{origin};
  alarm a;
  auto due =
      GENERATE(1ms, 4ms, 5ms, 255ms, 256ms, 257ms, 16'383ms, 16'384ms, 16'385ms, 25'000ms, 1'048'576ms, 90'000'000ms);
  wheel.arm(a, origin + due);
  CHECK(a.armed());
  wheel.advance(origin + due - 1ns);
  CHECK(a.rings == 0);
  wheel.advance(origin + due + tick);
  CHECK(a.rings == 1);
  CHECK_FALSE(a.armed());
  wheel.advance(origin + due * 2 + tick);
  CHECK(a.rings == 1);
}

TEST_CASE("timer wheel: following next_deadline() fires every timer within a tick of its deadline", "[runtime]") {
  timer_wheel wheel{origin};
  alarm a;
  auto due = GENERATE(1ms, 300ms, 20s, 25s, 3600s, 100h);
  wheel.arm(a, origin + due);
  auto now = origin;
  int wake_ups = 0;
  while (auto next = wheel.next_deadline()) {
    REQUIRE(*next > now);
    now = *next;
    wheel.advance(now);
    ++wake_ups;
  }
  CHECK(a.rings == 1);
  CHECK(now >= origin + due);
  CHECK(now - (origin + due) < tick);
  CHECK(wake_ups <= 6);  // one a level
}

TEST_CASE("timer wheel: an empty wheel has no deadline, and neither has one whose timers were cancelled", "[runtime]") {
  timer_wheel wheel{origin};
  CHECK_FALSE(wheel.next_deadline());
  alarm a, b;
  wheel.arm(a, origin + 10ms);
  wheel.arm(b, origin + 10min);
  a.cancel();
  b.cancel();
  CHECK_FALSE(wheel.next_deadline());
  CHECK(wheel.advance(origin + 1h) == 0);
  a.cancel();  // no effect
}

TEST_CASE("timer wheel: re-arming moves a timer", "[runtime]") {
  timer_wheel wheel{origin};
  alarm a;
  wheel.arm(a, origin + 10ms);
  wheel.arm(a, origin + 1s);
  wheel.advance(origin + 900ms);
  CHECK(a.rings == 0);
  wheel.arm(a, origin + 950ms);
  wheel.advance(origin + 960ms);
  CHECK(a.rings == 1);
}

TEST_CASE("timer wheel: a deadline in the past fires with the next tick, never inside arm()", "[runtime]") {
  timer_wheel wheel{origin};
  wheel.advance(origin + 1s);
  alarm a;
  wheel.arm(a, origin);
  CHECK(a.rings == 0);
  CHECK(wheel.advance(origin + 1s) == 0);
  CHECK(wheel.advance(origin + 1s + tick) == 1);
}

TEST_CASE("timer wheel: a deadline at the end of time is one of its 8.7 years", "[runtime]") {
  timer_wheel wheel{timer_wheel::time_point{}};
  alarm a;
  wheel.arm(a, timer_wheel::time_point::max());
  CHECK(wheel.advance(timer_wheel::time_point{8 * 365 * 24h}) == 0);
  CHECK(a.armed());
  CHECK(wheel.advance(timer_wheel::time_point{9 * 365 * 24h}) == 1);
}

TEST_CASE("timer wheel: time that goes backwards is ignored", "[runtime]") {
  timer_wheel wheel{origin};
  alarm a;
  wheel.arm(a, origin + 2s);
  wheel.advance(origin + 1s);
  CHECK(wheel.advance(origin) == 0);
  CHECK(wheel.advance(origin + 2s) == 1);
}

TEST_CASE("timer wheel: firing may re-arm, cancel and destroy any timer", "[runtime]") {
  timer_wheel wheel{origin};
  alarm first, neighbour, later;
  auto doomed = std::make_unique<alarm>();
  wheel.arm(first, origin + 10ms);
  wheel.arm(neighbour, origin + 10ms);
  wheel.arm(*doomed, origin + 10ms);
  wheel.arm(later, origin + 10ms);
  first.then = [&] {
    wheel.arm(first, origin);  // already past: the next tick
    neighbour.cancel();
    doomed.reset();
    wheel.arm(later, origin + 1s);
  };
  CHECK(wheel.advance(origin + 12ms) == 1);
  CHECK(neighbour.rings == 0);
  CHECK(later.rings == 0);
  first.then = nullptr;
  wheel.advance(origin + 2s);
  CHECK(first.rings == 2);
  CHECK(later.rings == 1);
}

TEST_CASE("timer wheel: a timer that re-arms itself keeps its beat", "[runtime]") {
  timer_wheel wheel{origin};
  alarm beat;
  auto next = origin + 25s;
  beat.then = [&] { wheel.arm(beat, next += 25s); };
  wheel.arm(beat, next);
  wheel.advance(origin + 250s + tick);
  CHECK(beat.rings == 10);
}

TEST_CASE("timer wheel: a timer dies armed, and a wheel dies before its timers", "[runtime]") {
  alarm outlives;
  {
    timer_wheel wheel{origin};
    {
      alarm dies;
      wheel.arm(dies, origin + 1s);
    }
    CHECK_FALSE(wheel.next_deadline());
    wheel.arm(outlives, origin + 1s);
  }
  CHECK_FALSE(outlives.armed());
}

TEST_CASE("timer wheel: random operations agree with a sorted map", "[runtime]") {
  auto seed = GENERATE(range(1U, 21U));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  timer_wheel wheel{origin};
  std::vector<alarm> timers(200);
  std::map<alarm*, timer_wheel::time_point> model;
  auto now = origin;
  for (int step = 0; step < 3000; ++step) {
    auto& a = timers[random() % timers.size()];
    switch (random() % 4) {
      case 0:
      case 1: {
        auto ahead = std::chrono::microseconds{random() % (1ULL << (4 + random() % 32))};
        wheel.arm(a, now + ahead);
        model[&a] = now + ahead;
        break;
      }
      case 2:
        a.cancel();
        model.erase(&a);
        break;
      default: {
        now += std::chrono::microseconds{random() % (1U << (2 + random() % 24))};
        wheel.advance(now);
        for (auto i = model.begin(); i != model.end();) {
          auto fired = !i->first->armed();
          if (fired) REQUIRE(i->second <= now);
          if (!fired) REQUIRE(i->second + 2 * tick > now);
          i = fired ? model.erase(i) : std::next(i);
        }
      }
    }
    auto next = wheel.next_deadline();
    REQUIRE(next.has_value() == !model.empty());
  }
}

}  // namespace greenroom::tests
