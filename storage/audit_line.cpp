#include "storage/audit_line.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace greenroom::storage {
namespace {

constexpr std::string_view hash_begin = R"(,"hash":")", hash_end = R"("})";
constexpr std::size_t hash_digits = 2 * SHA256_DIGEST_LENGTH;
constexpr std::size_t hash_bytes = hash_begin.size() + hash_digits + hash_end.size();
constexpr std::string_view digits_of_hex = "0123456789abcdef";

std::string sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return hex({reinterpret_cast<const char*>(out.data()), out.size()});
}

bool continues(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

/// How many bytes the character there has; 0: they are no UTF-8.
std::size_t character(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const auto second = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(text, at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool odd = (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F);
    return !odd && continues(text, at + 1) && continues(text, at + 2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool odd = (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
    return !odd && continues(text, at + 1) && continues(text, at + 2) && continues(text, at + 3) ? 4 : 0;
  }
  return 0;
}

void escape(std::string& to, unsigned code) {
  to += "\\u00";
  to += digits_of_hex[code >> 4];
  to += digits_of_hex[code & 15];
}

/// What strangers have sent stands here and is read on terminals: no control character goes through, also none of
/// U+0080 to U+009F, and what is no UTF-8 is U+FFFD.
void append_text(std::string& to, std::string_view text) {
  constexpr std::string_view unreadable = "\xEF\xBF\xBD", cut = "\xE2\x80\xA6";
  to += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto size = character(text, at);
    if (at + std::max<std::size_t>(size, 1) > audit_text_bytes_max) {
      to += cut;
      break;
    }
    const auto byte = static_cast<unsigned char>(text[at]);
    if (size == 0)
      to += unreadable;
    else if (byte == '"' || byte == '\\')
      (to += '\\') += text[at];
    else if (byte < 0x20 || byte == 0x7F)
      escape(to, byte);
    else if (byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0)
      escape(to, static_cast<unsigned char>(text[at + 1]));
    else
      to += text.substr(at, size);
    at += std::max<std::size_t>(size, 1);
  }
  to += '"';
}

void append_name(std::string& to, std::string_view name) {
  if (to.back() != '{') to += ',';
  append_text(to, name);
  to += ':';
}

/// Reads what write_audit_line writes, and nothing else of JSON: an object of texts and whole numbers, without space.
class reader {
 public:
  explicit reader(std::string_view text) : left_{text} {}

  bool take(char c) {
    if (left_.empty() || left_.front() != c) return false;
    left_.remove_prefix(1);
    return true;
  }
  bool over() const noexcept { return left_.empty(); }

  std::optional<std::string> text() {
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!left_.empty() && left_.front() != '"') {
      const char c = left_.front();
      left_.remove_prefix(1);
      if (c != '\\') {
        out += c;
        continue;
      }
      if (left_.empty()) return std::nullopt;
      const char what = left_.front();
      left_.remove_prefix(1);
      if (what == '"' || what == '\\') {
        out += what;
      } else if (what == 'u' && left_.size() >= 4 && left_.starts_with("00")) {
        const auto code = from_hex(left_.substr(2, 2));
        if (!code) return std::nullopt;
        if (static_cast<unsigned char>(code->front()) >= 0x80) out += '\xC2';
        out += code->front();
        left_.remove_prefix(4);
      } else {
        return std::nullopt;
      }
    }
    if (!take('"')) return std::nullopt;
    return out;
  }
  std::optional<std::int64_t> number() {
    std::int64_t out = 0;
    const auto [end, failed] = std::from_chars(left_.data(), left_.data() + left_.size(), out);
    if (failed != std::errc{}) return std::nullopt;
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return out;
  }
  std::optional<audit_record::value> value() {
    if (!left_.empty() && left_.front() == '"') {
      auto out = text();
      return out ? std::optional<audit_record::value>{std::move(*out)} : std::nullopt;
    }
    const auto out = number();
    return out ? std::optional<audit_record::value>{*out} : std::nullopt;
  }

 private:
  std::string_view left_;
};

/// Into its own place; false: it is none of those that every line has.
bool is_common(audit_line& to, const std::string& name, audit_record::value& what) {
  if (const auto* number = std::get_if<std::int64_t>(&what)) {
    if (name != "n" || *number <= 0) return false;
    to.n = static_cast<std::uint64_t>(*number);
    return true;
  }
  for (const auto& [known, place] : {std::pair{"at", &to.at},
                                     {"action", &to.action},
                                     {"decision", &to.decision},
                                     {"prev", &to.prev},
                                     {"hash", &to.hash}})
    if (name == known) {
      *place = std::move(std::get<std::string>(what));
      return true;
    }
  return false;
}

}  // namespace

