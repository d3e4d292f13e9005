/// ASK and TELL are how actors talk: a message that names its reply is asked, one that does not is told, and the
/// compiler refuses to mix them up.
///
///   struct join  { membership who; struct reply { position last; }; };    ask(self, room, 5s, join{me}).then(ok, failed);
///   struct leave { membership who; };                                     tell(self, room, leave{me});
///
/// `using reply = void` is an answer without content. `ok` takes `const M::reply&` (nothing for void), `failed` takes
/// `const caf::error&`: a refusal, sec::request_timeout, sec::request_receiver_down, errc::crashed. Exactly one of the
/// two runs, on the asker's shard, unless the asker's State is rebuilt or gone by then: neither does.
///
/// Every message type is declared once, at global namespace, behind the type:
/// GREENROOM_MESSAGE(greenroom::room::leave), or GREENROOM_REQUEST(greenroom::room::join) for it and its reply.
///
/// Why not CAF's send(): what a handler returns to an asynchronous message travels back to its sender, and an error
/// that does ends the sender by default (decision 0002).
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/timespan.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

#define GREENROOM_MESSAGE(type) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(type)
#define GREENROOM_REQUEST(type) GREENROOM_MESSAGE(type) GREENROOM_MESSAGE(type::reply)

namespace greenroom::runtime {

/// Has a reply: must be asked, not told.
template <class M>
concept asked = requires {
  requires std::is_void_v<typename M::reply> || std::is_object_v<typename M::reply>;
};

/// A question on its way; then() says what its answer does.
template <asked M, class Handle>
class [[nodiscard]] answer {
 public:
  using reply = typename M::reply;

  explicit answer(Handle handle) : handle_{std::move(handle)} {}

  template <class Ok, class Failed>
  requires std::invocable<Failed&, const caf::error&>
  void then(Ok ok, Failed failed) && {
    auto error = [failed = std::move(failed)](const caf::error& why) mutable { failed(why); };
    if constexpr (std::is_void_v<reply>)
      handle_.then([ok = std::move(ok)]() mutable { ok(); }, std::move(error));
    else
      handle_.then([ok = std::move(ok)](const reply& value) mutable { ok(value); }, std::move(error));
  }

 private:
  Handle handle_;
};

/// Asks `to`; sec::request_timeout after `limit`.
template <asked M>
auto ask(caf::event_based_actor* self, const caf::actor& to, caf::timespan limit, M message) {
  auto handle = self->request(to, limit, std::move(message));
  return answer<M, decltype(handle)>{std::move(handle)};
}

/// Asks without a limit: for somebody who keeps the time itself and always answers.
template <asked M>
auto ask(caf::event_based_actor* self, const caf::actor& to, M message) {
  auto handle = self->request(to, caf::infinite, std::move(message));
  return answer<M, decltype(handle)>{std::move(handle)};
}

/// Sends with an identity: the receiver may read self->current_sender().
template <class M>
requires(!asked<M>) void tell(caf::event_based_actor* self, const caf::actor& to, M message) {
  self->send(to, std::move(message));
}

/// Sends without one, from any thread.
template <class M>
requires(!asked<M>) void tell(const caf::actor& to, M message) { caf::anon_send(to, std::move(message)); }

}  // namespace greenroom::runtime
