#include "codecs/websocket_frame.hpp"

#include <cstdint>

namespace greenroom::codecs {
namespace {

constexpr std::size_t short_max = 125;      // the length is in the second byte
constexpr std::size_t medium_max = 0xffff;  // … in two bytes after it
constexpr unsigned char medium_mark = 126, long_mark = 127;
constexpr std::uint8_t text_opcode = 0x1, binary_opcode = 0x2;

constexpr std::size_t header_bytes(std::size_t body) { return body <= short_max ? 2 : body <= medium_max ? 4 : 10; }

void write_header(char* out, std::uint8_t first, std::size_t body) {
  auto* header = reinterpret_cast<unsigned char*>(out);
  const auto length_bytes = header_bytes(body) - 2;
  *header++ = first;
  *header++ = length_bytes == 0 ? static_cast<unsigned char>(body) : length_bytes == 2 ? medium_mark : long_mark;
  for (std::size_t i = length_bytes; i > 0; --i) *header++ = static_cast<unsigned char>(body >> 8 * (i - 1));
}

}  // namespace

websocket_frame::websocket_frame(std::string& out, frame_kind kind, framing as, std::size_t body_guess)
    : out_{out}, start_{out.size()}, header_{as == framing::websocket ? header_bytes(body_guess) : 0}, kind_{kind} {
  out_.reserve(start_ + header_ + body_guess);
  out_.resize(start_ + header_);
}

websocket_frame::~websocket_frame() {
  if (header_ == 0) return;
  const auto body = out_.size() - start_ - header_;
  const auto needed = header_bytes(body);
  if (needed > header_)
    out_.insert(start_, needed - header_, '\0');
  else
    out_.erase(start_, header_ - needed);

  write_header(out_.data() + start_, fin_bit | (kind_ == frame_kind::text ? text_opcode : binary_opcode), body);
}

void append_header(std::string& out, std::uint8_t first, std::size_t body_bytes) {
  const auto start = out.size();
  out.resize(start + header_bytes(body_bytes));
  write_header(out.data() + start, first, body_bytes);
}

frame_view take_frame(std::string_view& frames) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(frames[i]); };
  std::size_t header = 2, body = byte(1);
  if (const std::size_t wide = body == medium_mark ? 2 : body == long_mark ? 8 : 0; wide != 0) {
    body = 0;
    for (std::size_t i = 0; i != wide; ++i) body = body << 8 | byte(header + i);
    header += wide;
  }
  const frame_view taken{byte(0), frames.substr(0, header + body), frames.substr(header, body)};
  frames.remove_prefix(header + body);
  return taken;
}

}  // namespace greenroom::codecs
