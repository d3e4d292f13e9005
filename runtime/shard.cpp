#include "runtime/shard.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/actor_system.hpp>
#include <caf/detail/set_thread_name.hpp>
#include <caf/logger.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include <algorithm>
#include <bit>
#include <string>

#include "runtime/limits.hpp"

namespace greenroom::runtime {

namespace {

namespace net = boost::asio;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constinit thread_local shard* current_shard = nullptr;

}  // namespace

struct shard::loop {
  net::io_context io{1};
  net::executor_work_guard<net::io_context::executor_type> work{io.get_executor()};
  /// Never over, and always the first one to be: so none of the others that have no end tells the kernel its time.
  net::steady_timer first{io, net::steady_timer::time_point::max()};
  loop() {
    first.async_wait([](const boost::system::error_code&) {});
  }
};

shard::shard(caf::actor_system& system, std::size_t id, std::size_t messages_per_resume)
    : caf::execution_unit{&system},
      id_{id},
      messages_per_resume_{messages_per_resume},
      loop_{std::make_unique<loop>()},
      now_{clock_type::now()},
      timers_{now_},
      clock_{*this},
      turn_began_{now_} {}

shard::~shard() = default;

shard* shard::current() noexcept { return current_shard; }

net::io_context& shard::io() noexcept { return loop_->io; }

shard::time_point shard::now() noexcept {
  woken();
  return now_;
}

void shard::refresh() noexcept {
  now_ = clock_type::now();
  stale_ = false;
}

/// The handler that ended a sleep runs inside wait(): its turn begins when it first needs the shard.
void shard::woken() noexcept {
  if (!stale_) return;
  refresh();
  note_turn();
  busy_.store(true, std::memory_order_release);  // whoever sees it sees when it began
}

void shard::note_turn() noexcept {
  turn_began_.store(now_, std::memory_order_relaxed);
  turn_jobs_.store(counters_.jobs.get(), std::memory_order_relaxed);
}

void shard::at_turn_end(turn_hook& hook) noexcept {
  woken();
  if (!hook.linked()) hooks_.append(hook);
}

// --- entrances -------------------------------------------------------------------------------------------------------

void shard::exec_later(caf::resumable* job) {
  if (current_shard == this) {
    woken();
    run_.push_back(job);
    return;
  }
  {
    std::lock_guard guard{mutex_};
    if (!dead_) {
      inbox_.push_back(job);  // once closed, this is the list of orphans
      mail_.store(true, std::memory_order_relaxed);
      if (!closed_ && std::exchange(asleep_, false)) net::post(loop_->io, [] {});
      return;
    }
  }
  bury(job);  // a detached actor outlived the stop, and must not wait for its mail
}

void shard::post_task(std::unique_ptr<task> what) {
  std::lock_guard guard{mutex_};
  if (closed_) return;  // `what` dies after the guard: parameters outlive the body
  posted_.push_back(std::move(what));
  mail_.store(true, std::memory_order_relaxed);
  if (std::exchange(asleep_, false)) net::post(loop_->io, [] {});
}

// --- the loop --------------------------------------------------------------------------------------------------------

void shard::main() {
  current_shard = this;
  caf::detail::set_thread_name(("shard " + std::to_string(id_)).c_str());
  system().thread_started();
  refresh();
  while (turn()) {
  }
  system().thread_terminates();
  current_shard = nullptr;
}

bool shard::turn() {
  note_turn();
  counters_.turns.add();
  busy_.store(true, std::memory_order_release);
  auto handled = poll_sockets();
  expire_timers();
  take_inbox();
  run_actors();
  run_hooks();
  end_turn();
  auto idle = handled < limits::turn_handlers_max && run_.empty() && hooks_.empty();
  if (leaving_ && (idle || now_ >= leave_by_) && may_leave()) return false;
  if (idle) wait();
  return true;
}

/// Returns turn_handlers_max when it stopped with work left.
std::size_t shard::poll_sockets() {
  std::size_t handled = 0;
  while (handled < limits::turn_handlers_max && loop_->io.poll_one() != 0) {
    if (++handled % limits::clock_check_every != 0) continue;
    refresh();
    if (now_ - turn_began_.load(std::memory_order_relaxed) >= limits::turn_time_max) {
      counters_.handlers.add(handled);
      return limits::turn_handlers_max;
    }
  }
  if (handled != 0) counters_.handlers.add(handled);
  return handled;
}

void shard::expire_timers() {
  if (auto fired = timers_.advance(now_); fired != 0) counters_.timers.add(fired);
  if (!clock_.schedule().empty()) counters_.timers.add(clock_.trigger_expired_timeouts());
}

void shard::take_inbox() {
  if (!mail_.load(std::memory_order_relaxed)) return;
  tasks posted;
  {
    std::lock_guard guard{mutex_};
    run_.insert(run_.end(), inbox_.begin(), inbox_.end());
    inbox_.clear();
    posted.swap(posted_);
    mail_.store(false, std::memory_order_relaxed);
  }
  for (auto& each : posted) each->run();
}

// Until none is ready or the time is up: a message's whole way through several actors, and one flush after it.
void shard::run_actors() {
  if (run_.empty()) return;
  caf::logger::set_current_actor_system(
      nullptr);  // spawn() sets it; while set, each resume takes a process-wide spinlock
  auto began = now_;
  for (std::size_t n = 1; !run_.empty(); ++n) {
    auto* job = run_.front();
    run_.pop_front();
    counters_.jobs.add();
    switch (job->resume(this, messages_per_resume_)) {
      case caf::resumable::resume_later: run_.push_back(job); break;
      case caf::resumable::shutdown_execution_unit: break;
      default: caf::intrusive_ptr_release(job);
    }
    if (n % limits::clock_check_every != 0) continue;
    refresh();
    if (now_ - began >= limits::turn_time_max) break;
  }
  running(nullptr, 0);
}

void shard::run_hooks() {
  if (hooks_.empty()) return;
  link_list<turn_hook> due;  // a hook that registers again waits for the next turn
  due.take_all(hooks_);
  while (!due.empty()) due.pop_front().on_turn_end();
}

void shard::end_turn() {
  refresh();
  auto took = now_ - turn_began_.load(std::memory_order_relaxed);
  auto us = static_cast<std::uint64_t>(duration_cast<microseconds>(took).count());
  auto bucket = std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(us)), shard_counters::turn_buckets - 1);
  counters_.turn_us[bucket].add();
  counters_.turn_ns_sum.add(static_cast<std::uint64_t>(duration_cast<nanoseconds>(took).count()));
}

