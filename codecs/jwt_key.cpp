#include "codecs/jwt_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "codecs/base64.hpp"
#include "codecs/jwt_key_impl.hpp"

namespace greenroom::codecs {
namespace {

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using number_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using builder_ptr = std::unique_ptr<OSSL_PARAM_BLD, freed_by<OSSL_PARAM_BLD_free>>;
using params_ptr = std::unique_ptr<OSSL_PARAM, freed_by<OSSL_PARAM_free>>;

constexpr std::array<std::string_view, 7> names{"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA"};

constexpr std::size_t mac_bytes[]{32, 48, 64};
constexpr std::size_t p256_coordinate_bytes = 32, ed25519_key_bytes = 32, elliptic_signature_bytes = 64;
constexpr int rsa_exponent_bits_max = 64;
constexpr std::string_view pem_begin = "-----BEGIN ";

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }

number_ptr number_of(std::string_view big_endian) {
  return number_ptr{BN_bin2bn(bytes_of(big_endian), static_cast<int>(big_endian.size()), nullptr)};
}

/// A public key from its parameters, validated by OpenSSL (for a curve: the point lies on it).
pkey_ptr public_key_of(const char* type, OSSL_PARAM_BLD* params) {
  const params_ptr list{OSSL_PARAM_BLD_to_param(params)};
  const pkey_context_ptr context{EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)};
  EVP_PKEY* made = nullptr;
  if (!list || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, list.get()) != 1)
    return {};
  return pkey_ptr{made};
}

bool holds(EVP_PKEY* key) {
  const pkey_context_ptr context{EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr)};
  return context && EVP_PKEY_public_check(context.get()) == 1;
}

/// What is wrong with an RSA key; empty: nothing. An even exponent or 1 would let anybody sign.
std::string flaw_of_rsa(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return "This algorithm needs an RSA key.";
  const auto bits = EVP_PKEY_get_bits(key);
  if (bits < limits::jwt_rsa_bits_min || bits > limits::jwt_rsa_bits_max)
    return "An RSA key must have " + std::to_string(limits::jwt_rsa_bits_min) + " to " +
           std::to_string(limits::jwt_rsa_bits_max) + " bits; this one has " + std::to_string(bits) + '.';
  BIGNUM* raw = nullptr;
  EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw);
  const number_ptr exponent{raw};
  if (!exponent || !BN_is_odd(raw) || BN_is_one(raw) || BN_num_bits(raw) > rsa_exponent_bits_max || !holds(key))
    return "The RSA key is not a sound one.";
  return {};
}

std::string flaw_of_p256(EVP_PKEY* key) {
  std::array<char, 64> group{};
  const bool named = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                     EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1;
  if (!named || std::string_view{group.data()} != "prime256v1") return "ES256 needs an EC key on the curve P-256.";
  return holds(key) ? std::string{} : "The EC key is not a point of its curve.";
}

std::string flaw_of(jwt_algorithm alg, EVP_PKEY* key) {
  switch (alg) {
    case jwt_algorithm::rs256:
    case jwt_algorithm::ps256: return flaw_of_rsa(key);
    case jwt_algorithm::es256: return flaw_of_p256(key);
    case jwt_algorithm::eddsa:
      return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? std::string{} : "EdDSA needs an Ed25519 key.";
    default: return std::string{name_of(alg)} + " needs a secret, not a key of two halves.";
  }
}

struct pem_block {
  std::string label, data;
};

/// The first block of `pem` that may be a key: `openssl ecparam` writes the curve's name before it. OpenSSL would ask on
/// the terminal for the password of an encrypted one; this never does, as PEM_read_bio leaves what is encrypted alone.
std::optional<pem_block> first_block(std::string_view pem) {
  if (pem.size() > limits::jwt_pem_bytes_max) return std::nullopt;
  const bio_ptr source{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
  pem_block found;
  do {
    char *label = nullptr, *header = nullptr;
    unsigned char* data = nullptr;
    long length = 0;
    if (!source || PEM_read_bio(source.get(), &label, &header, &data, &length) != 1) return std::nullopt;
    found = {label, {reinterpret_cast<const char*>(data), static_cast<std::size_t>(length)}};
    if (*header != '\0') found.label = "ENCRYPTED " + found.label;
    OPENSSL_free(label);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(length));
  } while (found.label == "EC PARAMETERS");
  return found;
}

pkey_ptr decode_public(const pem_block& block) {
  const auto* at = bytes_of(block.data);
  const auto length = static_cast<long>(block.data.size());
  if (block.label == "PUBLIC KEY") return pkey_ptr{d2i_PUBKEY(nullptr, &at, length)};
  if (block.label == "RSA PUBLIC KEY") return pkey_ptr{d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, length)};
  if (block.label != "CERTIFICATE") return {};
  const certificate_ptr certificate{d2i_X509(nullptr, &at, length)};
  return certificate ? pkey_ptr{X509_get_pubkey(certificate.get())} : pkey_ptr{};
}

pkey_ptr decode_private(const pem_block& block) {
  const auto* at = bytes_of(block.data);
  return pkey_ptr{d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(block.data.size()))};
}

std::optional<std::string> secret_of(std::string_view text, jwt_secret_form form, std::string& why) {
  auto secret = form == jwt_secret_form::raw ? std::optional{std::string{text}} : from_base64(text);
  if (!secret) secret = from_base64url(text);
  if (!secret) return why = "The secret is not base64.", std::nullopt;
  if (secret->find(pem_begin) != std::string::npos)
    why = "A PEM document is no secret: what is in it is public, or belongs to another algorithm.";
  else if (secret->size() < limits::jwt_secret_bytes_min || secret->size() > limits::jwt_secret_bytes_max)
    why = "A secret must have " + std::to_string(limits::jwt_secret_bytes_min) + " to " +
          std::to_string(limits::jwt_secret_bytes_max) + " bytes; this one has " + std::to_string(secret->size()) + '.';
  else
    return secret;
  OPENSSL_cleanse(secret->data(), secret->size());
  return std::nullopt;
}

}  // namespace

