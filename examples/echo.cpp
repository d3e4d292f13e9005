// ECHO: a service. It answers `echo.say` with what it was given, and `echo.to_room` by saying it to everybody in a room.
//
//   [plugins]
//   load = ["build/examples/echo.so"]
//
//   greenroom call echo.say '{"text":"hello"}'
#include <string>
#include <tuple>
#include <utility>

#include "actors/plugin.hpp"
#include "codecs/fields.hpp"

using namespace greenroom;
using codecs::field_of;

struct saying {
  std::string text;
  static constexpr auto fields() { return std::tuple{field_of("text", &saying::text, 1'000)}; }
};

struct room_saying {
  std::string room, text;
  static constexpr auto fields() {
    return std::tuple{field_of("room", &room_saying::room, 100), field_of("text", &room_saying::text, 1'000)};
  }
};

class echo final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;

  void say(const saying& what, service_request request) { request.reply(what); }

  void to_room(const room_saying& what, service_request request) {
    node().publish(
        room_id{what.room},
        {.event = "echo", .payload = codecs::write_fields(saying{what.text}), .from = request.from().user.value});
    request.reply();
  }

  void anything(const codecs::payload_ptr& what, service_request request) { request.reply(what); }
};

GREENROOM_PLUGIN("echo", "1.0.0") {
  into.add(service<echo>("echo")
               .answers("echo.say", "Answers what it was given.", &echo::say, repeat::idempotent)
               .returns<saying>()
               .answers("echo.to_room", "Says it to everybody in a room.", &echo::to_room)
               .answers("echo.anything", "Answers any document as it is.", &echo::anything, repeat::idempotent)
               .with(instances::one_a_shard));
}
