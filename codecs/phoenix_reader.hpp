#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "codecs/codec.hpp"
#include "codecs/document.hpp"
#include "codecs/phoenix_frames.hpp"

/// Phoenix's serializer v2 in: a text frame `[join_ref, ref, topic, event, payload]`, or a binary push
/// (0, four lengths, join_ref, ref, topic, event, payload to the end).
namespace greenroom::codecs::phoenix {

struct message {
  ref join, which;
  std::string topic, event;
  format in = format::json;
  const value* payload = nullptr;  ///< in the document that was read; bytes for a binary push
  std::string packed{};            ///< what that document was read from, of a binary push
};

/// `into` gets the payload's document. An errc: the input is no message of this protocol, or passes the limits.
std::error_code read_message(frame_kind kind, std::string_view input, document& into, message& out);

/// Where a call's answer goes, as text: what `reply_ref::id` holds.
struct address {
  enum class purpose : char {
    join = 'j',
    push = 'p',
    leave = 'l',
    superseded = 's',  ///< the older of two joins of a topic: its client is told that it is over
    silent = '-'       ///< of what the dialogue says itself
  };
  purpose of = purpose::push;
  std::uint64_t serial = 0;  ///< the join that it belongs to; 0: none
  ref join{}, which{};
  std::string topic{};
};
std::string to_id(const address& where);
address from_id(std::string_view id);  ///< of what to_id made

}  // namespace greenroom::codecs::phoenix
