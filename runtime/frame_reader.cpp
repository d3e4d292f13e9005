#include "runtime/frame_reader.hpp"

#include <boost/locale/utf.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "runtime/close_code.hpp"

namespace greenroom::runtime {
namespace {

// RFC 6455, 5.2
constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t rsv1_bit = 0x40;
constexpr std::uint8_t other_rsv_bits = 0x30;
constexpr std::uint8_t opcode_bits = 0x0f;
constexpr std::uint8_t control_bit = 0x08;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_bits = 0x7f;
constexpr std::uint8_t length_is_16_bits = 126;
constexpr std::uint8_t length_is_64_bits = 127;
constexpr std::uint8_t mask_bytes = 4;
constexpr std::uint8_t control_bytes_max = 125;
constexpr std::size_t code_bytes = 2;
enum opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// What the compressed form of a message may have: deflate never adds more to it (zlib's own bound).
constexpr std::uint64_t deflated_bytes_max(std::uint64_t plain) { return plain + (plain >> 12) + (plain >> 14) + 64; }

/// Codes that may stand in a close frame (RFC 6455, 7.4, and IANA's registry).
constexpr bool may_be_sent(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1013) || (code >= 3000 && code < 5000);
}

std::string_view view_of(std::span<const char> bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  namespace utf = boost::locale::utf;
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint64_t word = 0;
    if (end - at >= static_cast<std::ptrdiff_t>(sizeof word)) {
      std::memcpy(&word, at, sizeof word);
      if ((word & high_bits) == 0) {
        at += sizeof word;
        continue;
      }
    }
    if (!utf::is_valid_codepoint(utf::utf_traits<char>::decode(at, end))) return false;
  }
  return true;
}

/// A control frame may come between two fragments, in pieces as they do.
struct frame_reader::incomplete {
  std::string message, control;
};

frame_reader::frame_reader(const limits& bounds) noexcept
    : bytes_max_{bounds.message_bytes_max}, fragments_max_{bounds.fragments_max} {}

frame_reader::~frame_reader() = default;

bool frame_reader::is_control() const noexcept { return (first_ & control_bit) != 0; }
bool frame_reader::is_last() const noexcept { return (first_ & fin_bit) != 0; }
std::size_t frame_reader::kept_bytes() const noexcept { return incomplete_ ? incomplete_->message.size() : 0; }

frame_reader::result frame_reader::feed(std::span<char> bytes, frame_sink& to) {
  const auto size = bytes.size();
  std::uint16_t wrong = 0;
  while (!bytes.empty()) {
    if (next_ != next::payload) {
      wrong = take_header(static_cast<std::uint8_t>(bytes.front()));
      bytes = bytes.subspan(1);
      if (wrong != 0) break;
      if (next_ != next::payload || left_ != 0) continue;  // an empty frame ends with its header
    }
    const auto part = bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size())));
    bytes = bytes.subspan(part.size());
    if (take(part, to, wrong) == flow::stop || wrong != 0) break;
  }
  return {size - bytes.size(), wrong};
}

// --- headers ---

std::uint16_t frame_reader::take_header(std::uint8_t byte) {
  switch (next_) {
    case next::opcode: return begin_frame(byte);
    case next::length: return begin_length(byte);
    case next::length16:
    case next::length64:
      left_ = left_ << 8 | byte;
      if (--more_ != 0) return 0;
      return end_length(next_ == next::length16 ? length_is_16_bits : std::uint64_t{1} << 16);
    default:
      key_ = key_ >> 8 | static_cast<std::uint32_t>(byte) << 24;  // its first byte is the lowest
      if (--more_ == 0) next_ = next::payload;
      return 0;
  }
}

std::uint16_t frame_reader::begin_frame(std::uint8_t byte) {
  first_ = byte;
  next_ = next::length;
  begun_ += fragments_ == 0 ? 1 : 0;
  if (is_control() || !is_last()) ++loose_;
  const std::uint8_t op = byte & opcode_bits;
  const bool has_rsv1 = (byte & rsv1_bit) != 0;
  if ((byte & other_rsv_bits) != 0) return close_code::protocol_error;
  if (is_control()) return op > pong || !is_last() || has_rsv1 ? close_code::protocol_error : std::uint16_t{0};
  if (op > binary || (op == continuation) != (fragments_ != 0)) return close_code::protocol_error;
  if (has_rsv1 && (op == continuation || compression_ == compression::refused)) return close_code::protocol_error;
  if (op != continuation) {
    kind_ = op == text ? frame_kind::text : frame_kind::binary;
    compressed_ = has_rsv1;
  }
  return ++fragments_ > fragments_max_ ? close_code::too_big : std::uint16_t{0};
}

