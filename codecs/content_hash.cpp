#include "codecs/content_hash.hpp"

#include <xxhash.h>

#include <cstring>
#include <string>

#include "codecs/transcode.hpp"

namespace greenroom::codecs {

std::array<std::byte, 16> content_hash(std::string_view method, std::string_view target, std::string_view event,
                                       const payload& body) {
  std::string text;
  for (auto part : {method, target, event}) {
    text += part;
    text += '\0';  // no name holds one: the parts cannot run into each other
  }
  text += canonical_msgpack(body);
  const auto hash = XXH3_128bits(text.data(), text.size());
  std::array<std::byte, 16> out{};
  std::memcpy(out.data(), &hash, out.size());
  return out;
}

}  // namespace greenroom::codecs
