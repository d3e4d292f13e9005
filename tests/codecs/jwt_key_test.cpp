#include <openssl/err.h>

#include <catch2/catch.hpp>
#include <string>

#include "codecs/jwk.hpp"
#include "tests/codecs/jwt_samples.hpp"

namespace {

using namespace greenroom::codecs;

constexpr auto hs256 = jwt_algorithm::hs256, rs256 = jwt_algorithm::rs256, ps256 = jwt_algorithm::ps256,
               es256 = jwt_algorithm::es256, eddsa = jwt_algorithm::eddsa;
const std::string secret_32(32, 's');

/// Why a key is refused; "taken" where it is not.
std::string secret(jwt_algorithm alg, std::string_view text, jwt_secret_form form) {
  std::string why;
  return jwt_key::from_secret(alg, text, form, "", why) ? "taken" : why;
}
std::string pem(jwt_algorithm alg, std::string_view text, std::string kid = "") {
  std::string why;
  return jwt_key::from_pem(alg, text, std::move(kid), why) ? "taken" : why;
}
std::string jwk(std::string_view json, jwk_origin from = jwk_origin::fetched) {
  std::string why;
  const auto key = read_jwk(json, from, why);
  return key ? std::string{name_of(key->algorithm())} + ' ' + key->kid() : why;
}
std::string jwk_set_flaw(std::string_view json) {
  std::string why;
  return read_jwk_set(json, jwk_origin::fetched, why) ? "taken" : why;
}

bool verifies_what_is_signed(const jwt_key& key) {
  const auto signature = samples::signer(key.algorithm(), "").sign("input");
  return key.verifies("input", signature) && !key.verifies("input.", signature);
}

constexpr std::string_view rsa_1024 = R"(-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDdR5s4+OIuWb3FPOYHgFn0fPrK
an9LPjOIbFYH8rKu6wCE6EPTJMq/g4dbk9dtSr2iEhGWISMw7aWwijTMX+5XW3Ym
yLvnLQpwHcifPFk6bC0CNHf9N4jWRSiqqLbLdZietpP6xEHgrtqx1/EsA7tabXL6
CyK3fI6hVrQYdwjTPwIDAQAB
-----END PUBLIC KEY-----
)";
constexpr std::string_view rsa_pss = R"(-----BEGIN PUBLIC KEY-----
MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAKjjd72tNjlE5GpViydSqsKB
ocl8XFoFA0HYdLYDwX3qPtC+26xAbMomllD5V13Xf1XR06k0P/cLOu7sUXThDyXS
FYY35iJ+bNecsyInZkZYw2P1wnfVU6+cbxZjINnGZvLro7nH12YSGYM9hImeM03M
2+uURphfFv+YIDqwpO8vavAXWbEnB70uiDuXinyw3Z1BpFkbL2aYe9VoH3/xruCt
so1aPd827KosWJ7FaShDi9YX5cVz71pC6W3AMZPXGWnEokmaLeqX7Wgmh46/aTD8
w0pq/9SColHkbzjiiYzzwCXdvvj9o0HC1OQfLr2RCePF6mmwiC9uh9iBzu4dp/kC
AwEAAQ==
-----END PUBLIC KEY-----
)";
constexpr std::string_view p384 = R"(-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAENt59L9EmLLDtsaP0sCQ4TyLiz1Dvh5SV
oGBtzgWlJuUXJLAD4nPRVei6TG0CPQIw83uHhmk15e2ej0OFqltVwlj+XKh3lMsZ
GrWN7bfvsJLHOzBvoUcAPwByeh/uGQ82
-----END PUBLIC KEY-----
)";
/// The key of samples::rsa_public in PKCS #1.
constexpr std::string_view rsa_pkcs1 = R"(-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd/wWJcyQoTbji9k0l8W2
6mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMs
D1W/YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5
z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxv
b3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxXFvUK+DWNmoudF8NAco9/h9iaGNj8q2et
hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQIDAQAB
-----END RSA PUBLIC KEY-----
)";
/// As `openssl ecparam -genkey` writes it: the curve first, then samples::p256_private in SEC 1.
constexpr std::string_view p256_sec1 = R"(-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49
AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b
focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END EC PRIVATE KEY-----
)";
constexpr std::string_view encrypted = R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBgNKAA2ds993tKgvMi
CxdHAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQbIQvkxKpd0LZMooX
kZghOASBkPzj8RUP6CrpJ7h9OlPIT/y32B6pdB61/1XGbs3FIYXF7EKUfGy7Cu2X
KvQYrOK5sN4C7jGSZlDcmZvh/n1E83JZ6B96p0z3KlHhI9o8dasdK0taUaMVTsab
iPSFZBjPa64fEMi5ri9GSHuiaYde7U3E58FtoP2JPE9TbI73Stehx3De/LpLHvKg
ShgKak0heg==
-----END ENCRYPTED PRIVATE KEY-----
)";

