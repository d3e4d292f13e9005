// PROXY_BYTES makes headers of the PROXY protocol, version 2, right or wrong: each part can be chosen.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace greenroom::tests::proxy_bytes {

inline constexpr unsigned tcp4 = 0x11, tcp6 = 0x21;

inline std::string number(unsigned value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

/// The first 16 bytes.
inline std::string head(unsigned version_and_command, unsigned family, unsigned length) {
  std::string bytes("\r\n\r\n\0\r\nQUIT\n", 12);
  bytes += static_cast<char>(version_and_command);
  bytes += static_cast<char>(family);
  return bytes + number(length);
}
/// PROXY, with that body.
inline std::string header(unsigned family, std::string_view body) {
  return head(0x21, family, static_cast<unsigned>(body.size())) + std::string{body};
}

template <std::size_t Bytes>
std::string address(int family, const char* text) {
  std::array<char, Bytes> bytes{};
  inet_pton(family, text, bytes.data());
  return {bytes.data(), bytes.size()};
}
inline std::string v4(const char* from, const char* to, unsigned from_port, unsigned to_port) {
  return address<4>(AF_INET, from) + address<4>(AF_INET, to) + number(from_port) + number(to_port);
}
inline std::string v6(const char* from, const char* to, unsigned from_port, unsigned to_port) {
  return address<16>(AF_INET6, from) + address<16>(AF_INET6, to) + number(from_port) + number(to_port);
}

}  // namespace greenroom::tests::proxy_bytes
