/// The API keys and revocations of the memory backend.
///
/// Threading: any thread; one lock. Bounds: limits::api_keys_max, limits::revocations_max: over them `unavailable`.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/operation.hpp"

namespace greenroom::storage {

class memory_access {
 public:
  outcome execute(const api_key_put& op);
  outcome execute(const api_key_used& op);
  outcome execute(const api_key_erase& op);
  outcome execute(const revocation_put& op);
  outcome execute(const revocation_erase& op);

  std::vector<stored_key> keys(std::string_view after, std::size_t count_max) const;
  std::vector<stored_revocation> revocations(revoked kind, std::string_view after, std::size_t count_max) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, stored_key, std::less<>> keys_;
  std::map<std::pair<revoked, std::string>, stored_revocation> revocations_;
};

}  // namespace greenroom::storage
