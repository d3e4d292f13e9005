#include "storage/memory_secrets.hpp"

namespace greenroom::storage {

outcome memory_secrets::execute(const secret_put& op) {
  std::lock_guard guard{mutex_};
  if (!all_.contains(op.secret.name) && all_.size() >= limits::secrets_max) return {.error = errc::unavailable};
  all_.insert_or_assign(op.secret.name, op.secret);
  return {};
}

outcome memory_secrets::execute(const secret_erase& op) {
  std::lock_guard guard{mutex_};
  if (all_.erase(op.name) == 0) return {.error = errc::not_found};
  return {};
}

outcome memory_secrets::execute(const secret_rewrap& op) {
  std::lock_guard guard{mutex_};
  const auto found = all_.find(op.name);
  if (found == all_.end() || found->second.wrapped != op.was) return {.error = errc::not_found};
  found->second.kek = op.kek;
  found->second.wrapped = op.wrapped;
  return {};
}

std::optional<stored_secret> memory_secrets::get(std::string_view name) const {
  std::lock_guard guard{mutex_};
  const auto found = all_.find(name);
  if (found == all_.end()) return std::nullopt;
  return found->second;
}

std::vector<stored_secret> memory_secrets::list(std::string_view after, std::size_t count_max) const {
  std::lock_guard guard{mutex_};
  std::vector<stored_secret> page;
  for (auto each = all_.upper_bound(after); each != all_.end() && page.size() < count_max; ++each)
    page.push_back(each->second);
  return page;
}

std::vector<kek_use> memory_secrets::keks() const {
  std::lock_guard guard{mutex_};
  std::map<std::string, std::uint64_t> counted;
  for (const auto& [name, secret] : all_) ++counted[secret.kek];
  std::vector<kek_use> found;
  for (auto& [kek, count] : counted) found.push_back({kek, count});
  return found;
}

}  // namespace greenroom::storage
