#include "actors/turn_line.hpp"

#include "actors/connection.hpp"
#include "actors/pass.hpp"
#include "actors/room_directory.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/shard.hpp"

namespace greenroom {

void time_turn(const caf::actor& rooms, runtime::actor_base& whose, turn_line::conduct how) {
  const room_directory::wait_turn question{caf::actor{&whose}};
  if (auto* home = whose.home(); home && how == turn_line::conduct::floods)
    home->post([rooms, question] { pass(rooms, question); });
  else
    pass(&whose, rooms, question);
}

}  // namespace greenroom
