/// KEY_TEXT is how an API key reads: `grk_ID_SECRET_SUM`, 69 characters that need no escape anywhere. ID (12 hexadecimal
/// digits) names it in lists and logs, SECRET is 256 random bits as base64url, and SUM, 8 hexadecimal digits of a
/// SHA-256 over what stands before, tells a typing error, and what only looks like a key, from a key.
///
/// Threading: any. Failure: std::runtime_error where the system has no randomness.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "storage/api_key.hpp"

namespace greenroom::key_text {

inline constexpr std::string_view prefix = "grk_";
inline constexpr std::size_t id_bytes = 12, secret_bytes = 43, sum_bytes = 8;
inline constexpr std::size_t bytes = prefix.size() + id_bytes + 1 + secret_bytes + 1 + sum_bytes;

struct parts {
  std::string_view id, secret;  ///< of the text that was read
};
enum class flaw : std::uint8_t {
  shape,  ///< too long or too short, or a character that does not belong there
  sum,    ///< typed wrong, or cut and filled up
};
/// What the parts of a key are. Says nothing of whether there is such a key.
std::variant<parts, flaw> read(std::string_view text);

/// Whether it is meant to be a key.
inline bool is_meant(std::string_view text) noexcept { return text.starts_with(prefix); }

struct minted {
  std::string id, text;  ///< the text is kept nowhere
  storage::secret_hash hash{};
};
minted mint();

/// The id of a key that stands, whole or in part, in what a client has written into a URL, percent-encoded or not; empty:
/// there is none.
std::string id_in(std::string_view url);

/// The same text with `…` in the place of what follows a key's id: for the log.
std::string without_secrets(std::string_view text);

}  // namespace greenroom::key_text
