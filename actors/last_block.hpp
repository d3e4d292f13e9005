/// LAST_BLOCK remembers, on a walk over the members of a room, what the member before was given: most of the next ones get the
/// same bytes, and need not ask the broadcast for them under its lock.
///
/// Lifecycle: one walk over one broadcast. Threading: the relay's.
#pragma once
#include "actors/broadcast.hpp"

namespace greenroom {

class last_block {
 public:
  const packed& of(const broadcast& what, codecs::codec_id codec, compressor* with) {
    if (!made_.bytes || codec_ != codec || with_ != with) {
      made_ = what.block(codec, with);
      codec_ = codec;
      with_ = with;
    }
    return made_;
  }

 private:
  codecs::codec_id codec_{};
  compressor* with_ = nullptr;
  packed made_{};
};

}  // namespace greenroom
