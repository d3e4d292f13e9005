// RAW_DEFLATE is permessage-deflate by zlib alone, as a client has it: what a test compresses and inflates beside the
// code under test.
#pragma once

#include <zlib.h>

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace greenroom::tests {

inline constexpr std::string_view flush_marker{"\0\0\xff\xff", 4};

/// The body of a compressed message (RFC 7692, 7.2.1).
inline std::string squeezed(std::string_view plain, int level = 6, int window_bits = 15) {
  z_stream z{};
  if (deflateInit2(&z, level, Z_DEFLATED, -window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::logic_error{"deflateInit2"};
  std::string out(plain.size() + plain.size() / 100 + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_SYNC_FLUSH);
  out.resize(out.size() - z.avail_out - flush_marker.size());
  deflateEnd(&z);
  return out;
}

/// What a compressed body says to a receiver with a window of that size and no memory of earlier messages (7.2.2);
/// nothing: it is damaged.
inline std::optional<std::string> swollen(std::string_view body, int window_bits = 15) {
  z_stream z{};
  if (inflateInit2(&z, -window_bits) != Z_OK) throw std::logic_error{"inflateInit2"};
  std::string out, in{body};
  in += flush_marker;
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  std::array<char, 512> block;  // small: a distance beyond the window must not be found in the output
  int result = Z_OK;
  do {
    z.next_out = reinterpret_cast<Bytef*>(block.data());
    z.avail_out = block.size();
    result = inflate(&z, Z_SYNC_FLUSH);
    out.append(block.data(), block.size() - z.avail_out);
  } while (result == Z_OK && (z.avail_in != 0 || z.avail_out == 0));
  const bool whole = (result == Z_OK || result == Z_BUF_ERROR) && z.avail_in == 0;
  inflateEnd(&z);
  return whole ? std::optional{out} : std::nullopt;
}

}  // namespace greenroom::tests
