#include "codecs/msgpack_writer.hpp"

#include <bit>
#include <limits>
#include <stdexcept>

namespace greenroom::codecs {
namespace {

/// Whether `n` fits that many bits.
bool fits(std::uint64_t n, unsigned bits) { return n >> bits == 0; }

}  // namespace

/// A marker byte and a number of 1, 2, 4 or 8 bytes behind it, the highest first.
void msgpack_writer::marked(unsigned char marker, std::uint64_t n, unsigned bytes) {
  std::array<char, 9> buffer{static_cast<char>(marker)};
  for (unsigned i = 0; i < bytes; ++i) buffer[bytes - i] = static_cast<char>(n >> 8 * i);
  out_.append(buffer.data(), 1 + bytes);
}

void msgpack_writer::begin_object() {
  if (open_ == open_max) throw std::length_error{"A message is nested deeper than msgpack_writer::open_max."};
  headers_[open_++] = out_.size();
  out_ += '\x80';
}

void msgpack_writer::key(std::string_view name) {
  auto& header = out_[headers_[open_ - 1]];
  if (header == '\x8f') throw std::length_error{"An object has more than msgpack_writer::members_max members."};
  ++header;
  text(name);
}

void msgpack_writer::begin_array(std::size_t items) {
  if (fits(items, 4))
    out_ += static_cast<char>(0x90 | items);
  else if (fits(items, 16))
    marked(0xdc, items, 2);
  else
    marked(0xdd, items, 4);
}

void msgpack_writer::map(std::size_t members) {
  if (fits(members, 4))
    out_ += static_cast<char>(0x80 | members);
  else if (fits(members, 16))
    marked(0xde, members, 2);
  else
    marked(0xdf, members, 4);
}

void msgpack_writer::natural(std::uint64_t n) {
  if (fits(n, 7))
    out_ += static_cast<char>(n);
  else if (fits(n, 8))
    marked(0xcc, n, 1);
  else if (fits(n, 16))
    marked(0xcd, n, 2);
  else if (fits(n, 32))
    marked(0xce, n, 4);
  else
    marked(0xcf, n, 8);
}

void msgpack_writer::integer(std::int64_t n) {
  constexpr std::int64_t fixint_min = -32;
  const auto bits = static_cast<std::uint64_t>(n);
  if (n >= 0)
    natural(bits);
  else if (n >= fixint_min)
    out_ += static_cast<char>(n);
  else if (n >= std::numeric_limits<std::int8_t>::min())
    marked(0xd0, bits, 1);
  else if (n >= std::numeric_limits<std::int16_t>::min())
    marked(0xd1, bits, 2);
  else if (n >= std::numeric_limits<std::int32_t>::min())
    marked(0xd2, bits, 4);
  else
    marked(0xd3, bits, 8);
}

void msgpack_writer::real(double d) { marked(0xcb, std::bit_cast<std::uint64_t>(d), 8); }

void msgpack_writer::text(std::string_view utf8) {
  const auto n = utf8.size();
  if (fits(n, 5))
    out_ += static_cast<char>(0xa0 | n);
  else if (fits(n, 8))
    marked(0xd9, n, 1);
  else if (fits(n, 16))
    marked(0xda, n, 2);
  else
    marked(0xdb, n, 4);
  out_ += utf8;
}

void msgpack_writer::bytes(std::string_view data) {
  const auto n = data.size();
  if (fits(n, 8))
    marked(0xc4, n, 1);
  else if (fits(n, 16))
    marked(0xc5, n, 2);
  else
    marked(0xc6, n, 4);
  out_ += data;
}

void msgpack_writer::extension(std::int8_t type, std::string_view data) {
  const auto n = data.size();
  if (std::has_single_bit(n) && n <= 16)
    out_ += static_cast<char>(0xd4 + std::countr_zero(n));  // fixext 1 to 16
  else if (fits(n, 8))
    marked(0xc7, n, 1);
  else if (fits(n, 16))
    marked(0xc8, n, 2);
  else
    marked(0xc9, n, 4);
  out_ += static_cast<char>(type);
  out_ += data;
}

}  // namespace greenroom::codecs
