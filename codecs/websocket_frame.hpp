#pragma once
#include <cstddef>
#include <string>

#include "codecs/codec.hpp"

namespace greenroom::codecs {

/// Writes one whole, unmasked WebSocket frame (RFC 6455 section 5.2, FIN set) around what is appended to `out` during
/// its life. The header's place is kept free in front by a guess of the length, so that the body seldom moves; with
/// framing::bare there is no header.
class websocket_frame {
 public:
  websocket_frame(std::string& out, frame_kind kind, framing as, std::size_t body_guess);
  ~websocket_frame();
  websocket_frame(const websocket_frame&) = delete;
  websocket_frame& operator=(const websocket_frame&) = delete;

 private:
  std::string& out_;
  std::size_t start_;
  std::size_t header_;  ///< bytes kept free
  frame_kind kind_;
};

}  // namespace greenroom::codecs
