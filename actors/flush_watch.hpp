/// FLUSH_WATCH measures from the socket that a publish was read from to the end of the turn in which its frames were
/// written.
///
/// Lifecycle: a member of the relay's State. Threading: its shard's. Bounds: one entry a publish of this turn.
#pragma once
#include <chrono>
#include <vector>

#include "actors/meters.hpp"
#include "runtime/shard.hpp"

namespace greenroom {

class flush_watch final : public runtime::turn_hook {
 public:
  explicit flush_watch(meters& to) : meters_{to} {}
  void published(std::chrono::steady_clock::time_point received) {
    auto* here = runtime::shard::current();
    if (!here || received == std::chrono::steady_clock::time_point{}) return;
    received_.push_back(received);
    here->at_turn_end(*this);
  }

 private:
  void on_turn_end() override {
    auto now = std::chrono::steady_clock::now();
    for (auto each : received_) meters_.flushed(now - each);
    received_.clear();
  }
  meters& meters_;
  std::vector<std::chrono::steady_clock::time_point> received_;
};

}  // namespace greenroom
