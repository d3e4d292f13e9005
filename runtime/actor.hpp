/// ACTOR<State, Options> is how every actor of Greenroom is written: a plain struct with a constructor, a start() that
/// returns its handlers, and a name.
///
///   struct state {
///     static inline const char* name = "room";
///     state(runtime::actor_base* self, const options& opts);   // runs at home; may throw: a failed start
///     caf::behavior start();                                   // the first state of the machine
///     void dead_letter(const caf::message&, const caf::error&);   // optional: the message that ended this life
///   };
///   caf::actor room = runtime::spawn<state>(place{system, &home, supervisor}, options{...});
///
/// Lifecycle: built in the actor's first resume and, after a crash, anew from the same options (self->life() > 0 then);
///   destroyed at home after quit(), before monitors are told. An actor whose last handle is dropped dies wherever that
///   was: keep the handles of what owns sockets. Bounds: 1.2 to 1.6 KB an actor (decision 0002).
#pragma once

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>

#include "runtime/actor_base.hpp"

namespace greenroom::runtime {

template <class State, class Options>
requires std::constructible_from<State, actor_base*, const Options&>
class actor final : public actor_base {
 public:
  actor(caf::actor_config& config, const caf::actor& supervisor, Options options)
      : actor_base{config, supervisor}, options_{std::move(options)} {}

  const char* name() const override { return State::name; }
  /// For tests: null while the actor waits.
  State* state() noexcept { return state_ ? &*state_ : nullptr; }

 private:
  caf::behavior build() override {
    state_.emplace(static_cast<actor_base*>(this), std::as_const(options_));
    return state_->start();
  }
  void demolish() noexcept override { state_.reset(); }
  void on_dead_letter(const caf::message& cause, const caf::error& why) override {
    if constexpr (requires(State & s) { s.dead_letter(cause, why); })
      if (state_) state_->dead_letter(cause, why);
  }

  Options options_;
  std::optional<State> state_;
};

namespace detail {
/// The unit that a new actor starts on: the place's shard, or what CAF would take.
caf::execution_unit* host_of(const place& where);
/// True where detached actors get their thread: tests run them like any other.
bool may_detach(caf::actor_system& system);
/// CAF's spawn sets this thread's logger; while it is set, each resume takes a process-wide spinlock.
void forget_logger() noexcept;
}  // namespace detail

template <class State, class Options>
caf::actor spawn(const place& where, Options options) {
  caf::actor_config config{detail::host_of(where)};
  auto handle = where.system.spawn_class<actor<State, Options>, caf::no_spawn_options>(config, where.supervisor,
                                                                                       std::move(options));
  detail::forget_logger();
  return handle;
}

/// On a thread of its own, for what blocks: home() is null there. End it explicitly before the system stops.
template <class State, class Options>
caf::actor spawn_detached(const place& where, Options options) {
  if (!detail::may_detach(where.system)) return spawn<State>(where, std::move(options));
  caf::actor_config config{nullptr};
  return where.system.spawn_class<actor<State, Options>, caf::detached>(config, where.supervisor, std::move(options));
}

}  // namespace greenroom::runtime
