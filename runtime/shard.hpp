/// SHARD is one thread that runs sockets and actors: a worker of CAF's scheduler and an Asio loop at once. An actor,
/// the connection that it speaks for and that connection's socket live on one shard, so nothing between them is locked.
///
///   turn:  poll sockets ─▶ expire timers ─▶ take the inbox ─▶ run actors ─▶ turn-end hooks (outboxes flush, one writev
///   each)
///          └──────────── bounded by time, 300 µs for sockets, 300 µs for actors ────────────┘
///   then block in epoll, but only when nothing is left to run.
///
/// Lifecycle: made and started by the scheduler; leave() ends the loop once it is idle (or after a grace of 500 ms),
/// join(),
///   destroy_io(), orphans(). Whatever is posted or sent later is dropped or ended at once: detached actors may outlive
///   it.
/// Threading: exec_later(), post(), look() and counters() from any thread; all else on the shard's own thread.
/// Bounds: a turn runs at most 8,192 socket handlers; an actor handles at most 64 messages before the next one runs.
/// Failure: an exception that leaves a socket handler or a hook ends the process; actors catch their own.
#pragma once

#include <caf/execution_unit.hpp>
#include <caf/fwd.hpp>
#include <caf/resumable.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/clock.hpp"
#include "runtime/link.hpp"
#include "runtime/tally.hpp"
#include "runtime/timer_wheel.hpp"

namespace boost::asio {
class io_context;
}

namespace greenroom::runtime {

/// Something to do once when this turn's sockets and actors have run; derive from it and register with at_turn_end().
class turn_hook : private link {
 protected:
  ~turn_hook() = default;

 private:
  friend class shard;
  friend class link_list<turn_hook>;
  virtual void on_turn_end() = 0;
};

/// What a shard counts about itself.
struct shard_counters {
  static constexpr std::size_t turn_buckets = 18;
  tally turns, jobs, handlers, timers, wakeups;
  std::array<tally, turn_buckets>
      turn_us;  ///< [i]: turns shorter than 2^i µs and not shorter than 2^(i-1); the last: all longer
  tally turn_ns_sum;
};

class shard final : public caf::execution_unit {
 public:
  using clock_type = std::chrono::steady_clock;
  using time_point = clock_type::time_point;

  shard(caf::actor_system& system, std::size_t id, std::size_t messages_per_resume);
  ~shard() override;
  shard(const shard&) = delete;
  shard& operator=(const shard&) = delete;

  /// The shard whose thread this is, or null. Out of line, so that a plugin sees the node's and not one of its own.
  static shard* current() noexcept;

  std::size_t id() const noexcept { return id_; }
  boost::asio::io_context& io() noexcept;
  timer_wheel& timers() noexcept { return timers_; }
  shard_clock& clock() noexcept { return clock_; }
  /// The time of this turn: read once, not at every call.
  time_point now() noexcept;

  /// Runs `what` on this shard within its next turns, in the order of the posts; dropped after the shard has left. Any
  /// thread.
  template <class F>
  void post(F what) {
    post_task(std::make_unique<task_of<F>>(std::move(what)));
  }

  /// Runs `hook` once at the end of this turn, however often it is registered; in the next turn if called from a hook.
  void at_turn_end(turn_hook& hook) noexcept;

  /// CAF's entrance: queues an actor that has mail. Any thread; takes over one strong reference.
  void exec_later(caf::resumable* job) override;

  // --- seen from outside: metrics, the watchdog ---
  /// What is running now. `actor` is null between actors (sockets, timers, hooks) and names a string that never dies.
  struct glance {
    bool busy = false;
    std::uint64_t turn = 0, job = 0;
    const char* actor = nullptr;
    std::uint64_t actor_id = 0;
    time_point turn_began{};
    std::uint64_t turn_jobs = 0;  ///< that were done when it began
  };
  glance look() const noexcept;
  const shard_counters& counters() const noexcept { return counters_; }
  /// Called by an actor whose turn it is.
  void running(const char* actor, std::uint64_t id) noexcept {
    running_name_.store(actor, std::memory_order_relaxed);
    running_id_.store(id, std::memory_order_relaxed);
  }

  // --- start and stop: the scheduler's ---
  void start();
  void leave();
  void join();
  /// After join: destroys the handlers, sockets and timers that are left, which may drop the last handle of actors.
  void destroy_io();
  /// After join: the jobs that never ran. With `last`, exec_later() ends every later one at once.
  enum class more { may_come, never };
  std::vector<caf::resumable*> orphans(more after);
  /// Ends a job that will never run, its State included.
  static void bury(caf::resumable* job);

 private:
  struct task {
    virtual ~task() = default;
    virtual void run() = 0;
  };
  template <class F>
  struct task_of final : task {
    explicit task_of(F f) : what{std::move(f)} {}
    void run() override { what(); }
    F what;
  };
  using tasks = std::vector<std::unique_ptr<task>>;
  struct loop;

  void post_task(std::unique_ptr<task> what);
  void main();
  bool turn();
  std::size_t poll_sockets();
  void expire_timers();
  void take_inbox();
  void run_actors();
  void run_hooks();
  void end_turn();
  void wait();
  bool may_leave();
  void refresh() noexcept;
  void woken() noexcept;
  void note_turn() noexcept;

  // --- the shard's thread ---
  std::size_t id_, messages_per_resume_;
  std::unique_ptr<loop> loop_;
  time_point now_, leave_by_;
  bool stale_ = false;  ///< now_ is from before the last sleep
  bool leaving_ = false;
  timer_wheel timers_;
  shard_clock clock_;
  std::deque<caf::resumable*> run_;
  link_list<turn_hook> hooks_;  ///< registered for the end of this turn
  shard_counters counters_;
  std::atomic<bool> busy_{false};
  std::atomic<time_point> turn_began_{};
  std::atomic<std::uint64_t> turn_jobs_{0};
  std::atomic<const char*> running_name_{nullptr};
  std::atomic<std::uint64_t> running_id_{0};

  // --- any thread ---
  std::atomic<bool> mail_{false};  ///< the inbox may have something; spares an idle look at the lock
  std::mutex mutex_;               ///< guards what follows, and the loop against wake-ups after closing
  std::vector<caf::resumable*> inbox_;
  tasks posted_;
  bool asleep_ = false, closed_ = false, dead_ = false;
  std::thread thread_;
};

}  // namespace greenroom::runtime
