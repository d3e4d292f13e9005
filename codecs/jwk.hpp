#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/jwt_key.hpp"

namespace greenroom::codecs {

namespace limits {
inline constexpr std::size_t jwk_set_bytes_max = 256 * 1024;
}

/// Where a JWK comes from. What is fetched is public, so that a secret in it is one that everybody has.
enum class jwk_origin : std::uint8_t { file, fetched };

/// What a JWK set holds for checking signatures.
struct jwk_set {
  std::vector<jwt_key> keys;
  std::vector<std::string> skipped;  ///< a sentence for each key that is not for that, or that nobody could use
};

/// JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037): RSA, EC on P-256, OKP Ed25519, and oct where the origin is a
/// file. Private members and certificates (`x5c`, `x5u`) are not looked at. Without `alg`, an RSA key holds RS256, as
/// the sets of large providers mean it; a secret must say its algorithm.
///
/// Bounds: limits::jwk_set_bytes_max, jwt_keys_max. Failure: nothing, and a sentence in `why` that holds no key.
std::optional<jwt_key> read_jwk(std::string_view json, jwk_origin from, std::string& why);

/// A set refuses as a whole what is no set, has too many keys or holds one id twice; keys of other uses, types, curves
/// and algorithms, and ill-formed ones, are skipped as RFC 7517 section 5 wants it.
std::optional<jwk_set> read_jwk_set(std::string_view json, jwk_origin from, std::string& why);

}  // namespace greenroom::codecs