// Asio cannot wait without running the first handler that is ready: that one runs in here, see woken().
void shard::wait() {
  {
    std::lock_guard guard{mutex_};
    if (!inbox_.empty() || !posted_.empty()) return;
    asleep_ = true;
  }
  busy_.store(false, std::memory_order_relaxed);
  stale_ = true;
  auto until = timers_.next_deadline();
  if (!clock_.schedule().empty()) {
    auto first = clock_.schedule().begin()->first;
    until = until ? std::min(*until, first) : first;
  }
  auto ran = until ? loop_->io.run_one_until(*until) : loop_->io.run_one();
  if (ran != 0) counters_.handlers.add();
  counters_.wakeups.add();
  refresh();
  std::lock_guard guard{mutex_};
  asleep_ = false;
}

// --- start and stop --------------------------------------------------------------------------------------------------

void shard::start() {
  thread_ = std::thread{[this] { main(); }};
}

void shard::leave() {
  post([this] {
    leaving_ = true;
    leave_by_ = now() + limits::shard_leave_grace;
  });
}

void shard::join() { thread_.join(); }

bool shard::may_leave() {
  std::lock_guard guard{mutex_};
  closed_ = now_ >= leave_by_ || (inbox_.empty() && posted_.empty());
  return closed_;
}

void shard::destroy_io() {
  loop_.reset();
  posted_.clear();
  clock_.cancel_all();
}

std::vector<caf::resumable*> shard::orphans(more after) {
  std::lock_guard guard{mutex_};
  dead_ = dead_ || after == more::never;
  std::vector<caf::resumable*> all{run_.begin(), run_.end()};
  run_.clear();
  all.insert(all.end(), inbox_.begin(), inbox_.end());
  inbox_.clear();
  return all;
}

// CAF's cleanup_and_release() never calls on_exit(): the State of an actor would leak.
void shard::bury(caf::resumable* job) {
  auto* self = dynamic_cast<caf::scheduled_actor*>(job);
  if (self && !self->getf(caf::abstract_actor::is_cleaned_up_flag)) self->on_exit();
  caf::scheduler::abstract_coordinator::cleanup_and_release(job);
}

shard::glance shard::look() const noexcept {
  return {busy_.load(std::memory_order_acquire),
          counters_.turns.get(),
          counters_.jobs.get(),
          running_name_.load(std::memory_order_relaxed),
          running_id_.load(std::memory_order_relaxed),
          turn_began_.load(std::memory_order_relaxed),
          turn_jobs_.load(std::memory_order_relaxed)};
}

}  // namespace greenroom::runtime