std::string_view word(audit_decision what) noexcept {
  switch (what) {
    case audit_decision::allowed: return "allowed";
    case audit_decision::refused: return "refused";
    case audit_decision::done: return "done";
  }
  return {};
}

std::string hex(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits_of_hex[byte >> 4];
    out += digits_of_hex[byte & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const auto high = digits_of_hex.find(digits[i]), low = digits_of_hex.find(digits[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
  }
  return out;
}

std::string audit_time(std::int64_t at_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds{at_ms}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return out.data();
}

std::string write_audit_line(const audit_record& what, audit_place& before) {
  std::string line;
  constexpr std::size_t usual_bytes = 512;
  line.reserve(usual_bytes);
  line += R"({"n":)" + std::to_string(before.n + 1);
  append_name(line, "at"), append_text(line, audit_time(what.at_ms));
  append_name(line, "action"), append_text(line, what.action);
  append_name(line, "decision"), append_text(line, word(what.decision));
  for (const auto& [name, value] : what.members) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      if (text->empty()) continue;
      append_name(line, name), append_text(line, *text);
    } else {
      append_name(line, name), line += std::to_string(std::get<std::int64_t>(value));
    }
  }
  append_name(line, "prev"), append_text(line, before.hash);
  line += '}';
  auto hash = sha256(line);
  line.pop_back();
  line.append(hash_begin).append(hash).append(hash_end);
  before = {before.n + 1, std::move(hash)};
  return line;
}

std::string audit_line::text(std::string_view member) const {
  const auto found = std::ranges::find(members, member, [](const auto& each) { return std::string_view{each.first}; });
  if (found == members.end()) return {};
  const auto* text = std::get_if<std::string>(&found->second);
  return text ? *text : std::string{};
}

std::optional<std::int64_t> audit_line::number(std::string_view member) const {
  const auto found = std::ranges::find(members, member, [](const auto& each) { return std::string_view{each.first}; });
  if (found == members.end()) return std::nullopt;
  const auto* number = std::get_if<std::int64_t>(&found->second);
  return number ? std::optional{*number} : std::nullopt;
}

std::optional<audit_line> read_audit_line(std::string_view text) {
  if (text.size() <= hash_bytes || text.size() > audit_line_bytes_max) return std::nullopt;
  audit_line out;
  reader from{text};
  if (!from.take('{')) return std::nullopt;
  do {
    auto name = from.text();
    if (!name || !from.take(':')) return std::nullopt;
    auto value = from.value();
    if (!value) return std::nullopt;
    if (!is_common(out, *name, *value)) out.members.emplace_back(std::move(*name), std::move(*value));
  } while (from.take(','));
  if (!from.take('}') || !from.over() || out.n == 0) return std::nullopt;
  const auto covered = text.substr(0, text.size() - hash_bytes);
  const auto end = text.substr(covered.size());
  out.own_hash_fits = end.starts_with(hash_begin) && end.substr(hash_begin.size(), hash_digits) == out.hash &&
                      sha256(std::string{covered} + '}') == out.hash;
  return out;
}

}  // namespace greenroom::storage
