/// FRAME_READER turns the bytes of one WebSocket client into messages and control frames (RFC 6455, 5; RFC 7692, 6).
///
///   bytes, in any pieces ──feed()──▶ on_message, on_ping, on_pong, on_close
///                             └────▶ the close code of what is wrong: nothing more is read then
///
/// What a piece holds whole is unmasked where it stands and told without a copy; of anything else the reader keeps what has
/// come. Between two messages it owns no memory. Text is told once it is whole and known to be UTF-8.
/// Lifecycle: of one connection. Threading: its shard's. Pure: no socket, no clock.
/// Bounds: a message's bytes and frames, empty ones included; over either it is 1009, at the header that says so.
/// Failure: 1002, 1007 or 1009, by what is wrong first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "runtime/transport.hpp"

namespace greenroom::runtime {

/// Whether the reader goes on with the bytes that it has.
enum class flow : std::uint8_t { on, stop };

/// Hears what the bytes held, in their order. Views are valid during the call only.
class frame_sink {
 public:
  /// `compressed`: the payload is still deflated, and nothing is known of its text.
  virtual flow on_message(frame_kind kind, std::string_view payload, bool compressed) = 0;
  virtual flow on_ping(std::string_view payload) = 0;
  virtual flow on_pong(std::string_view payload) = 0;
  /// The peer says goodbye; `code` is 1005 where it names none. Nothing behind it is read.
  virtual void on_close(std::uint16_t code, std::string_view reason) = 0;

 protected:
  ~frame_sink() = default;
};

/// Whether these bytes are UTF-8 (RFC 3629), whole characters only.
bool is_utf8(std::string_view text) noexcept;

class frame_reader {
 public:
  enum class compression : std::uint8_t { refused, allowed };
  struct limits {
    std::uint32_t message_bytes_max;
    std::uint32_t fragments_max;
  };

  explicit frame_reader(const limits& bounds) noexcept;
  ~frame_reader();
  frame_reader(const frame_reader&) = delete;
  frame_reader& operator=(const frame_reader&) = delete;

  /// permessage-deflate was agreed on: RSV1 says that a message is compressed.
  void allow_compression() noexcept { compression_ = compression::allowed; }

  struct result {
    std::size_t used = 0;     ///< All of them, unless the sink said stop, something is wrong, or the peer said goodbye.
    std::uint16_t wrong = 0;  ///< The close code; 0: nothing.
  };
  /// The bytes are changed.
  result feed(std::span<char> bytes, frame_sink& to);

  /// The frames since the last call that are no message by themselves: control frames, and all fragments but a last one.
  std::uint32_t take_loose() noexcept { return std::exchange(loose_, 0); }
  /// Messages that have begun, and control frames outside of one. A slow peer is one whose number stands still while
  /// something is under way.
  std::uint32_t begun() const noexcept { return begun_; }
  bool is_under_way() const noexcept { return fragments_ != 0 || next_ != next::opcode; }

 private:
  enum class next : std::uint8_t { opcode, length, length16, length64, mask, payload };
  struct incomplete;

  bool is_control() const noexcept;
  bool is_last() const noexcept;
  std::uint16_t take_header(std::uint8_t byte);
  std::uint16_t begin_frame(std::uint8_t byte);
  std::uint16_t begin_length(std::uint8_t byte);
  std::uint16_t end_length(std::uint64_t least);
  void unmask(std::span<char> part) noexcept;
  void keep(std::span<const char> part);
  std::size_t kept_bytes() const noexcept;
  flow take(std::span<char> part, frame_sink& to, std::uint16_t& wrong);
  flow tell_control(std::string_view payload, frame_sink& to, std::uint16_t& wrong);
  flow tell_close(std::string_view payload, frame_sink& to, std::uint16_t& wrong);

  std::unique_ptr<incomplete> incomplete_;  ///< What has come of a frame or message that is not whole; null: nothing.
  std::uint64_t left_ = 0;                  ///< Of the frame's payload; before that, the length as it is read.
  std::uint32_t key_ = 0;                   ///< Turned to where the payload stands.
  std::uint32_t bytes_max_, fragments_max_;
  std::uint32_t fragments_ = 0;  ///< Of the message that is under way.
  std::uint32_t begun_ = 0;      ///< May come round.
  std::uint32_t loose_ = 0;
  next next_ = next::opcode;
  std::uint8_t more_ = 0;   ///< Bytes of the length or the mask, still to come.
  std::uint8_t first_ = 0;  ///< Of the frame: FIN and opcode.
  frame_kind kind_ = frame_kind::text;
  compression compression_ = compression::refused;
  bool compressed_ = false;  ///< The message that is under way.
};

}  // namespace greenroom::runtime
