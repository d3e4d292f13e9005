/// How one setting is read from what a person wrote and written back: "25s", 25000, "64KiB", true, "a, b", a word of a
/// choice.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace greenroom::runtime {

enum class value_kind : std::uint8_t { count, duration, size, toggle, text, list, choice };

/// An enum whose values 0, 1, 2 … have words.
struct word_choice {
  std::uint8_t* value;
  std::span<const std::string_view> words;
};

/// Where a setting is kept.
using place = std::variant<std::uint32_t*, std::uint64_t*, std::int64_t*, bool*, std::string*,
                           std::vector<std::string>*, word_choice>;

/// An enum of one byte and the words of its values, in their order.
template <class Enum>
place one_of(Enum& value, std::span<const std::string_view> words) {
  static_assert(sizeof value == sizeof(std::uint8_t));
  return word_choice{reinterpret_cast<std::uint8_t*>(&value), words};  // an unsigned char may alias anything
}

/// Inclusive; also the number of entries of a list.
struct value_range {
  std::uint64_t min = 0;
  std::uint64_t max = UINT64_MAX;
};

/// As it stands in a file; from the environment or the command line always text.
using written = std::variant<std::int64_t, bool, std::string, std::vector<std::string>>;

/// Stores the value. Otherwise nothing changes, and the answer is what was expected: `a duration from 1s to 24h, like
/// "25s"`.
std::optional<std::string> assign(const place& to, value_kind kind, const value_range& range, const written& value);

/// As TOML: `25000`, `"text"`, `["a", "b"]`, `true`.
std::string toml_text(const place& from);
/// For people: `25s`, `64 KiB`, `a`, `b`.
std::string plain_text(const place& from, value_kind kind);
std::string plain_text(std::uint64_t value, value_kind kind);
/// `a duration from 1s to 24h`, `one of "text", "json"`.
std::string expectation(const place& of, value_kind kind, const value_range& range);

}  // namespace greenroom::runtime
