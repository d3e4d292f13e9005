#include "actors/room_builds.hpp"

namespace greenroom {

room_builds::room_builds(const extensions& mine) {
  for (const auto& [name, make] : mine.rooms()) set(std::make_shared<const room_build>(room_build{name, make}));
}

room_build_ptr room_builds::find(std::string_view behaviour) const {
  std::lock_guard guard{mutex_};
  const auto found = current_.find(behaviour);
  return found == current_.end() ? nullptr : found->second;
}

void room_builds::set(room_build_ptr build) {
  std::lock_guard guard{mutex_};
  auto name = build->behaviour;
  current_.insert_or_assign(std::move(name), std::move(build));
}

std::vector<std::string> room_builds::names() const {
  std::lock_guard guard{mutex_};
  std::vector<std::string> all;
  for (const auto& [name, build] : current_) all.push_back(name);
  return all;
}

}  // namespace greenroom
