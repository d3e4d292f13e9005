/// All sessions of the memory backend, by id. Over `sessions_max`, cut evenly among the stripes, a new one is refused.
///
/// Threading: any thread; one lock a stripe.
#pragma once

#include <functional>
#include <map>

#include "storage/store.hpp"
#include "storage/striped.hpp"

namespace greenroom::storage {

class memory_sessions {
 public:
  explicit memory_sessions(std::size_t sessions_max);

  outcome execute(const session_put& op);
  outcome execute(const membership_put& op);
  outcome execute(const session_erase& op);
  outcome execute(const sessions_restart& op);
  /// Removes from one stripe what nobody came back for.
  std::size_t sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max);

  std::optional<stored_session> get(std::string_view id) const;
  std::vector<stored_session> list(std::string_view after, std::size_t count_max) const;
  void count(statistics& into) const;

 private:
  struct stripe {
    std::map<std::string, stored_session, std::less<>> all;  // ordered: it is listed by id
    std::uint64_t refused = 0;
  };

  const std::size_t per_stripe_max_;
  striped<stripe> stripes_;
};

}  // namespace greenroom::storage
