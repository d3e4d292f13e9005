/// PENDING_JOINS are the sessions whose join waits for the disk, and what else each wants of the room meanwhile: that
/// waits behind the join, in its order.
///
/// Lifecycle: a member of the room's State. Threading: the room's. Bounds: the calls that a session may have open.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "actors/ids.hpp"

namespace greenroom {

class pending_joins {
 public:
  bool empty() const noexcept { return joining_.empty(); }
  void begin(const session_id& whose) { joining_.try_emplace(whose); }
  /// True: it waits.
  bool hold(const session_id& whose, std::function<void()> what) {
    if (joining_.empty()) return false;
    const auto found = joining_.find(whose);
    if (found == joining_.end()) return false;
    found->second.push_back(std::move(what));
    return true;
  }
  /// The join is over; what waited goes on. Where a second join is among it, the rest waits behind that one.
  void end(const session_id& whose) {
    auto held = joining_.extract(whose);
    if (held.empty()) return;
    for (auto& each : held.mapped()) each();
  }

 private:
  std::map<session_id, std::deque<std::function<void()>>> joining_;
};

}  // namespace greenroom
