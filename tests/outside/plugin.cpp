// A plugin as somebody else writes it.
#include "actors/plugin.hpp"

namespace {

class shout final : public greenroom::room_behaviour {
 public:
  using room_behaviour::room_behaviour;
  void on_message(greenroom::publish_request message) override {
    message.rewrite("shouted", message.payload());
    message.accept();
  }
};

}  // namespace

GREENROOM_PLUGIN("outside", "0.1.0") { into.add_room<shout>("shout"); }
