#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cctype>
#include <string>
#include <thread>
#include <vector>

#include "codecs/limits.hpp"
#include "tests/codecs/jwt_samples.hpp"

/// Tokens that must not be believed, a row each: what a client or an attacker sends, and what the log says of it.
namespace {

using namespace greenroom::codecs;
using samples::base64url;
using why = jwt_refusal;

const std::string good_claims =
    R"({"iss":"greenroom.test","sub":"ann","aud":"node","iat":1900000000,"exp":1900003600})";

const jwt_signer& signer_of(jwt_algorithm alg) {
  static const std::vector<jwt_signer> all = [] {
    std::vector<jwt_signer> made;
    for (const auto each : samples::algorithms) made.push_back(samples::signer(each, ""));
    return made;
  }();
  return all[static_cast<std::size_t>(alg)];
}

/// Signed by the key of that algorithm, whatever the header says.
std::string signed_token(std::string_view header, jwt_algorithm alg, std::string_view claims = good_claims) {
  return sign_jwt(header, claims, signer_of(alg));
}
std::string es256(std::string_view header) { return signed_token(header, jwt_algorithm::es256); }

/// With HMAC under what an attacker knows, such as a public key. A signer takes no PEM; HMAC hashes what is longer than
/// its block of 64 bytes, so that the hash of a secret makes the same code as the secret.
std::string signed_by_secret(std::string_view header, std::string_view secret) {
  std::string flaw;
  const auto same = secret.size() > 64 ? jwt_digest(secret) : std::string{secret};
  const auto forger = jwt_signer::from_secret(jwt_algorithm::hs256, same, jwt_secret_form::raw, "", flaw);
  return sign_jwt(header, good_claims, forger.value());
}

/// What stands between the lines of a PEM document.
std::string der_of(std::string_view pem) {
  std::string body;
  while (!pem.empty()) {
    const auto line = pem.substr(0, pem.find('\n'));
    if (!line.starts_with('-')) body += line;
    pem.remove_prefix(std::min(line.size() + 1, pem.size()));
  }
  return from_base64(body).value();
}

std::string unsigned_token(std::string_view header, std::string_view signature = "") {
  return base64url(header) + '.' + base64url(good_claims) + '.' + std::string{signature};
}

std::string part(std::string_view token, int n) {
  for (; n > 0; --n) token.remove_prefix(token.find('.') + 1);
  return std::string{token.substr(0, token.find('.'))};
}

std::string with_signature(const std::string& token, std::string_view bytes) {
  return token.substr(0, token.rfind('.') + 1) + base64url(bytes);
}

/// r and s of P-256 as OpenSSL would write them: SEQUENCE of two INTEGERs.
std::string der_signature(const std::string& token) {
  const auto raw = from_base64url(part(token, 2)).value();
  std::string r = raw.substr(0, 32), s = raw.substr(32);
  for (auto* each : {&r, &s})
    if (static_cast<unsigned char>(each->front()) >= 0x80) each->insert(0, 1, '\0');
  std::string body = "\x02" + std::string(1, static_cast<char>(r.size())) + r;
  body += "\x02" + std::string(1, static_cast<char>(s.size())) + s;
  return "\x30" + std::string(1, static_cast<char>(body.size())) + body;
}

const std::string order_of_p256 = from_base64url("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE").value();

struct row {
  std::string what;
  std::string token;
  why expected;
};

const std::string es = R"({"alg":"ES256","kid":"es256"})", rs = R"({"alg":"RS256","kid":"rs256"})",
                  hs = R"({"alg":"HS256","kid":"hs256"})";

void check(const std::vector<row>& rows, const jwt_trust_ptr& trust) {
  for (const auto& each : rows) {
    INFO(each.what);
    CHECK(samples::said(verify_jwt(each.token, *trust, samples::now_s)) == sentence_of(each.expected));
  }
}

jwt_trust_ptr everything() {
  static const auto trust = samples::trust_in(samples::all_keys());
  return trust;
}

/// Claims that the key signed, after `replace` stands for the text of one member.
std::string claims_without(std::string_view member, std::string_view instead = {}) {
  auto claims = good_claims;
  const auto at = claims.find('"' + std::string{member} + '"');
  auto end = claims.find(',', at);
  if (end == std::string::npos) end = claims.size() - 1;
  if (!instead.empty()) return claims.replace(at, end - at, '"' + std::string{member} + "\":" + std::string{instead});
  const auto from = claims[end] == ',' ? at : at - 1;
  return claims.erase(from, claims[end] == ',' ? end - at + 1 : end - from);
}

}  // namespace

