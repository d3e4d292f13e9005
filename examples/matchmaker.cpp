// matchmaker: players join a waiting room; two at a time are asked whether they are ready, and who says yes finds the
// other one in a room of their own. Clients answer the request `match.ready` with true or false.
//
//   [plugins]            load = ["build/examples/matchmaker.so"]
//   [namespace.match]    behaviour = "matchmaker"
#include <deque>
#include <memory>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;
using namespace std::chrono_literals;

struct match {
  std::string room, opponent;
  static constexpr auto fields() {
    return std::tuple{codecs::field_of("room", &match::room), codecs::field_of("opponent", &match::opponent)};
  }
};

/// Two who are being asked.
struct pairing {
  party players[2];
  bool ready[2] = {false, false};
  int answered = 0;
};

class matchmaker final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_join(join_request who) override {
    who.accept();
    waiting_.push_back(who.who());
    pair_up();
  }
  void on_leave(const party& who) override { std::erase(waiting_, who); }
  void on_message(publish_request message) override { message.refuse("wait for your match"); }

 private:
  void pair_up() {
    while (waiting_.size() >= 2) {
      auto both = std::make_shared<pairing>(pairing{.players = {waiting_[0], waiting_[1]}});
      waiting_.erase(waiting_.begin(), waiting_.begin() + 2);
      const auto name =
          "game:" + room().id().value + "-" + std::to_string(room().now_ms()) + "-" + std::to_string(++games_);
      for (int i = 0; i < 2; ++i)
        room().ask(both->players[i].session, "match.ready",
                   codecs::write_fields(match{.room = name, .opponent = both->players[1 - i].user.value}), 10s,
                   [this, both, name, i](const codecs::outcome& said) { heard(*both, name, i, said); });
    }
  }
  void heard(pairing& both, const std::string& name, int who, const codecs::outcome& said) {
    if (const auto* yes = std::get_if<codecs::result>(&said))
      if (const auto* document = std::get_if<codecs::results::document>(yes))
        both.ready[who] = document->body->as(codecs::format::json) == "true";
    if (++both.answered < 2) return;
    const bool play = both.ready[0] && both.ready[1];
    for (int i = 0; i < 2; ++i) {
      const auto& player = both.players[i];
      if (!both.ready[i])
        room().remove(player.session, "not ready");
      else if (!play)
        waiting_.push_front(player);  // the other one was not: first in line again
      else
        room().push_event(player.session, "found", codecs::write_fields(match{name, both.players[1 - i].user.value}));
      if (play) room().remove(player.session, "matched");
    }
    pair_up();
  }

  std::deque<party> waiting_;
  std::uint64_t games_ = 0;
};

}  // namespace

GREENROOM_PLUGIN("matchmaker", "1.0.0") { into.add_room<matchmaker>("matchmaker"); }
