/// COMPRESSOR compresses what leaves one shard for the peers that agreed on permessage-deflate, and counts it. What
/// several peers get is compressed once: `broadcast` keeps what a room's turn became, and here the newest other frame of
/// each kind is remembered that several get.
///
/// Threading: its shard's. Bounds: those of codecs::deflater, and two remembered frames.
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
  compressor(const runtime::gateway_config& how, meters& counts);
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;

  /// The same messages, in whole frames, one message a frame; each compressed where that makes it smaller.
  packed pack(runtime::frame plain);
  /// The same for one that several peers get, one after the other.
  packed pack_shared(const runtime::frame& plain);

 private:
  codecs::deflater deflater_;
  meters& meters_;
  struct remembered {
    runtime::frame plain;
    packed made;
  };
  std::array<remembered, 2> shared_;  ///< text and binary: members of both codecs take turns
};

/// Null where the config has compression off.
std::unique_ptr<compressor> make_compressor(const runtime::config& from, meters& counts);

}  // namespace greenroom
