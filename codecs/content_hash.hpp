#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "codecs/payload.hpp"

namespace greenroom::codecs {

/// What a repeat of a message must have in common with the original: method, target, event and the payload in canonical
/// MessagePack, so that a retry may change its encoding. 128 bits of XXH3: a sender can only deceive itself.
std::array<std::byte, 16> content_hash(std::string_view method, std::string_view target, std::string_view event,
                                       const payload& body);

}  // namespace greenroom::codecs
