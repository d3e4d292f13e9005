#include "codecs/base64.hpp"

#include <array>
#include <cstdint>

namespace greenroom::codecs {
namespace {

constexpr std::string_view standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view for_urls = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t no_digit = 0xff;

using digit_table = std::array<std::uint8_t, 256>;

constexpr digit_table digits_of(std::string_view alphabet) {
  digit_table table{};
  table.fill(no_digit);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}
constexpr auto standard_digits = digits_of(standard), url_digits = digits_of(for_urls);

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
}

/// Without padding.
void append_digits(std::string& out, std::string_view bytes, std::string_view alphabet) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    if (i + 1 < bytes.size()) out += alphabet[group >> 6 & 63];
    if (i + 2 < bytes.size()) out += alphabet[group & 63];
  }
}

/// Of digits alone, their number being one that encoding makes.
std::optional<std::string> from_digits(std::string_view text, const digit_table& digits) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const std::uint32_t digit = digits[static_cast<unsigned char>(c)];
    if (digit == no_digit) return std::nullopt;
    pending = pending << 6 | digit;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(pending >> bits);
    pending &= (1u << bits) - 1;
  }
  if (pending != 0) return std::nullopt;  // bits that encoding would have left zero
  return out;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  append_digits(out, bytes, standard);
  out.append((3 - bytes.size() % 3) % 3, '=');
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  return from_digits(text.substr(0, text.size() - padding), standard_digits);
}

void append_base64url(std::string& out, std::string_view bytes) { append_digits(out, bytes, for_urls); }

std::optional<std::string> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;  // six bits are no byte
  return from_digits(text, url_digits);
}

}  // namespace greenroom::codecs
