#include "actors/shared_push.hpp"

namespace greenroom {

runtime::frame shared_push::frame(codecs::codec_id codec) const {
  std::lock_guard guard{mutex_};
  auto& made = frames_[codec];
  if (!made) made = std::make_shared<const std::string>(codecs::codec_of(codec).encode_push(what_));
  return made;
}

}  // namespace greenroom
