#include "runtime/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstring>

namespace greenroom::runtime {
namespace {

constexpr unsigned char loopback_net = 127;

socket_end describe(const sockaddr_storage& of) {
  std::array<char, INET6_ADDRSTRLEN> host{};
  if (of.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &of, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
    const bool loopback = ntohl(v4.sin_addr.s_addr) >> 24 == loopback_net;
    return {std::string{host.data()} + ':' + std::to_string(ntohs(v4.sin_port)), loopback};
  }
  if (of.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &of, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
    return {'[' + std::string{host.data()} + "]:" + std::to_string(ntohs(v6.sin6_port)),
            IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0};
  }
  return {};
}

template <class Ask>
socket_end end_of(int socket, Ask ask) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (ask(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return describe(address);
}

}  // namespace

std::optional<listen_address> listen_address::parse(std::string_view text) {
  constexpr std::string_view prefix = "tls://";
  const bool tls = text.starts_with(prefix);
  if (tls) text.remove_prefix(prefix.size());
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  listen_address address{std::string{host}, 0, tls};
  const auto port = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || port.ec != std::errc{} || port.ptr != digits.data() + digits.size()) return std::nullopt;
  sockaddr_storage ignored{};
  socklen_t size = 0;
  if (!to_sockaddr(address, ignored, size)) return std::nullopt;
  return address;
}

std::string listen_address::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string listen_address::url() const { return (tls ? "https://" : "http://") + text(); }

bool to_sockaddr(const listen_address& address, sockaddr_storage& into, socklen_t& size) {
  into = {};
  sockaddr_in v4{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&into, &v4, size = sizeof v4);
    return true;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) return false;
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(address.port);
  std::memcpy(&into, &v6, size = sizeof v6);
  return true;
}

socket_end peer_of(int socket) { return end_of(socket, ::getpeername); }

socket_end local_of(int socket) { return end_of(socket, ::getsockname); }

}  // namespace greenroom::runtime
