#include "codecs/websocket_frame.hpp"

#include <cstdint>

namespace greenroom::codecs {
namespace {

constexpr std::size_t short_max = 125;      // the length is in the second byte
constexpr std::size_t medium_max = 0xffff;  // … in two bytes after it
constexpr unsigned char medium_mark = 126, long_mark = 127;
constexpr unsigned char fin = 0x80, text_opcode = 0x1, binary_opcode = 0x2;

constexpr std::size_t header_bytes(std::size_t body) { return body <= short_max ? 2 : body <= medium_max ? 4 : 10; }

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

  auto* header = reinterpret_cast<unsigned char*>(out_.data() + start_);
  *header++ = fin | (kind_ == frame_kind::text ? text_opcode : binary_opcode);
  const auto length_bytes = needed - 2;
  *header++ = length_bytes == 0 ? static_cast<unsigned char>(body) : length_bytes == 2 ? medium_mark : long_mark;
  for (std::size_t i = length_bytes; i > 0; --i) *header++ = static_cast<unsigned char>(body >> 8 * (i - 1));
}

}  // namespace greenroom::codecs
