#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "actors/compressor.hpp"
#include "actors/ids.hpp"
#include "actors/per_codec.hpp"
#include "codecs/codec.hpp"
#include "codecs/envelope.hpp"
#include "codecs/message_memory.hpp"
#include "runtime/outbox.hpp"

namespace greenroom {

/// What a room published in one turn, for all its relays. Encoded once per codec, by the first relay with a member of
/// that codec, and compressed once per codec and window for the members that agreed on compression; all the messages
/// joined into one block of frames, which every outbox references.
///
/// Threading: immutable but for the lazy encoding, which is safe from any shard: a second one waits for the first. Bounds: limits::turn_messages_max
/// messages.
class broadcast {
 public:
  struct item {
    codecs::envelope_ptr message;
    incarnation except = incarnation::none;  ///< the publisher that wants no echo
  };
  using list = std::vector<item, codecs::recycled<item>>;
  /// `items` is not empty and its positions are consecutive. `received`: when the oldest of them was read from its
  /// socket.
  broadcast(list items, std::chrono::steady_clock::time_point received, class meters* counts = nullptr);

  const std::string& room() const noexcept { return items_.front().message->room; }
  const std::string& epoch() const noexcept { return items_.front().message->epoch; }
  std::uint64_t first() const noexcept { return items_.front().message->seq; }
  std::uint64_t last() const noexcept { return items_.back().message->seq; }
  const list& items() const noexcept { return items_; }
  std::chrono::steady_clock::time_point received() const noexcept { return received_; }
  /// Whether somebody in it wants no echo: then that member gets its frames one by one.
  bool excludes(incarnation who) const noexcept;

  runtime::frame block(codecs::codec_id codec) const;                      ///< all messages
  runtime::frame single(std::size_t index, codecs::codec_id codec) const;  ///< one message
  /// The same by the member's compressor; null: plain.
  packed block(codecs::codec_id codec, compressor* with) const;
  packed single(std::size_t index, codecs::codec_id codec, compressor* with) const;

 private:
  template <class T>
  struct made {  ///< what has been asked for so far
    std::mutex mutex;
    per_codec<T> blocks;
    per_codec<std::vector<T>> singles;
  };

  /// The compressed forms of one frame. By window and not by compressor: each shard has one of its own, and the bytes are
  /// the same.
  class by_window {
   public:
    packed& of(const compressor& with);

   private:
    std::vector<std::pair<int, packed>> made_;  ///< rarely more than one
  };

  list items_;
  std::chrono::steady_clock::time_point received_;
  class meters* counts_;  ///< null: nobody counts what is encoded
  bool any_excluded_ = false;
  mutable made<runtime::frame> plain_;
  mutable made<by_window> packed_;
};

}  // namespace greenroom
