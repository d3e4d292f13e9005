/// SERVICE_BOARD shows what the node's services do: a row of figures for each instance and for the pool of workers,
/// written by them and by the routers, read by /status and /metrics.
///
/// Threading: any thread. Bounds: one row for each instance that was ever started.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace greenroom {

struct service_figures {
  service_figures(std::string of, std::string who) : service{std::move(of)}, instance{std::move(who)} {}

  const std::string service;
  const std::string instance;  ///< as `gathered::from`: `shard 0`
  std::atomic<std::uint64_t> in_work{0}, queued{0};
  std::atomic<std::uint64_t> calls{0};    ///< given to the service's code
  std::atomic<std::uint64_t> errors{0};   ///< answered by it with an error, or lost with it
  std::atomic<std::uint64_t> refused{0};  ///< over a bound, or while it was away
  std::atomic<std::uint64_t> timed_out{0};
  std::atomic<std::uint64_t> cancelled{0};  ///< the caller had gone
  std::atomic<std::uint64_t> repeated{0};   ///< given to it again after a loss
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<bool> away{false};  ///< it fails again and again: callers are told `unavailable`
};

class service_board {
 public:
  std::shared_ptr<service_figures> add(std::string service, std::string instance) {
    auto row = std::make_shared<service_figures>(std::move(service), std::move(instance));
    std::lock_guard guard{mutex_};
    rows_.push_back(row);
    return row;
  }
  void remove(const std::shared_ptr<service_figures>& row) {
    std::lock_guard guard{mutex_};
    std::erase(rows_, row);
  }
  std::vector<std::shared_ptr<const service_figures>> rows() const {
    std::lock_guard guard{mutex_};
    return {rows_.begin(), rows_.end()};
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<service_figures>> rows_;
};

}  // namespace greenroom
