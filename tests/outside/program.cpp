// A node of one's own: the engine as a library, with a service and a room behaviour linked in.
#include "actors/serve.hpp"

namespace {

using namespace greenroom;

struct numbers {
  double minuend = 0, subtrahend = 0;
  static constexpr auto fields() {
    return std::tuple{codecs::field_of("minuend", &numbers::minuend),
                      codecs::field_of("subtrahend", &numbers::subtrahend)};
  }
};

class calculator final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;
  void subtract(const numbers& of, service_request request) {
    request.reply(codecs::json_document(std::to_string(of.minuend - of.subtrahend)));
  }
};

class quiet final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;
  void on_message(publish_request message) override { message.refuse("nothing is said here"); }
};

}  // namespace

int main(int argc, char** argv) {
  extensions mine;
  mine.add_room<quiet>("quiet");
  mine.add(service<calculator>("calculator").answers("calculator.subtract", "The difference.", &calculator::subtract));
  return run_program(argc, argv, "outside 0.1.0", std::move(mine));
}
