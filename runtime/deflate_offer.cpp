#include "runtime/deflate_offer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "runtime/http_impl.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::string_view extension_name = "permessage-deflate";
constexpr int window_bits_min = 8, window_bits_max = 15;  // of the standard
constexpr int deflate_bits_min = 9;                       // of zlib's raw deflate

bool is_token_char(char c) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";  // RFC 7230, 3.2.6
  const char lower = static_cast<char>(c | 0x20);
  return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || others.find(c) != others.npos;
}

/// Walks over the grammar of RFC 6455, 9.1.
class reader {
 public:
  explicit reader(std::string_view text) : left_{text} { skip_space(); }

  bool at_end() const noexcept { return left_.empty(); }
  bool take(char c) noexcept {
    if (left_.empty() || left_.front() != c) return false;
    left_.remove_prefix(1);
    skip_space();
    return true;
  }
  std::string_view token() noexcept {
    const auto end = std::find_if_not(left_.begin(), left_.end(), is_token_char);
    const auto found = left_.substr(0, static_cast<std::size_t>(end - left_.begin()));
    left_.remove_prefix(found.size());
    skip_space();
    return found;
  }
  /// A token, bare or between quotes; empty: neither.
  std::string_view value() noexcept {
    if (!take('"')) return token();
    const auto found = token();
    return take('"') ? found : std::string_view{};
  }

 private:
  void skip_space() noexcept { left_.remove_prefix(std::min(left_.find_first_not_of(" \t"), left_.size())); }
  std::string_view left_;
};

/// The parameters of one offer.
struct offer {
  enum parameter : std::size_t { server_bits, client_bits, server_no_takeover, client_no_takeover, count };
  static constexpr std::array<std::string_view, count> names{
      "server_max_window_bits", "client_max_window_bits", "server_no_context_takeover", "client_no_context_takeover"};
  std::array<bool, count> given{};
  int server_window_bits = window_bits_max;
  bool good = true;

  /// `value` is null where there was no '='.
  void add(std::string_view name, const std::optional<std::string_view>& value) {
    const auto found =
        std::find_if(names.begin(), names.end(), [&](auto each) { return equals_ignoring_case(each, name); });
    const auto which = static_cast<std::size_t>(found - names.begin());
    if (which == count || std::exchange(given[which], true)) {
      good = false;  // an unknown one, or one for the second time
    } else if (which == server_bits) {
      const auto bits = value ? bits_of(*value) : std::nullopt;
      good = good && bits;
      server_window_bits = bits.value_or(0);
    } else if (which == client_bits) {
      good = good && (!value || bits_of(*value));
    } else {
      good = good && !value;
    }
  }

  static std::optional<int> bits_of(std::string_view text) noexcept {
    int bits = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), bits);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && text.front() != '0';
    return whole && bits >= window_bits_min && bits <= window_bits_max ? std::optional{bits} : std::nullopt;
  }
};

std::string answer_to(const offer& accepted, int window_bits) {
  std::string text{extension_name};
  text += "; server_no_context_takeover; client_no_context_takeover";
  if (accepted.given[offer::server_bits] || window_bits < window_bits_max)
    text += "; server_max_window_bits=" + std::to_string(window_bits);
  return text;
}

}  // namespace

std::optional<deflate_agreement> accept_deflate(std::string_view offers, int window_bits) {
  std::optional<offer> accepted;
  reader in{offers};
  while (!in.at_end()) {
    if (in.take(',')) continue;  // empty elements are allowed
    const auto name = in.token();
    if (name.empty()) return std::nullopt;
    offer one;
    while (in.take(';')) {
      const auto parameter = in.token();
      if (parameter.empty()) return std::nullopt;
      std::optional<std::string_view> value;
      if (in.take('=')) {
        value = in.value();
        if (value->empty()) return std::nullopt;
      }
      one.add(parameter, value);
    }
    if (!in.at_end() && !in.take(',')) return std::nullopt;
    if (!accepted && equals_ignoring_case(name, extension_name) && one.good &&
        one.server_window_bits >= deflate_bits_min)
      accepted = one;
  }
  if (!accepted) return std::nullopt;
  const auto agreed = std::min(window_bits, accepted->server_window_bits);
  return deflate_agreement{answer_to(*accepted, agreed), agreed};
}

}  // namespace greenroom::runtime
