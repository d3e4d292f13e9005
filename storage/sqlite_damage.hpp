/// Rows that the disk gave back other than they were stored: counted, and reported the 1st, 2nd, 4th, 8th … time, so
/// that one bad page does not fill a log.
///
/// Threading: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace greenroom::storage {

class sqlite_damage {
 public:
  using report = std::function<void(const std::string&)>;

  explicit sqlite_damage(report to) : to_{std::move(to)} {}

  void found(const std::string& what) {
    const auto before = rows_.fetch_add(1, std::memory_order_relaxed);
    if ((before & (before + 1)) == 0)
      say("A damaged row of the database was met: " + what + " (" + std::to_string(before + 1) + " so far).");
  }
  void say(const std::string& sentence) const {
    if (to_) to_(sentence);
  }
  std::uint64_t rows() const noexcept { return rows_.load(std::memory_order_relaxed); }

 private:
  const report to_;
  std::atomic<std::uint64_t> rows_{0};
};

}  // namespace greenroom::storage
