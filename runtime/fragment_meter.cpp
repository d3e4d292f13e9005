#include "runtime/fragment_meter.hpp"

#include <algorithm>

#include "runtime/deflated_messages.hpp"

namespace greenroom::runtime {
namespace {

// RFC 6455, 5.2
constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t control_bit = 0x08;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;
constexpr std::uint8_t length_is_16_bits = 126;
constexpr std::uint8_t length_is_64_bits = 127;
constexpr std::uint64_t mask_bytes = 4;

}  // namespace

bool fragment_meter::feed(std::span<char> bytes, deflated_messages* deflated) {
  while (!bytes.empty()) {
    if (next_ == next::body) {
      const auto skipped = std::min<std::uint64_t>(left_, bytes.size());
      bytes = bytes.subspan(static_cast<std::size_t>(skipped));
      if ((left_ -= skipped) == 0) next_ = next::opcode;
      continue;
    }
    char& first = bytes.front();
    const auto byte = static_cast<std::uint8_t>(first);
    bytes = bytes.subspan(1);
    switch (next_) {
      case next::opcode:
        next_ = next::length;
        begun_ += fragments_ == 0 ? 1 : 0;
        if ((byte & control_bit) != 0 || (byte & fin_bit) == 0) ++loose_;
        if ((byte & control_bit) != 0) break;
        if (deflated != nullptr) first = deflated->begin(first);
        if (++fragments_ > fragments_max_) return false;
        if ((byte & fin_bit) != 0) fragments_ = 0;
        break;
      case next::length:
        masked_ = (byte & mask_bit) != 0;
        left_ = byte & length_bits;
        length_bytes_ = left_ == length_is_16_bits ? 2 : left_ == length_is_64_bits ? 8 : 0;
        if (length_bytes_ == 0) {
          begin_body();
        } else {
          left_ = 0;
          next_ = next::extended_length;
        }
        break;
      default:
        left_ = left_ << 8 | byte;
        if (--length_bytes_ == 0) begin_body();
    }
  }
  return true;
}

void fragment_meter::begin_body() noexcept {
  left_ += masked_ ? mask_bytes : 0;
  next_ = left_ == 0 ? next::opcode : next::body;
}

}  // namespace greenroom::runtime
