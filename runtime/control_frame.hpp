/// CONTROL_FRAME makes the WebSocket frames that the transport itself sends (RFC 6455, 5.5). Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/outbox.hpp"

namespace greenroom::runtime {

// The first byte of a whole control frame: FIN and the opcode (RFC 6455, 5.2).
inline constexpr char close_byte = '\x88';
inline constexpr char ping_byte = '\x89';
inline constexpr char pong_byte = '\x8A';

frame ping_frame(std::uint64_t number);      ///< Its payload is the number in decimal, and so is its pong's.
frame pong_frame(std::string_view payload);  ///< At most 125 bytes, as the ping had.
frame close_frame(std::uint16_t code, std::string_view reason);  ///< At most 123 bytes of `reason`.

/// The word of a close frame of our own, or an empty text; the codecs' table explains it.
std::string_view close_word(std::uint16_t code) noexcept;

}  // namespace greenroom::runtime
