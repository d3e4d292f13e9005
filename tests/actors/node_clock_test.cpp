#include "actors/node_clock.hpp"

#include <catch2/catch.hpp>

namespace greenroom::tests {
namespace {

constexpr std::int64_t second_us = 1'000'000, start_us = 1'800'000'000 * second_us;

struct machine {
  std::int64_t wall_us = start_us, monotonic_us = 77 * second_us;
  node_clock started(std::int64_t not_before_ms = 0) {
    return {not_before_ms, [this] { return wall_us; }, [this] { return monotonic_us; }};
  }
  void pass(std::int64_t us) {
    wall_us += us;
    monotonic_us += us;
  }
};

}  // namespace

TEST_CASE("node clock: begins with the wall and goes on with the monotonic clock", "[actors][clock]") {
  machine here;
  auto clock = here.started();
  CHECK(clock.now_ms() == start_us / 1'000);
  here.pass(1'500'000);
  CHECK(clock.now_ms() == start_us / 1'000 + 1'500);
}

TEST_CASE("node clock: a jump of the wall moves it by half a millisecond a second", "[actors][clock]") {
  const auto jump_s = GENERATE(std::int64_t{7'200}, std::int64_t{-7'200});
  machine here;
  auto clock = here.started();
  here.wall_us += jump_s * second_us;
  for (int i = 0; i < 100; ++i) {
    here.pass(second_us);
    clock.now_ms();
  }
  CHECK(clock.now_ms() == start_us / 1'000 + 100'000 + (jump_s > 0 ? 50 : -50));
}

TEST_CASE("node clock: a small difference is made up for, and then it stays with the wall", "[actors][clock]") {
  machine here;
  auto clock = here.started();
  here.wall_us += 3'000;
  for (int i = 0; i < 20; ++i) {
    here.pass(second_us);
    clock.now_ms();
  }
  CHECK(clock.now_ms() == here.wall_us / 1'000);
}

TEST_CASE("node clock: is never behind what is stored, though the wall was set back", "[actors][clock]") {
  machine here;
  auto clock = here.started(start_us / 1'000 + 3'600'000);
  CHECK(clock.now_ms() == start_us / 1'000 + 3'600'000);
  here.pass(2 * second_us);
  CHECK(clock.now_ms() >= start_us / 1'000 + 3'601'999);
}

}  // namespace greenroom::tests
