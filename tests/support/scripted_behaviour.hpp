/// SCRIPTED is a room behaviour whose callbacks a test writes, and a node whose rooms have it.
#pragma once
#include <array>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "actors/room_behaviour.hpp"
#include "actors/room_builds.hpp"
#include "codecs/fields.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using codecs::json_document;

/// A behaviour whose callbacks a test writes; it counts messages, and that is its state.
struct script {
  std::function<void(room_control&, join_request)> join;
  std::function<void(room_control&, publish_request)> message;
  std::function<void(room_control&, std::string_view)> timer;
  std::function<void(room_control&)> start;
  std::function<void()> inside;  ///< what a message "now" runs: decisions are taken inside the room only
  strings heard;
  int count = 0;             ///< of the living object
  std::string prefix = "n";  ///< of its snapshots; others are refused
  std::size_t padding = 0;   ///< of its snapshots
};

class scripted final : public room_behaviour {
 public:
  scripted(room_control& room, script& by) : room_behaviour{room}, by_{by} { by_.count = 0; }

  void on_start(beginning how) override {
    constexpr std::array words{"opened", "restarted", "swapped"};
    by_.heard.push_back(words[static_cast<std::size_t>(how)]);
    if (by_.start) by_.start(room());
  }
  void on_join(join_request who) override {
    by_.heard.push_back("join " + who.who().user.value);
    by_.join ? by_.join(room(), who) : who.accept();
  }
  void on_leave(const party& who) override { by_.heard.push_back("leave " + who.user.value); }
  void on_message(publish_request message) override {
    if (message.event() == "now") {
      by_.inside();
      return message.reply(json_document("null"));
    }
    ++by_.count;
    room().changed();
    by_.message ? by_.message(room(), message) : message.accept();
  }
  void on_timer(std::string_view name) override {
    by_.heard.push_back("timer " + std::string{name});
    if (by_.timer) by_.timer(room(), name);
  }
  std::string snapshot() const override {
    return by_.prefix + std::to_string(by_.count) + std::string(by_.padding, ' ');
  }
  void restore(std::string_view state) override {
    if (!state.starts_with(by_.prefix)) throw std::runtime_error{"this is not my state"};
    by_.count = std::stoi(std::string{state.substr(by_.prefix.size())});
  }

 private:
  script& by_;
};

inline room_build_ptr build_of(script& by) {
  return std::make_shared<const room_build>(
      room_build{"scripted", [&by](room_control& room) { return std::make_unique<scripted>(room, by); }});
}

class behaviour_fixture : public node_fixture {
 public:
  behaviour_fixture() { policy().behaviour = "scripted"; }
  ~behaviour_fixture() = default;

  client& user(std::string_view name) {
    if (!ready_) ctx().behaviours.set(build_of(by));
    ready_ = true;
    auto& one = connect();
    one.open(name);
    one.story();
    return one;
  }
  /// A member.
  client& member(std::string_view name) {
    auto& one = user(name);
    one.join("lobby");
    one.story();
    return one;
  }

  void inside(client& by_whom, std::function<void()> what) {
    by.inside = std::move(what);
    by_whom.call("room.publish", R"({"room":"lobby","event":"now","payload":null})");
    by.inside = nullptr;
  }

  script by;

 private:
  bool ready_ = false;
};

inline const std::string say_hi = R"({"room":"lobby","event":"say","payload":"hi"})";
inline const std::string say_hi_as_m1 = R"({"room":"lobby","event":"say","payload":"hi","id":"m1"})";

}  // namespace greenroom::tests
