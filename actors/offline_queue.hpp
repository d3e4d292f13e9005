/// OFFLINE_QUEUE owns the inboxes of its shard's users: a directed message is stored first, delivered second, and
/// removed when a client of the user acknowledges it. It serialises attach, append and acknowledge for each user.
///
/// Every live session of the user receives each message; the first cumulative acknowledgement removes it for the user.
/// Unacknowledged ones are sent again when a session attaches, never by a timer.
///
/// Parent: store supervisor, permanent, one a shard (users spread by the hash of their name).
/// Crash: the sessions attach again; the store has the messages.
/// Bounds: the store's per user (config `inbox`); limits::inbox_in_flight_* unacknowledged for each session.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <optional>
#include <string>

#include "actors/answer.hpp"
#include "actors/ids.hpp"
#include "codecs/envelope.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::offline_queue {

struct options {
  context& ctx;
  std::size_t shard = 0;
};

/// Whether the connection that ends has acknowledged anything of what it was sent.
enum class delivery : std::uint8_t { open, failed };

struct attachment {
  user_id user;
  session_id session;
  caf::actor actor;
};

struct send {
  user_id to;
  std::shared_ptr<codecs::envelope> draft;  ///< without n and time: the queue fills them in and nobody else holds it
  std::string sender;
  bool client_id = false;
  std::optional<std::uint32_t> ttl_s;
  answer reply;
};
struct attach {  ///< A session can take messages; it gets everything that is not acknowledged, after `sent`.
  attachment who;
  std::uint64_t sent = 0;  ///< what it has on this connection already: after a crash of the queue
};
struct detach {
  attachment who;
  delivery last = delivery::open;
};
struct acknowledge {
  attachment who;
  std::uint64_t upto = 0;
  answer reply;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::offline_queue

GREENROOM_MESSAGE(greenroom::offline_queue::send)
GREENROOM_MESSAGE(greenroom::offline_queue::attach)
GREENROOM_MESSAGE(greenroom::offline_queue::detach)
GREENROOM_MESSAGE(greenroom::offline_queue::acknowledge)
