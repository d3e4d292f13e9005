#include "runtime/restart_policy.hpp"

#include <algorithm>

namespace greenroom::runtime {

using std::chrono::nanoseconds;

namespace {

nanoseconds delay(const backoff& limit, std::uint32_t attempt, double random) {
  auto wait = limit.first;
  while (attempt-- > 0 && wait < limit.longest) wait *= 2;
  wait = std::min(wait, limit.longest);
  return wait + nanoseconds{static_cast<nanoseconds::rep>(static_cast<double>(wait.count()) * limit.jitter * random)};
}

}  // namespace

std::optional<nanoseconds> restart_record::admit(time_point now, nanoseconds lived, double random) {
  if (auto* waits = std::get_if<backoff>(&limit_)) {
    if (lived >= waits->healthy_after) in_a_row_ = 0;
    return delay(*waits, in_a_row_++, random);
  }
  auto& allowed = std::get<intensity>(limit_);
  while (!recent_.empty() && now - recent_.front() > allowed.period) recent_.pop_front();
  if (recent_.size() >= allowed.restarts_max) return std::nullopt;
  recent_.push_back(now);
  return nanoseconds{0};
}

}  // namespace greenroom::runtime
