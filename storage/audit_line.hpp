/// AUDIT_LINE is one line of the audit log: a JSON object with the line's number, its time, what was decided, and the hash
/// of the line before it. Its own hash stands last and covers all the bytes before it, so that whoever changes, removes
/// or adds a line breaks the chain there.
///
///   {"n":7,"at":"2026-11-30T01:02:03.004Z","action":"room.join","decision":"refused",…,"prev":"…","hash":"…"}
///
/// `hash` is SHA-256 over the line without `,"hash":"…"`, as 64 hexadecimal digits; `prev` is that of line n-1, and 64 zeros
/// where n is 1.
///
/// Threading: any. Bounds: audit_text_bytes_max of each text, the rest is cut; members are few. Failure: what is no such
/// line is nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace greenroom::storage {

inline constexpr std::size_t audit_text_bytes_max = 512;
inline constexpr std::size_t audit_line_bytes_max = 32u << 10;  ///< of a line that is read; a longer one is none

enum class audit_decision : std::uint8_t { allowed, refused, done };
std::string_view word(audit_decision what) noexcept;

/// What a line says beside its place in the chain. Empty texts are left out.
struct audit_record {
  using value = std::variant<std::string, std::int64_t>;

  std::int64_t at_ms = 0;
  std::string action;
  audit_decision decision = audit_decision::done;
  std::vector<std::pair<std::string, value>> members{};
};

/// The place of a line in the chain: its number and its hash. Of no line: 0 and zeros.
struct audit_place {
  std::uint64_t n = 0;
  std::string hash = std::string(64, '0');

  bool operator==(const audit_place&) const = default;
};

/// The line that follows `before`, which becomes its place; without the end of the line.
std::string write_audit_line(const audit_record& what, audit_place& before);

/// A line that was read. `own_hash_fits` is false where it is not what was written.
struct audit_line {
  std::uint64_t n = 0;
  std::string at, action, decision, prev, hash;
  std::vector<std::pair<std::string, audit_record::value>> members{};  ///< the others, in their order
  bool own_hash_fits = false;

  std::string text(std::string_view member) const;  ///< empty: it has none
  std::optional<std::int64_t> number(std::string_view member) const;
};
std::optional<audit_line> read_audit_line(std::string_view text);

/// As RFC 3339 writes it, with milliseconds, UTC.
std::string audit_time(std::int64_t at_ms);

std::string hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view digits);

}  // namespace greenroom::storage
