#include "actors/broadcast.hpp"

#include <algorithm>

#include "actors/meters.hpp"

namespace greenroom {

broadcast::broadcast(list items, std::chrono::steady_clock::time_point received, meters* counts)
    : items_{std::move(items)},
      received_{received},
      counts_{counts},
      any_excluded_{
          std::any_of(items_.begin(), items_.end(), [](const item& i) { return i.except != incarnation::none; })} {}

bool broadcast::excludes(incarnation who) const noexcept {
  return any_excluded_ && std::any_of(items_.begin(), items_.end(), [who](const item& i) { return i.except == who; });
}

runtime::frame broadcast::block(codecs::codec_id codec) const {
  std::lock_guard guard{plain_.mutex};
  auto& made = plain_.blocks[codec];
  if (!made) {
    const auto& how = codecs::codec_of(codec);
    auto bytes = codecs::spare_string();
    for (const auto& each : items_) how.encode_broadcast(*each.message, bytes);
    how.end_turn(*items_.back().message, bytes);
    if (counts_) counts_->encoded(codecs::encoding_of(codec), items_.size());
    made = codecs::share(std::move(bytes));
  }
  return made;
}

runtime::frame broadcast::single(std::size_t index, codecs::codec_id codec) const {
  if (items_.size() == 1) return block(codec);
  std::lock_guard guard{plain_.mutex};
  auto& made = plain_.singles[codec];
  made.resize(items_.size());
  if (!made[index]) {
    const auto& how = codecs::codec_of(codec);
    auto bytes = codecs::spare_string();
    how.encode_broadcast(*items_[index].message, bytes);
    how.end_turn(*items_[index].message, bytes);
    if (counts_) counts_->encoded(codecs::encoding_of(codec), 1);
    made[index] = codecs::share(std::move(bytes));
  }
  return made[index];
}

packed& broadcast::by_window::of(const compressor& with) {
  const auto found =
      std::find_if(made_.begin(), made_.end(), [&](const auto& each) { return each.first == with.window_bits(); });
  return found != made_.end() ? found->second : made_.emplace_back(with.window_bits(), packed{}).second;
}

packed broadcast::block(codecs::codec_id codec, compressor* with) const {
  if (with == nullptr) return {block(codec)};
  std::lock_guard guard{packed_.mutex};
  auto& made = packed_.blocks[codec].of(*with);
  if (!made.bytes) made = with->pack(block(codec));
  return made;
}

packed broadcast::single(std::size_t index, codecs::codec_id codec, compressor* with) const {
  if (with == nullptr) return {single(index, codec)};
  if (items_.size() == 1) return block(codec, with);
  std::lock_guard guard{packed_.mutex};
  auto& made = packed_.singles[codec];
  made.resize(items_.size());
  auto& one = made[index].of(*with);
  if (!one.bytes) one = with->pack(single(index, codec));
  return one;
}

}  // namespace greenroom
