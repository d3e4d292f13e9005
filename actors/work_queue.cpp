#include "actors/work_queue.hpp"

#include <utility>

#include "actors/limits.hpp"

namespace greenroom {

bool work_queue::push(router::call_ptr what) {
  if (places_.size() >= limits::work_waiting_max) return false;
  const auto id = what->id;
  auto which = lines_.try_emplace(what->method).first;
  if (which->second.size() >= limits::work_waiting_of_method_max) return false;
  auto last = which->second.emplace(++last_, std::move(what)).first;
  places_.insert_or_assign(id, place{which, last});
  return true;
}

router::call_ptr work_queue::take(place from) {
  auto taken = std::move(from.what->second);
  places_.erase(taken->id);
  from.which->second.erase(from.what);
  if (from.which->second.empty()) lines_.erase(from.which);
  return taken;
}

router::call_ptr work_queue::remove(std::uint64_t id) {
  auto found = places_.find(id);
  return found == places_.end() ? nullptr : take(found->second);
}

router::call_ptr work_queue::pop(const std::set<std::string, std::less<>>& methods) {
  if (lines_.empty()) return nullptr;
  auto oldest = lines_.end();
  for (const auto& method : methods) {
    auto found = lines_.find(method);
    if (found == lines_.end()) continue;
    if (oldest == lines_.end() || found->second.begin()->first < oldest->second.begin()->first) oldest = found;
  }
  return oldest == lines_.end() ? nullptr : take({oldest, oldest->second.begin()});
}

std::vector<router::call_ptr> work_queue::take(std::string_view method) {
  std::vector<router::call_ptr> all;
  for (auto found = lines_.find(method); found != lines_.end(); found = lines_.find(method))
    all.push_back(take({found, found->second.begin()}));
  return all;
}

}  // namespace greenroom
