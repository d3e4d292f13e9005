#include <catch2/catch.hpp>

#include "tests/codecs/jwt_samples.hpp"

/// Tokens that others made: the examples of the RFCs, and PS256 by the openssl command, for which there is none.
namespace {

using namespace greenroom::codecs;

constexpr std::string_view rfc7515_a1 =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9"
    "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr std::string_view rfc7515_a2 =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
    "yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"
    "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
constexpr std::string_view rfc7515_a3 =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
    "yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU"
    "1Q";
constexpr std::string_view rfc8037_a4 =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
    "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

/// openssl dgst -sha256 -sign KEY -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32
constexpr std::string_view ps256_salt_32 =
    "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9.SgBrDH"
    "MJkSPQnWUOnC4oRcdBzBtEoJZjnDBtgtWmj4IUne0EXxSWggd3r6JL_QjrKUPuvdCEUWGkWmdzdy0kWannYnx_Ac191EUdaCugsF"
    "XH5m26ExKrRvpyOLdqUXNf2ZX3KUbikbvdRAegAvOPe8O9ctfSbn8mZKhtL3WdW-BclH27x832x95eHW9CwoYpJOowKe2Kkoy0iK"
    "l779GpKkWlMQo56BS4RzyP87fIjTO6M6r2ZGKgs-u7ACWHQbicgwlg86i74lXP9S1jIBbgBldprteDh4zh_GZIVhjU8V1ajCoI7p"
    "ihE8DJgorM0nlK8gkMEzDQFiQ5ufL3fSbgng";
/// The same with a salt of 20 bytes, and with one as long as the key allows.
constexpr std::string_view ps256_salt_20 =
    "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9.UDFc6Z"
    "FG-MpH1wpD1EooWlrjCWAFsbhASqTMUoLtOJIKb7ASTqjKvpAUfvf20SEVKMPSpTWAEEFZR31bCJOHhYnnGlPgFHLSXpzVa__Z9N"
    "uM1Tlwkmj_kloaJ6ZoMj6YV7uVsowPppyGLT8shXW8rLxyPAa6-wPcrE87rgu31CkIWQJ2uFYQ10x5ZDETLO-MXVQdQuB3fIo9qr"
    "Uhg6obMr1wnaco6ktZKyk3LQDMfkew0GkNn0PlcXj5h5W4tLxiG-L8ZoD11lAcHhHunqlw2QE5RNLO_sON-_VLH7k3qVHbXYRzry"
    "JDb_AEVvmMvukOKcD63xmKNe5XtZOSiDOfjw";
constexpr std::string_view ps256_salt_222 =
    "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9.LHArb2"
    "0oODxX4h-IzQjX87P16tbDYdQnvFeXzl0swSS-3UOZo2QqIBzQZvmlIKHq1p98V8V2zY_8Z3G9QXlT0b6zL4UShIOKcH8WthqnAc"
    "dnrU9-3EybY3bNmcBtHt1urHh5AG8JG-bwjsxxjSK64Vchvf7IxEUeZ8snAKiDTgLyz_M5rnQPYbgUwKFLkGEG8kkA6-ULfRv_ob"
    "wqX_GsFrhQOr6mTfv2wtDfyohqUAYq1Cz7Uw31nCms8R2weIGrJQ77cvqUz27yqyne8SAMDYkRveug-J46ysIrEmusVANj0b1RWN"
    "qUeWqpZzqWDIk8y_N865lLzJ-_CsTos1TfRw";
/// The same with -sigopt rsa_mgf1_md:sha1
constexpr std::string_view ps256_mgf1_sha1 =
    "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJleHAiOjIwMDAwMDAwMDB9.CWTgzg"
    "i5EKgMKJoLFfza_sjAEUup-MWTQJyehy3LJj3bCiz-bPCEIjmsEUbyheMEmw8Jl7xyFlXKIgrIa4yc6_LFkdkySROekMabp6uTZ7"
    "qT3i_vdHG5ycxRjSzkWhI-hEsmAWa9hbTysjrX1XxZptQwKaQwPkoynw0xlbfgQSgdykqILmqCoosbfQ0bVR_aOaIzOAlwCsUwaM"
    "SzsgBII-ftXNbjHK3z0tnVs0Vhok5vRKh_AOIKycOHtx3OR18N-p-JDOkuce6Enkx5O-nwWyyGaagktOVfW3GxvuULqhHyR-9O9t"
    "0k2HecEC4jGQrnc8OlHafqC_uzBhXnX7W72A";

std::string verdict(std::string_view token, jwt_algorithm alg) {
  const jwt_trust trust{.keys = samples::set_of({samples::public_key(alg, "")}), .issuers = {}, .audiences = {}};
  return samples::said(verify_jwt(token, trust, samples::now_s));
}

/// That the signature holds under the key, and under no other bit of the input or of itself.
void check(std::string_view token, jwt_algorithm alg) {
  const auto key = samples::public_key(alg, "");
  const auto dot = token.rfind('.');
  std::string input{token.substr(0, dot)};
  auto signature = from_base64url(token.substr(dot + 1)).value();
  CHECK(key.verifies(input, signature));
  for (std::size_t i = 0; i < signature.size(); i += 7) {
    signature[i] = static_cast<char>(signature[i] ^ 0x10);
    CHECK_FALSE(key.verifies(input, signature));
    signature[i] = static_cast<char>(signature[i] ^ 0x10);
  }
  CHECK_FALSE(key.verifies(input, signature.substr(1)));
  CHECK_FALSE(key.verifies(input, signature + '\0'));
  CHECK_FALSE(key.verifies(input, {}));
  input.back() = input.back() == 'A' ? 'B' : 'A';
  CHECK_FALSE(key.verifies(input, signature));
}

}  // namespace

