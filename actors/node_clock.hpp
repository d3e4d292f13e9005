/// NODE_CLOCK is the node's time: the wall's at start, advanced by the monotonic clock, so that it never jumps; drawn
/// towards the wall by at most half a millisecond a second; and never behind what an earlier process has stored, also
/// where the wall was set back meanwhile.
///
/// Threading: any thread; two of them may see it in the other order by that half millisecond.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

namespace greenroom {

class node_clock {
 public:
  using source = std::function<std::int64_t()>;  ///< microseconds
  node_clock(std::int64_t not_before_ms, source wall, source monotonic);
  explicit node_clock(std::int64_t not_before_ms);  ///< by the machine's clocks

  std::int64_t now_ms();  ///< milliseconds since 1970

 private:
  const source wall_, monotonic_;
  const std::int64_t began_us_, base_us_;
  std::atomic<std::int64_t> slewed_us_{0}, next_slew_us_;
};

}  // namespace greenroom
