/// One bound for the bytes of many stripes. Each stripe owns a `share` and reports to the common counter only in steps,
/// so that stripes on different cores rarely write the same cache line. The sum is off by at most a sixteenth of the
/// bound.
///
/// Threading: `budget` any thread; a `share` belongs to its stripe and is used under the stripe's lock.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "storage/limits.hpp"

namespace greenroom::storage {

class budget {
 public:
  explicit budget(std::uint64_t bytes_max)
      : max_{static_cast<std::int64_t>(bytes_max)},
        step_{std::clamp<std::int64_t>(max_ / static_cast<std::int64_t>(limits::stripes * 16), 1, step_max)} {}

  bool exceeded() const noexcept { return used_.load(std::memory_order_relaxed) > max_; }

 private:
  friend class share;
  static constexpr std::int64_t step_max = 64 << 10;

  const std::int64_t max_;
  const std::int64_t step_;
  alignas(64) std::atomic<std::int64_t> used_{0};
};

class share {
 public:
  void add(budget& of, std::uint64_t bytes) noexcept { move(of, static_cast<std::int64_t>(bytes)); }
  void sub(budget& of, std::uint64_t bytes) noexcept { move(of, -static_cast<std::int64_t>(bytes)); }

 private:
  void move(budget& of, std::int64_t bytes) noexcept {
    unreported_ += bytes;
    if (unreported_ < of.step_ && unreported_ > -of.step_) return;
    of.used_.fetch_add(unreported_, std::memory_order_relaxed);
    unreported_ = 0;
  }

  std::int64_t unreported_ = 0;
};

}  // namespace greenroom::storage
