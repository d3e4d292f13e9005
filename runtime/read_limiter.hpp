/// READ_LIMITER says how fast one socket is read. What has come is not refused: nothing more is read for a while, and the
/// peer's sends block (back-pressure).
///
/// Lifecycle: shared by a socket and whoever made it. Threading: called on the socket's shard, which may change while the
/// connection is HTTP. Both functions answer with the moment until which nothing more is read; one that has passed means: go
/// on. Bounds: what one read brings (32 KiB) is let in however little is allowed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace greenroom::runtime {

class read_limiter {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~read_limiter() = default;
  virtual time_point on_bytes(std::size_t bytes, time_point now) = 0;
  /// WebSocket frames that are no message by themselves: pings and pongs, all fragments but a message's last.
  virtual time_point on_frames(std::uint32_t frames, time_point now) = 0;
};

}  // namespace greenroom::runtime
