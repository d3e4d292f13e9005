/// INFLATER makes compressed messages what they were (RFC 7692, 7.2.2). Each message stands for itself: the clients have
/// agreed to use no context takeover, so one inflater a thread serves all connections, and an idle one keeps nothing.
///
/// Lifecycle: a thread's lasts as long as the thread. Threading: one thread. Bounds: 48 KiB for zlib, and a buffer that
/// grows with the message to its bound; more than `buffer_keep_bytes` are given back by the next message. Failure: a verdict.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace greenroom::runtime {

class inflater {
 public:
  enum class verdict : std::uint8_t {
    whole,
    damaged,  ///< No deflate data, or cut off within a block.
    too_big,  ///< More than the bound; nothing was made of the rest.
  };
  struct result {
    verdict what;
    std::string_view bytes;  ///< Valid until the next call.
  };
  static constexpr std::size_t buffer_keep_bytes = 256U << 10;

  inflater();
  ~inflater();
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;

  /// `body`: all of a message's payload, without the marker that its sender cut off.
  result inflate(std::string_view body, std::size_t bytes_max);

  static inflater& of_this_thread();

 private:
  struct stream;
  std::unique_ptr<stream> stream_;
  std::string buffer_;
};

}  // namespace greenroom::runtime
