#include "runtime/inflater.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace greenroom::runtime {
namespace {

constexpr int raw_with_any_window = -15;
constexpr std::size_t first_bytes = 4U << 10;
constexpr std::size_t growth = 4;

}  // namespace

struct inflater::stream {
  stream() {
    if (inflateInit2(&z, raw_with_any_window) != Z_OK) throw std::bad_alloc{};
  }
  ~stream() { inflateEnd(&z); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  z_stream z{};
};

inflater::inflater() : stream_{std::make_unique<stream>()} {}
inflater::~inflater() = default;

inflater& inflater::of_this_thread() {
  thread_local inflater mine;
  return mine;
}

inflater::result inflater::inflate(std::string_view body, std::size_t bytes_max) {
  auto& z = stream_->z;
  inflateReset(&z);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  z.avail_in = static_cast<uInt>(body.size());
  if (buffer_.size() > buffer_keep_bytes) std::string{}.swap(buffer_);
  std::size_t made = 0;
  for (;;) {
    if (made == buffer_.size()) buffer_.resize(std::min(std::max(growth * made, first_bytes), bytes_max + 1));
    z.next_out = reinterpret_cast<Bytef*>(buffer_.data() + made);
    z.avail_out = static_cast<uInt>(buffer_.size() - made);
    const auto what = ::inflate(&z, Z_SYNC_FLUSH);
    made = buffer_.size() - z.avail_out;
    if (made > bytes_max) return {verdict::too_big, {}};
    const std::string_view bytes{buffer_.data(), made};
    if (what == Z_STREAM_END) {  // a last block is allowed, and so is what follows it (7.2.3.4)
      if (z.avail_in == 0) return {verdict::whole, bytes};
      inflateReset(&z);
    } else if (what != Z_OK && what != Z_BUF_ERROR) {
      return {verdict::damaged, {}};
    } else if (z.avail_out != 0) {  // all was read; it must end where the marker was cut off: before its length
      return {z.avail_in == 0 && inflateSyncPoint(&z) != 0 ? verdict::whole : verdict::damaged, bytes};
    }
  }
}

}  // namespace greenroom::runtime
