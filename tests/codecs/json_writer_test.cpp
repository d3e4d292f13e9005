#include "codecs/json_writer.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <string>

using namespace greenroom::codecs;

namespace {

/// Byte by byte, as RFC 8259 says it.
std::string plainly(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef", short_ones = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  std::string out{'"'};
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const auto which = short_ones.find(c); which != std::string_view::npos)
      out += '\\', out += letters[which];
    else if (byte < ' ')
      out += "\\u00", out += hex[byte >> 4], out += hex[byte & 15];
    else
      out += c;
  }
  return out + '"';
}

std::string written(std::string_view text) {
  std::string out;
  json_writer{out}.text(text);
  return out;
}

}  // namespace

TEST_CASE("json writer: every byte is escaped or not at every place of a text of every length", "[codecs][json]") {
  for (int byte = 0; byte != 256; ++byte)
    for (std::size_t length = 1; length != 26; ++length)
      for (std::size_t at = 0; at != length; ++at) {
        std::string text(length, 'z');
        text[at] = static_cast<char>(byte);
        if (written(text) != plainly(text)) FAIL("byte " << byte << " at " << at << " of " << length);
      }
  CHECK(written("") == R"("")");
}

TEST_CASE("json writer: texts with many escapes come out as they would byte by byte", "[codecs][json]") {
  std::mt19937 random{20'261'130};
  for (int i = 0; i != 20'000; ++i) {
    std::string text(random() % 60, ' ');
    for (auto& c : text)
      c = random() % 4 == 0 ? "\"\\\n\x01\x7f\x80\xff"[random() % 7] : static_cast<char>('a' + random() % 26);
    if (written(text) != plainly(text)) FAIL("text " << i);
  }
}
