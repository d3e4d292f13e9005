/// ROOM gives every message its position, stores it, and hands it to the relays of the shards that have members.
///
///   recovering ─────────────▶ open ◀─────────────────────────┐
///   (asks the relays whom       │ nobody here, idle           │ a message came in the meantime
///    and what they have)        └──▶ offers to leave memory ──┴──▶ exit(normal)
///
/// What it publishes in one turn leaves as one message to each shard; the acknowledgements travel with it. History and
/// positions live in the store, members in the relays too, so a crash loses neither.
///
/// Parent: room_directory of its shard, transient.
/// Crash: state is read back from the store and the relays; epoch, seq and members stay. The publish that a durable
///   room crashes on becomes a dead letter (room_casualties.hpp).
/// A behaviour, where the namespace has one, decides about joins and publishes (room_host.hpp).
/// Bounds: room_policy::members_max; limits::turn_messages_max in one turn; who is told what of the members:
///   room_presence. Queues no frames itself.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <optional>

#include "actors/answer.hpp"
#include "actors/party.hpp"
#include "actors/room_builds.hpp"
#include "actors/room_policy.hpp"
#include "actors/subscription.hpp"
#include "codecs/call.hpp"
#include "codecs/envelope.hpp"
#include "codecs/outcome.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::room {

struct options {
  context& ctx;
  room_id id;
  const room_policy* policy = nullptr;
  caf::actor directory;
};

struct join {  ///< Adds a member, or takes the place of its older membership. The relay answers.
  subscription_ptr who;
  std::optional<codecs::position> since;
  answer reply;
  codecs::payload_ptr params{};  ///< all that the client said with it, for the behaviour; null: nothing
};
struct resume {  ///< A session attached again: its member moves to a new connection and is held until the session says
                 ///< `relay::feed`.
  subscription_ptr who;
  codecs::position from;  ///< an empty epoch counts as the one of the session's join
  std::string joined_epoch;
  struct reply {
    codecs::results::room_state state;
  };
};
struct leave {  ///< Removes that incarnation of the session, or an older one; a newer one stays. The relay answers.
  subscription_ptr who;
  answer reply;
};
struct publish {
  std::shared_ptr<codecs::envelope>
      draft;  ///< without position, epoch and time: the room fills them in and nobody else holds it
  codecs::ack_level wanted = codecs::ack_level::unstated;
  std::string sender;                      ///< whose ids these are: the user, or the session where anonymous
  bool client_id = false;                  ///< the client chose the id: repeats are recognised
  incarnation except = incarnation::none;  ///< echo: false
  session_id except_session{};             ///< the same, where the publisher knows only that; empty: none
  std::shared_ptr<const party> by{};       ///< who publishes; null: a behaviour, or the room has none that asks
  answer reply;
};
struct history {
  codecs::calls::room_history what;
  answer reply;
};
struct call_roll {  ///< From a relay: a member of its shard does not know who is here.
  std::string room;
};
struct members {
  codecs::calls::room_members what;
  answer reply;
};
struct try_build {  ///< Whether that build of the behaviour understands this room's state.
  room_build_ptr build;
  struct reply {
    std::string why;  ///< empty: it does
  };
};
struct swap_build {  ///< That build takes over, at a message boundary. Answered when it has.
  room_build_ptr build;
  struct reply {
    std::string why;  ///< not empty: the older build goes on
  };
};
struct rest {};  ///< From the directory, when the room offered to leave memory and its mailbox has drained: go, or say
                 ///< that you stay.

/// The room that a message is for.
inline const std::string& room_of(const join& m) { return m.who->room; }
inline const std::string& room_of(const resume& m) { return m.who->room; }
inline const std::string& room_of(const leave& m) { return m.who->room; }
inline const std::string& room_of(const publish& m) { return m.draft->room; }
inline const std::string& room_of(const history& m) { return m.what.room; }
inline const std::string& room_of(const call_roll& m) { return m.room; }
inline const std::string& room_of(const members& m) { return m.what.room; }

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::room

GREENROOM_MESSAGE(greenroom::room::join)
GREENROOM_REQUEST(greenroom::room::resume)
GREENROOM_MESSAGE(greenroom::room::leave)
GREENROOM_MESSAGE(greenroom::room::publish)
GREENROOM_MESSAGE(greenroom::room::history)
GREENROOM_MESSAGE(greenroom::room::call_roll)
GREENROOM_MESSAGE(greenroom::room::members)
GREENROOM_REQUEST(greenroom::room::try_build)
GREENROOM_REQUEST(greenroom::room::swap_build)
GREENROOM_MESSAGE(greenroom::room::rest)
