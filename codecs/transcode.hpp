#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "codecs/payload.hpp"
#include "codecs/value.hpp"

/// One document, two formats (docs/protocol.md, "Payload crossing"). Integers stay integers to 64 bits, floats stay
/// floats in their shortest form; MessagePack's bin and ext are `{"$bytes": base64}` and `{"$ext": [type, base64]}` in
/// JSON, and these are bin and ext again in MessagePack. Object members keep their order.
namespace greenroom::codecs {

void append_json(std::string& out, const value& what);
void append_msgpack(std::string& out, const value& what);

/// The same document in the other format; empty where `bytes` is no document of `from`, or holds what cannot cross.
std::optional<std::string> transcode(format from, std::string_view bytes, bounds within = {});

/// The payload in MessagePack's shortest forms, whatever the format in which it came: two payloads that say the same in
/// the same order give the same bytes, so that a retry may change its encoding and still be known.
std::string canonical_msgpack(const payload& what);

}  // namespace greenroom::codecs
