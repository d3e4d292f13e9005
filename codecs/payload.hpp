#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace greenroom::codecs {

/// The two document formats. A protocol's text frames carry JSON (RFC 8259), its binary frames MessagePack.
enum class format : std::uint8_t { json, msgpack };

/// One validated document in the bytes in which it entered. It is passed on as these bytes to every subscriber of that
/// format, and transcoded at most once for the other one, when the first subscriber of it asks.
///
/// Threading: immutable but for the one lazy transcoding, which is safe from any shard.
/// Bounds: the message that brought it was bounded (limits.hpp); the transcoded form is at most 8 times as long
/// (a MessagePack ext of one byte is 3 bytes there and 23 in JSON).
/// Failure: as() throws std::logic_error where the bytes are no document after all, a broken invariant.
class payload {
 public:
  /// `bytes` must be a validated document of that format (json.hpp, msgpack.hpp say how).
  payload(format origin, std::string bytes) : origin_{origin}, bytes_{std::move(bytes)} {}
  payload(const payload&) = delete;
  payload& operator=(const payload&) = delete;

  format origin() const noexcept { return origin_; }
  std::string_view original() const noexcept { return bytes_; }
  std::string_view as(format wanted) const;

 private:
  format origin_;
  std::string bytes_;
  mutable std::once_flag once_;
  mutable std::string other_;
};
using payload_ptr = std::shared_ptr<const payload>;

}  // namespace greenroom::codecs
