/// Addresses of TCP sockets as text: what the config names, what logs and requests show.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace greenroom::runtime {

/// A numeric address: "127.0.0.1:8080", "[::1]:8080", "tls://0.0.0.0:8443". IPv6 listeners take IPv6 only; port 0 means any
/// free one.
struct listen_address {
  std::string host;
  std::uint16_t port = 0;
  bool tls = false;

  static std::optional<listen_address> parse(std::string_view text);
  std::string text() const;  ///< "127.0.0.1:8080"
  std::string url() const;   ///< "https://127.0.0.1:8443"
  friend bool operator==(const listen_address&, const listen_address&) = default;
};

/// One end of a connected socket.
struct socket_end {
  std::string text;  ///< "192.0.2.7:50312", "[2001:db8::1]:50312"; empty where it cannot be told.
  bool is_loopback = false;
};

socket_end peer_of(int socket);
socket_end local_of(int socket);

/// The binary form; false where `host` is not numeric.
bool to_sockaddr(const listen_address& address, sockaddr_storage& into, socklen_t& size);

}  // namespace greenroom::runtime
