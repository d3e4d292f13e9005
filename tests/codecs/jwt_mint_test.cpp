#include <catch2/catch.hpp>

#include "tests/codecs/jwt_samples.hpp"

using namespace greenroom::codecs;

TEST_CASE("jwt mint: a minted token is verified under the key of its algorithm and under no other", "[codecs][jwt]") {
  for (const auto alg : samples::algorithms) {
    INFO(name_of(alg));
    const auto token = mint_jwt(samples::order(), samples::signer(alg, "k"));
    for (const auto other : samples::algorithms) {
      const auto trust = samples::trust_in(samples::set_of({samples::public_key(other, "k")}));
      const auto said = samples::said(verify_jwt(token, *trust, samples::now_s));
      CHECK(said == (other == alg ? "ann" : sentence_of(jwt_refusal::wrong_algorithm)));
    }
  }
}

TEST_CASE("jwt mint: the token has what was ordered, and nothing that was not", "[codecs][jwt]") {
  auto order = samples::order();
  const auto parts = [&](std::string kid) {
    const auto token = mint_jwt(order, samples::signer(jwt_algorithm::eddsa, std::move(kid)));
    const auto first = token.find('.'), second = token.rfind('.');
    return from_base64url(token.substr(0, first)).value() +
           from_base64url(token.substr(first + 1, second - first - 1)).value();
  };
  CHECK(parts("") == R"({"alg":"EdDSA","typ":"JWT"})"
                     R"({"iss":"greenroom.test","sub":"ann","aud":"node","iat":1900000000,"exp":1900003600})");
  order.issuer.clear();
  order.audiences = {"a", "b"};
  order.id = "t-1";
  order.scope = "join \"publish\"";
  order.more = R"({"permissions":{"join":["a*"]}, "n":1})";
  CHECK(parts("k-1") ==
        R"({"alg":"EdDSA","typ":"JWT","kid":"k-1"})"
        R"({"sub":"ann","aud":["a","b"],"iat":1900000000,"exp":1900003600,"jti":"t-1","scope":"join \"publish\"",)"
        R"("permissions":{"join":["a*"]},"n":1})");
}

TEST_CASE("jwt mint: further claims must be an object with names of its own", "[codecs][jwt]") {
  const auto signer = samples::signer(jwt_algorithm::hs256, "");
  auto order = samples::order();
  for (const char* more : {"7", "[]", "{", R"({"sub":"root"})", R"({"a":1,"a":2})", R"({"a":1e999})"}) {
    INFO(more);
    order.more = more;
    CHECK_THROWS_AS(mint_jwt(order, signer), std::invalid_argument);
  }
  order = samples::order();
  order.subject = "\xff";
  CHECK_THROWS_AS(mint_jwt(order, signer), std::invalid_argument);
}
