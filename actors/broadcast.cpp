#include "actors/broadcast.hpp"

#include <algorithm>

namespace greenroom {

broadcast::broadcast(std::vector<item> items, std::chrono::steady_clock::time_point received)
    : items_{std::move(items)},
      received_{received},
      any_excluded_{
          std::any_of(items_.begin(), items_.end(), [](const item& i) { return i.except != incarnation::none; })} {}

bool broadcast::excludes(incarnation who) const noexcept {
  return any_excluded_ && std::any_of(items_.begin(), items_.end(), [who](const item& i) { return i.except == who; });
}

runtime::frame broadcast::block(codecs::codec_id codec) const {
  std::lock_guard guard{mutex_};
  auto& made = blocks_[static_cast<std::size_t>(codec)];
  if (!made) {
    std::string bytes;
    for (const auto& each : items_) codecs::codec_of(codec).encode_broadcast(*each.message, bytes);
    made = std::make_shared<const std::string>(std::move(bytes));
  }
  return made;
}

runtime::frame broadcast::single(std::size_t index, codecs::codec_id codec) const {
  if (items_.size() == 1) return block(codec);
  std::lock_guard guard{mutex_};
  auto& made = singles_[static_cast<std::size_t>(codec)];
  made.resize(items_.size());
  if (!made[index]) {
    std::string bytes;
    codecs::codec_of(codec).encode_broadcast(*items_[index].message, bytes);
    made[index] = std::make_shared<const std::string>(std::move(bytes));
  }
  return made[index];
}

}  // namespace greenroom
