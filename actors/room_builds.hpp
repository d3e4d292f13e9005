/// ROOM_BUILDS says which build of each room behaviour is the current one: the program's own, or that of the plugin
/// that was loaded last. A room takes the current one when it starts, and is told when a newer one takes over.
///
/// Threading: any thread. Lifecycle: a build lives as long as somebody holds it; code of a plugin is never unloaded.
/// Bounds: the behaviours that were registered.
#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "actors/extensions.hpp"
#include "actors/room_behaviour.hpp"

namespace greenroom {

struct room_build {
  std::string behaviour;
  room_factory make;
};
using room_build_ptr = std::shared_ptr<const room_build>;

class room_builds {
 public:
  room_builds() = default;
  explicit room_builds(const extensions& mine);
  room_build_ptr find(std::string_view behaviour) const;  ///< null: there is none of that name
  void set(room_build_ptr build);
  std::vector<std::string> names() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, room_build_ptr, std::less<>> current_;
};

}  // namespace greenroom
