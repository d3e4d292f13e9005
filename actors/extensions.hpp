/// EXTENSIONS are what a program or a plugin adds to a node: room behaviours by the name that the config uses,
/// services, and whole actors.
///
///   extensions mine;
///   mine.add_room<counter>("counter");
///   mine.add(service<echo>("echo").answers("echo.say", "…", &echo::answer));
///   engine node{config, version, std::move(mine)};
///
/// Lifecycle: filled before the node starts, or by a plugin's entry function; a node takes it over. Failure: a name
///   that stands twice, or a method that is the protocol's own, is std::invalid_argument with a sentence.
#pragma once
#include <caf/fwd.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "actors/room_behaviour.hpp"
#include "actors/service_behaviour.hpp"

namespace greenroom::runtime {
struct place;
}

namespace greenroom {

struct context;

/// A whole actor, where callbacks are too little: written and spawned like the node's own (runtime/actor.hpp), with all
/// that they have. What it does is its author's responsibility; a newer build of its plugin does not replace it.
using actor_factory = std::function<caf::actor(const runtime::place& where, context& ctx)>;

/// Who wants to come in, as far as its handshake, `session.open` or CONNECT says.
struct visitor {
  std::string token;  ///< empty: none
  std::string user;   ///< the name that an anonymous client gives itself; empty: none
  access::origin from = access::origin::elsewhere;
};
/// Decides instead of the node: lets in, or refuses. None: the node decides. On any shard, several at a time; must not
/// block.
using doorkeeper = std::function<std::optional<std::variant<principal, codecs::error>>(const visitor&)>;

class extensions {
 public:
  void add_room(std::string behaviour, room_factory make);
  template <class Behaviour>
  void add_room(std::string behaviour) {
    add_room(std::move(behaviour), [](room_control& room) { return std::make_unique<Behaviour>(room); });
  }
  void add(service_spec what);
  void set_doorkeeper(doorkeeper who_may_enter) { doorkeeper_ = std::move(who_may_enter); }
  /// Everything of another one.
  void add(const extensions& others);
  /// One for the node, on its first shard, restarted by the supervisor `services`.
  void add_actor(std::string name, actor_factory make);

  const std::map<std::string, room_factory, std::less<>>& rooms() const noexcept { return rooms_; }
  const std::vector<service_spec>& services() const noexcept { return services_; }
  const std::map<std::string, actor_factory, std::less<>>& actors() const noexcept { return actors_; }
  const greenroom::doorkeeper& doorkeeper() const noexcept { return doorkeeper_; }  ///< null: the node decides
  std::vector<std::string> channels() const;  ///< the patterns of what the services serve

 private:
  std::map<std::string, room_factory, std::less<>> rooms_;
  std::vector<service_spec> services_;
  std::map<std::string, actor_factory, std::less<>> actors_;
  greenroom::doorkeeper doorkeeper_;
};

}  // namespace greenroom
