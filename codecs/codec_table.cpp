#include "codecs/codec_table.hpp"

#include <array>
#include <atomic>
#include <mutex>

namespace greenroom::codecs {
namespace {

constexpr std::size_t encodings_stride = 8;  ///< ids of one encoding are this far from each other
static_assert(encoding_count <= encodings_stride);

/// Ids are indices here.
class table {
 public:
  table() {
    put(make_native_codec(codec_id::native_json));
    put(make_native_codec(codec_id::native_msgpack));
    put(make_phoenix_codec(codec_id::phoenix));
    put(make_phoenix_codec(codec_id::phoenix_positions));
    put(make_bare_codec());
  }

  const codec& at(codec_id id) const noexcept {
    return *all_[static_cast<std::size_t>(id)].load(std::memory_order_acquire);
  }
  std::optional<codec_id> add(encoding how, const std::function<std::unique_ptr<const codec>(codec_id)>& make) {
    std::lock_guard guard{mutex_};
    for (auto at = static_cast<std::size_t>(how); at < all_.size(); at += encodings_stride) {
      if (all_[at].load(std::memory_order_relaxed) != nullptr) continue;
      const auto id = static_cast<codec_id>(at);
      put(make(id));
      return id;
    }
    return std::nullopt;
  }

 private:
  void put(std::unique_ptr<const codec> one) {
    const auto id = one->id();
    all_[static_cast<std::size_t>(id)].store(one.release(), std::memory_order_release);  // for the process's life
  }

  std::mutex mutex_;
  std::array<std::atomic<const codec*>, codecs_max> all_{};
};

table& codecs_of_the_process() {
  static table& all = *new table;  // shards may ask until the very end
  return all;
}

}  // namespace

const codec& codec_of(codec_id id) noexcept { return codecs_of_the_process().at(id); }

std::optional<codec_id> add_codec(encoding how, const std::function<std::unique_ptr<const codec>(codec_id)>& make) {
  return codecs_of_the_process().add(how, make);
}

std::string_view name_of(encoding how) noexcept {
  constexpr std::array<std::string_view, encoding_count> names{"json",     "msgpack",          "phoenix",
                                                               "socketio", "socketio-msgpack", "bare"};
  return names[static_cast<std::size_t>(how)];
}

}  // namespace greenroom::codecs
