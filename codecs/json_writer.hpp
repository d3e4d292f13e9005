#pragma once
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace greenroom::codecs {

/// Appends JSON to a string, without white space. The caller keeps the order of calls right; commas are put here, by
/// looking at the last byte: it is the opening bracket exactly where nothing precedes.
///
/// msgpack_writer has the same calls, so that one template writes both.
class json_writer {
 public:
  explicit json_writer(std::string& out) : out_{out} {}

  void begin_object() { out_ += '{'; }
  void end_object() { out_ += '}'; }
  void begin_array(std::size_t /*items*/) { out_ += '['; }
  void end_array() { out_ += ']'; }

  /// Before each item of an array.
  void item() {
    if (out_.back() != '[') out_ += ',';
  }
  void key(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    text(name);
    out_ += ':';
  }
  /// A name that stands in the source: nothing in it is looked at, and it goes out in one piece.
  template <std::size_t size>
  void key(const char (&name)[size]) {
    constexpr std::size_t around = 3;  // the quotes before and behind it, the colon
    std::array<char, size - 1 + around + 1> piece;
    piece[0] = ',';
    piece[1] = '"';
    std::memcpy(&piece[2], name, size - 1);
    piece[size + 1] = '"';
    piece[size + 2] = ':';
    const std::size_t from = out_.back() == '{' ? 1 : 0;
    out_.append(piece.data() + from, piece.size() - from);
  }

  void null() { out_ += "null"; }
  void boolean(bool truth) { out_ += truth ? "true" : "false"; }
  void natural(std::uint64_t n) { digits(n); }
  void integer(std::int64_t n) { digits(n); }
  void real(double d);
  void text(std::string_view utf8);
  void raw(std::string_view document) { out_ += document; }

 private:
  void digits(auto n) {
    constexpr std::size_t longest = 20;  // of 64 bits, with its sign
    std::array<char, longest> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), n).ptr;
    out_ += std::string_view{buffer.data(), end};
  }

  std::string& out_;
};

}  // namespace greenroom::codecs
