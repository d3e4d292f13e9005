/// RELAY is the rooms' fan-out on one shard: it writes what a room published into the outboxes of the members that live
/// here, a plain loop over shared frames, no actor message per delivery.
///
///   room ── add / deliver / drop ──▶ relay ──▶ outbox, outbox, outbox …
///                                      │
///                                      └── a member that catches up is fed from the log until it stands where we do
///
/// Messages of one room arrive in the order in which the room made them, so a joiner sees no hole; the answer of a join
/// is written before any frame above its position, an acknowledgement in the turn of its message.
///
/// Parent: rooms supervisor, permanent, one a shard.
/// Crash: the sessions of the shard register their memberships again, and each catches up.
/// Bounds: the members of its shard; one step of feeding writes at most limits::feed_bytes_max, and members that stand at
///   the same position share what is read for them. Queues no frames itself.
#pragma once
#include <caf/actor.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "actors/answer.hpp"
#include "actors/broadcast.hpp"
#include "actors/room_presence.hpp"
#include "actors/shared_push.hpp"
#include "actors/subscription.hpp"
#include "codecs/message_memory.hpp"
#include "codecs/outcome.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
class memberships;
}  // namespace greenroom

namespace greenroom::relay {

struct options {
  context& ctx;
  std::size_t shard = 0;
};

/// An answer together with what it says.
struct settled {
  answer to;
  codecs::outcome what;
};

using settlements = std::vector<settled, codecs::recycled<settled>>;

struct deliver {  ///< What a room published in one turn, and the acknowledgements that go to callers of this shard.
  std::shared_ptr<const broadcast> messages;  ///< null: only the answers
  std::shared_ptr<settlements> answers;       ///< null: none; nobody else holds it
};
struct add {  ///< A new member that has everything up to `position`; `reply` is written first.
  subscription_ptr who;
  std::string epoch;
  std::uint64_t position = 0;
  std::uint64_t head = 0;  ///< the room's newest message
  settled reply;
};
struct hold {  ///< A resumed member: it is fed from `position` on, but not before `feed`.
  subscription_ptr who;
  std::string epoch;
  std::uint64_t position = 0;
  std::uint64_t head = 0;  ///< the room's newest message
};
struct catch_up {  ///< The room has started, and is further than this shard was told: the log has what is missing here.
  std::string room;
  std::string epoch;
  std::uint64_t head = 0;
};
struct feed {  ///< Lets held members go, and goes on with those whose outbox has drained.
  std::vector<subscription_ptr> who;
};
struct readopt {  ///< After a crash of the relay: members register again where they were.
  std::vector<subscription_ptr> who;
  std::uint32_t life = 0;  ///< which life of the relay has asked for it
};
struct detach {  ///< The members' connection is gone; their rooms keep them as `away`.
  std::vector<subscription_ptr> who;
};
struct drop {  ///< Left, replaced or refused: no frame follows; then the answer is written.
  subscription_ptr who;
  settled reply;
};
struct forsake {  ///< A session has ended, however: its rooms are closed and left.
  std::shared_ptr<memberships> rooms;
};
struct
    roster {  ///< Who is in the room, for its members. One that does not fit is sent again when its outbox has drained.
  using audience = room_presence::tidings::audience;
  std::string room;
  std::shared_ptr<const shared_push> changes;  ///< for those who know who was there before; null: nothing changed
  std::shared_ptr<const shared_push> people;   ///< for those who do not, or for everybody; null: not asked for
  audience people_for = audience::newcomers;
};
struct close_room {  ///< The room was given up or lost its history; members get a notice.
  std::string room;
  std::string code;
  std::string epoch;
};
struct served {  ///< A room directory that restarts asks which of its rooms have members here; answered like a survey.
  std::size_t directory = 0;
  struct reply {
    std::vector<std::string> rooms;
  };
};
struct survey {  ///< A room that starts asks for what this shard knows of it. A restarted relay answers when its
                 ///< sessions have registered again.
  std::string room;
  struct reply {
    bool known = false;
    std::string epoch;
    std::uint64_t position = 0;
    std::vector<subscription_ptr> members;
  };
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::relay

GREENROOM_MESSAGE(greenroom::relay::deliver)
GREENROOM_MESSAGE(greenroom::relay::add)
GREENROOM_MESSAGE(greenroom::relay::hold)
GREENROOM_MESSAGE(greenroom::relay::catch_up)
GREENROOM_MESSAGE(greenroom::relay::feed)
GREENROOM_MESSAGE(greenroom::relay::readopt)
GREENROOM_MESSAGE(greenroom::relay::detach)
GREENROOM_MESSAGE(greenroom::relay::drop)
GREENROOM_MESSAGE(greenroom::relay::forsake)
GREENROOM_MESSAGE(greenroom::relay::roster)
GREENROOM_MESSAGE(greenroom::relay::close_room)
GREENROOM_REQUEST(greenroom::relay::served)
GREENROOM_REQUEST(greenroom::relay::survey)
