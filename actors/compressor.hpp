/// COMPRESSOR compresses what leaves one shard for the peers that agreed on permessage-deflate with one window, and counts
/// it. What several peers get is compressed once: `broadcast` keeps what a room's turn became, and here the newest other
/// frame of each kind is remembered that several get. COMPRESSORS are a shard's: one a window, made when a peer needs it.
///
/// Threading: its shard's. Bounds: those of codecs::deflater, and two remembered frames, for each of at most 7 windows.
#pragma once
#include <array>
#include <cstdint>
#include <memory>

#include "codecs/deflate.hpp"
#include "runtime/config.hpp"
#include "runtime/outbox.hpp"

namespace greenroom {

class meters;

/// Frames for peers that agreed on compression, and how many of their messages are compressed.
struct packed {
  runtime::frame bytes;
  std::uint32_t compressed = 0;
};

class compressor {
 public:
  compressor(const codecs::deflate_settings& how, meters& counts);
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;

  /// The same messages, in whole frames, one message a frame; each compressed where that makes it smaller.
  packed pack(runtime::frame plain);
  /// The same for one that several peers get, one after the other.
  packed pack_shared(const runtime::frame& plain);
  /// Whoever inflates needs no larger one.
  int window_bits() const noexcept { return window_bits_; }

 private:
  int window_bits_;
  codecs::deflater deflater_;
  meters& meters_;
  struct remembered {
    runtime::frame plain;
    packed made;
  };
  std::array<remembered, 2> shared_;  ///< text and binary: members of both codecs take turns
};

class compressors {
 public:
  compressors(const runtime::gateway_config& how, meters& counts);

  /// For a peer that agreed on that window; a number that is none (9 to 15) is taken as the nearest. Lasts as long as this.
  compressor& of(int window_bits);

 private:
  static constexpr int smallest = 9, largest = 15;
  codecs::deflate_settings how_;
  meters& meters_;
  std::array<std::unique_ptr<compressor>, largest - smallest + 1> made_;
};

}  // namespace greenroom
