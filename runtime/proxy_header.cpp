#include "runtime/proxy_header.hpp"

#include <algorithm>
#include <span>

namespace greenroom::runtime {
namespace {

constexpr std::array<std::uint8_t, 12> signature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t command_at = 12, family_at = 13, length_at = 14;
constexpr std::uint8_t local = 0x20, proxy = 0x21;
constexpr std::uint8_t unspecified = 0x00, tcp_v4 = 0x11, tcp_v6 = 0x21, unix_stream = 0x31;
constexpr std::size_t v4_bytes = 12, v6_bytes = 36, unix_bytes = 216;

std::size_t addresses_of(std::uint8_t family) noexcept {
  switch (family) {
    case tcp_v4: return v4_bytes;
    case tcp_v6: return v6_bytes;
    case unix_stream: return unix_bytes;
    default: return 0;
  }
}

std::uint16_t port_at(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

}  // namespace

std::size_t proxy_header::body_bytes() const noexcept { return port_at(kept_, length_at); }

std::size_t proxy_header::wants() const noexcept {
  if (said_ != verdict::more) return 0;
  return size_ < head_bytes ? head_bytes - size_ : head_bytes + body_bytes() - size_;
}

proxy_header::verdict proxy_header::feed(std::string_view bytes) noexcept {
  for (const char c : bytes) {
    if (said_ != verdict::more) break;
    if (size_ < kept_max) kept_[size_] = static_cast<std::uint8_t>(c);
    ++size_;
    if (size_ <= head_bytes) said_ = check_head();
    if (said_ == verdict::more && size_ >= head_bytes && wants() == 0) {
      read_addresses();
      said_ = verdict::complete;
    }
  }
  return said_;
}

/// Of the byte that came last.
proxy_header::verdict proxy_header::check_head() const noexcept {
  const auto at = size_ - 1;
  const auto byte = kept_[at];
  bool good = true;
  if (at < signature.size()) {
    good = byte == signature[at];
  } else if (at == command_at) {
    good = byte == local || byte == proxy;
  } else if (at == family_at) {
    good = byte == unspecified || addresses_of(byte) != 0 || kept_[command_at] == local;
  } else if (size_ == head_bytes) {
    const bool fits = body_bytes() <= body_bytes_max;
    good = fits && (kept_[command_at] == local || body_bytes() >= addresses_of(kept_[family_at]));
  }
  return good ? verdict::more : verdict::malformed;
}

void proxy_header::read_addresses() noexcept {
  if (kept_[command_at] == local) return;
  const auto body = std::span<const std::uint8_t, kept_max>{kept_}.subspan<head_bytes>();
  if (kept_[family_at] == tcp_v4) {
    source_ = ip_and_port{ip_address::v4(body.subspan<0, 4>()), port_at(body, 8)};
    destination_ = ip_and_port{ip_address::v4(body.subspan<4, 4>()), port_at(body, 10)};
  } else if (kept_[family_at] == tcp_v6) {
    source_ = ip_and_port{ip_address::v6(body.subspan<0, 16>()), port_at(body, 32)};
    destination_ = ip_and_port{ip_address::v6(body.subspan<16, 16>()), port_at(body, 34)};
  }
}

}  // namespace greenroom::runtime
