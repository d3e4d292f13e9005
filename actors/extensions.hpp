/// EXTENSIONS are what a program or a plugin adds to a node: room behaviours by the name that the config uses, and
/// services.
///
///   extensions mine;
///   mine.add_room<counter>("counter");
///   mine.add(service<echo>("echo").answers("echo.say", "…", &echo::answer));
///   engine node{config, version, std::move(mine)};
///
/// Lifecycle: filled before the node starts, or by a plugin's entry function; a node takes it over. Failure: a name
///   that stands twice, or a method that is the protocol's own, is std::invalid_argument with a sentence.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/room_behaviour.hpp"
#include "actors/service_behaviour.hpp"

namespace greenroom {

class extensions {
 public:
  void add_room(std::string behaviour, room_factory make);
  template <class Behaviour>
  void add_room(std::string behaviour) {
    add_room(std::move(behaviour), [](room_control& room) { return std::make_unique<Behaviour>(room); });
  }
  void add(service_spec what);

  const std::map<std::string, room_factory, std::less<>>& rooms() const noexcept { return rooms_; }
  const std::vector<service_spec>& services() const noexcept { return services_; }

 private:
  std::map<std::string, room_factory, std::less<>> rooms_;
  std::vector<service_spec> services_;
};

}  // namespace greenroom
