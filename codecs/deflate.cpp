#include "codecs/deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "codecs/limits.hpp"
#include "codecs/websocket_frame.hpp"

namespace greenroom::codecs {
namespace {

constexpr std::size_t flush_marker_bytes =
    4;                                   // 00 00 ff ff, the end of every flush: cut here, put back by the receiver
constexpr std::size_t flush_bytes = 16;  // what a flush adds at most, with room to see that it is complete

/// How much zlib remembers beside the window: as many hash chains as the window has bytes, but not so few that a large
/// message falls into many small blocks.
constexpr int memory_level(int window_bits) { return std::max(6, window_bits - 7); }

}  // namespace

struct deflater::stream {
  explicit stream(const deflate_settings& how) {
    constexpr int smallest_window = 9;  // with 8, zlib would use 9 and not say so
    const auto raw = -how.window_bits;
    if (how.window_bits < smallest_window ||
        deflateInit2(&z, how.level, Z_DEFLATED, raw, memory_level(how.window_bits), Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::invalid_argument{"zlib does not compress like that"};
  }
  ~stream() { deflateEnd(&z); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  z_stream z{};
};

deflater::deflater(const deflate_settings& how) : how_{how}, stream_{std::make_unique<stream>(how)} {}
deflater::~deflater() = default;

std::string_view deflater::body(std::string_view plain) {
  auto& z = stream_->z;
  deflateReset(&z);
  const auto bound = deflateBound(&z, static_cast<uLong>(plain.size())) + flush_bytes;
  if (scratch_.size() < bound) scratch_.resize(bound);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(scratch_.data());
  z.avail_out = static_cast<uInt>(scratch_.size());
  while (::deflate(&z, Z_SYNC_FLUSH) == Z_OK && z.avail_out == 0) {  // the bound is zlib's own: never in practice
    const auto done = scratch_.size();
    scratch_.resize(2 * done);
    z.next_out = reinterpret_cast<Bytef*>(scratch_.data() + done);
    z.avail_out = static_cast<uInt>(done);
  }
  return std::string_view{scratch_}.substr(0, scratch_.size() - z.avail_out - flush_marker_bytes);
}

deflated deflater::deflate(std::string_view frames) {
  deflated all;
  const auto original = frames;
  std::size_t copied = 0;  // of the original
  while (!frames.empty()) {
    const auto one = take_frame(frames);
    if (one.body.size() < how_.bytes_min || all.bytes_before + one.body.size() > how_.bytes_max) continue;
    const auto small = body(one.body);
    ++all.runs;
    all.bytes_before += one.body.size();
    all.bytes_after += std::min(small.size(), one.body.size());
    if (small.size() >= one.body.size()) continue;
    const auto at = static_cast<std::size_t>(one.whole.data() - original.data());
    if (all.messages++ == 0) all.frames.reserve(original.size());
    all.frames.append(original, copied, at - copied);
    append_header(all.frames, one.first | deflated_bit, small.size());
    all.frames.append(small);
    copied = at + one.whole.size();
  }
  if (all.messages != 0) all.frames.append(original, copied);
  if (scratch_.size() > limits::scratch_keep_bytes_max) std::string{}.swap(scratch_);
  return all;
}

}  // namespace greenroom::codecs
