/// SCHEDULER is CAF's scheduler made of shards: it starts them, spreads what has no home, and stops them in the one
/// order that neither hangs nor leaks (decision 0001).
///
///   caf::actor_system_config config;
///   runtime::scheduler::install(config, 2);
///   caf::actor_system system{config};                    // the shards run
///   ...                                                  // end every actor, sockets first, detached ones explicitly
///   runtime::await_actors(system, now + 20s);            // never CAF's await_all_actors_done(): it has no deadline
///                                                        // ~actor_system stops the shards
/// Threading: any. Failure: an idle detached actor whose handle somebody keeps hangs ~actor_system for ever.
#pragma once

#include <caf/scheduler/abstract_coordinator.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/shard.hpp"

namespace greenroom::runtime {

class scheduler final : public caf::scheduler::abstract_coordinator {
 public:
  /// Makes every actor system of this config run on `shards` shards.
  static void install(caf::actor_system_config& config, std::size_t shards);
  /// The system's scheduler, or null where it runs another one (tests).
  static scheduler* find(caf::actor_system& system) noexcept;
  /// The same for who knows that it is there.
  static scheduler& of(caf::actor_system& system) noexcept;

  explicit scheduler(caf::actor_system& system) : abstract_coordinator{system} {}
  /// CAF's module factory.
  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>);

  std::size_t size() const noexcept { return shards_.size(); }
  shard& at(std::size_t id) noexcept { return *shards_[id]; }
  shard& next() noexcept { return *shards_[next_worker_++ % shards_.size()]; }  ///< round robin

  caf::actor_clock& clock() noexcept override;  ///< the calling shard's, or one that forwards to shard 0

 private:
  void init(caf::actor_system_config& config) override;
  void start() override;
  void stop() override;
  void enqueue(caf::resumable* job) override { next().exec_later(job); }
  bool detaches_utility_actors() const override { return true; }
  void bury_orphans(shard::more after);

  std::vector<std::unique_ptr<shard>> shards_;
  std::optional<remote_clock> outside_;
};

/// Waits until no actor is left, or until `deadline`: then false, and ~actor_system will not wait for them either.
bool await_actors(caf::actor_system& system, std::chrono::steady_clock::time_point deadline);

}  // namespace greenroom::runtime
