/// ROOM_REPLAY publishes dead letters of rooms again, in each room one after the other, and settles those that were
/// published. It is made for one request, and ends when it has answered.
///
///   admin ── publish_again ──▶ replay ── room::publish ──▶ room: as its sender's own repeat
///                                  └──── dead_settle ────▶ store_writer
///
/// A letter leaves after its message was stored, so that no end of the process loses it; what was published and not
/// settled is a repeat the next time, and settled then. One that crashes its room again stays the letter that it is.
///
/// Parent: none.
/// Crash: it ends, its asker is told so, and what it did not settle is still there.
/// Bounds: limits::ask_timeout for a letter, limits::room_replay_max for all, limits::room_replay_crashes_max of a room,
///   which would be given up for more; the rest is told as `failed`.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/inbox.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::room_replay {

struct options {
  context& ctx;
};

enum class fate : std::uint8_t {
  published,  ///< or answered by the behaviour; the letter has left
  refused,    ///< the behaviour does not want it, or its id was used for something else
  crashed,    ///< the room failed, on it or on something else
  failed,     ///< not now, or nobody knows: the next replay will tell
  missing     ///< it is damaged
};

struct publish_again {  ///< Once.
  std::vector<storage::dead_letter> letters;
  struct reply {
    std::vector<fate> all;  ///< one each
  };
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::room_replay

GREENROOM_REQUEST(greenroom::room_replay::publish_again)
