#pragma once
#include <string>

#include "codecs/codec.hpp"
#include "codecs/phoenix_reader.hpp"

/// Answers in Phoenix's words: `phx_reply` with a status and a response. Appends whole frames.
namespace greenroom::codecs::phoenix {

/// Nothing where no answer is wanted (results::unanswered).
void append_response(std::string& out, const address& to, const outcome& what);

/// `{epoch, seq, members, recovered?, reason?}`, or what the room's behaviour says; the messages that were missed follow
/// as that codec's broadcasts.
void append_joined(std::string& out, const address& to, const result& what, codec_id broadcasts);
void append_refused_join(std::string& out, const address& to, const error& why);

}  // namespace greenroom::codecs::phoenix
