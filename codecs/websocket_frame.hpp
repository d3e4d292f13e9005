#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

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

// The first byte of a frame (RFC 6455 section 5.2); the opcode is in the low half.
inline constexpr std::uint8_t fin_bit = 0x80;
inline constexpr std::uint8_t deflated_bit = 0x40;  ///< RSV1 (RFC 7692 section 6)

/// Appends the header of an unmasked frame with that first byte.
void append_header(std::string& out, std::uint8_t first, std::size_t body_bytes);

/// One of several frames in a row, as this file makes them.
struct frame_view {
  std::uint8_t first = 0;
  std::string_view whole, body;
};
/// Takes the first frame off `frames`, which hold one.
frame_view take_frame(std::string_view& frames) noexcept;

}  // namespace greenroom::codecs
