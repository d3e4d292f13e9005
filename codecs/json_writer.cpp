#include "codecs/json_writer.hpp"

namespace greenroom::codecs {
namespace {

/// What JSON wants escaped and nothing more: quotes, backslashes, control characters.
bool needs_escape(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' '; }

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
  std::size_t done = 0;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if (!needs_escape(utf8[i])) continue;
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
