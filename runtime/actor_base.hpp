/// ACTOR_BASE is CAF's event-based actor pinned to one shard, whose State can be dropped and built anew in place.
///
///   spawned ──first resume──▶ running ──exception / suspend──▶ waiting ──restart──▶ running (life + 1)
///                                └────── quit, exit ──────────────┴──────▶ ended
///
/// Pinned: whoever sends, every step runs on home(). A null home means whoever runs it: detached actors, and tests.
/// Crash: an exception that leaves a handler, a response callback or the State's constructor ends this life, not the
///   actor. The message that caused it is answered with errc::crashed if it was a request, offered to the State's
///   dead_letter(), and not fed again; open response callbacks are dropped; the supervisor is told and decides. While
///   the actor waits, its mailbox keeps everything in order, but for exits and the supervisor's words. Without a
///   supervisor the actor ends.
/// Not undone by a restart: monitors that the old life set (ignore the down message of somebody unknown) and CAF's own
///   response promises (their askers run into the time-out; use runtime::promise).
/// Defaults: unexpected messages (by their types, never with their content), stray errors and unhandled downs go to the
///   log and to counters; only requests are answered, so that no message can end its sender.
/// Threading: depth() from any thread; all else inside the actor.
#pragma once

#include <caf/event_based_actor.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <map>
#include <string>
#include <utility>

#include "runtime/lifecycle.hpp"

namespace greenroom::runtime {

class shard;

/// Where an actor is spawned and who looks after it.
struct place {
  caf::actor_system& system;
  shard* home = nullptr;       ///< null: the calling shard, else the next one in turn; none under a test's scheduler
  caf::actor supervisor = {};  ///< told about starts and failures; null: a failure ends the actor
};

/// What no handler wanted, for all actors of the process. Tests fail when `unexpected` moved.
struct stray_messages {
  std::atomic<std::uint64_t> unexpected{0}, errors{0}, downs{0}, crashes{0};
};
stray_messages& strays() noexcept;

/// How often the State of an actor of that name was built anew, for all actors of the process. Any thread.
std::map<std::string, std::uint64_t> restarts_by_actor();

class actor_base : public caf::event_based_actor {
 public:
  actor_base(caf::actor_config& config, const caf::actor& supervisor);
  ~actor_base() override;

  shard* home() const noexcept { return home_; }
  /// How often the State was built before this one.
  std::uint32_t life() const noexcept { return life_; }
  /// This turn's time; in a test, the test's. (CAF declares local_actor::now() and does not export it.)
  clock_type::time_point now() const { return clock().now(); }
  /// A child's place: this shard, looked after by this actor.
  place under_me() noexcept;
  /// Sends `message` to itself after `delay`. A later life does not get it: a tick that re-arms itself stays one tick.
  template <class M>
  void later(caf::timespan delay, M message) {
    later_message(delay, caf::make_message(std::move(message)));
  }
  /// An exit that overtakes what waits in the other's mailbox; CAF's send_exit() queues behind it.
  void send_exit_now(const caf::actor& whom, caf::exit_reason reason);
  /// The same with the reason `kill`, from nobody: also from a destructor.
  static void kill_now(const caf::actor& whom);
  /// Messages waiting in the mailbox, a moment ago. Any thread.
  std::uint32_t depth() const noexcept;

  // --- CAF's entrances ---
  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override;
  void launch(caf::execution_unit* host, bool lazy, bool hide) override;
  resume_result resume(caf::execution_unit* host, std::size_t messages_max) override;
  caf::invoke_message_result consume(caf::mailbox_element& x) override;
  void on_exit() override;

 protected:
  /// Builds the State of a new life; may throw.
  virtual caf::behavior build() = 0;
  /// Destroys it; there may be none.
  virtual void demolish() noexcept = 0;
  /// The message that ended this life, while its State still stands.
  virtual void on_dead_letter(const caf::message&, const caf::error&) {}
  /// A life has begun, and the supervisor's two words. A supervisor overrides them: its own children come or go first.
  virtual void on_built();
  virtual void on_suspend();
  virtual void on_restart();

  bool running() const noexcept { return running_; }
  bool supervised() const noexcept { return supervisor_ != nullptr; }
  void begin_next_life() noexcept { ++life_; }
  void tell_started();
  void tell_suspended();
  bool tell_failed(const caf::error& reason);  ///< false: there is no supervisor any more

 private:
  caf::behavior make_behavior() final;
  void drop_state();
  caf::behavior build_or_fail();
  void install_handlers();
  void later_message(caf::timespan delay, caf::message message);
  bool handled_own_timer(caf::mailbox_element& x, caf::invoke_message_result& result);
  bool passes_while_waiting(const caf::mailbox_element& x) const;
  bool handled_supervision(caf::mailbox_element& x);
  void crash(caf::mailbox_element* cause, const std::exception_ptr& thrown);
  template <class M>
  bool tell(M what);

  shard* home_;
  caf::weak_actor_ptr supervisor_;
  std::uint32_t life_ = 0;
  bool running_ = false;
  std::atomic<std::uint32_t> here_{0};       ///< sent by the home shard, minus handled; wraps
  std::atomic<std::uint32_t> elsewhere_{0};  ///< sent by other threads
};

}  // namespace greenroom::runtime
