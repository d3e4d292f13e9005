/// SESSION_DIRECTORY knows every session of the node: it opens them, finds them for a resume, moves them to the shard
/// of their new connection, bounds those that are detached, and restarts what fails.
///
///   open ──▶ resume? the living session hands its state over, or the store has it ──▶ spawned on the client's shard
///
/// Parent: sessions supervisor, permanent.
/// Crash: its sessions end with it, as under any supervisor; their connections close 1011, the clients resume from the
///   store.
/// Bounds: config sessions.detached_per_user_max and detached_max, oldest out first, counted; connections bound the rest.
#pragma once
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/access.hpp"
#include "actors/answer.hpp"
#include "actors/session.hpp"
#include "codecs/call.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
class peer;
}  // namespace greenroom

namespace greenroom::session_directory {

struct options {
  context& ctx;
};

/// A session that a client asked for survives its connection; one that its first call opened does not.
enum class wish : std::uint8_t { explicit_session, implicit_session };

struct open {
  std::shared_ptr<peer> client;
  caf::actor connection;
  principal who;
  codecs::calls::session_open what;
  session_directory::wish wish = session_directory::wish::explicit_session;
  answer reply;
  std::uint32_t attempt = 0;  ///< how often the session to resume was not where it had been
};
struct detached {
  session_id id;
};  ///< It has lost its connection.
struct ended {
  session_id id;
  std::string_view why{};  ///< for the audit log; of static life
};                         ///< It is over.
struct refreshed {         ///< Its client has shown something newer.
  session_id id;
  std::shared_ptr<const credential> shown;
};
struct look_for_revoked {  ///< Something was revoked: sessions whose clients came with it, or that it names, end.
  struct reply {
    std::uint64_t sessions = 0;  ///< so many do
  };
};
struct shed_guests {
};                 ///< Memory is short: detached sessions of anonymous users end, the oldest first, some at a time.
struct announce {  ///< A notice to all sessions; answered when it is in their mailboxes.
  std::string code, text;
  struct reply {
    std::uint64_t sessions = 0;
  };
};
struct push_to {  ///< Says that to a session's client; dropped, and counted, where none is connected.
  session_id id;
  codecs::push what;
};
struct
    ask_client {  ///< Asks a session's client; see `session::ask`. A session that nobody knows is `unavailable`, too.
  session_id id;
  std::string method;
  codecs::payload_ptr params;  ///< null when absent
  std::chrono::milliseconds limit{};
  using reply = session::ask::reply;
};
struct after_pushes {  ///< See `session::after_pushes`; at once where nobody knows the session.
  session_id id;
  std::function<void()> what;
};
struct disconnect {  ///< Ends a session as `session::disconnect` does: it leaves everywhere and cannot be resumed.
  session_id id;
  std::string reason;  ///< the author's sentence, at most 123 bytes; empty: `kicked`
  farewell how = farewell::connection;
};
struct move_member {  ///< See `session::move_member`. A session that nobody knows is `unavailable`.
  session_id id;
  std::string room;
  session::move_member::way where = session::move_member::way::join;
  using reply = session::move_member::reply;
};
struct recollect {  ///< A registry has restarted: sessions register again with the one of that shard.
  session::registry what = session::registry::relay;
  std::size_t shard = 0;
  std::uint32_t life = 0;  ///< of the registry, that asks
  struct reply {
    std::uint64_t sessions = 0;  ///< so many will
  };
};

/// What an asker is told when no answer came at all: a crash on the way, or a node that is about to end.
codecs::error explain(const caf::error& why);

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::session_directory

GREENROOM_MESSAGE(greenroom::session_directory::open)
GREENROOM_MESSAGE(greenroom::session_directory::detached)
GREENROOM_MESSAGE(greenroom::session_directory::ended)
GREENROOM_MESSAGE(greenroom::session_directory::refreshed)
GREENROOM_REQUEST(greenroom::session_directory::look_for_revoked)
GREENROOM_MESSAGE(greenroom::session_directory::shed_guests)
GREENROOM_REQUEST(greenroom::session_directory::announce)
GREENROOM_MESSAGE(greenroom::session_directory::push_to)
GREENROOM_MESSAGE(greenroom::session_directory::after_pushes)
GREENROOM_MESSAGE(greenroom::session_directory::ask_client)
GREENROOM_MESSAGE(greenroom::session_directory::disconnect)
GREENROOM_MESSAGE(greenroom::session_directory::move_member)
GREENROOM_REQUEST(greenroom::session_directory::recollect)
