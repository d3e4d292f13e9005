#include "runtime/config_value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

namespace greenroom::runtime {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};
// The largest first: that is how a value is written back.
constexpr std::array durations{unit{"d", 86'400'000}, unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000},
                               unit{"ms", 1}};
constexpr std::array sizes{unit{"GiB", 1u << 30}, unit{"MiB", 1u << 20}, unit{"KiB", 1u << 10}, unit{"B", 1}};

std::span<const unit> units_of(value_kind kind) {
  if (kind == value_kind::duration) return durations;
  if (kind == value_kind::size) return sizes;
  return {};
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::uint64_t> parse_number(std::string_view text, value_kind kind) {
  text = trimmed(text);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{}) return {};
  const auto suffix = trimmed({end, static_cast<std::size_t>(text.data() + text.size() - end)});
  if (suffix.empty()) return number;
  for (const auto& [name, factor] : units_of(kind)) {
    if (suffix != name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / factor) return {};
    return number * factor;
  }
  return {};
}

std::optional<std::uint64_t> number_of(const written& value, value_kind kind) {
  if (const auto* number = std::get_if<std::int64_t>(&value))
    return *number < 0 ? std::nullopt : std::optional{static_cast<std::uint64_t>(*number)};
  if (const auto* text = std::get_if<std::string>(&value)) return parse_number(*text, kind);
  return {};
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!trimmed(text).empty()) {
    const auto comma = std::min(text.find(','), text.size());
    parts.emplace_back(trimmed(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

bool put(bool* to, const written& value) {
  if (const auto* given = std::get_if<bool>(&value)) return *to = *given, true;
  const auto* text = std::get_if<std::string>(&value);
  if (!text || (*text != "true" && *text != "false")) return false;
  *to = *text == "true";
  return true;
}

bool put(std::string* to, const written& value) {
  const auto* text = std::get_if<std::string>(&value);
  if (text) *to = *text;
  return text != nullptr;
}

bool put(std::vector<std::string>* to, const value_range& range, const written& value) {
  std::vector<std::string> entries;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    entries = *list;
  else if (const auto* text = std::get_if<std::string>(&value))
    entries = split(*text);
  else
    return false;
  if (entries.size() < range.min || entries.size() > range.max) return false;
  *to = std::move(entries);
  return true;
}

bool put(const word_choice& to, const written& value) {
  const auto* text = std::get_if<std::string>(&value);
  const auto word = text ? std::ranges::find(to.words, *text) : to.words.end();
  if (word == to.words.end()) return false;
  *to.value = static_cast<std::uint8_t>(word - to.words.begin());
  return true;
}

template <class Integer>
bool put(Integer* to, value_kind kind, const value_range& range, const written& value) {
  const auto number = number_of(value, kind);
  const auto most = std::min<std::uint64_t>(range.max, std::numeric_limits<Integer>::max());
  if (!number || *number < range.min || *number > most) return false;
  *to = static_cast<Integer>(*number);
  return true;
}

std::string quoted(std::string_view text) {
  std::string out{'"'};
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

template <class List, class Write>
std::string joined(const List& entries, Write write) {
  std::string out;
  for (const auto& entry : entries) out.append(out.empty() ? "" : ", ").append(write(entry));
  return out;
}

std::string_view word_of(const word_choice& of) { return of.words[*of.value]; }

template <class Pointer>
constexpr bool is_number = std::is_integral_v<std::remove_pointer_t<Pointer>> && !std::is_same_v<Pointer, bool*>;

std::string range_text(const value_range& range, value_kind kind) {
  const auto text = [kind](std::uint64_t value) { return plain_text(value, kind); };
  if (range.max == UINT64_MAX) return range.min == 0 ? "" : " of at least " + text(range.min);
  return " from " + text(range.min) + " to " + text(range.max);
}

std::string counted(const value_range& range) {
  return std::to_string(range.min).append(" to ").append(std::to_string(range.max));
}

std::string_view example_of(value_kind kind) {
  if (kind == value_kind::duration) return R"(, as milliseconds or like "25s")";
  if (kind == value_kind::size) return R"(, as bytes or like "64KiB")";
  return "";
}

}  // namespace

std::optional<std::string> assign(const place& to, value_kind kind, const value_range& range, const written& value) {
  const auto stored = std::visit(
      [&](const auto& target) {
        using target_type = std::remove_cvref_t<decltype(target)>;
        if constexpr (is_number<target_type>)
          return put(target, kind, range, value);
        else if constexpr (std::is_same_v<target_type, std::vector<std::string>*>)
          return put(target, range, value);
        else
          return put(target, value);
      },
      to);
  if (stored) return {};
  return expectation(to, kind, range).append(example_of(kind));
}

std::string toml_text(const place& from) {
  struct {
    std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
    std::string operator()(const std::string* value) const { return quoted(*value); }
    std::string operator()(const std::vector<std::string>* value) const { return "[" + joined(*value, quoted) + "]"; }
    std::string operator()(const word_choice& value) const { return quoted(word_of(value)); }
    std::string operator()(const std::uint32_t* value) const { return std::to_string(*value); }
    std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
    std::string operator()(const std::int64_t* value) const { return std::to_string(*value); }
  } text;
  return std::visit(text, from);
}

std::string plain_text(std::uint64_t value, value_kind kind) {
  for (const auto& [name, factor] : units_of(kind))
    if (value != 0 && value % factor == 0)
      return std::to_string(value / factor).append(kind == value_kind::size ? " " : "").append(name);
  return std::to_string(value);
}

std::string plain_text(const place& from, value_kind kind) {
  return std::visit(
      [&](const auto& value) {
        if constexpr (is_number<std::remove_cvref_t<decltype(value)>>)
          return plain_text(static_cast<std::uint64_t>(*value), kind);
        else
          return toml_text(from);
      },
      from);
}

std::string expectation(const place& of, value_kind kind, const value_range& range) {
  switch (kind) {
    case value_kind::count: return "an integer" + range_text(range, kind);
    case value_kind::duration: return "a duration" + range_text(range, kind);
    case value_kind::size: return "a size" + range_text(range, kind);
    case value_kind::toggle: return "true or false";
    case value_kind::text: return "a text";
    case value_kind::list: return "a list of texts, " + counted(range);
    case value_kind::choice: return "one of " + joined(std::get<word_choice>(of).words, quoted);
  }
  return {};
}

}  // namespace greenroom::runtime
