#pragma once
#include <span>
#include <string>
#include <string_view>

#include "codecs/value.hpp"

/// Bytes in what a Socket.IO client sends: the two parsers put them into places that MessagePack has a better one for.
namespace greenroom::codecs {

/// Appends `packet` (JSON) as MessagePack with the attachments in the places of their placeholders. False where a
/// placeholder names no attachment, or one that another names too (so that nothing grows that was not sent).
bool fill_placeholders(const value& packet, std::span<const std::string> attachments, std::string& out);

/// notepack.io, below socket.io-msgpack-parser, writes `undefined` and ArrayBuffers as extensions of type 0. Where
/// `data` holds such, appends it with nil and bin instead; false: it holds none, and stays as it is.
bool rewrite_notepack(const value& data, std::string& out);
bool is_undefined(const value& what) noexcept;

/// `{"$bytes": base64}`, or bytes.
bool says_bytes(const value& what);

}  // namespace greenroom::codecs
