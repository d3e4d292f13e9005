#include "runtime/ip_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace greenroom::runtime {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291, 2.5.5.2
constexpr unsigned v4_bits = 32, v6_bits = 128, bits_per_byte = 8;
constexpr std::uint8_t v4_loopback = 127;

/// Decimal digits without a sign or a needless zero.
template <class Number>
std::optional<Number> number_of(std::string_view digits) {
  Number value{};
  const auto* const end = digits.data() + digits.size();
  const auto got = std::from_chars(digits.data(), end, value);
  const bool padded = digits.size() > 1 && digits.front() == '0';
  return digits.empty() || got.ec != std::errc{} || got.ptr != end || padded ? std::nullopt : std::optional{value};
}

}  // namespace

std::optional<ip_address> ip_address::parse(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string whole{text};
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, whole.c_str(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (inet_pton(AF_INET6, whole.c_str(), sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

ip_address ip_address::v4(std::span<const std::uint8_t, 4> bytes) noexcept {
  ip_address made;
  std::ranges::copy(bytes, made.bytes_.begin());
  return made;
}

ip_address ip_address::v6(std::span<const std::uint8_t, 16> bytes) noexcept {
  if (std::ranges::equal(bytes.first<mapped_prefix.size()>(), mapped_prefix)) return v4(bytes.last<4>());
  ip_address made;
  std::ranges::copy(bytes, made.bytes_.begin());
  made.v4_ = false;
  return made;
}

bool ip_address::is_loopback() const noexcept {
  if (v4_) return bytes_[0] == v4_loopback;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) && bytes_.back() == 1;
}

std::string ip_address::text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), out.data(), out.size());
  return out.data();
}

std::string ip_address::text_with(std::uint16_t port) const {
  return (v4_ ? text() : '[' + text() + ']') + ':' + std::to_string(port);
}

std::optional<ip_and_port> ip_and_port::parse(std::string_view text) {
  if (const auto alone = ip_address::parse(text)) return ip_and_port{*alone};
  const bool bracketed = text.starts_with('[');
  const auto end = bracketed ? text.find(']') : text.rfind(':');
  if (end == std::string_view::npos) return std::nullopt;
  const auto address = ip_address::parse(bracketed ? text.substr(1, end - 1) : text.substr(0, end));
  auto rest = text.substr(bracketed ? end + 1 : end);
  if (!address || (bracketed && text.find(':') > end) || (!bracketed && !address->is_v4())) return std::nullopt;
  if (rest.empty()) return ip_and_port{*address};
  if (rest.front() != ':') return std::nullopt;
  const auto port = number_of<std::uint16_t>(rest.substr(1));
  return port ? std::optional{ip_and_port{*address, *port}} : std::nullopt;
}

std::optional<ip_network> ip_network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = ip_address::parse(text.substr(0, slash));
  if (!address || (address->is_v4() && text.find(':') != std::string_view::npos)) return std::nullopt;
  const auto widest = address->is_v4() ? v4_bits : v6_bits;
  ip_network made;
  made.base_ = *address;
  made.bits_ = widest;
  if (slash != std::string_view::npos) {
    const auto bits = number_of<unsigned>(text.substr(slash + 1));
    if (!bits || *bits > widest) return std::nullopt;
    made.bits_ = *bits;
  }
  for (auto bit = made.bits_; bit < widest; ++bit)
    if ((made.base_.bytes()[bit / bits_per_byte] >> (bits_per_byte - 1 - bit % bits_per_byte) & 1) != 0)
      return std::nullopt;
  return made;
}

bool ip_network::holds(const ip_address& which) const noexcept {
  if (which.is_v4() != base_.is_v4()) return false;
  const auto whole = bits_ / bits_per_byte, rest = bits_ % bits_per_byte;
  if (!std::equal(base_.bytes().begin(), base_.bytes().begin() + whole, which.bytes().begin())) return false;
  if (rest == 0) return true;
  const auto shift = bits_per_byte - rest;
  return base_.bytes()[whole] >> shift == which.bytes()[whole] >> shift;
}

ip_networks::ip_networks(std::span<const std::string> texts) {
  for (const auto& text : texts)
    if (const auto one = ip_network::parse(text)) all_.push_back(*one);
}

bool ip_networks::holds(const ip_address& which) const noexcept {
  return std::ranges::any_of(all_, [&](const auto& each) { return each.holds(which); });
}

}  // namespace greenroom::runtime
