/// ROOM_ROSTER is a room's part in presence: it keeps who is there (room_presence), and tells the members through the
/// relays when what came and went has been gathered for long enough.
///
/// Threading: its room's; a member of that actor's State. Bounds: one timer, which runs while something is to be told.
#pragma once
#include <caf/actor_clock.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "actors/room_policy.hpp"
#include "actors/room_presence.hpp"
#include "codecs/call.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {

struct context;

class room_roster {
 public:
  struct due {  ///< To the room, from its timer.
    std::uint64_t number = 0;
  };

  room_roster(runtime::actor_base* self, context& ctx, const std::string& room, const room_policy& policy);

  void enter(const subscription& who);
  void leave(const subscription& who);
  void call_roll();  ///< A member does not know who is here.
  void begin();      ///< The room starts with these members, who may have been told anything.
  codecs::results::members page(const codecs::calls::room_members& what) const {
    return people_.page(what.after, what.limit);
  }
  void on_due(const due& m);

 private:
  using time_point = caf::actor_clock::time_point;

  void schedule();

  runtime::actor_base* self_;
  context& ctx_;
  std::string room_;
  const room_policy& policy_;
  room_presence people_;
  std::uint64_t timers_ = 0;
  std::optional<time_point> due_at_;  ///< of the newest timer; none: it is not running
  time_point large_at_{};             ///< when a large room's members may be told again
};

}  // namespace greenroom

GREENROOM_MESSAGE(greenroom::room_roster::due)