std::uint16_t frame_reader::begin_length(std::uint8_t byte) {
  const std::uint8_t said = byte & length_bits;
  if ((byte & mask_bit) == 0 || (is_control() && said > control_bytes_max)) return close_code::protocol_error;
  left_ = 0;
  if (said == length_is_16_bits || said == length_is_64_bits) {
    next_ = said == length_is_16_bits ? next::length16 : next::length64;
    more_ = said == length_is_16_bits ? 2 : 8;
    return 0;
  }
  left_ = said;
  return end_length(0);
}

/// `least`: what that form of a length is for.
std::uint16_t frame_reader::end_length(std::uint64_t least) {
  if (left_ < least) return close_code::protocol_error;
  next_ = next::mask;
  more_ = mask_bytes;
  if (is_control()) return 0;
  const auto most = compressed_ ? deflated_bytes_max(bytes_max_) : bytes_max_;
  return left_ > most - kept_bytes() ? close_code::too_big : std::uint16_t{0};
}

// --- payloads ---

void frame_reader::unmask(std::span<char> part) noexcept {
  static_assert(std::endian::native == std::endian::little);
  const std::uint64_t key = key_ | static_cast<std::uint64_t>(key_) << 32;
  char* at = part.data();
  auto size = part.size();
  for (std::uint64_t word = 0; size >= sizeof word; at += sizeof word, size -= sizeof word) {
    std::memcpy(&word, at, sizeof word);
    word ^= key;
    std::memcpy(at, &word, sizeof word);
  }
  for (std::size_t i = 0; i != size; ++i) at[i] = static_cast<char>(at[i] ^ static_cast<char>(key >> 8 * i));
  key_ = std::rotr(key_, static_cast<int>(8 * (part.size() % mask_bytes)));
}

void frame_reader::keep(std::span<const char> part) {
  if (part.empty()) return;
  if (!incomplete_) incomplete_ = std::make_unique<incomplete>();
  (is_control() ? incomplete_->control : incomplete_->message).append(part.data(), part.size());
}

/// The next part of the frame's payload, perhaps its last.
flow frame_reader::take(std::span<char> part, frame_sink& to, std::uint16_t& wrong) {
  unmask(part);
  left_ -= part.size();
  if (left_ != 0) return keep(part), flow::on;
  next_ = next::opcode;
  if (is_control()) {
    if (!incomplete_ || incomplete_->control.empty()) return tell_control(view_of(part), to, wrong);
    keep(part);
    const auto payload = std::exchange(incomplete_->control, {});
    if (incomplete_->message.empty()) incomplete_.reset();
    return tell_control(payload, to, wrong);
  }
  if (!is_last()) return keep(part), flow::on;
  fragments_ = 0;
  std::unique_ptr<incomplete> whole;  // a control frame is never under way here
  if (incomplete_) {
    keep(part);
    whole = std::move(incomplete_);
  }
  const auto payload = whole ? std::string_view{whole->message} : view_of(part);
  if (kind_ == frame_kind::text && !compressed_ && !is_utf8(payload)) {
    wrong = close_code::bad_payload;
    return flow::stop;
  }
  return to.on_message(kind_, payload, compressed_);
}

flow frame_reader::tell_control(std::string_view payload, frame_sink& to, std::uint16_t& wrong) {
  switch (first_ & opcode_bits) {
    case ping: return to.on_ping(payload);
    case pong: return to.on_pong(payload);
    default: return tell_close(payload, to, wrong);
  }
}

flow frame_reader::tell_close(std::string_view payload, frame_sink& to, std::uint16_t& wrong) {
  if (payload.empty()) return to.on_close(close_code::no_status, {}), flow::stop;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(payload[i]); };
  const auto code = payload.size() < code_bytes ? 0U : static_cast<unsigned>(byte(0) << 8 | byte(1));
  if (!may_be_sent(code) || !is_utf8(payload.substr(code_bytes)))
    wrong = close_code::protocol_error;
  else
    to.on_close(static_cast<std::uint16_t>(code), payload.substr(code_bytes));
  return flow::stop;
}

}  // namespace greenroom::runtime