std::string_view name_of(jwt_algorithm which) noexcept { return names[static_cast<std::size_t>(which)]; }

std::optional<jwt_algorithm> jwt_algorithm_of(std::string_view name) noexcept {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<jwt_algorithm>(found - names.begin());
}

std::optional<jwt_key> jwt_key::checked(jwt_algorithm alg, std::shared_ptr<material> what, std::string kid,
                                        std::string& why) {
  why.clear();
  if (kid.size() > limits::jwt_kid_bytes_max) why = "The key's id is too long.";
  if (!what->pkey && why.empty()) why = "This is no key that OpenSSL can read.";
  if (why.empty()) why = flaw_of(alg, what->pkey.get());
  if (!why.empty()) return std::nullopt;
  const bool elliptic = alg == jwt_algorithm::es256 || alg == jwt_algorithm::eddsa;
  what->signature_bytes =
      elliptic ? elliptic_signature_bytes : static_cast<std::size_t>(EVP_PKEY_get_size(what->pkey.get()));
  return jwt_key{alg, std::move(what), std::move(kid)};
}

std::optional<jwt_key> jwt_key::from_secret(jwt_algorithm alg, std::string_view text, jwt_secret_form form,
                                            std::string kid, std::string& why) {
  why.clear();
  if (!is_hmac(alg)) why = std::string{name_of(alg)} + " needs a key of two halves, not a secret.";
  if (kid.size() > limits::jwt_kid_bytes_max) why = "The key's id is too long.";
  if (!why.empty()) return std::nullopt;
  auto secret = secret_of(text, form, why);
  if (!secret) return std::nullopt;
  auto what = std::make_shared<material>();
  what->secret.swap(*secret);
  what->signature_bytes = mac_bytes[static_cast<std::size_t>(alg)];
  return jwt_key{alg, std::move(what), std::move(kid)};
}

std::optional<jwt_key> jwt_key::from_pem(jwt_algorithm alg, std::string_view pem, std::string kid, std::string& why) {
  const own_errors scope;
  const auto block = first_block(pem);
  if (!block) return why = "This is no PEM document.", std::nullopt;
  if (block->label.find("PRIVATE KEY") != std::string::npos)
    return why = "This is a private key; a node needs the public one, and nothing more.", std::nullopt;
  auto what = std::make_shared<material>();
  what->pkey = decode_public(*block);
  return checked(alg, std::move(what), std::move(kid), why);
}

std::optional<jwt_key> jwt_key::from_rsa(jwt_algorithm alg, std::string_view n, std::string_view e, std::string kid,
                                         std::string& why) {
  const own_errors scope;
  auto what = std::make_shared<material>();
  if (n.size() <= limits::jwt_rsa_bits_max / 8 && e.size() <= limits::jwt_rsa_bits_max / 8) {
    const auto modulus = number_of(n), exponent = number_of(e);
    const builder_ptr params{OSSL_PARAM_BLD_new()};
    OSSL_PARAM_BLD_push_BN(params.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
    OSSL_PARAM_BLD_push_BN(params.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
    what->pkey = public_key_of("RSA", params.get());
  }
  return checked(alg, std::move(what), std::move(kid), why);
}

std::optional<jwt_key> jwt_key::from_p256(std::string_view x, std::string_view y, std::string kid, std::string& why) {
  const own_errors scope;
  auto what = std::make_shared<material>();
  if (x.size() == p256_coordinate_bytes && y.size() == p256_coordinate_bytes) {
    std::string point{'\x04'};  // SEC 1, 2.3.3: both coordinates follow
    point.append(x).append(y);
    const builder_ptr params{OSSL_PARAM_BLD_new()};
    OSSL_PARAM_BLD_push_utf8_string(params.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(params.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    what->pkey = public_key_of("EC", params.get());
  }
  return checked(jwt_algorithm::es256, std::move(what), std::move(kid), why);
}

std::optional<jwt_key> jwt_key::from_ed25519(std::string_view x, std::string kid, std::string& why) {
  const own_errors scope;
  auto what = std::make_shared<material>();
  if (x.size() == ed25519_key_bytes)
    what->pkey.reset(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()));
  return checked(jwt_algorithm::eddsa, std::move(what), std::move(kid), why);
}

std::optional<jwt_signer> jwt_signer::from_secret(jwt_algorithm alg, std::string_view text, jwt_secret_form form,
                                                  std::string kid, std::string& why) {
  auto key = jwt_key::from_secret(alg, text, form, std::move(kid), why);
  if (!key) return std::nullopt;
  return jwt_signer{std::move(*key)};
}

std::optional<jwt_signer> jwt_signer::from_pem(jwt_algorithm alg, std::string_view pem, std::string kid,
                                               std::string& why) {
  const own_errors scope;
  auto block = first_block(pem);
  if (!block || !block->label.ends_with("PRIVATE KEY") || block->label.starts_with("ENCRYPTED "))
    return why = "This is no private key in PEM, or it is encrypted.", std::nullopt;
  auto what = std::make_shared<jwt_key::material>();
  what->pkey = decode_private(*block);
  OPENSSL_cleanse(block->data.data(), block->data.size());
  auto key = jwt_key::checked(alg, std::move(what), std::move(kid), why);
  if (!key) return std::nullopt;
  return jwt_signer{std::move(*key)};
}

}  // namespace greenroom::codecs