/// RFC 7515 A.2 and A.3, RFC 8037 A.1, as sets publish them.
constexpr std::string_view rsa_members =
    R"("kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4)"
    R"(d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB)"
    R"(dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2et)"
    R"(hFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB")";
constexpr std::string_view p256_members =
    R"("kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")";
constexpr std::string_view ed25519_members =
    R"("kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")";

std::string with(std::string_view members, std::string_view more) {
  return '{' + std::string{members} + std::string{more} + '}';
}

}  // namespace

TEST_CASE("jwt key: algorithms are named as RFC 7518 and RFC 8037 spell them, and not otherwise", "[codecs][jwt]") {
  for (const auto alg : samples::algorithms) CHECK(jwt_algorithm_of(name_of(alg)) == alg);
  for (const char* name : {"", "none", "hs256", "HS256 ", "HS1", "RS384", "ES384", "ES256K", "Ed25519", "eddsa"})
    CHECK_FALSE(jwt_algorithm_of(name));
}

TEST_CASE("jwt key: a secret has 32 bytes at least, in either spelling", "[codecs][jwt]") {
  constexpr auto raw = jwt_secret_form::raw, base64 = jwt_secret_form::base64;
  std::string padded, unpadded;
  append_base64(padded, secret_32);
  append_base64url(unpadded, secret_32);
  CHECK(secret(hs256, secret_32, raw) == "taken");
  CHECK(secret(hs256, padded, base64) == "taken");
  CHECK(secret(hs256, unpadded, base64) == "taken");
  CHECK(secret(hs256, std::string(31, 's'), raw) == "A secret must have 32 to 4096 bytes; this one has 31.");
  CHECK(secret(jwt_algorithm::hs512, "", raw) == "A secret must have 32 to 4096 bytes; this one has 0.");
  CHECK(secret(hs256, std::string(4'097, 's'), raw) == "A secret must have 32 to 4096 bytes; this one has 4097.");
  CHECK(secret(hs256, "AAAA", base64) == "A secret must have 32 to 4096 bytes; this one has 3.");
  CHECK(secret(hs256, padded + "!", base64) == "The secret is not base64.");
}

TEST_CASE("jwt key: a public key is no secret, and a secret no key of two halves", "[codecs][jwt]") {
  const std::string no_secret =
      "A PEM document is no secret: what is in it is public, or belongs to another algorithm.";
  CHECK(secret(hs256, samples::rsa_public, jwt_secret_form::raw) == no_secret);
  CHECK(secret(hs256, "\n" + std::string{samples::p256_certificate}, jwt_secret_form::raw) == no_secret);
  std::string coded;
  append_base64(coded, samples::rsa_public);
  CHECK(secret(hs256, coded, jwt_secret_form::base64) == no_secret);
  CHECK(secret(rs256, secret_32, jwt_secret_form::raw) == "RS256 needs a key of two halves, not a secret.");
  CHECK(pem(hs256, samples::rsa_public) == "HS256 needs a secret, not a key of two halves.");
}

TEST_CASE("jwt key: PEM holds a public key or a certificate, of the algorithm's own type", "[codecs][jwt]") {
  CHECK(pem(rs256, samples::rsa_public) == "taken");
  CHECK(pem(ps256, samples::rsa_public) == "taken");
  CHECK(pem(rs256, rsa_pkcs1) == "taken");
  CHECK(pem(es256, samples::p256_public) == "taken");
  CHECK(pem(es256, "a comment\n" + std::string{samples::p256_certificate}) == "taken");
  CHECK(pem(eddsa, samples::ed25519_public) == "taken");

  CHECK(pem(rs256, samples::p256_public) == "This algorithm needs an RSA key.");
  CHECK(pem(ps256, samples::ed25519_public) == "This algorithm needs an RSA key.");
  CHECK(pem(rs256, rsa_pss) == "This algorithm needs an RSA key.");
  CHECK(pem(es256, samples::rsa_public) == "ES256 needs an EC key on the curve P-256.");
  CHECK(pem(es256, p384) == "ES256 needs an EC key on the curve P-256.");
  CHECK(pem(eddsa, samples::p256_public) == "EdDSA needs an Ed25519 key.");
  CHECK(pem(rs256, rsa_1024) == "An RSA key must have 2048 to 8192 bits; this one has 1024.");
  CHECK(pem(rs256, samples::rsa_public, std::string(257, 'k')) == "The key's id is too long.");

  const std::string is_private = "This is a private key; a node needs the public one, and nothing more.";
  CHECK(pem(rs256, samples::rsa_private) == is_private);
  CHECK(pem(es256, p256_sec1) == is_private);
  CHECK(pem(es256, encrypted) == is_private);
  for (const auto text : {"", "key", "-----BEGIN PUBLIC KEY-----\nAAAA\n"})
    CHECK(pem(rs256, text) == "This is no PEM document.");
  CHECK(pem(rs256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n") ==
        "This is no key that OpenSSL can read.");
}

TEST_CASE("jwt key: keys from PEM, certificates and JWKs verify what their private half signed", "[codecs][jwt]") {
  std::string why;
  CHECK(verifies_what_is_signed(jwt_key::from_pem(rs256, rsa_pkcs1, "", why).value()));
  CHECK(verifies_what_is_signed(jwt_key::from_pem(es256, samples::p256_certificate, "", why).value()));
  for (const auto& json : {with(rsa_members, ""), with(rsa_members, R"(,"alg":"PS256")"), with(p256_members, ""),
                           with(ed25519_members, "")})
    CHECK(verifies_what_is_signed(read_jwk(json, jwk_origin::fetched, why).value()));
}

TEST_CASE("jwt key: a signer takes private keys that are not encrypted", "[codecs][jwt]") {
  std::string why;
  CHECK(jwt_signer::from_pem(es256, p256_sec1, "", why));
  CHECK_FALSE(jwt_signer::from_pem(es256, samples::p256_public, "", why));
  CHECK_FALSE(jwt_signer::from_pem(es256, encrypted, "", why));
  CHECK(why == "This is no private key in PEM, or it is encrypted.");
  CHECK_FALSE(jwt_signer::from_pem(es256, samples::rsa_private, "", why));
  CHECK(why == "ES256 needs an EC key on the curve P-256.");
}

TEST_CASE("jwt key: OpenSSL's queue of errors, which TLS on the same thread reads, is left as it was",
          "[codecs][jwt]") {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 1);
  const auto before = ERR_peek_last_error();
  std::string why;
  CHECK_FALSE(jwt_key::from_pem(rs256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "", why));
  CHECK_FALSE(jwt_key::from_pem(rs256, "no PEM", "", why));
  CHECK_FALSE(jwt_signer::from_pem(rs256, encrypted, "", why));
  CHECK_FALSE(jwt_key::from_p256(std::string(32, 'x'), std::string(32, 'y'), "", why));
  CHECK_FALSE(jwt_key::from_rsa(rs256, std::string(256, '\xff'), "\2", "", why));
  for (const auto alg : samples::algorithms) {
    const auto key = samples::public_key(alg, "");
    CHECK_FALSE(key.verifies("other input", samples::signer(alg, "").sign("input")));
  }
  CHECK_FALSE(samples::public_key(rs256, "").verifies("input", std::string(256, '\xff')));
  CHECK(ERR_peek_last_error() == before);
  CHECK(ERR_get_error() == before);
  CHECK(ERR_get_error() == 0);
}

TEST_CASE("jwk: each type holds its algorithm, and RSA without one RS256", "[codecs][jwt]") {
  CHECK(jwk(with(rsa_members, R"(,"kid":"a")")) == "RS256 a");
  CHECK(jwk(with(rsa_members, R"(,"kid":"a","alg":"PS256","use":"sig")")) == "PS256 a");
  CHECK(jwk(with(p256_members, R"(,"alg":"ES256","key_ops":["verify"],"x5c":["A"],"x5u":"http://x")")) == "ES256 ");
  CHECK(jwk(with(ed25519_members, R"(,"alg":"EdDSA","d":17)")) == "EdDSA ");  // private members are not looked at
  CHECK(jwk(R"({"kty":"oct","alg":"HS384","kid":"s","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3)"
            R"(Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
            jwk_origin::file) == "HS384 s");
}

TEST_CASE("jwk: what is not for checking signatures, or ill-formed, is refused with a sentence", "[codecs][jwt]") {
  const std::string other = "A key is for another algorithm, or does not say for which.";
  const std::string elsewhere = "A key is not for checking signatures.";
  const std::pair<std::string, std::string> rows[] = {
      {"", "This is no JSON document."},
      {"[]", "A key must be an object."},
      {"{}", "A key is of no type that tokens use."},
      {R"({"kty":"rsa"})", "A key is of no type that tokens use."},
      {R"({"kty":1})", "\"kty\" of a key must be a string."},
      {with(rsa_members, R"(,"kid":7)"), "\"kid\" of a key must be a string."},
      {with(rsa_members, R"(,"e":"AQAB")"), "A key has a member twice."},
      {with(rsa_members, R"(,"use":"enc")"), "A key is not for signatures."},
      {with(rsa_members, R"(,"use":"")"), "A key is not for signatures."},
      {with(rsa_members, R"(,"key_ops":["encrypt"])"), elsewhere},
      {with(rsa_members, R"(,"key_ops":"verify")"), elsewhere},
      {with(rsa_members, R"(,"alg":"RSA-OAEP")"), other},
      {with(rsa_members, R"(,"alg":"RS512")"), other},
      {with(rsa_members, R"(,"alg":"HS256")"), other},
      {with(rsa_members, R"(,"alg":"ES256")"), other},
      {with(rsa_members, R"(,"alg":"")"), other},
      {with(rsa_members, R"(,"alg":"none")"), other},
      {with(p256_members, R"(,"alg":"RS256")"), other},
      {with(ed25519_members, R"(,"alg":"ES256")"), other},
      {R"({"kty":"RSA","n":"AQAB"})", "\"e\" of a key must be bytes in base64url."},
      {R"({"kty":"RSA","n":"AQ==","e":"AQAB"})", "\"n\" of a key must be bytes in base64url."},
      {R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", "An RSA key must have 2048 to 8192 bits; this one has 17."},
      {R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})", "A key is on another curve than P-256."},
      {R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})", "This is no key that OpenSSL can read."},
      {R"({"kty":"OKP","crv":"X25519","x":"AA"})", "A key is on another curve than Ed25519."},
      {R"({"kty":"OKP","crv":"Ed25519","x":"AA"})", "This is no key that OpenSSL can read."},
      {R"({"kty":"oct","alg":"HS256","k":"AAAA"})", "A secret in a published set is no secret."},
  };
  for (const auto& [json, why] : rows) {
    INFO(json);
    CHECK(jwk(json) == why);
  }
  CHECK(jwk(R"({"kty":"oct","k":"AAAA"})", jwk_origin::file) == other);
  CHECK(jwk(R"({"kty":"oct","alg":"RS256","k":"AAAA"})", jwk_origin::file) == other);
  CHECK(jwk(R"({"kty":"oct","alg":"HS256","k":"AAAA"})", jwk_origin::file) ==
        "A secret must have 32 to 4096 bytes; this one has 3.");
}

TEST_CASE("jwk: weak exponents and points off the curve are refused", "[codecs][jwt]") {
  auto json = with(rsa_members, "");
  for (const char* exponent : {"AQ", "Ag", "AQAA", "AQAAAAAAAAAB"}) {  // 1, 2, 65536, 2^64 + 1
    auto weak = json;
    weak.replace(weak.rfind("AQAB"), 4, exponent);
    INFO(exponent);
    CHECK(jwk(weak) == "The RSA key is not a sound one.");
  }
  json = with(p256_members, "");
  json.replace(json.find("\"y\":\"x"), 6, "\"y\":\"y");
  CHECK(jwk(json) == "This is no key that OpenSSL can read.");
}

TEST_CASE("jwk set: keys for other things are skipped, each with a sentence", "[codecs][jwt]") {
  std::string why;
  const auto set = read_jwk_set(
      R"({"keys":[)" + with(rsa_members, R"(,"kid":"a")") + ',' + with(rsa_members, R"(,"kid":"a","use":"enc")") + ',' +
          with(p256_members, R"(,"kid":"b")") + R"(,{"kty":"oct","k":"AAAA"},7,{"kty":"new"},)" +
          with(ed25519_members, "") + R"(],"more":true})",
      jwk_origin::fetched, why);
  REQUIRE(set);
  REQUIRE(set->keys.size() == 3);
  CHECK(set->keys[0].kid() == "a");
  CHECK(set->keys[1].algorithm() == es256);
  CHECK(set->keys[2].kid().empty());
  CHECK(set->skipped == std::vector<std::string>{"A key is not for signatures.",
                                                 "A secret in a published set is no secret.",
                                                 "A key must be an object.", "A key is of no type that tokens use."});
}

TEST_CASE("jwk set: what is no set, holds an id twice or too many keys is refused whole", "[codecs][jwt]") {
  const std::string shape = "A key set must be an object with a list of \"keys\", and no member twice.";
  CHECK(jwk_set_flaw(R"({"keys":[]})") == "taken");
  for (const char* json : {"[]", "{}", R"({"keys":{}})", R"({"keys":[],"keys":[]})"})
    CHECK(jwk_set_flaw(json) == shape);
  CHECK(jwk_set_flaw("{") == "The key set is no JSON document.");
  CHECK(jwk_set_flaw(std::string(256 * 1024 + 1, ' ')) == "The key set is too long.");
  CHECK(jwk_set_flaw(R"({"keys":[)" + with(rsa_members, R"(,"kid":"a")") + ',' + with(p256_members, R"(,"kid":"a")") +
                     "]}") == "The key set has the same id twice.");
  std::string many = R"({"keys":[{})";
  for (int i = 0; i < 64; ++i) many += ",{}";
  CHECK(jwk_set_flaw(many + "]}") == "The key set has more than 64 keys.");
}

TEST_CASE("key set: an id chooses the key, and the algorithm only where there is none", "[codecs][jwt]") {
  const auto keys = samples::set_of({samples::public_key(rs256, "one"), samples::public_key(ps256, "two"),
                                     samples::public_key(rs256, "three"), samples::public_key(es256, "")});
  const auto at = [&](std::string_view kid, jwt_algorithm alg) -> std::string {
    const auto found = keys->find(kid, alg);
    if (const auto* miss = std::get_if<key_set::miss>(&found)) {
      const char* words[]{"unknown", "wrong algorithm", "ambiguous"};
      return words[static_cast<std::size_t>(*miss)];
    }
    const auto& [key, by_id] = std::get<key_set::hit>(found);
    return std::to_string(key - keys->keys().data()) + (by_id ? "" : " for want of it");
  };
  CHECK(at("one", rs256) == "0");
  CHECK(at("three", rs256) == "2");
  CHECK(at("one", ps256) == "wrong algorithm");
  CHECK(at("two", rs256) == "wrong algorithm");
  CHECK(at("four", rs256) == "unknown");
  CHECK(at("four", es256) == "3 for want of it");
  CHECK(at("one", es256) == "wrong algorithm");
  CHECK(at("", ps256) == "1");
  CHECK(at("", es256) == "3");
  CHECK(at("", rs256) == "ambiguous");
  CHECK(at("", eddsa) == "wrong algorithm");
}

TEST_CASE("key set: two keys that no token could choose between are refused", "[codecs][jwt]") {
  const auto flaw = [](std::vector<jwt_key> keys) {
    std::string why;
    return make_key_set(std::move(keys), why) ? "taken" : why;
  };
  CHECK(flaw({}) == "taken");
  CHECK(flaw({samples::public_key(rs256, ""), samples::public_key(ps256, "")}) == "taken");
  CHECK(flaw({samples::public_key(rs256, ""), samples::public_key(rs256, "")}) ==
        "Two keys without an id hold the algorithm RS256.");
  CHECK(flaw({samples::public_key(rs256, "a"), samples::public_key(es256, "b"), samples::public_key(eddsa, "a")}) ==
        "Two keys have the same id: the 1. one and the 3. one.");
  CHECK(flaw(std::vector<jwt_key>(65, samples::public_key(eddsa, ""))) == "There are more than 64 keys.");
}
