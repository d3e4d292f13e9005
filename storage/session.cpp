#include "storage/session.hpp"

#include <algorithm>

namespace greenroom::storage {

std::vector<stored_membership> merged(const std::vector<stored_membership>& wanted,
                                      std::span<const stored_membership> stored) {
  std::vector<stored_membership> all;
  all.reserve(wanted.size());
  for (const auto& each : wanted) {
    const auto known =
        each.seen.epoch.empty() ? std::ranges::find(stored, each.room, &stored_membership::room) : stored.end();
    if (known != stored.end())
      all.push_back(*known);
    else if (!each.seen.epoch.empty())
      all.push_back(each);
  }
  return all;
}

}  // namespace greenroom::storage
