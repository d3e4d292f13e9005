#include "actors/turn_line.hpp"

#include <algorithm>

#include "actors/connection.hpp"
#include "actors/context.hpp"
#include "actors/pass.hpp"
#include "actors/room_directory.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/shard.hpp"
#include "runtime/supervisor.hpp"

namespace greenroom {

void time_turn(const context& ctx, runtime::actor_base& whose, turn_line::conduct how) {
  const auto& farthest = *std::ranges::max_element(
      ctx.shards, {}, [](const context::shard_actors& of) { return runtime::supervisor::depth_of(of.rooms); });
  const room_directory::wait_turn question{caf::actor{&whose}};
  if (auto* home = whose.home(); home && how == turn_line::conduct::floods)
    home->post([to = farthest.rooms, question] { pass(to, question); });
  else
    pass(&whose, farthest.rooms, question);
}

}  // namespace greenroom
