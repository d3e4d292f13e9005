/// ROOM_DIRECTORY knows the living rooms of one shard, starts a room when the first message for it comes, and restarts
/// what fails. Every message for a room goes through the directory of the room's shard, which forwards it: no other
/// actor holds a room's handle, so a room may leave memory unseen.
///
///   absent ──first message──▶ living ──resting──▶ resting: its messages wait here ──ended──▶ absent, or living again
///                                ▲                   │                                       where something waits
///                                └──────staying──────┘
///
/// Parent: rooms supervisor, permanent, one a shard.
/// Crash: its rooms go with it and come back with the next message, from the store and from the relays.
/// Bounds: limits::rooms_per_shard_max; limits::held_messages_max for one room; over either: unavailable.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/ids.hpp"
#include "actors/room_builds.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::room_directory {

struct options {
  context& ctx;
  std::size_t shard = 0;
};

struct wait_turn {
  caf::actor who;
};  ///< A connection with much to say waits until what is before this is on its way: `connection::turn`.
struct resting {
  room_id id;
};  ///< A room offers to leave memory.
struct staying {
  room_id id;
};  ///< It has found work in its mailbox.

/// A newer build of a behaviour: whether the state of every living room that has it is understood, …
struct try_build {
  room_build_ptr build;
  struct refusal {
    std::string room, why;
  };
  struct reply {
    std::uint64_t rooms = 0;
    std::vector<refusal> refused;
  };
};
/// … and then it takes over in each of them, at a message boundary. Answered when it has.
struct swap_build {
  room_build_ptr build;
  struct reply {
    std::uint64_t rooms = 0;               ///< that have moved over
    std::vector<try_build::refusal> left;  ///< that go on with the older build all the same
  };
};

/// Which shard's directory is asked for a room.
std::size_t shard_of(std::string_view room, std::size_t shards);

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::room_directory

GREENROOM_MESSAGE(greenroom::room_directory::wait_turn)
GREENROOM_MESSAGE(greenroom::room_directory::resting)
GREENROOM_MESSAGE(greenroom::room_directory::staying)
GREENROOM_REQUEST(greenroom::room_directory::try_build)
GREENROOM_REQUEST(greenroom::room_directory::swap_build)
