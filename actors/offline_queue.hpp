/// OFFLINE_QUEUE owns the inboxes of its shard's users: a directed message is stored first, delivered second, and
/// removed when a client of the user acknowledges it. It serialises attach, append and acknowledge for each user.
///
/// Every live session of the user receives each message; the first cumulative acknowledgement removes it for the user.
/// Unacknowledged ones are sent again when a session attaches or an operator wants it, never by a timer.
///
/// Parent: store supervisor, permanent, one a shard (users spread by the hash of their name).
/// Crash: the sessions attach again; the store has the messages.
/// Bounds: the store's per user (config `inbox`); limits::inbox_in_flight_* unacknowledged for each session.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/answer.hpp"
#include "actors/ids.hpp"
#include "codecs/envelope.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/operation.hpp"

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

// From operators.
struct count_sessions {  ///< How many sessions of each of these users take messages now.
  std::vector<user_id> users;
  struct reply {
    std::vector<std::size_t> sessions;
  };
};
struct resend {  ///< Everything that waits goes to the user's sessions once more.
  user_id user;
  struct reply {
    std::uint64_t messages = 0;  ///< which the sessions had been sent before, all together
    std::size_t sessions = 0;
  };
};
struct purge {  ///< Drops what waits for the user; his sessions are told that it does not wait any more.
  user_id user;
  struct reply {
    storage::outcome done;
  };
};
struct replay_dead {  ///< Dead letters of this user, at most storage::limits::batch_operations_max of them.
  user_id user;
  std::vector<std::uint64_t> letters;
  struct reply {
    std::vector<storage::outcome> all;  ///< one each
  };
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::offline_queue

GREENROOM_MESSAGE(greenroom::offline_queue::send)
GREENROOM_MESSAGE(greenroom::offline_queue::attach)
GREENROOM_MESSAGE(greenroom::offline_queue::detach)
GREENROOM_MESSAGE(greenroom::offline_queue::acknowledge)
GREENROOM_REQUEST(greenroom::offline_queue::count_sessions)
GREENROOM_REQUEST(greenroom::offline_queue::resend)
GREENROOM_REQUEST(greenroom::offline_queue::purge)
GREENROOM_REQUEST(greenroom::offline_queue::replay_dead)
