/// WORKER_BOARD shows who works for the node: a row of figures for each remote worker, written by the pool, read by
/// /status and /metrics.
///
/// Threading: any thread. Bounds: limits::workers_max rows.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace greenroom {

class worker_figures {
 public:
  worker_figures(std::string of_session, std::string of_user)
      : session{std::move(of_session)}, user{std::move(of_user)} {}

  const std::string session, user;
  std::atomic<std::uint32_t> capacity{0}, in_flight{0};
  std::atomic<std::uint64_t> answered{0};    ///< with a result
  std::atomic<std::uint64_t> failed{0};      ///< with an error
  std::atomic<std::uint64_t> lost{0};        ///< taken back, because it went or its session crashed
  std::atomic<std::uint64_t> overdue{0};     ///< never answered; its place was given to the next request
  std::atomic<std::uint64_t> latency_us{0};  ///< of its answers, a moving average

  void set_methods(std::vector<std::string> now) {
    std::lock_guard guard{mutex_};
    methods_ = std::move(now);
  }
  std::vector<std::string> methods() const {
    std::lock_guard guard{mutex_};
    return methods_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> methods_;
};

class worker_board {
 public:
  std::shared_ptr<worker_figures> add(std::string session, std::string user) {
    auto row = std::make_shared<worker_figures>(std::move(session), std::move(user));
    std::lock_guard guard{mutex_};
    rows_.push_back(row);
    return row;
  }
  void remove(const std::shared_ptr<worker_figures>& row) {
    std::lock_guard guard{mutex_};
    std::erase(rows_, row);
  }
  std::vector<std::shared_ptr<const worker_figures>> rows() const {
    std::lock_guard guard{mutex_};
    return {rows_.begin(), rows_.end()};
  }

  std::atomic<std::uint64_t> waiting{0};  ///< calls that no worker has room for

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<worker_figures>> rows_;
};

}  // namespace greenroom
