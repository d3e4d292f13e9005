#pragma once
#include <algorithm>
#include <string>
#include <variant>

#include "codecs/jwk.hpp"
#include "codecs/jwt_document.hpp"
#include "tests/fuzz/codec_targets.hpp"
#include "tests/fuzz/signed_tokens.hpp"

/// What the fuzz target of tokens does with one input: a token, a header and claims, or, behind a bracket, a set of
/// keys. The promise above all others: what nobody signed is not accepted.
namespace greenroom::codecs::fuzz {

inline std::string_view signing_input(std::string_view token) { return token.substr(0, token.rfind('.')); }

inline const jwt_trust& jwt_trusted() {
  static const auto trust = samples::trust_in(samples::all_keys());
  return *trust;
}

inline void check_claims(const jwt_claims& claims) {
  promise(!claims.subject.empty() && claims.subject.size() <= limits::user_bytes_max, "a subject is a name");
  promise(std::ranges::none_of(claims.subject, [](char c) { return static_cast<unsigned char>(c) < ' '; }),
          "a name has no control characters");
  promise(claims.issuer == "greenroom.test", "the issuer is trusted");
  promise(!untimely(claims, samples::now_s), "the token holds now");
  promise(untimely(claims, claims.expires_at_s + limits::jwt_leeway_s).has_value(), "and ends");
  document doc;
  promise(!doc.read(format::json, claims.document), "the claims are a document");
  promise(!has_repeated_member(doc.root()), "no claim stands twice");
  const auto* sub = find(doc.root(), "sub");
  promise(sub != nullptr && sub->text() == claims.subject, "the subject is the one that was signed");
}

/// A token as it comes from outside.
inline void check_token(std::string_view token) {
  const auto verdict = verify_jwt(token, jwt_trusted(), samples::now_s);
  const auto* claims = std::get_if<jwt_claims_ptr>(&verdict);
  if (claims == nullptr)
    return promise(!sentence_of(std::get<jwt_refusal>(verdict)).empty(), "a refusal has a sentence");
  promise(std::ranges::any_of(signed_tokens(),
                              [&](const auto& each) { return signing_input(each) == signing_input(token); }),
          "only what was signed is accepted");
  check_claims(**claims);
}

/// A header and claims that an issuer signed, whatever they are.
inline void check_signed(std::string_view header, std::string_view claims) {
  static const auto issuer = samples::signer(jwt_algorithm::hs256, "hs256");
  const auto token = sign_jwt(header, claims, issuer);
  const auto verdict = verify_jwt(token, jwt_trusted(), samples::now_s);
  const auto* accepted = std::get_if<jwt_claims_ptr>(&verdict);
  if (accepted == nullptr) return;
  promise((*accepted)->kid == "hs256", "the key that signed is the key that verified");
  promise((*accepted)->document == claims, "the claims are kept as they were signed");
  check_claims(**accepted);
  document doc;
  promise(!doc.read(format::json, header), "an accepted header is a document");
  promise(!has_repeated_member(doc.root()), "no member of a header stands twice");
  promise(find(doc.root(), "alg")->text() == "HS256", "the algorithm is the key's");
  promise(find(doc.root(), "crit") == nullptr && find(doc.root(), "b64") == nullptr, "no extension is accepted");
}

inline void check_keys(std::string_view json) {
  for (const auto origin : {jwk_origin::file, jwk_origin::fetched}) {
    std::string why;
    auto set = read_jwk_set(json, origin, why);
    promise(set.has_value() == why.empty(), "a refused set has a sentence");
    if (!set) continue;
    for (const auto& key : set->keys)
      promise(origin == jwk_origin::file || !is_hmac(key.algorithm()), "what is published is no secret");
    const auto keys = make_key_set(std::move(set->keys), why);
    promise((keys == nullptr) == !why.empty(), "a refused set has a sentence");
  }
}

inline void jwt_verify(std::string_view input) {
  if (input.starts_with('[')) return check_keys(input.substr(1));
  if (!input.starts_with('{')) return check_token(input);
  const auto line = std::min(input.find('\n'), input.size());
  check_signed(input.substr(0, line), input.substr(std::min(line + 1, input.size())));
}

}  // namespace greenroom::codecs::fuzz
