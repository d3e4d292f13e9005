#include "runtime/scheduler.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system_config.hpp>

#include <algorithm>
#include <thread>
#include <utility>

#include "runtime/limits.hpp"

namespace greenroom::runtime {

void scheduler::install(caf::actor_system_config& config, std::size_t shards) {
  config.set("scheduler.max-threads", std::clamp<std::size_t>(shards, 1, limits::shards_max));
  config.set("scheduler.max-throughput", limits::messages_per_resume_max);
  config.load<scheduler>();
}

scheduler* scheduler::find(caf::actor_system& system) noexcept { return dynamic_cast<scheduler*>(&system.scheduler()); }

scheduler& scheduler::of(caf::actor_system& system) noexcept { return static_cast<scheduler&>(system.scheduler()); }

caf::actor_system::module* scheduler::make(caf::actor_system& system, caf::detail::type_list<>) {
  return new scheduler{system};
}

caf::actor_clock& scheduler::clock() noexcept {
  if (auto* here = shard::current()) return here->clock();
  return *outside_;
}

// Not in start(): CAF spawns its own actors between the two.
void scheduler::init(caf::actor_system_config& config) {
  abstract_coordinator::init(config);
  auto count = std::max<std::size_t>(1, num_workers());
  for (std::size_t id = 0; id < count; ++id) shards_.push_back(std::make_unique<shard>(system(), id, max_throughput()));
  outside_.emplace(*shards_.front());
}

void scheduler::start() {
  for (auto& each : shards_) each->start();
  abstract_coordinator::start();
}

void scheduler::stop() {
  stop_actors();
  for (auto& each : shards_) each->leave();
  for (auto& each : shards_) each->join();
  bury_orphans(shard::more::may_come);  // jobs that a shard sent to one that had left already
  for (auto& each : shards_) each->destroy_io();
  bury_orphans(shard::more::never);
}

void scheduler::bury_orphans(shard::more after) {
  for (bool again = true; std::exchange(again, false);)
    for (auto& each : shards_)
      for (auto* job : each->orphans(after)) {
        again = true;
        shard::bury(job);
      }
}

bool await_actors(caf::actor_system& system, std::chrono::steady_clock::time_point deadline) {
  constexpr std::chrono::milliseconds look_every{2};
  while (system.registry().running() != 0) {
    if (std::chrono::steady_clock::now() >= deadline) {
      system.await_actors_before_shutdown(false);
      return false;
    }
    std::this_thread::sleep_for(look_every);
  }
  return true;
}

}  // namespace greenroom::runtime
