/// RESTART_POLICY decides whether a child comes back, how often, and when: OTP's three kinds, an intensity that
/// escalates, and a back-off that never does. Plain values and time passed in; nothing here knows an actor.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <variant>

#include "runtime/limits.hpp"

namespace greenroom::runtime {

/// permanent: comes back whatever happened; transient: unless it ended normally; temporary: never.
enum class restart : std::uint8_t { permanent, transient, temporary };
/// normal: quit() without a reason, or exit_reason::user_shutdown.
enum class ending : std::uint8_t { normal, abnormal };

constexpr bool comes_back(restart kind, ending how) noexcept {
  return kind == restart::permanent || (kind == restart::transient && how == ending::abnormal);
}

/// At most `restarts_max` restarts within `period`; the next one is refused.
struct intensity {
  std::uint32_t restarts_max = limits::restarts_max;
  std::chrono::nanoseconds period = limits::restart_period;
};

/// Each restart waits twice as long as the one before, plus 0 to `jitter` of it, so that what failed together does not
/// come back together. A life of `healthy_after` starts over at `first`.
struct backoff {
  std::chrono::nanoseconds first = limits::backoff_first;
  std::chrono::nanoseconds longest = limits::backoff_longest;
  std::chrono::nanoseconds healthy_after = limits::backoff_healthy_after;
  double jitter = limits::backoff_jitter;
};

using restart_limit = std::variant<intensity, backoff>;

/// The restarts of one child, or of several together, against their limit.
class restart_record {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit restart_record(restart_limit limit) : limit_{limit} {}

  /// Notes a failure; how long to wait before the restart, or none when it is over the limit. `lived` is how long the
  /// life lasted that failed, `random` a number in [0, 1].
  std::optional<std::chrono::nanoseconds> admit(time_point now, std::chrono::nanoseconds lived, double random);

 private:
  restart_limit limit_;
  std::deque<time_point> recent_;  ///< at most restarts_max, none older than period
  std::uint32_t in_a_row_ = 0;
};

}  // namespace greenroom::runtime
