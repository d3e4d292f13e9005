// Registers a name twice, which is refused.
#include "actors/plugin.hpp"

class quiet final : public greenroom::room_behaviour {
 public:
  using room_behaviour::room_behaviour;
};

GREENROOM_PLUGIN("twice", "1.0") {
  into.add_room<quiet>("quiet");
  into.add_room<quiet>("quiet");
}