TEST_CASE("jwt: the signed examples of RFC 7515 and RFC 8037 hold, and not with a bit changed", "[codecs][jwt]") {
  check(rfc7515_a1, jwt_algorithm::hs256);
  check(rfc7515_a2, jwt_algorithm::rs256);
  check(rfc7515_a3, jwt_algorithm::es256);
  check(rfc8037_a4, jwt_algorithm::eddsa);
  check(ps256_salt_32, jwt_algorithm::ps256);
}

TEST_CASE("jwt: the examples pass as signed, and fail for what they do not say", "[codecs][jwt]") {
  CHECK(verdict(rfc7515_a1, jwt_algorithm::hs256) == sentence_of(jwt_refusal::ill_subject));
  CHECK(verdict(rfc7515_a2, jwt_algorithm::rs256) == sentence_of(jwt_refusal::ill_subject));
  CHECK(verdict(rfc7515_a3, jwt_algorithm::es256) == sentence_of(jwt_refusal::ill_subject));
  CHECK(verdict(rfc8037_a4, jwt_algorithm::eddsa) == sentence_of(jwt_refusal::ill_claims));
}

TEST_CASE("jwt: what is deterministic is signed as the RFCs sign it", "[codecs][jwt]") {
  const auto signs_as = [](std::string_view token, jwt_algorithm alg) {
    const auto dot = token.rfind('.');
    return samples::base64url(samples::signer(alg, "").sign(token.substr(0, dot))) == token.substr(dot + 1);
  };
  CHECK(signs_as(rfc7515_a1, jwt_algorithm::hs256));
  CHECK(signs_as(rfc7515_a2, jwt_algorithm::rs256));
  CHECK(signs_as(rfc8037_a4, jwt_algorithm::eddsa));
}

TEST_CASE("jwt: PS256 takes a salt of 32 bytes and MGF1 with SHA-256, as RFC 7518 section 3.5 has it",
          "[codecs][jwt]") {
  CHECK(verdict(ps256_salt_32, jwt_algorithm::ps256) == "ann");
  // The tokens name a key, and the one that is there has no id: a signature that fails says that the key is unknown.
  CHECK(verdict(ps256_salt_20, jwt_algorithm::ps256) == sentence_of(jwt_refusal::unknown_key));
  CHECK(verdict(ps256_salt_222, jwt_algorithm::ps256) == sentence_of(jwt_refusal::unknown_key));
  CHECK(verdict(ps256_mgf1_sha1, jwt_algorithm::ps256) == sentence_of(jwt_refusal::unknown_key));
}
