#include "runtime/web_origin.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace greenroom::runtime {
namespace {

constexpr std::size_t scheme_chars_max = 32, host_chars_max = 253, label_chars_max = 63;
constexpr std::string_view separator = "://", star_label = "*.";
constexpr std::uint16_t http_port = 80, https_port = 443;

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f'); }

/// RFC 3986, 3.1, in lower case.
bool is_scheme(std::string_view text) noexcept {
  return !text.empty() && text.size() <= scheme_chars_max && is_lower(text.front()) &&
         std::ranges::all_of(text,
                             [](char c) { return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; });
}

/// What the URL standard takes for a number, as which it would read the whole host.
bool is_number(std::string_view label) noexcept {
  if (std::ranges::all_of(label, is_digit)) return true;
  return label.starts_with("0x") && std::ranges::all_of(label.substr(2), is_hex);
}

/// Four numbers to 255 without needless digits.
bool is_v4(std::string_view text) noexcept {
  int parts = 0;
  for (;; ++parts) {
    const auto dot = text.find('.');
    const auto part = text.substr(0, dot);
    unsigned value = 0;
    const auto got = std::from_chars(part.data(), part.data() + part.size(), value);
    if (part.empty() || got.ec != std::errc{} || got.ptr != part.data() + part.size() || value > 255) return false;
    if (part.size() > 1 && part.front() == '0') return false;
    if (dot == std::string_view::npos) return parts == 3;
    text.remove_prefix(dot + 1);
  }
}

/// As the URL standard writes it: the longest run of two zeros or more is shortened, the first of equals, and the end is
/// never written as IPv4 (which inet_ntop does).
std::string v6_text(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> pieces{};
  for (std::size_t i = 0; i != pieces.size(); ++i)
    pieces[i] = static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  std::size_t run_at = pieces.size(), run = 1;
  for (std::size_t i = 0; i != pieces.size();) {
    std::size_t end = i;
    while (end != pieces.size() && pieces[end] == 0) ++end;
    if (end - i > run) {
      run_at = i;
      run = end - i;
    }
    i = end + 1 > pieces.size() ? pieces.size() : end + 1;
  }
  std::string out;
  for (std::size_t i = 0; i != pieces.size();) {
    if (i == run_at) {
      out += i == 0 ? "::" : ":";
      i += run;
      continue;
    }
    std::array<char, 4> digits{};
    const auto made = std::to_chars(digits.data(), digits.data() + digits.size(), pieces[i], 16);
    out.append(digits.data(), made.ptr);
    if (++i != pieces.size()) out += ':';
  }
  return out;
}

bool is_v6(std::string_view text) noexcept {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return false;
  std::array<std::uint8_t, 16> bytes{};
  return inet_pton(AF_INET6, std::string{text}.c_str(), bytes.data()) == 1 && v6_text(bytes) == text;
}

/// Labels of lower-case letters, digits, hyphens and underscores; a number at the end makes it an IPv4 address.
bool is_name(std::string_view text) noexcept {
  if (text.empty() || text.size() > host_chars_max) return false;
  std::string_view last;
  for (auto rest = text;;) {
    const auto dot = rest.find('.');
    last = rest.substr(0, dot);
    const auto fits = [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_'; };
    if (last.empty() || last.size() > label_chars_max || !std::ranges::all_of(last, fits)) return false;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  return !is_number(last) || is_v4(text);
}

std::uint16_t default_port(std::string_view scheme) noexcept {
  return scheme == "http" ? http_port : scheme == "https" ? https_port : std::uint16_t{0};
}

struct parts {
  std::string_view scheme, host, port;  ///< An IPv6 host has its brackets.
};

/// Where the pieces are; they are not looked at.
std::optional<parts> split(std::string_view text) noexcept {
  const auto end = text.find(separator);
  if (end == std::string_view::npos) return std::nullopt;
  parts found{.scheme = text.substr(0, end), .host = text.substr(end + separator.size()), .port = {}};
  const auto colon = found.host.rfind(':');
  const bool in_brackets = found.host.ends_with(']');
  if (colon == std::string_view::npos || in_brackets) return found;
  found.port = found.host.substr(colon);
  found.host = found.host.substr(0, colon);
  return found;
}

/// Empty, or ":" and a number from 1 to 65535 that is not the scheme's own.
bool is_port(std::string_view text, std::string_view scheme) noexcept {
  if (text.empty()) return true;
  const auto digits = text.substr(1);
  std::uint16_t port = 0;
  const auto got = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || digits.front() == '0' || got.ec != std::errc{} || got.ptr != digits.data() + digits.size())
    return false;
  return port != default_port(scheme);
}

bool is_host(std::string_view text) noexcept {
  if (text.starts_with('[')) return text.ends_with(']') && is_v6(text.substr(1, text.size() - 2));
  return is_name(text);
}

}  // namespace

bool is_web_origin(std::string_view text) noexcept {
  const auto found = split(text);
  return found && is_scheme(found->scheme) && is_port(found->port, found->scheme) && is_host(found->host);
}

bool is_origin_entry(std::string_view text) noexcept {
  if (text == "null") return true;
  const auto found = split(text);
  if (!found || !found->host.starts_with(star_label)) return is_web_origin(text);
  const auto base = found->host.substr(star_label.size());
  return is_scheme(found->scheme) && is_port(found->port, found->scheme) && is_name(base) && !is_v4(base) &&
         base.find('.') != std::string_view::npos;
}

bool origin_matches(std::string_view entry, std::string_view origin) noexcept {
  const auto star = entry.find('*');
  if (star == std::string_view::npos) return entry == origin;
  const auto scheme = entry.substr(0, star), rest = entry.substr(star + 1);
  if (!origin.starts_with(scheme) || !origin.ends_with(rest) || origin.size() <= scheme.size() + rest.size())
    return false;
  const auto label = origin.substr(scheme.size(), origin.size() - scheme.size() - rest.size());
  return label.find('.') == std::string_view::npos;
}

std::string origin_of_site(web_scheme by, std::string_view host) {
  std::string origin{by == web_scheme::https ? "https://" : "http://"};
  const std::string_view own = by == web_scheme::https ? ":443" : ":80";
  if (host.ends_with(own)) host.remove_suffix(own.size());
  for (const char c : host) origin += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return is_web_origin(origin) ? origin : std::string{};
}

bool is_origin_of_this_machine(std::string_view origin) noexcept {
  const auto found = split(origin);
  if (!found || default_port(found->scheme) == 0) return false;
  return found->host == "localhost" || found->host == "127.0.0.1" || found->host == "[::1]";
}

bool has_own_address(std::string_view origin) noexcept {
  const auto found = split(origin);
  if (!found) return false;
  return found->host == "localhost" || found->host.ends_with(".localhost") || found->host.starts_with('[') ||
         is_v4(found->host);
}

}  // namespace greenroom::runtime
