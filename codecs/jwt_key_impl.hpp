#pragma once
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>
#include <string>

#include "codecs/jwt_key.hpp"

namespace greenroom::codecs {

/// What owns OpenSSL's objects: each has a function of its own that frees it.
template <auto Free>
struct freed_by {
  void operator()(auto* held) const noexcept { Free(held); }
};
using pkey_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using pkey_context_ptr = std::unique_ptr<EVP_PKEY_CTX, freed_by<EVP_PKEY_CTX_free>>;
using digest_context_ptr = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;

/// OpenSSL's queue of errors is the thread's, and TLS on this thread reads it: what tokens leave there goes with the
/// scope.
class own_errors {
 public:
  own_errors() { ERR_set_mark(); }
  ~own_errors() { ERR_pop_to_mark(); }
  own_errors(const own_errors&) = delete;
  own_errors& operator=(const own_errors&) = delete;
};

/// What a key is in OpenSSL's terms: a secret, or else a key pair or its public half.
struct jwt_key::material {
  std::string secret;
  pkey_ptr pkey;
  std::size_t signature_bytes = 0;  ///< exactly

  material() = default;
  material(const material&) = delete;
  material& operator=(const material&) = delete;
  ~material() { OPENSSL_cleanse(secret.data(), secret.size()); }
};

}  // namespace greenroom::codecs
