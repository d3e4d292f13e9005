#include <catch2/catch.hpp>

#include "codecs/token_cache.hpp"
#include "tests/codecs/jwt_samples.hpp"

namespace {

using namespace greenroom::codecs;

const jwt_trust_ptr& trust() {
  static const auto made = samples::trust_in(samples::all_keys());
  return made;
}

std::string token(std::string subject, std::uint64_t expires_at_s = samples::later_s, std::string more = "") {
  static const auto signer = samples::signer(jwt_algorithm::hs256, "hs256");
  auto order = samples::order();
  order.subject = std::move(subject);
  order.expires_at_s = expires_at_s;
  order.more = std::move(more);
  return mint_jwt(order, signer);
}

}  // namespace

TEST_CASE("token cache: a token is verified once, and answered with the same claims", "[codecs][jwt]") {
  token_cache cache;
  const auto ann = token("ann");
  const auto first = cache.verify(ann, trust(), samples::now_s), again = cache.verify(ann, trust(), samples::now_s);
  CHECK(samples::said(first) == "ann");
  CHECK(std::get<jwt_claims_ptr>(first) == std::get<jwt_claims_ptr>(again));
  CHECK(cache.hits() == 1);
  CHECK(samples::said(cache.verify(token("bob"), trust(), samples::now_s)) == "bob");
  CHECK(cache.size() == 2);
  CHECK(cache.hits() == 1);
}

TEST_CASE("token cache: an entry ends with its token, and by a clock that went back", "[codecs][jwt]") {
  token_cache cache;
  const auto ann = token("ann");
  const auto at = [&](std::uint64_t now_s) { return samples::said(cache.verify(ann, trust(), now_s)); };
  CHECK(at(samples::later_s + 59) == "ann");
  CHECK(at(samples::later_s + 60) == sentence_of(jwt_refusal::expired));
  CHECK(cache.size() == 0);
  CHECK(cache.bytes() == 0);
  CHECK(at(samples::now_s) == "ann");
  CHECK(at(samples::now_s - 61) == sentence_of(jwt_refusal::issued_in_future));
  CHECK(cache.size() == 0);
}

TEST_CASE("token cache: other keys, issuers or audiences end all entries", "[codecs][jwt]") {
  token_cache cache;
  const auto ann = token("ann");
  cache.verify(ann, trust(), samples::now_s);
  const auto revoked = samples::trust_in(samples::set_of({samples::public_key(jwt_algorithm::es256, "es256")}));
  CHECK(samples::said(cache.verify(ann, revoked, samples::now_s)) == sentence_of(jwt_refusal::unknown_key));
  CHECK(cache.size() == 0);
  cache.verify(ann, trust(), samples::now_s);
  const auto elsewhere = std::make_shared<const jwt_trust>(
      jwt_trust{.keys = trust()->keys, .issuers = {"greenroom.test"}, .audiences = {"elsewhere"}});
  CHECK(samples::said(cache.verify(ann, elsewhere, samples::now_s)) == sentence_of(jwt_refusal::wrong_audience));
  CHECK(samples::said(cache.verify(ann, trust(), samples::now_s)) == "ann");
  CHECK(cache.hits() == 0);
}

TEST_CASE("token cache: refusals are not remembered", "[codecs][jwt]") {
  token_cache cache;
  auto forged = token("ann");
  forged.back() = forged.back() == 'A' ? 'E' : 'A';
  for (const auto& each : {forged, std::string{}, std::string(10'000, '.')}) {
    const auto said = samples::said(cache.verify(each, trust(), samples::now_s));
    CHECK(said == samples::said(verify_jwt(each, *trust(), samples::now_s)));
    CHECK(said != "ann");
  }
  CHECK(cache.size() == 0);
}

TEST_CASE("token cache: of too many entries the one used longest ago goes", "[codecs][jwt]") {
  token_cache cache{2};
  const auto ann = token("ann"), bob = token("bob"), cat = token("cat");
  for (const auto& each : {ann, bob, ann, cat}) cache.verify(each, trust(), samples::now_s);
  CHECK(cache.size() == 2);
  CHECK(cache.hits() == 1);
  cache.verify(ann, trust(), samples::now_s);
  cache.verify(cat, trust(), samples::now_s);
  CHECK(cache.hits() == 3);
  cache.verify(bob, trust(), samples::now_s);
  CHECK(cache.hits() == 3);
}

TEST_CASE("token cache: bytes are bounded too, and what is larger than all is not kept", "[codecs][jwt]") {
  constexpr std::size_t bytes_max = 4'000;
  token_cache cache{100, bytes_max};
  for (int i = 0; i < 20; ++i) {
    cache.verify(token("user" + std::to_string(i), samples::later_s, R"({"x":")" + std::string(600, 'x') + "\"}"),
                 trust(), samples::now_s);
    CHECK(cache.bytes() <= bytes_max);
  }
  const auto kept = cache.size();
  CHECK(kept >= 2);
  CHECK(kept < 8);
  const auto large = token("ann", samples::later_s, R"({"x":")" + std::string(4'500, 'x') + "\"}");
  CHECK(samples::said(cache.verify(large, trust(), samples::now_s)) == "ann");
  CHECK(cache.size() == kept);

  token_cache none{0};
  CHECK(samples::said(none.verify(token("ann"), trust(), samples::now_s)) == "ann");
  CHECK(none.size() == 0);
}
