#include "actors/extensions.hpp"

#include <caf/actor.hpp>

#include <algorithm>
#include <stdexcept>

#include "codecs/methods.hpp"

namespace greenroom {

void extensions::add_room(std::string behaviour, room_factory make) {
  if (behaviour.empty() || !make) throw std::invalid_argument{"a room behaviour needs a name and a factory"};
  if (!rooms_.emplace(behaviour, std::move(make)).second)
    throw std::invalid_argument{"there are two room behaviours named " + behaviour};
}

void extensions::add(const extensions& others) {
  for (const auto& [behaviour, make] : others.rooms_) add_room(behaviour, make);
  for (const auto& spec : others.services_) add(spec);
  for (const auto& [name, make] : others.actors_) add_actor(name, make);
  if (others.doorkeeper_) doorkeeper_ = others.doorkeeper_;
}

void extensions::add_actor(std::string name, actor_factory make) {
  if (name.empty() || !make) throw std::invalid_argument{"an actor needs a name and a factory"};
  if (!actors_.emplace(name, std::move(make)).second) throw std::invalid_argument{"there are two actors named " + name};
}

void extensions::add(service_spec what) {
  if (what.name.empty() || !what.make || (what.methods.empty() && what.channels.empty()))
    throw std::invalid_argument{"a service needs a name, a factory, and a method or a channel"};
  if (what.concurrency_max == 0 || what.time_limit.count() <= 0)
    throw std::invalid_argument{"the service " + what.name + " may work on nothing: its bounds must be above 0"};
  for (const auto& each : services_)
    if (each.name == what.name) throw std::invalid_argument{"there are two services named " + what.name};
  for (const auto& method : what.methods) {
    if (codecs::find_method(method.about.name))
      throw std::invalid_argument{"the method " + method.about.name + " is the protocol's own"};
    const auto same = [&](const service_method& other) {
      return other.about.name == method.about.name && &other != &method;
    };
    bool twice = std::ranges::any_of(what.methods, same);
    for (const auto& each : services_) twice = twice || std::ranges::any_of(each.methods, same);
    if (twice) throw std::invalid_argument{"there are two methods named " + method.about.name};
  }
  for (const auto& channel : what.channels) {
    if (channel.pattern.empty() || channel.pattern == "*")
      throw std::invalid_argument{"the service " + what.name + " serves a channel without a name"};
    if (std::ranges::count(channels(), channel.pattern) != 0)
      throw std::invalid_argument{"two services serve the channel " + channel.pattern};
  }
  services_.push_back(std::move(what));
}

std::vector<std::string> extensions::channels() const {
  std::vector<std::string> all;
  for (const auto& each : services_)
    for (const auto& channel : each.channels) all.push_back(channel.pattern);
  return all;
}

}  // namespace greenroom
