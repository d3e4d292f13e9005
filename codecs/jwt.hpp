#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "codecs/jwt_key_set.hpp"

namespace greenroom::codecs {

namespace limits {
inline constexpr std::uint64_t jwt_leeway_s = 60;               ///< by which clocks may differ
inline constexpr std::uint64_t jwt_time_max = 253'402'300'799;  ///< the last second of the year 9999
inline constexpr std::size_t jwt_audiences_max = 32;            ///< in one token
inline constexpr std::size_t jwt_name_bytes_max = 1'024;        ///< `iss`, one `aud`
inline constexpr std::size_t jwt_id_bytes_max = 256;            ///< `jti`
inline constexpr std::size_t jwt_roles_max = 64;                ///< in one token; scopes likewise
inline constexpr std::size_t jwt_role_bytes_max = 256;          ///< one of them
inline constexpr std::size_t jwt_grants_max = 32;               ///< in one token
inline constexpr std::size_t jwt_grant_entries_max = 64;        ///< in one list of one grant
inline constexpr std::size_t jwt_grant_bytes_max = 255;         ///< one entry
}  // namespace limits

enum class jwt_expiry : std::uint8_t { required, optional };

/// Whose tokens are believed. Immutable and shared; a change is another object.
struct jwt_trust {
  key_set_ptr keys;                    ///< never null
  std::vector<std::string> issuers;    ///< `iss` must be one of them; empty: anybody whom the keys vouch for
  std::vector<std::string> audiences;  ///< `aud` must have one of them; empty: a token that has `aud` is for others
  jwt_expiry expiry = jwt_expiry::required;
  std::string grants_claim = "greenroom", roles_claim = "roles";  ///< empty: not looked at
};
using jwt_trust_ptr = std::shared_ptr<const jwt_trust>;

/// One of the things that a token allows, in its issuer's words; what they mean is for whoever decides.
struct jwt_grant {
  std::vector<std::string> rooms, actions, methods, users;
};

/// What a verified token says.
struct jwt_claims {
  std::string subject;  ///< a user's name
  std::string issuer;   ///< empty: none stated
  std::string id;       ///< `jti`; empty: none stated
  std::string kid;      ///< of the key that signed it, not what the token says; empty: that key has none
  std::uint64_t expires_at_s = limits::jwt_time_max;
  std::uint64_t not_before_s = 0, issued_at_s = 0;
  std::vector<std::string> roles;   ///< of the claim that the trust names
  std::vector<std::string> scopes;  ///< `scope`, RFC 8693 section 4.2
  std::vector<jwt_grant> grants;    ///< of the claim that the trust names
  std::string document;             ///< all claims, the JSON as it was signed
};
using jwt_claims_ptr = std::shared_ptr<const jwt_claims>;

/// Why a token is not believed. For the log and the audit; a stranger learns only that it is so.
enum class jwt_refusal : std::uint8_t {
  too_long,  ///< over limits::token_bytes_max
  not_three_parts,
  not_base64url,    ///< or not as encoding would have written it
  ill_header,       ///< no JSON object, too deep, too many members, a member of the wrong kind
  repeated_member,  ///< in the header or the claims, at any depth
  unsigned_token,   ///< `alg` is none
  unknown_algorithm,
  critical_header,    ///< `crit`: extensions that nobody here knows
  unencoded_payload,  ///< `b64`, RFC 7797
  wrong_type,         ///< `typ` is neither JWT nor at+jwt
  unknown_key,
  wrong_algorithm,  ///< not the one that the key holds
  ambiguous_key,    ///< no `kid`, several keys fit
  ill_signature,    ///< its length, or r and s: no key can have made it
  wrong_signature,
  ill_claims,   ///< as ill_header, of the claims
  ill_subject,  ///< `sub` is missing, or no name that a user may have
  wrong_issuer,
  wrong_audience,
  no_expiry,
  expired,
  not_yet_valid,     ///< `nbf`
  issued_in_future,  ///< `iat`
  ill_roles,         ///< the roles or `scope`: neither a list of texts nor a text, or too many
  ill_grants,        ///< no object of lists of texts and no list of those, or too many
};

/// A sentence for the log.
std::string_view sentence_of(jwt_refusal why) noexcept;

using jwt_verdict = std::variant<jwt_claims_ptr, jwt_refusal>;

/// Verifies a compact JWS (RFC 7515 section 5.2) whose payload is a set of claims (RFC 7519). Nothing in it names where
/// a key is: `jku`, `x5u`, `jwk` and `x5c` are not looked at. The claims are read only after the signature holds.
///
/// Threading: any thread. Bounds: limits::token_bytes_max, and small ones on depth and members. Failure: one
/// refusal; header, key and signature come before claims.
jwt_verdict verify_jwt(std::string_view token, const jwt_trust& trust, std::uint64_t now_s);

/// Whether claims that were verified before still hold by the clock: nothing, or why not.
std::optional<jwt_refusal> untimely(const jwt_claims& claims, std::uint64_t now_s) noexcept;

}  // namespace greenroom::codecs
