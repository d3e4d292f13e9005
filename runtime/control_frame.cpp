#include "runtime/control_frame.hpp"

#include <string>

#include "runtime/close_code.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::size_t header_bytes = 2;
constexpr std::size_t code_bytes = 2;
constexpr std::size_t payload_bytes_max = 125;

frame make(char first, std::string_view payload) {
  auto bytes = std::make_shared<std::string>();
  bytes->reserve(header_bytes + payload.size());
  bytes->push_back(first);
  bytes->push_back(static_cast<char>(payload.size()));  // unmasked, as a server sends
  bytes->append(payload);
  return bytes;
}

}  // namespace

frame ping_frame(std::uint64_t number) { return make(ping_byte, std::to_string(number)); }

frame pong_frame(std::string_view payload) { return make(pong_byte, payload); }

frame close_frame(std::uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason.substr(0, payload_bytes_max - code_bytes);
  return make(close_byte, payload);
}

std::string_view close_word(std::uint16_t code) noexcept {
  switch (code) {
    case close_code::protocol_error: return "protocol_error";
    case close_code::bad_payload: return "bad_utf8";
    case close_code::too_big: return "too_big";
    default: return {};
  }
}

}  // namespace greenroom::runtime
