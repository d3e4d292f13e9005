#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "codecs/jwt_key.hpp"
#include "codecs/jwt_key_impl.hpp"

namespace greenroom::codecs {
namespace {

using ecdsa_ptr = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;

constexpr std::size_t coordinate_bytes = 32;

/// The order n of P-256 (FIPS 186-5): r and s lie below it.
constexpr std::string_view p256_order{
    "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
    "\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51",
    coordinate_bytes};

const unsigned char* bytes_of(std::string_view s) { return reinterpret_cast<const unsigned char*>(s.data()); }
unsigned char* bytes_of(std::string& s) { return reinterpret_cast<unsigned char*>(s.data()); }

/// In [1, n); both are of one length, so that their order as texts is that as numbers.
bool is_scalar(std::string_view big_endian) {
  return std::ranges::any_of(big_endian, [](char c) { return c != '\0'; }) && big_endian < p256_order;
}

const EVP_MD* hash_of(jwt_algorithm alg) {
  switch (alg) {
    case jwt_algorithm::hs384: return EVP_sha384();
    case jwt_algorithm::hs512: return EVP_sha512();
    case jwt_algorithm::eddsa: return nullptr;  // has its own
    default: return EVP_sha256();
  }
}

/// RFC 7518 section 3.5: MGF1 with the same hash, a salt exactly as long as that.
bool choose_padding(jwt_algorithm alg, EVP_PKEY_CTX* context) {
  if (alg == jwt_algorithm::rs256) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  if (alg != jwt_algorithm::ps256) return true;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

std::string mac_of(jwt_algorithm alg, const std::string& secret, std::string_view input) {
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  if (HMAC(hash_of(alg), secret.data(), static_cast<int>(secret.size()), bytes_of(input), input.size(), bytes_of(mac),
           &length) == nullptr)
    return {};
  mac.resize(length);
  return mac;
}

/// r and s as they stand in JWS become the DER that OpenSSL takes.
std::string der_of(std::string_view raw) {
  const ecdsa_ptr pair{ECDSA_SIG_new()};
  auto* r = BN_bin2bn(bytes_of(raw), coordinate_bytes, nullptr);
  auto* s = BN_bin2bn(bytes_of(raw.substr(coordinate_bytes)), coordinate_bytes, nullptr);
  if (!pair || r == nullptr || s == nullptr || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const auto length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return {};
  std::string out{reinterpret_cast<const char*>(der), static_cast<std::size_t>(length)};
  OPENSSL_free(der);
  return out;
}

std::string raw_of(std::string_view der) {
  const auto* at = bytes_of(der);
  const ecdsa_ptr pair{d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()))};
  std::string raw(2 * coordinate_bytes, '\0');
  constexpr int width = coordinate_bytes;
  if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), bytes_of(raw), width) != width ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), bytes_of(raw) + width, width) != width)
    return {};
  return raw;
}

std::string signed_by(jwt_algorithm alg, EVP_PKEY* key, std::string_view input) {
  const digest_context_ptr context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* detail = nullptr;
  std::size_t length = 0;
  if (!context || EVP_DigestSignInit(context.get(), &detail, hash_of(alg), nullptr, key) != 1 ||
      !choose_padding(alg, detail) ||
      EVP_DigestSign(context.get(), nullptr, &length, bytes_of(input), input.size()) != 1)
    return {};
  std::string signature(length, '\0');
  if (EVP_DigestSign(context.get(), bytes_of(signature), &length, bytes_of(input), input.size()) != 1) return {};
  signature.resize(length);
  return alg == jwt_algorithm::es256 ? raw_of(signature) : signature;
}

}  // namespace

bool jwt_key::well_formed(std::string_view signature) const noexcept {
  if (signature.size() != material_->signature_bytes) return false;
  return algorithm_ != jwt_algorithm::es256 ||
         (is_scalar(signature.substr(0, coordinate_bytes)) && is_scalar(signature.substr(coordinate_bytes)));
}

bool jwt_key::verifies(std::string_view input, std::string_view signature) const {
  if (!well_formed(signature)) return false;
  const own_errors scope;
  if (is_hmac(algorithm_)) {
    const auto mac = mac_of(algorithm_, material_->secret, input);
    return mac.size() == signature.size() && CRYPTO_memcmp(mac.data(), signature.data(), mac.size()) == 0;
  }
  std::string der;
  if (algorithm_ == jwt_algorithm::es256) signature = der = der_of(signature);
  const digest_context_ptr context{EVP_MD_CTX_new()};
  EVP_PKEY_CTX* detail = nullptr;
  return context &&
         EVP_DigestVerifyInit(context.get(), &detail, hash_of(algorithm_), nullptr, material_->pkey.get()) == 1 &&
         choose_padding(algorithm_, detail) &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(input), input.size()) == 1;
}

std::string jwt_signer::sign(std::string_view input) const {
  const own_errors scope;
  const auto& what = *key_.material_;
  auto made = is_hmac(key_.algorithm_) ? mac_of(key_.algorithm_, what.secret, input)
                                       : signed_by(key_.algorithm_, what.pkey.get(), input);
  if (made.empty()) throw std::runtime_error{"a token could not be signed"};
  return made;
}

std::string jwt_digest(std::string_view token) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(bytes_of(token), token.size(), bytes_of(digest));
  return digest;
}

}  // namespace greenroom::codecs
