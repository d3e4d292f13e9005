#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace greenroom::codecs {

namespace limits {
inline constexpr std::size_t jwt_secret_bytes_min = 32, jwt_secret_bytes_max = 4'096;
inline constexpr int jwt_rsa_bits_min = 2'048, jwt_rsa_bits_max = 8'192;
inline constexpr std::size_t jwt_kid_bytes_max = 256;
inline constexpr std::size_t jwt_pem_bytes_max = 64 * 1024;
}  // namespace limits

/// What a token may be signed with (RFC 7518 section 3, RFC 8037); there is no `none`.
enum class jwt_algorithm : std::uint8_t { hs256, hs384, hs512, rs256, ps256, es256, eddsa };

/// As `alg` spells it.
std::string_view name_of(jwt_algorithm which) noexcept;
/// The opposite; letter case counts.
std::optional<jwt_algorithm> jwt_algorithm_of(std::string_view name) noexcept;

constexpr bool is_hmac(jwt_algorithm a) noexcept { return a <= jwt_algorithm::hs512; }

enum class jwt_secret_form : std::uint8_t {
  raw,
  base64  ///< padded with the standard alphabet, or unpadded with that of URLs
};

/// JWT_KEY is what a node checks signatures with: one key, which holds exactly one algorithm. What a token says of its
/// algorithm is compared with the key's and never chooses one (docs/decisions/0038-one-key-one-algorithm.md).
///
/// Lifecycle: made once from configuration or a JWK, then copied like a pointer. Threading: immutable, any thread.
/// Bounds: limits above. Failure: what makes one returns nothing and leaves a sentence in `why`, fit for the log: it
/// never holds any of the key. A secret is wiped from memory with its last copy.
class jwt_key {
 public:
  /// `kid` may be empty: such a key serves tokens that name no key, or one that nobody has.
  static std::optional<jwt_key> from_secret(jwt_algorithm alg, std::string_view text, jwt_secret_form form,
                                            std::string kid, std::string& why);
  /// A public key (`PUBLIC KEY`, `RSA PUBLIC KEY`) or a certificate, of which only the key counts; of a chain the first.
  static std::optional<jwt_key> from_pem(jwt_algorithm alg, std::string_view pem, std::string kid, std::string& why);

  /// From the numbers of a JWK, big-endian.
  static std::optional<jwt_key> from_rsa(jwt_algorithm alg, std::string_view n, std::string_view e, std::string kid,
                                         std::string& why);
  static std::optional<jwt_key> from_p256(std::string_view x, std::string_view y, std::string kid, std::string& why);
  static std::optional<jwt_key> from_ed25519(std::string_view x, std::string kid, std::string& why);

  jwt_algorithm algorithm() const noexcept { return algorithm_; }
  const std::string& kid() const noexcept { return kid_; }

  /// Whether `signature` may be one at all: its length, and for ES256 that r and s lie in [1, n).
  bool well_formed(std::string_view signature) const noexcept;
  /// Whether it is this key's under `input`; false where it is not well formed.
  bool verifies(std::string_view input, std::string_view signature) const;

 private:
  friend class jwt_signer;
  struct material;
  static std::optional<jwt_key> checked(jwt_algorithm alg, std::shared_ptr<material> what, std::string kid,
                                        std::string& why);
  jwt_key(jwt_algorithm alg, std::shared_ptr<const material> what, std::string kid)
      : algorithm_{alg}, material_{std::move(what)}, kid_{std::move(kid)} {}

  jwt_algorithm algorithm_;
  std::shared_ptr<const material> material_;
  std::string kid_;
};

/// JWT_SIGNER is the other half: it makes the signatures that its key verifies. A node has none; `greenroom token` and
/// tests have. Threading, bounds and failure as of jwt_key.
class jwt_signer {
 public:
  static std::optional<jwt_signer> from_secret(jwt_algorithm alg, std::string_view text, jwt_secret_form form,
                                               std::string kid, std::string& why);
  /// A private key, not encrypted (`PRIVATE KEY`, `RSA PRIVATE KEY`, `EC PRIVATE KEY`).
  static std::optional<jwt_signer> from_pem(jwt_algorithm alg, std::string_view pem, std::string kid, std::string& why);

  const jwt_key& key() const noexcept { return key_; }
  /// The signature as JWS has it. Throws std::runtime_error where OpenSSL cannot: memory, random numbers.
  std::string sign(std::string_view input) const;

 private:
  explicit jwt_signer(jwt_key key) : key_{std::move(key)} {}

  jwt_key key_;
};

/// SHA-256, under which a verified token is remembered.
std::string jwt_digest(std::string_view token);

}  // namespace greenroom::codecs