TEST_CASE("jwt: a good token is accepted under every algorithm", "[codecs][jwt]") {
  for (const auto alg : samples::algorithms) {
    INFO(name_of(alg));
    std::string kid{name_of(alg)};
    for (auto& c : kid) c = static_cast<char>(std::tolower(c));
    for (const std::string more : {"", R"(,"typ":"JWT")", R"(,"typ":"at+jwt")", R"(,"typ":"application/AT+JWT")"}) {
      CHECK(samples::said(verify_jwt(
                signed_token(R"({"alg":")" + std::string{name_of(alg)} + R"(","kid":")" + kid + '"' + more + '}', alg),
                *everything(), samples::now_s)) == "ann");
      CHECK(samples::said(verify_jwt(signed_token(R"({"alg":")" + std::string{name_of(alg)} + '"' + more + '}', alg),
                                     *everything(), samples::now_s)) == "ann");
    }
  }
}

TEST_CASE("jwt: no spelling of an algorithm lets another key or none be used", "[codecs][jwt]") {
  std::vector<row> rows{
      {"none, unsigned", unsigned_token(R"({"alg":"none"})"), why::unsigned_token},
      {"None", unsigned_token(R"({"alg":"None"})"), why::unsigned_token},
      {"NONE, with a kid", unsigned_token(R"({"alg":"NONE","kid":"es256"})"), why::unsigned_token},
      {"nOnE, over a signature that holds", es256(R"({"alg":"nOnE","kid":"es256"})"), why::unsigned_token},
      {"none by an escape", unsigned_token(R"({"alg":"n\u006fne"})"), why::unsigned_token},
      {"none and a space", unsigned_token(R"({"alg":"none "})"), why::unknown_algorithm},
      {"no alg", es256(R"({"kid":"es256"})"), why::ill_header},
      {"alg null", es256(R"({"alg":null,"kid":"es256"})"), why::ill_header},
      {"alg false", unsigned_token(R"({"alg":false})"), why::ill_header},
      {"alg 0", unsigned_token(R"({"alg":0})"), why::ill_header},
      {"alg a list", es256(R"({"alg":["ES256"],"kid":"es256"})"), why::ill_header},
      {"alg an object", es256(R"({"alg":{"a":"ES256"}})"), why::ill_header},
      {"alg empty", es256(R"({"alg":"","kid":"es256"})"), why::unknown_algorithm},
      {"es256", es256(R"({"alg":"es256","kid":"es256"})"), why::unknown_algorithm},
      {"Es256", es256(R"({"alg":"Es256","kid":"es256"})"), why::unknown_algorithm},
      {"ES256 behind a space", es256(R"({"alg":" ES256","kid":"es256"})"), why::unknown_algorithm},
      {"ES256 before a zero byte", es256(R"({"alg":"ES256\u0000","kid":"es256"})"), why::unknown_algorithm},
      {"hs256", signed_token(R"({"alg":"hs256","kid":"hs256"})", jwt_algorithm::hs256), why::unknown_algorithm},
      {"EDDSA", signed_token(R"({"alg":"EDDSA","kid":"eddsa"})", jwt_algorithm::eddsa), why::unknown_algorithm},
      {"Ed25519, the name of RFC 9864", signed_token(R"({"alg":"Ed25519"})", jwt_algorithm::eddsa),
       why::unknown_algorithm},
      {"ES384", es256(R"({"alg":"ES384","kid":"es256"})"), why::unknown_algorithm},
      {"ES256K", es256(R"({"alg":"ES256K","kid":"es256"})"), why::unknown_algorithm},
      {"RS1", signed_token(R"({"alg":"RS1","kid":"rs256"})", jwt_algorithm::rs256), why::unknown_algorithm},
      {"dir, of encryption", es256(R"({"alg":"dir","enc":"A256GCM"})"), why::unknown_algorithm},
      {"ES256 named under an RSA key", es256(R"({"alg":"ES256","kid":"rs256"})"), why::wrong_algorithm},
      {"RS256 named under an EC key", signed_token(R"({"alg":"RS256","kid":"es256"})", jwt_algorithm::rs256),
       why::wrong_algorithm},
      {"PS256 with the key of RS256", signed_token(R"({"alg":"PS256","kid":"rs256"})", jwt_algorithm::ps256),
       why::wrong_algorithm},
      {"RS256 with the key of PS256", signed_token(R"({"alg":"RS256","kid":"ps256"})", jwt_algorithm::rs256),
       why::wrong_algorithm},
      {"EdDSA named under an EC key", signed_token(R"({"alg":"EdDSA","kid":"es256"})", jwt_algorithm::eddsa),
       why::wrong_algorithm},
      {"HS256 named under an RSA key, its PEM the secret",
       signed_by_secret(R"({"alg":"HS256","kid":"rs256"})", samples::rsa_public), why::wrong_algorithm},
      {"HS256 named under an RSA key, its DER the secret",
       signed_by_secret(R"({"alg":"HS256","kid":"rs256"})", der_of(samples::rsa_public)), why::wrong_algorithm},
      {"HS256 named under an EC key, its PEM the secret",
       signed_by_secret(R"({"alg":"HS256","kid":"es256"})", samples::p256_public), why::wrong_algorithm},
      {"HS256 without a kid, the RSA PEM the secret", signed_by_secret(R"({"alg":"HS256"})", samples::rsa_public),
       why::wrong_signature},
      {"HS256 with a secret of zeros", signed_by_secret(hs, std::string(32, '\0')), why::wrong_signature},
      {"HS512's secret under HS256", signed_token(R"({"alg":"HS256","kid":"hs512"})", jwt_algorithm::hs256),
       why::wrong_algorithm},
      {"HS384's code under HS256", signed_token(hs, jwt_algorithm::hs384), why::ill_signature},
      {"RS256's signature under PS256", signed_token(R"({"alg":"PS256","kid":"ps256"})", jwt_algorithm::rs256),
       why::wrong_signature},
      {"PS256's signature under RS256", signed_token(rs, jwt_algorithm::ps256), why::wrong_signature},
      {"EdDSA's signature under ES256", signed_token(es, jwt_algorithm::eddsa), why::wrong_signature},
      {"two alg, the first good", es256(R"({"alg":"ES256","alg":"none","kid":"es256"})"), why::repeated_member},
      {"two alg, the last good", es256(R"({"alg":"none","alg":"ES256","kid":"es256"})"), why::repeated_member},
      {"two alg, one by an escape", es256(R"({"\u0061lg":"none","alg":"ES256","kid":"es256"})"), why::repeated_member},
      {"two kid", es256(R"({"alg":"ES256","kid":"rs256","kid":"es256"})"), why::repeated_member},
  };
  REQUIRE(rows.size() >= 40);
  check(rows, everything());
}

