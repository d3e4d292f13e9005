/// The settings of a WebSocket connection (RFC 6455). The connection itself is a `transport`; `http.hpp` says how a
/// request becomes one. Extensions: permessage-deflate (RFC 7692), where the options have it and the client offers it; a
/// reserved bit that nobody agreed on is a protocol error (1002).
#pragma once

#include <cstdint>

#include "runtime/outbox.hpp"

namespace greenroom::runtime {

struct websocket_options {
  std::uint32_t message_bytes_max =
      64U << 10;                      ///< A longer message closes with 1009; inflated, where it is compressed.
  std::uint32_t fragments_max = 128;  ///< Frames of one message, empty ones included; more close with 1009.
  /// A ping leaves this long after the connection opened or the last ping was answered; 0: none. A peer from which no
  /// byte comes for `pong_timeout_ms` after a ping is gone (1006 `ping_timeout`).
  std::uint32_t ping_interval_ms = 25'000;
  std::uint32_t pong_timeout_ms = 20'000;
  std::uint32_t close_timeout_ms = 5'000;  ///< From `close()` to the end of the socket, whatever the peer does.
  /// The largest window that we compress with, 9 to 15; a client may ask for a smaller one. 0: permessage-deflate is
  /// declined.
  std::uint8_t deflate_window_bits = 0;
  outbox_bounds outbox{};
};

}  // namespace greenroom::runtime
