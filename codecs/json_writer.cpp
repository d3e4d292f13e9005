#include "codecs/json_writer.hpp"

#include <algorithm>
#include <cstring>

namespace greenroom::codecs {
namespace {

/// What JSON wants escaped and nothing more: quotes, backslashes, control characters.
bool needs_escape(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' '; }

/// Whether one of eight bytes does: nearly no text has any.
bool any_needs_escape(std::uint64_t eight) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101, high = 0x8080'8080'8080'8080;
  const auto zero_in = [](std::uint64_t x) { return (x - ones) & ~x & high; };
  const auto below_space = (eight - ones * ' ') & ~eight & high;
  return (zero_in(eight ^ (ones * '"')) | zero_in(eight ^ (ones * '\\')) | below_space) != 0;
}

template <class Word>
std::uint64_t word_at(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Nothing in it wants escaping: nearly every text. Words at the end overlap those before them.
bool is_clean(std::string_view text) {
  constexpr std::size_t whole = sizeof(std::uint64_t), half = sizeof(std::uint32_t);
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  if (text.size() >= whole) {
    for (const char* at = begin; at + whole < end; at += whole)
      if (any_needs_escape(word_at<std::uint64_t>(at))) return false;
    return !any_needs_escape(word_at<std::uint64_t>(end - whole));
  }
  if (text.size() >= half)
    return !any_needs_escape(word_at<std::uint32_t>(begin) | word_at<std::uint32_t>(end - half) << 32u);
  return std::none_of(begin, end, needs_escape);
}

/// From `at` on; the size where there is none.
std::size_t next_escape(std::string_view text, std::size_t at) {
  for (std::uint64_t eight; at + sizeof eight <= text.size(); at += sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (any_needs_escape(eight)) break;
  }
  while (at < text.size() && !needs_escape(text[at])) ++at;
  return at;
}

void append_escape(std::string& out, char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  out += "\\u00";
  out += hex[byte >> 4];
  out += hex[byte & 15];
}

}  // namespace

void json_writer::text(std::string_view utf8) {
  out_ += '"';
  if (is_clean(utf8)) {
    out_ += utf8;
    out_ += '"';
    return;
  }
  std::size_t done = 0;
  for (auto i = next_escape(utf8, 0); i < utf8.size(); i = next_escape(utf8, i + 1)) {
    out_ += utf8.substr(done, i - done);
    append_escape(out_, utf8[i]);
    done = i + 1;
  }
  out_ += utf8.substr(done);
  out_ += '"';
}

void json_writer::real(double d) {
  constexpr std::size_t longest = 32;
  std::array<char, longest> buffer;
  const auto [end, ok] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), d);
  const std::string_view shortest{buffer.data(), end};
  out_ += shortest;
  if (shortest.find_first_of(".e") == std::string_view::npos) out_ += ".0";  // it was no integer and becomes none
}

}  // namespace greenroom::codecs
