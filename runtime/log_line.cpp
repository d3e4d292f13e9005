#include "runtime/log_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>
#include <variant>

namespace greenroom::runtime::log {
namespace {

constexpr std::size_t value_bytes_max = 256;
constexpr std::size_t sentence_bytes_max = 4'096;
constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view ellipsis = "\xE2\x80\xA6";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

/// How many bytes the well-formed character at the front takes; 0 where there is none (RFC 3629).
std::size_t character_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  if (!std::ranges::all_of(text.substr(1, length - 1), is_continuation)) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool outside = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return overlong || outside ? 0 : length;
}

void append_escape(std::string& out, char c) {
  constexpr char digits[] = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default: {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\u00";
      out += digits[byte >> 4u];
      out += digits[byte & 15u];
    }
  }
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
bool is_special(char c) { return c == '"' || c == '\\' || is_control(c); }

/// The inside of a JSON string, where the special characters are escaped.
void append_escaped(std::string& out, std::string_view text, std::size_t bytes_max, bool (*escaped)(char)) {
  std::size_t taken = 0;
  while (!text.empty()) {
    const auto length = character_length(text);
    taken += std::max<std::size_t>(length, 1);
    if (taken > bytes_max) {
      out += ellipsis;
      return;
    }
    if (length == 0)
      out += replacement;
    else if (escaped(text[0]))
      append_escape(out, text[0]);
    else
      out += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

void append_quoted(std::string& out, std::string_view text, std::size_t bytes_max) {
  out += '"';
  append_escaped(out, text, bytes_max, is_special);
  out += '"';
}

template <class Number>
void append_number(std::string& out, Number value) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  out.append(digits, end);
}

bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= value_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '='; });
}

/// Appends a value; `quoted` says which texts get quotes.
struct value_writer {
  std::string& out;
  enum class quotes : std::uint8_t { always, where_needed } quoted;

  void operator()(std::string_view text) const {
    if (quoted == quotes::where_needed && is_plain(text))
      out += text;
    else
      append_quoted(out, text, value_bytes_max);
  }
  void operator()(std::int64_t number) const { append_number(out, number); }
  void operator()(std::uint64_t number) const { append_number(out, number); }
  void operator()(double number) const {
    if (std::isfinite(number))
      append_number(out, number);
    else
      out += "null";  // JSON has no other word for it
  }
};

}  // namespace

std::string text_line(std::string_view sentence, fields what) {
  std::string out;
  append_escaped(out, sentence, sentence_bytes_max, is_control);
  for (const char* space = "  "; const auto& [name, value] : what) {
    out.append(std::exchange(space, " ")).append(name).append("=");
    std::visit(value_writer{out, value_writer::quotes::where_needed}, value);
  }
  return out;
}

std::string json_line(std::string_view sentence, fields what) {
  std::string out{"\"message\":"};
  append_quoted(out, sentence, sentence_bytes_max);
  for (const auto& [name, value] : what) {
    out += ',';
    append_quoted(out, name, value_bytes_max);
    out += ':';
    std::visit(value_writer{out, value_writer::quotes::always}, value);
  }
  return out;
}

}  // namespace greenroom::runtime::log
