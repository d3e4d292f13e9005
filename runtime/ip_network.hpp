/// IP_NETWORK: addresses of hosts without a port, and the networks that a config names. Pure.
///
/// An IPv4 address that comes as IPv6 (::ffff:192.0.2.7) is the IPv4 one: a network of one family never holds an address
/// of the other. Bounds: those of the list that the config gives. Failure: a text that is not one gives nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace greenroom::runtime {

class ip_address {
 public:
  /// "192.0.2.7", "2001:db8::1"; no port, no brackets, no zone.
  static std::optional<ip_address> parse(std::string_view text);
  static ip_address v4(std::span<const std::uint8_t, 4> bytes) noexcept;
  static ip_address v6(std::span<const std::uint8_t, 16> bytes) noexcept;

  bool is_v4() const noexcept { return v4_; }
  bool is_loopback() const noexcept;
  std::string text() const;
  /// "192.0.2.7:50312", "[2001:db8::1]:50312".
  std::string text_with(std::uint16_t port) const;
  /// In network order; of IPv4 the first four count.
  const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
  friend bool operator==(const ip_address&, const ip_address&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v4_ = true;
};

/// An address as people and proxies write it where a port may follow: "192.0.2.7", "192.0.2.7:80", "[2001:db8::1]:80",
/// "2001:db8::1". No port: 0.
struct ip_and_port {
  ip_address address;
  std::uint16_t port = 0;
  static std::optional<ip_and_port> parse(std::string_view text);
};

class ip_network {
 public:
  /// "10.0.0.0/8", "2001:db8::/32", or one address. Bits behind the prefix must be 0: they would be a mistake.
  static std::optional<ip_network> parse(std::string_view text);
  bool holds(const ip_address& which) const noexcept;

 private:
  ip_address base_;
  unsigned bits_ = 0;
};

class ip_networks {
 public:
  ip_networks() = default;
  /// What is no network is left out: the config was checked.
  explicit ip_networks(std::span<const std::string> texts);
  bool empty() const noexcept { return all_.empty(); }
  bool holds(const ip_address& which) const noexcept;

 private:
  std::vector<ip_network> all_;
};

}  // namespace greenroom::runtime
