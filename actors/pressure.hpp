/// PRESSURE is how near the node's memory is to its budget, and what is given up for it: a ladder whose steps are taken one
/// upon another, and left again when memory is clearly below them.
///
///   none ──85 %──▶ idle ──90 %──▶ doors ──93 %──▶ outboxes ──95 %──▶ writes        down: 3 % below the step
///
/// Threading: `measure` by the actor that watches (memory_watch); all else from any thread. Bounds: none needed.
/// Failure: a budget of 0, or memory that cannot be read, is no pressure.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace greenroom::runtime {
class metrics;
}

namespace greenroom {

enum class pressure_level : std::uint8_t {
  none,
  idle,      ///< who rests has less time: HTTP connections between requests, guests' sessions without a client
  doors,     ///< no new connection: 503 with Retry-After
  outboxes,  ///< the connections with most unsent close with 1013
  writes,    ///< nothing more is stored: `unavailable`
};

/// What was given up.
enum class shed : std::uint8_t { idle, connections, outboxes, writes };

/// The ladder alone.
class memory_ladder {
 public:
  static constexpr std::array<std::uint32_t, 4> steps_percent{85, 90, 93, 95};
  static constexpr std::uint32_t hysteresis_percent = 3;

  pressure_level step(std::uint64_t bytes, std::uint64_t budget) noexcept;
  pressure_level level() const noexcept { return level_; }

 private:
  pressure_level level_ = pressure_level::none;
};

class pressure {
 public:
  static constexpr std::uint32_t retry_after_ms = 5'000;  ///< what those are told who are refused
  static constexpr std::uint32_t idle_ms = 2'000;         ///< a rest's time from `idle` on

  explicit pressure(std::uint64_t budget_bytes) : budget_{budget_bytes} {}

  /// The level before and after this reading.
  struct change {
    pressure_level from, to;
  };
  change measure(std::uint64_t bytes) noexcept;

  bool at_least(pressure_level what) const noexcept { return level_.load(std::memory_order_relaxed) >= what; }
  pressure_level level() const noexcept { return level_.load(std::memory_order_relaxed); }
  std::uint64_t budget() const noexcept { return budget_; }
  std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  void gave_up(shed what, std::uint64_t n = 1) noexcept {
    shed_[static_cast<std::size_t>(what)].fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t given_up(shed what) const noexcept {
    return shed_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed);
  }
  void collect(runtime::metrics& into) const;

 private:
  const std::uint64_t budget_;
  memory_ladder ladder_;
  std::atomic<pressure_level> level_{pressure_level::none};
  std::atomic<std::uint64_t> bytes_{0};
  std::array<std::atomic<std::uint64_t>, 4> shed_{};
};

std::string_view word(pressure_level what) noexcept;

/// With the budget of the config; 0: what the control group or the machine has.
std::shared_ptr<pressure> make_pressure(std::uint64_t budget_bytes);

}  // namespace greenroom
