#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace greenroom::codecs {

/// Appends MessagePack to a string, each value in its shortest form. (msgpack-c's packer would do the same; its header
/// would be in every source that writes a message.)
///
/// Objects are opened without a count, as in json_writer: at most `open_max` inside each other and `members_max`
/// members each, which holds for every message of the protocol. Documents of clients are written with map().
class msgpack_writer {
 public:
  static constexpr std::size_t open_max = 8;
  static constexpr std::size_t members_max = 15;  ///< of a fixmap, whose count is in its one byte

  explicit msgpack_writer(std::string& out) : out_{out} {}

  void begin_object();
  void end_object() { --open_; }
  void begin_array(std::size_t items);
  void end_array() {}
  void item() {}
  void key(std::string_view name);

  void null() { out_ += '\xc0'; }
  void boolean(bool truth) { out_ += truth ? '\xc3' : '\xc2'; }
  void natural(std::uint64_t n);
  void integer(std::int64_t n);
  void real(double d);
  void text(std::string_view utf8);
  void raw(std::string_view document) { out_ += document; }

  void map(std::size_t members);
  void bytes(std::string_view data);
  void extension(std::int8_t type, std::string_view data);

 private:
  void marked(unsigned char marker, std::uint64_t n, unsigned bytes);

  std::string& out_;
  std::array<std::size_t, open_max> headers_;  ///< where the open objects' counts stand
  std::size_t open_ = 0;
};

}  // namespace greenroom::codecs
