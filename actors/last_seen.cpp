#include "actors/last_seen.hpp"

namespace greenroom {

void last_seen::write(const std::string& user, std::int64_t at_ms) {
  erase(user);
  by_age_.emplace_back(user, at_ms);
  all_.emplace(by_age_.back().first, std::prev(by_age_.end()));
  if (by_age_.size() <= users_max_) return;
  ++forgotten_;
  all_.erase(by_age_.front().first);
  by_age_.pop_front();
}

std::optional<std::int64_t> last_seen::of(std::string_view user) const {
  auto found = all_.find(user);
  if (found == all_.end()) return std::nullopt;
  return found->second->second;
}

void last_seen::erase(std::string_view user) {
  auto found = all_.find(user);
  if (found == all_.end()) return;
  const auto place = found->second;
  all_.erase(found);  // its name is the list's
  by_age_.erase(place);
}

}  // namespace greenroom
