#include "codecs/names.hpp"

#include <utf8proc.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace greenroom::codecs {
namespace {

constexpr std::string_view control = "must not have control characters.";

/// Whether all bytes are ASCII from space to tilde. Eight at a time: the usual name is done in a few steps.
bool is_plain(std::string_view text) {
  constexpr std::uint64_t ones = 0x0101'0101'0101'0101, high = ones * 0x80;
  const auto odd = [](std::uint64_t w) {
    const auto del = w ^ (ones * 0x7f);
    return (w | ((w - ones * ' ') & ~w) | ((del - ones) & ~del)) & high;
  };
  std::uint64_t found = 0;
  for (; text.size() >= sizeof(std::uint64_t); text.remove_prefix(sizeof(std::uint64_t))) {
    std::uint64_t w = 0;
    std::memcpy(&w, text.data(), sizeof w);
    found |= odd(w);
  }
  std::uint64_t rest = ones * ' ';
  std::memcpy(&rest, text.data(), text.size());
  return (found | odd(rest)) == 0;
}

/// They turn what stands around them on the screen.
bool is_direction(utf8proc_int32_t c) {
  return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

std::optional<std::string_view> flaw_of(utf8proc_int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_CC: return control;
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP: return "must not have line or paragraph separators.";
    case UTF8PROC_CATEGORY_CN: return "must not have characters that Unicode 14 has not assigned.";
    default: break;
  }
  if (is_direction(c)) return "must not have controls of the writing direction.";
  return std::nullopt;
}

bool is_composed(std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &composed, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned{composed, std::free};
  return size >= 0 && text == std::string_view{reinterpret_cast<const char*>(composed), static_cast<std::size_t>(size)};
}

}  // namespace

std::optional<std::string_view> flaw_of_name(std::string_view text) {
  if (text.empty()) return "must not be empty.";
  if (is_plain(text)) return std::nullopt;
  auto rest = text;
  while (!rest.empty()) {
    utf8proc_int32_t c = 0;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(rest.data()),
                                        static_cast<utf8proc_ssize_t>(rest.size()), &c);
    if (bytes <= 0) return "must be UTF-8.";
    if (const auto flaw = flaw_of(c)) return flaw;
    rest.remove_prefix(static_cast<std::size_t>(bytes));
  }
  if (!is_composed(text)) return "must be in Unicode's composed form (NFC).";
  return std::nullopt;
}

bool is_name(std::string_view text, std::size_t bytes_max) { return text.size() <= bytes_max && !flaw_of_name(text); }

}  // namespace greenroom::codecs
