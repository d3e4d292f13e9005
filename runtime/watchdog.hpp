/// WATCHDOG names the actor that holds a shard for longer than 100 ms: whoever blocks there blocks every connection of
/// that shard. One thread a node looks at each shard every 25 ms, and every 100 ms while all sleep; the shards pay two
/// relaxed stores per resume and one per turn for it.
///
/// A hold is the same job of the same turn, seen at two looks and more, which has lasted 100 ms: since it was first seen, or
/// since its turn began where the turn began with it and the shard slept before. It is reported 100 to 125 ms after it
/// began, once, from the watchdog's thread. A hold without an actor is a socket's handler, a timer or a turn-end
/// hook. Lifecycle: made after the actor system and destroyed before it. Bounds: one record a shard.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/shard.hpp"

namespace greenroom::runtime {

class scheduler;

/// Who holds which shard, and for how long already.
struct shard_hold {
  std::size_t shard = 0;
  std::string actor;  ///< its State's name; empty: none, the sockets' part of a turn
  std::uint64_t actor_id = 0;
  std::chrono::nanoseconds lasted{};
};

/// The decision apart from the thread: one shard's looks, in the order of time.
class hold_detector {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit hold_detector(std::chrono::nanoseconds longest = limits::watchdog_hold_max) : longest_{longest} {}
  /// How long the hold has lasted, once per hold, when it has become too long.
  std::optional<std::chrono::nanoseconds> look(time_point now, const shard::glance& seen);

 private:
  std::chrono::nanoseconds longest_;
  std::uint64_t turn_ = 0, job_ = 0;
  std::optional<time_point> since_;  ///< none: idle when last seen
  bool told_ = false;
};

class watchdog {
 public:
  using report = std::function<void(const shard_hold&)>;

  /// Starts the thread; `told` runs on it. Without one, holds go to the log.
  explicit watchdog(scheduler& shards, report told = nullptr);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  /// Holds reported so far. Any thread.
  std::uint64_t holds() const noexcept { return holds_.load(std::memory_order_relaxed); }

 private:
  void main();
  bool look(hold_detector::time_point now);  // false: every shard sleeps

  scheduler& shards_;
  report told_;
  std::vector<hold_detector> seen_;
  std::atomic<std::uint64_t> holds_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool leaving_ = false;
  std::thread thread_;
};

}  // namespace greenroom::runtime
