#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codecs/payload.hpp"

namespace greenroom::codecs {

/// What a payload is to a client whose events have several arguments (Socket.IO).
enum class payload_shape : std::uint8_t {
  single,    ///< one argument
  arguments  ///< a list of arguments; elsewhere it is the list
};

/// A message as every protocol sees it: made once by the room (or the inbox), immutable, shared by all who receive it.
struct envelope {
  std::string room;       ///< empty in an inbox
  std::string epoch;      ///< of the room's order; empty in an inbox
  std::uint64_t seq = 0;  ///< position in the room, or `n` in an inbox; from 1
  std::string id;         ///< at most 64 printable bytes; never empty
  std::string event;
  std::string from;        ///< the sending user
  std::int64_t at_ms = 0;  ///< milliseconds since 1970 by the server's clock
  payload_ptr body;        ///< never null
  payload_shape shape = payload_shape::single;
};
using envelope_ptr = std::shared_ptr<const envelope>;

/// What storage keeps of an envelope: id, event, from and the payload in its original format. Room, epoch, seq and time
/// are the record's own. Format: one version byte, one byte of format and shape, three length-prefixed strings, the payload to the
/// end.
std::string to_stored(const envelope& message);

/// The opposite; empty when the bytes are damaged. The caller fills in room, epoch, seq and time.
std::optional<envelope> from_stored(std::string_view bytes);

}  // namespace greenroom::codecs
