#include "codecs/utf8.hpp"

#include <simdjson.h>

#include <cstdint>
#include <cstring>

namespace greenroom::codecs {
namespace {

/// Most strings of a message are a few bytes of ASCII: cheaper to look at than to hand over.
bool is_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t high_bits = 0x8080808080808080;
  std::uint64_t seen = 0;
  while (text.size() >= sizeof seen) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), sizeof word);
    seen |= word;
    text.remove_prefix(sizeof word);
  }
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & high_bits) == 0;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  return is_ascii(text) || simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace greenroom::codecs
