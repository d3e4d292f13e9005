/// FRAGMENT_METER counts the frames of each message in a stream of raw WebSocket bytes. Beast bounds a message's bytes
/// but not its frames: a peer that sends empty fragments for ever would never be answered and never be cut off.
///
/// It only reads headers and judges nothing else; what is not well-formed is refused behind it. Where compression was
/// agreed on, it shows each first byte to `deflated_messages`, which may change it. Pure; no allocation of its own.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

namespace greenroom::runtime {

class deflated_messages;

class fragment_meter {
 public:
  explicit fragment_meter(std::uint32_t fragments_max) noexcept : fragments_max_{fragments_max} {}

  /// False once a message has more frames than allowed. Bytes may come in any pieces. `deflated`: null where there is no
  /// compression.
  bool feed(std::span<char> bytes, deflated_messages* deflated);
  /// The frames since the last call that are no message by themselves: control frames, and all fragments but a last one.
  std::uint32_t take_loose() noexcept { return std::exchange(loose_, 0); }

  /// Messages that have begun, and control frames outside of one. A slow peer is one whose number stands still while
  /// something is under way.
  std::uint32_t begun() const noexcept { return begun_; }
  bool is_under_way() const noexcept { return fragments_ != 0 || next_ != next::opcode; }

 private:
  enum class next : std::uint8_t { opcode, length, extended_length, body };
  void begin_body() noexcept;

  std::uint64_t left_ = 0;  ///< Bytes of the mask and payload still to skip; before that, the length as it is read.
  std::uint32_t fragments_max_;
  std::uint32_t fragments_ = 0;
  std::uint32_t begun_ = 0;  ///< May come round.
  std::uint32_t loose_ = 0;
  std::uint8_t length_bytes_ = 0;  ///< Of the extended length, still to come.
  bool masked_ = false;
  next next_ = next::opcode;
};

}  // namespace greenroom::runtime
