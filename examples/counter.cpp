// counter: a room whose members add to one number. It survives a crash of the room, its leaving memory, and a newer build
// of this file (`greenroom plugin reload counter`).
//
//   [plugins]             load = ["build/examples/counter.so"]
//   [namespace.counter]   behaviour = "counter"
#include <stdexcept>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;

struct addition {
  std::int32_t by = 1;
  static constexpr auto fields() { return std::tuple{codecs::field_of("by", &addition::by)}; }
};
struct total {
  std::int64_t by = 0, now = 0;
  static constexpr auto fields() {
    return std::tuple{codecs::field_of("by", &total::by), codecs::field_of("now", &total::now)};
  }
};

class counter final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_message(publish_request message) override {
    if (message.event() == "read") {  // answered, not published
      const total now{.by = 0, .now = sum_};
      return message.reply(codecs::write_fields(now));
    }
    if (message.event() != "add") return message.refuse("the events here are add and read");
    auto read = codecs::read_fields<addition>(message.payload().get(), "params.payload");
    if (auto* why = std::get_if<codecs::error>(&read)) return message.refuse(std::move(*why));
    total now{.by = std::get<addition>(read).by, .now = 0};
    now.now = sum_ += now.by;
    room().changed();  // stored in the transaction of this message
    message.rewrite("total", codecs::write_fields(now));
    message.accept();
  }
  std::string snapshot() const override { return std::to_string(sum_); }
  void restore(std::string_view state) override {
    std::size_t read = 0;
    sum_ = std::stoll(std::string{state}, &read);
    if (read != state.size()) throw std::runtime_error{"this is no counter's state"};
  }

 private:
  std::int64_t sum_ = 0;
};

}  // namespace

GREENROOM_PLUGIN("counter", "1.0.0") { into.add_room<counter>("counter"); }
