/// HANDLING is the actor whose message this thread is handling: what handlers that many actors share work for
/// (shared_behavior.hpp). Null outside of handlers.
#pragma once

#include <utility>

namespace greenroom::runtime {

class actor_base;

namespace detail {

inline constinit thread_local actor_base* handling = nullptr;

class handling_now {
 public:
  explicit handling_now(actor_base* who) noexcept : before_{std::exchange(handling, who)} {}
  ~handling_now() { handling = before_; }
  handling_now(const handling_now&) = delete;
  handling_now& operator=(const handling_now&) = delete;

 private:
  actor_base* before_;
};

}  // namespace detail
}  // namespace greenroom::runtime
