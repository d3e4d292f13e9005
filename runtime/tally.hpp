/// TALLY is a number that one thread counts and any thread may read: a relaxed load and a relaxed store, no lock
/// prefix.
///
/// Threading: add() by the owning thread only; get() by anyone, who sees a value that was true a moment ago.
#pragma once

#include <atomic>
#include <cstdint>

namespace greenroom::runtime {

class tally {
 public:
  void add(std::uint64_t n = 1) noexcept { value_.store(get() + n, std::memory_order_relaxed); }
  std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace greenroom::runtime
