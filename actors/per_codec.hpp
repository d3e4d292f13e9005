#pragma once
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "codecs/codec.hpp"

namespace greenroom {

/// What has been made for a few of the codecs, those that were asked for. Bounds: the codecs that there are.
template <class T>
class per_codec {
 public:
  /// Made empty by the first who asks.
  T& operator[](codecs::codec_id codec) {
    for (std::size_t i = 0; i < used_; ++i)
      if (near_[i].first == codec) return near_[i].second;
    for (auto& [id, made] : far_)
      if (id == codec) return made;
    if (used_ == near_.size()) return far_.emplace_back(codec, T{}).second;
    auto& [id, made] = near_[used_++];
    id = codec;
    return made;
  }

 private:
  using entry = std::pair<codecs::codec_id, T>;
  std::array<entry, 2> near_{};  ///< most rooms have members of one codec or two
  std::size_t used_ = 0;
  std::vector<entry> far_;
};

}  // namespace greenroom
