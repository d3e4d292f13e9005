// SHARD_LOOP runs real shards on real threads and lets a test do things on them: tests of sockets need both.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <cstddef>
#include <future>
#include <type_traits>

#include "runtime/scheduler.hpp"
#include "tests/support/patience.hpp"

namespace greenroom::tests {

class shard_loop {
 public:
  explicit shard_loop(std::size_t shards = 1) {
    runtime::scheduler::install(config_, shards);
    system_.emplace(config_);
  }
  /// Waits for the shards' threads; sockets that are left die with them.
  ~shard_loop() { stop(); }
  void stop() { system_.reset(); }

  runtime::shard& at(std::size_t id = 0) { return runtime::scheduler::of(*system_).at(id); }

  /// Calls `what` on a shard and waits for its result.
  template <class F>
  auto run(F what, std::size_t id = 0) -> std::invoke_result_t<F&> {
    using result = std::invoke_result_t<F&>;
    std::packaged_task<result()> task{std::move(what)};
    auto done = task.get_future();
    at(id).post(std::move(task));
    return done.get();
  }

  /// Until it holds on the shard, or a test's patience is over.
  template <class F>
  bool eventually(F holds, std::size_t id = 0) {
    const auto deadline = std::chrono::steady_clock::now() + patience();
    while (!run([&] { return holds(); }, id)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
    }
    return true;
  }

 private:
  caf::actor_system_config config_;
  std::optional<caf::actor_system> system_;
};

}  // namespace greenroom::tests
