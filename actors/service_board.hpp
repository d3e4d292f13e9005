/// SERVICE_BOARD shows what the node's services do: a row of figures for each instance and for the pool of workers,
/// written by them and by the routers, read by /status and /metrics.
///
/// Threading: any thread. Bounds: one row for each instance that was ever started.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace greenroom {

struct service_figures {
  service_figures(std::string of, std::string who) : service{std::move(of)}, instance{std::move(who)} {}

  const std::string service;
  const std::string instance;  ///< as `gathered::from`: `shard 0`
  using counter = std::atomic<std::uint64_t>;
  counter in_work{0}, queued{0};
  counter calls{0};    ///< given to the service's code
  counter errors{0};   ///< answered by it with an error, or lost with it
  counter refused{0};  ///< over a bound, or while it was away
  counter timed_out{0};
  counter cancelled{0};  ///< the caller had gone
  counter repeated{0};   ///< given to it again after a loss
  counter restarts{0};
  std::atomic<bool> away{false};  ///< it fails again and again: callers are told `unavailable`

  struct figure {
    std::string_view name, help;  ///< in /metrics
    std::string_view word;        ///< in /status
    counter service_figures::*value;
    bool grows = true;
  };
  static const std::array<figure, 9> all;
};

inline constexpr std::array<service_figures::figure, 9> service_figures::all{{
    {"greenroom_service_in_work", "Calls that the service's code works on.", "in_work", &service_figures::in_work,
     false},
    {"greenroom_service_queued", "Calls that wait for room in a service.", "queued", &service_figures::queued, false},
    {"greenroom_service_calls_total", "Calls given to the service's code.", "calls", &service_figures::calls},
    {"greenroom_service_errors_total", "Calls answered with an error by the service, or lost with it.", "errors",
     &service_figures::errors},
    {"greenroom_service_refused_total", "Calls refused over a bound of the service, or while it was away.", "refused",
     &service_figures::refused},
    {"greenroom_service_timed_out_total", "Calls that the service did not answer in time.", "timed_out",
     &service_figures::timed_out},
    {"greenroom_service_cancelled_total", "Calls whose caller had gone before the answer.", "cancelled",
     &service_figures::cancelled},
    {"greenroom_service_repeated_total", "Idempotent calls given to the service again after a loss.", "repeated",
     &service_figures::repeated},
    {"greenroom_service_restarts_total", "Times that the service was built anew after a crash.", "restarts",
     &service_figures::restarts},
}};

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
