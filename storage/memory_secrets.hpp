/// All secrets of the memory backend, by name.
///
/// Threading: any thread; one lock. Bounds: limits::secrets_max.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/operation.hpp"

namespace greenroom::storage {

class memory_secrets {
 public:
  outcome execute(const secret_put& op);
  outcome execute(const secret_erase& op);
  outcome execute(const secret_rewrap& op);

  std::optional<stored_secret> get(std::string_view name) const;
  std::vector<stored_secret> list(std::string_view after, std::size_t count_max) const;
  std::vector<kek_use> keks() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, stored_secret, std::less<>> all_;
};

}  // namespace greenroom::storage
