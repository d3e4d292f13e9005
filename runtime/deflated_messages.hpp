/// DEFLATED_MESSAGES hides compression from Beast, which then reads a compressed message as a binary one: RSV1 is taken
/// off its first frame, and the opcode of text, which Beast would check for UTF-8 too early, is changed. Which messages
/// those were is kept until they are delivered, since frames are read ahead of them.
///
/// Any other frame keeps its RSV1, which Beast refuses: a continuation, a control frame, an unknown opcode.
/// Lifecycle: of a connection that agreed on permessage-deflate. Threading: its shard's. Pure. Bounds: the messages that
/// one read brings; nothing is kept while none waits.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/transport.hpp"

namespace greenroom::runtime {

class deflated_messages {
 public:
  /// The first byte of a data frame: as Beast shall see it.
  char begin(char first) {
    constexpr char rsv1 = 0x40, opcode_bits = 0x0f, text = 1, binary = 2;
    const char opcode = first & opcode_bits;
    if (opcode != text && opcode != binary) return first;
    ++begun_;
    if ((first & rsv1) == 0) return first;
    waiting_.push_back({begun_, opcode == text ? frame_kind::text : frame_kind::binary});
    return static_cast<char>((first & ~(rsv1 | opcode_bits)) | binary);
  }

  /// The next message is whole: what it is beneath its compression; nothing: it came plain.
  std::optional<frame_kind> take() {
    ++delivered_;
    if (waiting_.empty() || waiting_.front().number != delivered_) return std::nullopt;
    const auto kind = waiting_.front().kind;
    waiting_.erase(waiting_.begin());
    if (waiting_.empty()) std::vector<mark>{}.swap(waiting_);
    return kind;
  }

 private:
  struct mark {
    std::uint64_t number;
    frame_kind kind;
  };
  std::uint64_t begun_ = 0, delivered_ = 0;
  std::vector<mark> waiting_;  ///< The oldest first.
};

}  // namespace greenroom::runtime
