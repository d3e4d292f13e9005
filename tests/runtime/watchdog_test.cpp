#include "runtime/watchdog.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <future>

#include "runtime/actor.hpp"
#include "runtime/scheduler.hpp"

namespace greenroom::tests::sleeper {

struct hold {
  std::shared_future<void> until;
};

struct options {};

struct state {
  static inline const char* name = "sleeper";
  state(runtime::actor_base*, const options&) {}
  caf::behavior start() {
    return {[](const hold& m) { m.until.wait(); }};
  }
};

}  // namespace greenroom::tests::sleeper

GREENROOM_MESSAGE(greenroom::tests::sleeper::hold)

namespace greenroom::tests {

using namespace std::chrono_literals;
using runtime::hold_detector;
using runtime::shard;

namespace {

const hold_detector::time_point start{1h};

/// Looks every 25 ms at the same thing, from `from` to `to`; when the hold was told, if it was.
std::optional<std::chrono::nanoseconds> watch(hold_detector& dog, shard::glance seen, std::chrono::milliseconds from,
                                              std::chrono::milliseconds to) {
  std::optional<std::chrono::nanoseconds> told;
  seen.turn_began = start + from;
  for (auto t = from; t <= to; t += 25ms)
    if (auto lasted = dog.look(start + t, seen)) {
      CHECK_FALSE(told);
      told = lasted;
    }
  return told;
}

}  // namespace

TEST_CASE("watchdog: tells a hold once, when it has lasted 100 ms", "[runtime]") {
  hold_detector dog;
  CHECK_FALSE(watch(dog, {.busy = true, .turn = 1, .job = 1}, 0ms, 75ms));
  CHECK(watch(dog, {.busy = true, .turn = 1, .job = 1}, 100ms, 1000ms) == 100ms);
}

TEST_CASE("watchdog: of a shard that slept it is seen late, and counts from when its turn began", "[runtime]") {
  hold_detector dog;
  CHECK_FALSE(dog.look(start, {.busy = false, .turn = 1}));
  const shard::glance held{.busy = true, .turn = 2, .job = 1, .turn_began = start + 10ms};
  CHECK_FALSE(dog.look(start + 100ms, held));
  CHECK(dog.look(start + 125ms, held) == 115ms);
  CHECK_FALSE(dog.look(start + 150ms, held));
}

TEST_CASE("watchdog: of a shard that slept, a job behind others of its turn is not blamed for them", "[runtime]") {
  hold_detector dog;
  CHECK_FALSE(dog.look(start, {.busy = false, .turn = 1, .job = 3}));
  const shard::glance second{.busy = true, .turn = 2, .job = 5, .turn_began = start + 10ms, .turn_jobs = 3};
  CHECK_FALSE(dog.look(start + 100ms, second));
  CHECK_FALSE(dog.look(start + 125ms, second));
  CHECK(dog.look(start + 200ms, second) == 100ms);
}

TEST_CASE("watchdog: a job late in a long turn counts from when it was seen", "[runtime]") {
  hold_detector dog;
  CHECK_FALSE(dog.look(start + 90ms, {.busy = true, .turn = 2, .job = 1, .turn_began = start + 60ms}));
  CHECK_FALSE(dog.look(start + 165ms, {.busy = true, .turn = 2, .job = 9, .turn_began = start + 60ms}));
  CHECK_FALSE(dog.look(start + 190ms, {.busy = true, .turn = 2, .job = 9, .turn_began = start + 60ms}));
}

TEST_CASE("watchdog: an idle shard holds nothing, however long", "[runtime]") {
  hold_detector dog;
  CHECK_FALSE(watch(dog, {.busy = false, .turn = 1, .job = 1}, 0ms, 1000ms));
}

TEST_CASE("watchdog: many jobs of one turn, or many turns, are no hold", "[runtime]") {
  hold_detector dog;
  for (std::uint64_t i = 0; i < 40; ++i) {
    CHECK_FALSE(dog.look(start + i * 25ms, {.busy = true, .turn = 1, .job = i, .turn_began = start}));
  }
  for (std::uint64_t i = 0; i < 40; ++i) {
    CHECK_FALSE(
        dog.look(start + 1s + i * 25ms, {.busy = true, .turn = i, .job = 7, .turn_began = start + 1s + i * 25ms}));
  }
}

TEST_CASE("watchdog: the next hold is told, too", "[runtime]") {
  hold_detector dog;
  CHECK(watch(dog, {.busy = true, .turn = 1, .job = 1}, 0ms, 200ms));
  CHECK(watch(dog, {.busy = true, .turn = 1, .job = 2}, 225ms, 425ms));
  CHECK_FALSE(watch(dog, {.busy = false, .turn = 2, .job = 2}, 450ms, 475ms));
  CHECK(watch(dog, {.busy = true, .turn = 3, .job = 3}, 500ms, 700ms));
}

TEST_CASE("watchdog: names the actor that holds a real shard", "[runtime]") {
  struct config : caf::actor_system_config {
    config() { runtime::scheduler::install(*this, 2); }
  } settings;
  caf::actor_system system{settings};
  auto& shards = runtime::scheduler::of(system);

  std::promise<void> release;
  std::promise<runtime::shard_hold> told;
  runtime::watchdog dog{shards, [&](const runtime::shard_hold& hold) {
                          told.set_value(hold);
                          release.set_value();
                        }};
  auto sleeper = runtime::spawn<sleeper::state>({system, &shards.at(1)}, sleeper::options{});
  runtime::tell(sleeper, sleeper::hold{release.get_future().share()});

  auto hold = told.get_future().get();
  CHECK(hold.shard == 1);
  CHECK(hold.actor == "sleeper");
  CHECK(hold.actor_id == sleeper.id());
  CHECK(hold.lasted >= 100ms);
  CHECK(dog.holds() == 1);
}

}  // namespace greenroom::tests
