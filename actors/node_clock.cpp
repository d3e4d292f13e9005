#include "actors/node_clock.hpp"

#include <algorithm>
#include <chrono>

#include "storage/planted.hpp"

namespace greenroom {
namespace {

constexpr std::int64_t us_per_ms = 1'000, slew_every_us = 1'000'000, slew_max_us = 500;

template <class Clock>
std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

node_clock::node_clock(std::int64_t not_before_ms, source wall, source monotonic)
    : wall_{std::move(wall)},
      monotonic_{std::move(monotonic)},
      began_us_{monotonic_()},
      base_us_{std::max(wall_(), not_before_ms * us_per_ms)},
      next_slew_us_{slew_every_us} {}

node_clock::node_clock(std::int64_t not_before_ms)
    : node_clock{not_before_ms, now_us<std::chrono::system_clock>, now_us<std::chrono::steady_clock>} {}

std::int64_t node_clock::now_ms() {
  if (storage::planted("wall_ttl")) return wall_() / us_per_ms;
  const auto elapsed = monotonic_() - began_us_;
  if (auto due = next_slew_us_.load(std::memory_order_relaxed);
      elapsed >= due && next_slew_us_.compare_exchange_strong(due, elapsed + slew_every_us)) {
    const auto behind = wall_() - (base_us_ + elapsed + slewed_us_.load(std::memory_order_relaxed));
    slewed_us_.fetch_add(std::clamp(behind, -slew_max_us, slew_max_us), std::memory_order_relaxed);
  }
  return (base_us_ + elapsed + slewed_us_.load(std::memory_order_relaxed)) / us_per_ms;
}

}  // namespace greenroom
