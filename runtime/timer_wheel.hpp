/// TIMER_WHEEL holds the deadlines of one shard's connections: ticks of 4 ms, six levels of 64 slots, each level 64
/// times coarser than the one below. Arm, re-arm and cancel are O(1); an entry costs its own 32 bytes and nothing else,
/// so ten thousand idle connections with a ping each cost no allocation and no wake-up before the first of them is due.
///
/// Lifecycle: an entry is part of whatever owns the deadline and unlinks itself when destroyed; a wheel that dies first
///   disarms what is left. on_timer() may arm, cancel or destroy any entry, itself included.
/// Threading: one thread, the shard's. Time is passed in; nothing here reads a clock.
/// Precision: never early; late by at most one tick (4 ms) and what the loop was busy with.
/// Bounds: deadlines beyond 64^6 ticks (8.7 years) are taken as that.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "runtime/link.hpp"

namespace greenroom::runtime {

class timer_wheel;

/// A deadline's place in the wheel; derive from it and say what happens in on_timer().
class timer : private link {
 public:
  timer() = default;
  timer(const timer&) = delete;
  timer& operator=(const timer&) = delete;

  bool armed() const noexcept { return linked(); }
  void cancel() noexcept { unlink(); }  ///< No effect when not armed.

 protected:
  ~timer() = default;

 private:
  friend class timer_wheel;
  friend class link_list<timer>;
  virtual void on_timer() = 0;

  std::uint64_t due_ = 0;  ///< tick
};

class timer_wheel {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds tick{4};

  explicit timer_wheel(time_point origin) : origin_{origin} {}
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  /// Arms or re-arms. A deadline that has passed fires with the next tick, never inside this call.
  void arm(timer& entry, time_point deadline) noexcept;
  /// Fires everything that is due at `now`; returns how many. A `now` before the last one is taken as that.
  std::size_t advance(time_point now);
  /// When advance() has work next: a deadline, or the moment a coarse slot is spread over finer ones. None: nothing
  /// armed.
  std::optional<time_point> next_deadline() noexcept;

 private:
  static constexpr unsigned slot_bits = 6;
  static constexpr unsigned slots = 1U << slot_bits;
  static constexpr unsigned levels = 6;
  static constexpr std::uint64_t span_max = (std::uint64_t{1} << (slot_bits * levels)) - 1;

  struct level {
    std::uint64_t occupied = 0;  ///< a bit may be stale: its slot's last entry unlinked itself
    std::array<link_list<timer>, slots> slot;
  };
  struct expiry {
    std::uint64_t at;
    unsigned level, slot;
  };

  void insert(timer& entry) noexcept;
  std::optional<expiry> next_expiry() noexcept;
  std::size_t expire(const expiry& what);
  std::uint64_t tick_of(time_point t) const noexcept;

  time_point origin_;
  std::uint64_t elapsed_ = 0;  ///< ticks since origin_ that are done
  std::array<level, levels> levels_;
};

static_assert(sizeof(timer) <= 32, "an idle connection's timer is part of its 7 KiB");

}  // namespace greenroom::runtime