TEST_CASE("jwt: HS256 finds no key where there are only public ones", "[codecs][jwt]") {
  const auto rsa = samples::public_key(jwt_algorithm::rs256, "key");
  check({{"with the key's kid", signed_by_secret(R"({"alg":"HS256","kid":"key"})", samples::rsa_public),
          why::wrong_algorithm},
         {"without a kid", signed_by_secret(R"({"alg":"HS256"})", samples::rsa_public), why::wrong_algorithm},
         {"with another kid", signed_by_secret(R"({"alg":"HS256","kid":"x"})", samples::rsa_public), why::unknown_key}},
        samples::trust_in(samples::set_of({rsa})));
  check({{"no keys at all", es256(es), why::unknown_key}}, samples::trust_in(samples::set_of({})));
}

TEST_CASE("jwt: a kid is compared and nothing else is done with it", "[codecs][jwt]") {
  std::vector<row> rows;
  for (const char* kid : {"../../../../dev/null", "/dev/null", "es256\\u0000", "es256 ", "ES256", "x' OR '1'='1",
                          "x' UNION SELECT 'secret'--", "|/bin/id", "$(id)", "http://evil.test/jwks.json",
                          "\\ud83d\\ude00", "*", "0", "\\n"})
    rows.push_back({kid, es256(R"({"alg":"ES256","kid":")" + std::string{kid} + "\"}"), why::unknown_key});
  for (const char* kid : {"null", "0", "[]", R"(["es256"])", R"({"$ne":null})", "true", R"("")"})
    rows.push_back({kid, es256(R"({"alg":"ES256","kid":)" + std::string{kid} + "}"), why::ill_header});
  rows.push_back({"too long", es256(R"({"alg":"ES256","kid":")" + std::string(257, 'k') + "\"}"), why::ill_header});
  check(rows, everything());
}

