#include "storage/memory_access.hpp"

#include <algorithm>

namespace greenroom::storage {

outcome memory_access::execute(const api_key_put& op) {
  std::lock_guard guard{mutex_};
  if (!keys_.contains(op.key.id) && keys_.size() >= limits::api_keys_max) return {.error = errc::unavailable};
  keys_.insert_or_assign(op.key.id, op.key);
  return {.count = keys_.size()};
}

outcome memory_access::execute(const api_key_used& op) {
  std::lock_guard guard{mutex_};
  const auto found = keys_.find(op.id);
  if (found == keys_.end()) return {.error = errc::not_found};
  found->second.used_ms = std::max(found->second.used_ms, op.at_ms);
  return {};
}

outcome memory_access::execute(const api_key_erase& op) {
  std::lock_guard guard{mutex_};
  if (keys_.erase(op.id) == 0) return {.error = errc::not_found};
  return {.count = keys_.size()};
}

outcome memory_access::execute(const revocation_put& op) {
  std::lock_guard guard{mutex_};
  auto key = std::pair{op.what.kind, op.what.name};
  if (!revocations_.contains(key) && revocations_.size() >= limits::revocations_max)
    return {.error = errc::unavailable};
  revocations_.insert_or_assign(std::move(key), op.what);
  return {.count = revocations_.size()};
}

outcome memory_access::execute(const revocation_erase& op) {
  std::lock_guard guard{mutex_};
  const auto found = revocations_.find({op.kind, op.name});
  if (found == revocations_.end() || found->second.until_ms > op.until_max_ms) return {.error = errc::not_found};
  revocations_.erase(found);
  return {.count = revocations_.size()};
}

std::vector<stored_key> memory_access::keys(std::string_view after, std::size_t count_max) const {
  std::lock_guard guard{mutex_};
  std::vector<stored_key> found;
  for (auto one = keys_.upper_bound(after); one != keys_.end() && found.size() < count_max; ++one)
    found.push_back(one->second);
  return found;
}

std::vector<stored_revocation> memory_access::revocations(revoked kind, std::string_view after,
                                                          std::size_t count_max) const {
  std::lock_guard guard{mutex_};
  std::vector<stored_revocation> found;
  for (auto one = revocations_.upper_bound({kind, std::string{after}});
       one != revocations_.end() && one->first.first == kind && found.size() < count_max; ++one)
    found.push_back(one->second);
  return found;
}

}  // namespace greenroom::storage
