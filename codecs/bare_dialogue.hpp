#pragma once
#include <memory>
#include <string>

#include "codecs/codec.hpp"

namespace greenroom::codecs {

inline constexpr std::string_view bare_event = "message";

enum class bare_frames : std::uint8_t { websocket, engineio };  ///< of Engine.IO a text has a digit before it

/// No protocol: a text or binary message is the one argument of an event `message` in `channel`, and what is said to the
/// client under that name (a push, or the answer to such an event) leaves as one message for each argument: a text as
/// text, bytes as binary, anything else as JSON. Events of other names, errors and results without a document say nothing.
std::unique_ptr<dialogue> make_bare_dialogue(std::string channel, bare_frames as = bare_frames::websocket);

}  // namespace greenroom::codecs
