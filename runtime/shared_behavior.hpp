/// SHARED_BEHAVIOR is one table of handlers for all actors of a kind. Handlers that capture `this` cost each actor 40 to 48
/// bytes apiece; of sessions and connections there are thousands, and their tables would be a sixth of what one needs.
///
///   caf::behavior state::open() {
///     static const auto handlers = runtime::shared_behavior<state, options>(
///         [](state& my, const input&) { my.read(); },
///         [](state& my, const join& m) { return my.add(m); });
///     return handlers;
///   }
///
/// Lifecycle: made once, kept for good. Threading: any: it owns nothing that changes, and a handler runs for the actor whose
/// message this thread is handling. A handler that captures something does not compile.
#pragma once

#include <caf/behavior.hpp>

#include <type_traits>

#include "runtime/actor.hpp"
#include "runtime/handling.hpp"

namespace greenroom::runtime {
namespace detail {

template <class State, class Options>
State& state_here() noexcept {
  return *static_cast<actor<State, Options>*>(handling)->state();
}

template <class State, class Options, class F, class Result, class Message>
auto without_state(F, Result (F::*)(State&, Message) const) {
  static_assert(std::is_empty_v<F>, "all actors of the kind share the handler: it captures nothing");
  return [](Message m) -> Result { return F{}(state_here<State, Options>(), m); };
}

}  // namespace detail

/// Each handler: [](State&, const Message&). A behavior or a message_handler, as it is taken.
template <class State, class Options, class Into = caf::behavior, class... Handlers>
Into shared_behavior(Handlers... each) {
  return Into{detail::without_state<State, Options>(each, &Handlers::operator())...};
}

}  // namespace greenroom::runtime
