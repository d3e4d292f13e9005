/// PROMISE is an answer that an actor owes and gives later: made inside the handler of the request, kept in the State,
/// and kept. One that is destroyed unkept, with the State of a crashed life for instance, answers errc::crashed; CAF's
/// own response promise would leave the asker waiting for its time-out.
///
///   [this](const find& m) { waiting.emplace(m.name, runtime::promise<find>{self}); }     // the handler returns
///   nothing waiting.at(name).deliver(find::reply{room});
///
/// Threading: its actor's.
#pragma once

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

#include "runtime/ask.hpp"
#include "runtime/errc.hpp"

namespace greenroom::runtime {

template <asked M>
class promise {
 public:
  using reply = typename M::reply;

  /// Takes over the answer to the message being handled.
  explicit promise(caf::event_based_actor* self) : owed_{self->make_response_promise()} {}
  promise(promise&& other) noexcept : owed_{std::exchange(other.owed_, {})} {}
  promise& operator=(promise&& other) noexcept {
    std::swap(owed_, other.owed_);
    return *this;
  }
  ~promise() {
    if (owed_.pending()) refuse(errc::crashed);
  }

  template <class Reply>
  requires std::same_as<Reply, reply>
  void deliver(Reply value) { owed_.deliver(std::move(value)); }
  void deliver() requires std::is_void_v<reply> { owed_.deliver(caf::unit); }
  void refuse(caf::error why) { owed_.deliver(std::move(why)); }
  bool pending() const { return owed_.pending(); }

 private:
  caf::response_promise owed_;
};

}  // namespace greenroom::runtime