TEST_CASE("jwt: two keys of an algorithm want a kid", "[codecs][jwt]") {
  const auto two = samples::trust_in(samples::set_of(
      {samples::public_key(jwt_algorithm::es256, "a"), samples::public_key(jwt_algorithm::es256, "b")}));
  check({{"none", es256(R"({"alg":"ES256"})"), why::ambiguous_key}}, two);
  CHECK(samples::said(verify_jwt(es256(R"({"alg":"ES256","kid":"b"})"), *two, samples::now_s)) == "ann");
}

TEST_CASE("jwt: keys and places of keys in the header are not looked at", "[codecs][jwt]") {
  const std::string jwk = R"({"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})";
  std::vector<row> rows;
  for (const auto& more : {R"("jwk":)" + jwk, std::string{R"("jku":"http://evil.test/jwks")"},
                           std::string{R"("x5u":"http://evil.test/chain")"}, std::string{R"("x5c":["AAAA"])"}}) {
    const auto header = R"({"alg":"HS256",)" + more + '}';
    rows.push_back(
        {"signed with the header's key", signed_by_secret(header, std::string(32, '\0')), why::wrong_signature});
    CHECK(samples::said(verify_jwt(signed_token(header, jwt_algorithm::hs256), *everything(), samples::now_s)) ==
          "ann");
  }
  check(rows, everything());
}

TEST_CASE("jwt: critical extensions, unencoded payloads and other types are refused", "[codecs][jwt]") {
  check({{"crit", es256(R"({"alg":"ES256","crit":["exp"],"exp":1})"), why::critical_header},
         {"crit, empty", es256(R"({"alg":"ES256","crit":[]})"), why::critical_header},
         {"crit null", es256(R"({"alg":"ES256","crit":null})"), why::critical_header},
         {"crit of b64", es256(R"({"alg":"ES256","crit":["b64"],"b64":false})"), why::critical_header},
         {"b64 false", es256(R"({"alg":"ES256","b64":false})"), why::unencoded_payload},
         {"b64 true", es256(R"({"alg":"ES256","b64":true})"), why::unencoded_payload},
         {"typ of another use", es256(R"({"alg":"ES256","typ":"logout+jwt"})"), why::wrong_type},
         {"typ JWE", es256(R"({"alg":"ES256","typ":"JWE"})"), why::wrong_type},
         {"typ empty", es256(R"({"alg":"ES256","typ":""})"), why::wrong_type},
         {"typ before a zero byte", es256(R"({"alg":"ES256","typ":"JWT\u0000"})"), why::wrong_type},
         {"typ long", es256(R"({"alg":"ES256","typ":")" + std::string(500, 'J') + "\"}"), why::wrong_type},
         {"typ null", es256(R"({"alg":"ES256","typ":null})"), why::ill_header}},
        everything());
}

TEST_CASE("jwt: what is not three parts of strict base64url over small JSON objects is refused", "[codecs][jwt]") {
  const auto good = es256(es);
  const auto header = part(good, 0), claims = part(good, 1), signature = part(good, 2);
  const auto raw_header = [&](const std::string& json) { return base64url(json) + '.' + claims + '.' + signature; };
  std::string deep = R"({"alg":"ES256","a":)", wide = R"({"alg":"ES256")";
  deep += std::string(8, '[') + std::string(8, ']') + '}';
  for (int i = 0; i < 64; ++i) wide += ",\"m" + std::to_string(i) + "\":0";
  check({{"empty", "", why::not_three_parts},
         {"a word", "token", why::not_three_parts},
         {"one dot", header + '.' + claims, why::not_three_parts},
         {"four parts", good + '.', why::not_three_parts},
         {"five parts, as JWE has", header + "...." + signature, why::not_three_parts},
         {"only dots", "..", why::ill_header},
         {"JSON serialization", R"({"payload":"","signatures":[]})", why::not_three_parts},
         {"oversized", good + std::string(limits::token_bytes_max, 'A'), why::too_long},
         {"oversized, all dots", std::string(limits::token_bytes_max + 1, '.'), why::too_long},
         {"dots up to the limit", std::string(limits::token_bytes_max, '.'), why::not_three_parts},
         {"no header", '.' + claims + '.' + signature, why::ill_header},
         {"padded header", header + "=." + claims + '.' + signature, why::not_base64url},
         {"header with a line feed", header + "\n." + claims + '.' + signature, why::not_base64url},
         {"a space in front", ' ' + good, why::not_base64url},
         {"a line feed behind", good + '\n', why::not_base64url},
         {"Bearer in front", "Bearer " + good, why::not_base64url},
         {"the other alphabet", header + '.' + claims + ".++//", why::not_base64url},
         {"padded signature", good + "==", why::not_base64url},
         {"stray bits in the signature", good.substr(0, good.size() - 1) + (good.back() == 'B' ? 'C' : 'B'),
          why::not_base64url},
         {"a percent sign", header + '.' + claims + "%2e" + signature + ".x", why::not_base64url},
         {"header of one digit", "A." + claims + '.' + signature, why::not_base64url},
         {"header no JSON", raw_header("alg"), why::ill_header},
         {"header a list", raw_header(R"(["ES256"])"), why::ill_header},
         {"header a text", raw_header(R"("ES256")"), why::ill_header},
         {"header null", raw_header("null"), why::ill_header},
         {"header cut off", raw_header(R"({"alg":"ES256")"), why::ill_header},
         {"header with more behind", raw_header(R"({"alg":"ES256"}{})"), why::ill_header},
         {"header behind a byte order mark", raw_header("\xef\xbb\xbf{\"alg\":\"ES256\"}"), why::ill_header},
         {"header in bad UTF-8", raw_header("{\"alg\":\"ES256\",\"kid\":\"\xc3\x28\"}"), why::ill_header},
         {"header with a lone surrogate", raw_header(R"({"alg":"ES256","kid":"\ud800"})"), why::ill_header},
         {"header with a number that is none", raw_header(R"({"alg":"ES256","x":1e999})"), why::ill_header},
         {"header too deep", raw_header(deep), why::ill_header},
         {"header too wide", raw_header(wide), why::ill_header}},
        everything());
}

TEST_CASE("jwt: signatures that no key can have made are refused before any arithmetic", "[codecs][jwt]") {
  const auto good = es256(es), rsa = signed_token(rs, jwt_algorithm::rs256),
             mac = signed_token(hs, jwt_algorithm::hs256);
  const auto raw = from_base64url(part(good, 2)).value(), rsa_raw = from_base64url(part(rsa, 2)).value();
  const std::string zero(32, '\0'), r = raw.substr(0, 32), s = raw.substr(32), ones(32, '\xff');
  const auto high_length = "\x30\x81" + der_signature(good).substr(1);
  check({{"none", with_signature(good, ""), why::ill_signature},
         {"r = s = 0", with_signature(good, zero + zero), why::ill_signature},
         {"r = 0", with_signature(good, zero + s), why::ill_signature},
         {"s = 0", with_signature(good, r + zero), why::ill_signature},
         {"r = n", with_signature(good, order_of_p256 + s), why::ill_signature},
         {"s = n", with_signature(good, r + order_of_p256), why::ill_signature},
         {"r and s beyond n", with_signature(good, ones + ones), why::ill_signature},
         {"DER", with_signature(good, der_signature(good)), why::ill_signature},
         {"DER with a long length", with_signature(good, high_length), why::ill_signature},
         {"DER of zeros", with_signature(good, std::string{"\x30\x06\x02\x01\x00\x02\x01\x00", 8}), why::ill_signature},
         {"a byte short", with_signature(good, raw.substr(1)), why::ill_signature},
         {"a byte long", with_signature(good, raw + '\0'), why::ill_signature},
         {"96 bytes, as ES384 has", with_signature(good, raw + r), why::ill_signature},
         {"r and s swapped", with_signature(good, s + r), why::wrong_signature},
         {"r = s = 1", with_signature(good, std::string(31, '\0') + '\1' + std::string(31, '\0') + '\1'),
          why::wrong_signature},
         {"RSA: none", with_signature(rsa, ""), why::ill_signature},
         {"RSA: a zero in front", with_signature(rsa, '\0' + rsa_raw), why::ill_signature},
         {"RSA: zeros", with_signature(rsa, std::string(256, '\0')), why::wrong_signature},
         {"RSA: beyond the modulus", with_signature(rsa, std::string(256, '\xff')), why::wrong_signature},
         {"HMAC: none", with_signature(mac, ""), why::ill_signature},
         {"HMAC: the first half", with_signature(mac, from_base64url(part(mac, 2)).value().substr(0, 16)),
          why::ill_signature},
         {"HMAC: zeros", with_signature(mac, zero), why::wrong_signature},
         {"Ed25519: zeros", with_signature(signed_token(R"({"alg":"EdDSA"})", jwt_algorithm::eddsa), zero + zero),
          why::wrong_signature},
         {"other claims", part(good, 0) + '.' + base64url(R"({"sub":"root"})") + '.' + part(good, 2),
          why::wrong_signature},
         {"another header", base64url(R"({"alg":"ES256"})") + '.' + part(good, 1) + '.' + part(good, 2),
          why::wrong_signature}},
        everything());
}

TEST_CASE("jwt: signed claims must still be what they have to be", "[codecs][jwt]") {
  std::vector<row> rows;
  const auto claims = [&](std::string what, const std::string& json, why expected) {
    rows.push_back({std::move(what), signed_token(hs, jwt_algorithm::hs256, json), expected});
  };
  const auto member = [&](std::string_view name, std::string_view text, why expected) {
    claims(std::string{name} + ": " + std::string{text}, claims_without(name, text), expected);
  };
  claims("empty", "", why::ill_claims);
  claims("a list", "[]", why::ill_claims);
  claims("a token inside", es256(es), why::ill_claims);
  claims("bad UTF-8", "{\"sub\":\"\xff\",\"exp\":1900003600}", why::ill_claims);
  claims("an empty object", "{}", why::ill_subject);
  claims("sub twice", R"({"sub":"root",)" + good_claims.substr(1), why::repeated_member);
  claims("exp twice, by an escape", R"({"e\u0078p":9999999999,)" + good_claims.substr(1), why::repeated_member);
  claims("a member twice further in", R"({"x":[{"a":1,"a":2}],)" + good_claims.substr(1), why::repeated_member);
  claims("too deep", R"({"x":)" + std::string(16, '[') + std::string(16, ']') + "," + good_claims.substr(1),
         why::ill_claims);
  std::string wide = good_claims.substr(0, good_claims.size() - 1) + ",\"x\":[0";
  for (int i = 0; i < 1'100; ++i) wide += ",0";
  claims("too wide", wide + "]}", why::ill_claims);

  claims("no sub", claims_without("sub"), why::ill_subject);
  for (const char* text : {"null", "7", "[\"ann\"]", "\"\"", "\"an\\nn\"", "\"\\u007f\"", "\"\\u0000\""})
    member("sub", text, why::ill_subject);
  member("sub", '"' + std::string(limits::user_bytes_max + 1, 'a') + '"', why::ill_subject);

  claims("no exp", claims_without("exp"), why::no_expiry);
  for (const char* text : {"\"1900003600\"", "\"\"", "null", "true", "[]", "-1", "-1900003600", "1900003600.5", "1.9e9",
                           "253402300800", "18446744073709551615", "18446744073709551616", "1e400"})
    member("exp", text, why::ill_claims);
  member("exp", "0", why::expired);
  member("exp", "1899999940", why::expired);
  member("exp", "1899999941,\"nbf\":\"0\"", why::ill_claims);
  member("exp", "1900003600,\"nbf\":1900000061", why::not_yet_valid);
  member("exp", "1900003600,\"nbf\":-5", why::ill_claims);
  member("exp", "1900003600,\"nbf\":1e3", why::ill_claims);
  member("iat", "1900000061", why::issued_in_future);
  member("iat", "\"now\"", why::ill_claims);
  member("iat", "1900000000.25", why::ill_claims);

  claims("no iss", claims_without("iss"), why::wrong_issuer);
  for (const char* text :
       {"\"\"", "\"greenroom.test/\"", "\"Greenroom.test\"", "\"greenroom.test\\u0000\"", "\"evil\""})
    member("iss", text, why::wrong_issuer);
  for (const char* text : {"null", "[\"greenroom.test\"]", "1"}) member("iss", text, why::ill_claims);
  member("iss", '"' + std::string(1'025, 'i') + '"', why::ill_claims);

  claims("no aud", claims_without("aud"), why::wrong_audience);
  for (const char* text : {"\"\"", "\"Node\"", "\"node2\"", "[]", "[\"other\"]", "[\"nod\"]"})
    member("aud", text, why::wrong_audience);
  for (const char* text : {"null", "1", "{\"node\":1}", "[\"node\",1]", "[1,\"node\"]", "[[\"node\"]]"})
    rows.push_back(
        {text,
         signed_token(hs, jwt_algorithm::hs256,
                      R"({"iss":"greenroom.test","sub":"ann","exp":1900003600,"aud":)" + std::string{text} + "}"),
         why::ill_claims});
  member("exp", "1900003600,\"jti\":7", why::ill_claims);
  member("exp", "1900003600,\"jti\":\"" + std::string(257, 'j') + '"', why::ill_claims);
  check(rows, everything());
}

TEST_CASE("jwt: clocks may differ by 60 seconds", "[codecs][jwt]") {
  const auto token = es256(es);  // iat 1900000000, exp 1900003600
  const auto at = [&](std::uint64_t now_s) { return samples::said(verify_jwt(token, *everything(), now_s)); };
  CHECK(at(1'899'999'939) == sentence_of(why::issued_in_future));
  CHECK(at(1'899'999'940) == "ann");
  CHECK(at(1'900'003'659) == "ann");
  CHECK(at(1'900'003'660) == sentence_of(why::expired));
  CHECK(at(0) == sentence_of(why::issued_in_future));
  CHECK(at(static_cast<std::uint64_t>(-1)) == sentence_of(why::expired));
  const auto later = signed_token(es, jwt_algorithm::es256, claims_without("iat", "0,\"nbf\":1900000100"));
  CHECK(samples::said(verify_jwt(later, *everything(), 1'900'000'039)) == sentence_of(why::not_yet_valid));
  CHECK(samples::said(verify_jwt(later, *everything(), 1'900'000'040)) == "ann");
}

TEST_CASE("jwt: what a node does not ask for is not required, but an audience is never ignored", "[codecs][jwt]") {
  const jwt_trust lax{.keys = samples::all_keys(), .issuers = {}, .audiences = {}, .expiry = jwt_expiry::optional};
  const auto says = [&](const std::string& claims) {
    return samples::said(verify_jwt(signed_token(hs, jwt_algorithm::hs256, claims), lax, samples::now_s));
  };
  CHECK(says(R"({"sub":"ann"})") == "ann");
  CHECK(says(R"({"sub":"ann","iss":"anybody"})") == "ann");
  CHECK(says(R"({"sub":"ann","aud":"node"})") == sentence_of(why::wrong_audience));
  CHECK(says(R"({"sub":"ann","exp":1})") == sentence_of(why::expired));
}

TEST_CASE("jwt: the claims say what was signed", "[codecs][jwt]") {
  const std::string document =
      R"({ "sub":"ann", "iss":"greenroom.test","aud":["other","node"],"exp":1900003600,"nbf":1899999000,)"
      R"("iat":1899999999,"jti":"t-1","scope":"join publish","permissions":{"rooms":["a"]}})";
  const auto verdict = verify_jwt(signed_token(es, jwt_algorithm::es256, document), *everything(), samples::now_s);
  REQUIRE(samples::said(verdict) == "ann");
  const auto& claims = *std::get<jwt_claims_ptr>(verdict);
  CHECK(claims.issuer == "greenroom.test");
  CHECK(claims.id == "t-1");
  CHECK(claims.kid == "es256");
  CHECK(claims.expires_at_s == 1'900'003'600);
  CHECK(claims.not_before_s == 1'899'999'000);
  CHECK(claims.issued_at_s == 1'899'999'999);
  CHECK(claims.document == document);
}

TEST_CASE("jwt: threads share keys", "[codecs][jwt]") {
  std::vector<std::string> tokens;
  for (const auto alg : samples::algorithms)
    tokens.push_back(signed_token(R"({"alg":")" + std::string{name_of(alg)} + "\"}", alg));
  std::atomic<int> accepted = 0;
  const auto verify_all = [&tokens, &accepted, trust = everything()] {
    for (int round = 0; round < 50; ++round)
      for (const auto& token : tokens) accepted += samples::said(verify_jwt(token, *trust, samples::now_s)) == "ann";
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(verify_all);
  for (auto& each : threads) each.join();
  CHECK(accepted == 4 * 50 * static_cast<int>(tokens.size()));
}

TEST_CASE("jwt: every refusal has a sentence of its own", "[codecs][jwt]") {
  std::vector<std::string_view> all;
  for (int i = 0; i <= static_cast<int>(why::issued_in_future); ++i) all.push_back(sentence_of(static_cast<why>(i)));
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  for (const auto each : all) CHECK((each.starts_with("The") || each.starts_with("A ") || each.starts_with("No ")));
}
