/// PROXY_HEADER reads the header of the PROXY protocol, version 2, that a proxy sends before anything else to say where
/// its client is (https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, 2.2). Pure.
///
///   0      12        13        14      16
///   │ signature │ 2, command │ family │ length │ addresses, then TLVs: skipped
///
/// Lifecycle: `feed` what came, never more than `wants()` bytes at once, until it says something else than `more`; what
/// follows the header is somebody else's (a TLS record, a request), so no byte of it may be taken.
/// Bounds: a header announces at most `body_bytes_max` bytes behind its first 16; 40 bytes are kept of it.
/// Failure: `malformed`, at the first byte that cannot be right. Version 1, which is text, is malformed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/ip_network.hpp"

namespace greenroom::runtime {

class proxy_header {
 public:
  static constexpr std::size_t head_bytes = 16;
  static constexpr std::size_t body_bytes_max = 536;

  enum class verdict : std::uint8_t { more, complete, malformed };

  /// How many bytes may be fed next; 0: it is over.
  std::size_t wants() const noexcept;
  verdict feed(std::string_view bytes) noexcept;

  /// Where the client is, and where it connected to. Nothing: the proxy speaks for itself (LOCAL), or does not know.
  const std::optional<ip_and_port>& source() const noexcept { return source_; }
  const std::optional<ip_and_port>& destination() const noexcept { return destination_; }

 private:
  static constexpr std::size_t kept_max = head_bytes + 36;  ///< with two IPv6 addresses and their ports

  verdict check_head() const noexcept;
  void read_addresses() noexcept;
  std::size_t body_bytes() const noexcept;

  std::array<std::uint8_t, kept_max> kept_{};
  std::size_t size_ = 0;  ///< Bytes that were fed.
  verdict said_ = verdict::more;
  std::optional<ip_and_port> source_, destination_;
};

}  // namespace greenroom::runtime
