/// BEHAVIOUR_CONTROL is what a behaviour, the code that an extension's author writes, can do to its node: publish, push,
/// ask a client, call a service, set timers, disconnect. room_behaviour.hpp and service_behaviour.hpp add what is
/// theirs. All of it is a port: a plugin calls through it and links nothing of the node.
///
///   control.ask(who.session, "game.confirm", document, 2s, [this](const codecs::outcome& said) { … });
///
/// Continuations (`then`) run inside the behaviour's actor, as every callback does: never at the same time as another,
///   and an exception that leaves one crashes that actor and nobody else's. Exactly one call each, unless the
///   behaviour's life ends before: then none.
/// Threading: only from inside a callback or continuation of the behaviour that it was given to.
/// Bounds: limits::behaviour_timers_max timers, limits::behaviour_asks_max open questions and calls; over either a
///   question is answered `unavailable` at once, and a timer is refused with std::length_error.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/ids.hpp"
#include "codecs/outcome.hpp"
#include "codecs/payload.hpp"

namespace greenroom {

/// What a behaviour publishes into a room. Takes its position like everybody's messages.
struct publication {
  std::string event;
  codecs::payload_ptr payload;         ///< never null
  std::string from = "server";         ///< as members see it
  std::optional<session_id> except{};  ///< that session does not receive it
  std::string id{};                    ///< empty: the node makes one; else a repeat within its window has no effect
  /// `arguments`: the payload is a list, and clients whose events have several arguments get its items.
  codecs::payload_shape shape = codecs::payload_shape::single;
};

/// What a behaviour says to one client: a notification of JSON-RPC, an event of Socket.IO or Phoenix.
struct client_event {
  std::string event;             ///< or method
  codecs::payload_ptr params{};  ///< a list: the arguments of the event; an object: its one argument; null: none
  std::string channel{};         ///< for Phoenix, the topic; elsewhere it does not matter
  codecs::pushes::urgency how = codecs::pushes::urgency::sure;
};

/// How a client is sent away.
enum class farewell : std::uint8_t {
  connection,  ///< its session ends; the protocol's goodbye, then the connection closes
  session,     ///< its session ends; a connection that has others (Socket.IO's namespaces) stays
  none         ///< the connection breaks without a word, as if it was lost: its session may be resumed
};

/// What one instance or worker answered to a `scatter`.
struct gathered {
  std::string from;  ///< `shard 0`, or the worker's session
  codecs::outcome what;
};

enum class log_word : std::uint8_t { info, warning, error };

class behaviour_control {
 public:
  using then = std::function<void(const codecs::outcome&)>;
  using then_all = std::function<void(const std::vector<gathered>&)>;  ///< those that were late are missing

  /// Milliseconds since 1970 by the node's clock, which never jumps.
  virtual std::int64_t now_ms() const = 0;

  /// The room's own behaviour, where it has one, sees it as it sees everybody's, from the user `server`.
  virtual void publish(const room_id& into, publication what) = 0;
  /// Nothing happens where the session is not connected.
  virtual void push(const session_id& to, client_event what) = 0;
  void push(const session_id& to, std::string method, codecs::payload_ptr params) {
    push(to, client_event{.event = std::move(method), .params = std::move(params)});
  }
  /// Into a user's inbox, stored until it is acknowledged.
  virtual void send(const user_id& to, std::string event, codecs::payload_ptr payload) = 0;

  /// Asks a client: a request on its connection. `unavailable` where it is not connected, or goes before it answers;
  /// `timed_out` after `limit`.
  virtual void ask(const session_id& whom, std::string method, codecs::payload_ptr params,
                   std::chrono::milliseconds limit, then what) = 0;
  /// Calls a service, of this node or of a remote worker.
  virtual void call(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit, then what) = 0;
  /// Calls all instances and workers that answer `method`, and gathers what they say within `limit`.
  virtual void scatter(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit,
                       then_all what) = 0;

  /// Ends the session, no resume; a WebSocket closes with 1008 and `reason` (at most 123 bytes). `farewell::none` only
  /// breaks its connection.
  virtual void disconnect(const session_id& whom, std::string reason, farewell how = farewell::connection) = 0;
  /// Makes the session a member of that room, as if it had asked; access is not checked. The outcome is what the client
  /// would have been answered.
  virtual void join(const session_id& whom, const room_id& into, then what) = 0;
  virtual void leave(const session_id& whom, const room_id& from, then what) = 0;

  /// Calls on_timer(name) after `delay`. A name has one timer: setting it again moves it.
  virtual void set_timer(std::string name, std::chrono::milliseconds delay) = 0;
  virtual void cancel_timer(std::string_view name) = 0;

  virtual void log(log_word how, std::string_view text) = 0;

 protected:
  ~behaviour_control() = default;
};

}  // namespace greenroom
