#include "actors/watches.hpp"

namespace greenroom {

void watches::remove(std::string_view user) {
  if (auto found = all_.find(user); found != all_.end()) all_.erase(found);
}

std::vector<std::string> watches::users() const {
  std::vector<std::string> names;
  for (const auto& [user, known] : all_) names.push_back(user);
  return names;
}

bool watches::tell(std::string_view user, std::uint64_t digest) {
  auto found = all_.find(user);
  if (found == all_.end() || found->second.told == digest) return false;
  found->second = {digest, ++last_};
  return true;
}

void watches::connection_lost() {
  for (auto& [user, known] : all_)
    if (known.number > proven_) known = {};
}

}  // namespace greenroom
