/// CONNECTION reads what one client sends and routes it: to rooms and queues directly, in the order in which it came.
///
///   unopened ──session.open, or the first call where anonymous access is on──▶ opening ──opened──▶ open ──▶ exit
///      ▲                                                          (calls wait)    │
///      └────────────────────────────refused───────────────────────────────────────┘
///
/// Parent: the gateway of its shard, temporary.
/// Crash: its client is closed 1011, comes back and resumes; nothing else notices.
/// Bounds: limits::calls_in_flight_max, limits::input_bytes_max: over either the socket is not read.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "actors/access.hpp"
#include "actors/behaviour.hpp"
#include "actors/ids.hpp"
#include "actors/memberships.hpp"
#include "codecs/close_code.hpp"
#include "codecs/outcome.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "runtime/transport.hpp"

namespace greenroom {
struct context;
class peer;
}  // namespace greenroom

namespace greenroom::connection {

/// What is known of a client before it has said anything.
struct arrival {
  std::optional<principal> admitted{};                   ///< who it is, as its handshake has shown
  std::optional<codecs::calls::session_open> opening{};  ///< its session opens at once; nobody asks for it
};

struct options {
  context& ctx;
  std::shared_ptr<peer> client;
  access::origin from = access::origin::elsewhere;
  std::shared_ptr<const arrival> came{};  ///< null: the client says who it is, and when its session opens
};

struct input {};  ///< From the peer: something to decode.
struct closed {   ///< From the peer: the transport is gone.
  runtime::close_info how;
};
struct opened {  ///< From the session: calls may go on.
  session_id id;
  principal who;
  caf::actor session;
  std::shared_ptr<memberships> rooms;
  bool resumed = false;
};
struct turn {
};  ///< From a directory of rooms: `wait_turn` has passed it. From another connection: its seat is this one's now.
struct refused {  ///< From the session directory: no session; what waits is refused, too, for the same reason.
  codecs::error_code why;
};
struct session_lost {};  ///< From the session directory: the session has ended there.
struct close {           ///< Says goodbye.
  codecs::close_code why;
  std::string sentence{};  ///< instead of the code's own word; at most 123 bytes
  farewell how = farewell::session;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::connection

GREENROOM_MESSAGE(greenroom::connection::input)
GREENROOM_MESSAGE(greenroom::connection::closed)
GREENROOM_MESSAGE(greenroom::connection::opened)
GREENROOM_MESSAGE(greenroom::connection::turn)
GREENROOM_MESSAGE(greenroom::connection::refused)
GREENROOM_MESSAGE(greenroom::connection::session_lost)
GREENROOM_MESSAGE(greenroom::connection::close)
