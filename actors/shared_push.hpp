#pragma once
#include <mutex>

#include "actors/per_codec.hpp"
#include "codecs/codec.hpp"
#include "codecs/outcome.hpp"
#include "runtime/outbox.hpp"

namespace greenroom {

/// One notification for many clients: encoded once per codec, by the first who has a client of that codec.
///
/// Threading: immutable but for the lazy encoding, which is safe from any shard.
class shared_push {
 public:
  explicit shared_push(codecs::push what) : what_{std::move(what)} {}

  const codecs::push& what() const noexcept { return what_; }
  runtime::frame frame(codecs::codec_id codec) const;  ///< empty: clients of that codec are not told

 private:
  codecs::push what_;
  mutable std::mutex mutex_;
  mutable per_codec<runtime::frame> frames_;
};

}  // namespace greenroom
