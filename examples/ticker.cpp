// ticker: publishes prices on a timer while somebody listens. In a room with the policy `latest` a slow member gets the
// newest price of each symbol, and nobody waits for it.
//
//   [plugins]             load = ["build/examples/ticker.so"]
//   [namespace.prices]    behaviour = "ticker", slow_members = "latest", history_count = 0
#include <array>
#include <cmath>
#include <random>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;
using namespace std::chrono_literals;

constexpr auto interval = 100ms;

struct price {
  std::string symbol;
  double bid = 0, ask = 0;
  std::int64_t at = 0;
  static constexpr auto fields() {
    using codecs::field_of;
    return std::tuple{field_of("symbol", &price::symbol), field_of("bid", &price::bid), field_of("ask", &price::ask),
                      field_of("at", &price::at)};
  }
};

class ticker final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_start(beginning how) override {
    if (how == beginning::restarted && room().member_count() != 0) room().set_timer("tick", interval);
  }
  void on_join(join_request who) override {
    who.accept();
    if (room().member_count() == 1) room().set_timer("tick", interval);
  }
  void on_leave(const party&) override {
    if (room().member_count() == 0) room().cancel_timer("tick");  // the room may leave memory
  }
  void on_message(publish_request message) override { message.refuse("prices are published by the node"); }
  void on_timer(std::string_view name) override {
    room().set_timer(std::string{name}, interval);
    std::normal_distribution<double> step{0, 0.001};
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      middle_[i] *= std::exp(step(random_));
      const price now{.symbol = std::string{symbols[i]},
                      .bid = middle_[i] * 0.999,
                      .ask = middle_[i] * 1.001,
                      .at = room().now_ms()};
      room().publish({.event = now.symbol, .payload = codecs::write_fields(now)});
    }
  }

 private:
  static constexpr std::array<std::string_view, 3> symbols{"AAA", "BBB", "CCC"};
  std::array<double, symbols.size()> middle_{100, 20, 5};
  std::mt19937 random_{std::random_device{}()};
};

}  // namespace

GREENROOM_PLUGIN("ticker", "1.0.0") { into.add_room<ticker>("ticker"); }
