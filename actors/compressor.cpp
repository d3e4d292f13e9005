#include "actors/compressor.hpp"

#include <algorithm>
#include <utility>

#include "actors/meters.hpp"

namespace greenroom {
namespace {

codecs::deflate_settings settings_of(const runtime::gateway_config& from) {
  return {.window_bits = static_cast<int>(from.compression_window_bits),
          .level = static_cast<int>(from.compression_level),
          .bytes_min = from.compression_bytes_min,
          .bytes_max = from.compression_bytes_max};
}

}  // namespace

compressor::compressor(const codecs::deflate_settings& how, meters& counts)
    : window_bits_{how.window_bits}, deflater_{how}, meters_{counts} {}

packed compressor::pack(runtime::frame plain) {
  auto done = deflater_.deflate(*plain);
  if (done.runs != 0) meters_.compressed(done.runs, done.bytes_before, done.bytes_after);
  if (done.messages == 0) return {std::move(plain)};
  return {std::make_shared<const std::string>(std::move(done.frames)), done.messages};
}

packed compressor::pack_shared(const runtime::frame& plain) {
  constexpr unsigned char opcode_bits = 0x0f, binary_opcode = 2;
  const bool binary = (static_cast<unsigned char>(plain->front()) & opcode_bits) == binary_opcode;
  auto& last = shared_[binary ? 1 : 0];
  if (plain != last.plain) last = {plain, pack(plain)};
  return last.made;
}

compressors::compressors(const runtime::gateway_config& how, meters& counts)
    : how_{settings_of(how)}, meters_{counts} {}

compressor& compressors::of(int window_bits) {
  auto how = how_;
  how.window_bits = std::clamp(window_bits, smallest, largest);
  auto& made = made_[static_cast<std::size_t>(how.window_bits - smallest)];
  if (!made) made = std::make_unique<compressor>(how, meters_);
  return *made;
}

}  // namespace greenroom
