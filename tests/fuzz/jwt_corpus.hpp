#pragma once
#include <string>
#include <vector>

#include "tests/codecs/jwt_samples.hpp"

namespace greenroom::codecs::fuzz {

/// The tokens that were signed: one of each algorithm. What else is accepted was forged.
inline const std::vector<std::string>& signed_tokens() {
  static const std::vector<std::string> all = [] {
    const char* kids[]{"hs256", "hs384", "hs512", "rs256", "ps256", "es256", "eddsa"};
    std::vector<std::string> made;
    for (const auto alg : samples::algorithms)
      made.push_back(mint_jwt(samples::order(), samples::signer(alg, kids[static_cast<std::size_t>(alg)])));
    return made;
  }();
  return all;
}

/// Tokens; a header and claims to be signed, a line each; sets of keys.
inline std::vector<std::string> jwt_corpus() {
  auto all = signed_tokens();
  for (const char* text : {
           R"({"alg":"HS256","typ":"at+jwt","kid":"hs256"}
{"iss":"greenroom.test","sub":"ann","aud":["x","node"],"iat":1900000000,"nbf":1,"exp":1900003600,"jti":"t"})",
           R"({"alg":"HS256"}
{"iss":"greenroom.test","sub":"a\u0301\ud83d\ude00","aud":"node","exp":1900000000,"scope":"a b","p":{"r":[1,{"x":null}]}})",
           R"({"alg":"none","crit":["b64"],"b64":false,"jwk":{"kty":"oct","k":"AAAA"},"jku":"http://x"}
{"sub":1,"exp":"1","aud":{}})",
           R"({"alg":"HS256","crit":["exp"]}
{"iss":"greenroom.test","sub":"ann","aud":"node","exp":1900003600})",
           R"({"alg":"HS256","b64":true}
{"iss":"greenroom.test","sub":"ann","aud":"node","exp":1900003600})",
           R"({"alg":"HS256"}
{"iss":"greenroom.test","sub":"ann","sub":"root","aud":"node","exp":1900003600})",
           R"([{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
           R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"1","use":"sig","alg":"ES256"},)"
           R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","key_ops":["verify"]},)"
           R"({"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"},)"
           R"({"kty":"RSA","n":"AQAB","e":"AQAB"}]})",
       })
    all.emplace_back(text);
  return all;
}

}  // namespace greenroom::codecs::fuzz
