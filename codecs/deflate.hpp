#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// permessage-deflate, the half that sends (RFC 7692). Every message is compressed by itself, without what came before
/// it ("no context takeover"), so that the bytes are the same for every receiver that takes a window of that size.
namespace greenroom::codecs {

struct deflate_settings {
  int window_bits = 12;             ///< 9 to 15; zlib has no raw deflate with 8
  int level = 1;                    ///< 1 to 9
  std::size_t bytes_min = 256;      ///< a shorter message stays as it is
  std::size_t bytes_max = 1 << 18;  ///< what one call of deflate() compresses; messages beyond it stay as they are
};

/// What became of a run of frames.
struct deflated {
  std::string frames;          ///< empty: nothing became smaller, the original holds
  std::uint32_t messages = 0;  ///< of them compressed
  std::uint32_t runs = 0;      ///< messages given to the compressor; some grow, and leave as they came
  std::size_t bytes_before = 0, bytes_after = 0;  ///< of the bodies of those runs
};

/// Reusable; one thread at a time. Memory: 4 windows and at least 32 KiB, and a scratch buffer of `bytes_max`.
class deflater {
 public:
  /// Throws std::invalid_argument where the settings are no zlib's.
  explicit deflater(const deflate_settings& how);
  ~deflater();
  deflater(const deflater&) = delete;
  deflater& operator=(const deflater&) = delete;

  /// Compresses the messages of whole, unmasked frames, one message a frame, where that makes them smaller.
  deflated deflate(std::string_view frames);
  /// The body of a compressed message (RFC 7692 section 7.2.1); valid until the next call.
  std::string_view body(std::string_view plain);

 private:
  struct stream;
  deflate_settings how_;
  std::unique_ptr<stream> stream_;
  std::string scratch_;
};

}  // namespace greenroom::codecs
