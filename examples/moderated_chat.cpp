// moderated_chat: a room that takes nothing but chat messages, masks bad words, and shows repeat offenders the door.
//
//   [plugins]          load = ["build/examples/moderated_chat.so"]
//   [namespace.chat]   behaviour = "moderated_chat"
#include <algorithm>
#include <array>
#include <map>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;

constexpr std::array<std::string_view, 3> bad_words{"darn", "heck", "frak"};
constexpr int strikes_max = 3;

struct chat {
  std::string text;
  static constexpr auto fields() { return std::tuple{codecs::field_of("text", &chat::text, 500)}; }
};

/// Stars in the place of every bad word; true where there was one.
bool mask(std::string& text) {
  bool found = false;
  for (const auto word : bad_words)
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at)) {
      text.replace(at, word.size(), word.size(), '*');
      found = true;
    }
  return found;
}

class moderated_chat final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_message(publish_request message) override {
    if (message.event() != "say") return message.refuse("this room knows only the event say");
    auto read = codecs::read_fields<chat>(message.payload().get(), "params.payload");
    if (auto* why = std::get_if<codecs::error>(&read)) return message.refuse(std::move(*why));
    auto said = std::get<chat>(std::move(read));
    if (said.text.empty()) return message.refuse("say something");
    if (mask(said.text)) {
      if (++strikes_[message.from().session] >= strikes_max) return show_the_door(message);
      message.rewrite(codecs::write_fields(said));
    }
    message.accept();
  }
  void on_leave(const party& who) override { strikes_.erase(who.session); }

 private:
  void show_the_door(publish_request& message) {
    message.refuse("that was once too often");
    room().remove(message.from().session, "mind your language");
    strikes_.erase(message.from().session);
  }

  std::map<session_id, int> strikes_;  ///< of members; publishing without a membership has none to lose
};

}  // namespace

GREENROOM_PLUGIN("moderated_chat", "1.0.0") { into.add_room<moderated_chat>("moderated_chat"); }
