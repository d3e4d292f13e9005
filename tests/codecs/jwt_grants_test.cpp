// What a token says of what its user may: roles, scopes, grants.
#include <catch2/catch.hpp>
#include <string>

#include "tests/codecs/jwt_samples.hpp"

namespace {

using namespace greenroom::codecs;
using why = jwt_refusal;
using strings = std::vector<std::string>;

jwt_verdict verdict_on(const std::string& more, const jwt_trust_ptr& trust = samples::trust_in(samples::all_keys())) {
  auto order = samples::order();
  order.more = more;
  return verify_jwt(mint_jwt(order, samples::signer(jwt_algorithm::es256, "es256")), *trust, samples::now_s);
}

const jwt_claims& claims_of(const jwt_verdict& verdict) {
  INFO(samples::said(verdict));
  return *std::get<jwt_claims_ptr>(verdict);
}

std::string repeated(std::string_view item, std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list.append(i == 0 ? "" : ",").append(item);
  return '[' + list + ']';
}

}  // namespace

TEST_CASE("jwt: roles are a list, or words with spaces", "[codecs][jwt]") {
  const std::pair<const char*, strings> rows[]{
      {"{}", {}},
      {R"({"roles":[]})", {}},
      {R"({"roles":""})", {}},
      {R"({"roles":["admin","on call"]})", {"admin", "on call"}},
      {R"({"roles":"admin staff"})", {"admin", "staff"}},
      {R"({"roles":"  admin   staff "})", {"admin", "staff"}},
  };
  for (const auto& [more, roles] : rows) {
    INFO(more);
    const auto verdict = verdict_on(more);
    CHECK(claims_of(verdict).roles == roles);
    CHECK(claims_of(verdict).scopes.empty());
  }
  const auto scoped = verdict_on(R"({"scope":"read:chat write:chat"})");
  CHECK(claims_of(scoped).scopes == strings{"read:chat", "write:chat"});
  const auto trust = std::make_shared<const jwt_trust>(jwt_trust{.keys = samples::all_keys(),
                                                                 .issuers = {"greenroom.test"},
                                                                 .audiences = {"node"},
                                                                 .grants_claim = "",
                                                                 .roles_claim = "https://login.test/groups"});
  const auto other = verdict_on(R"({"https://login.test/groups":["x"],"roles":17,"greenroom":17})", trust);
  CHECK(claims_of(other).roles == strings{"x"});
}

TEST_CASE("jwt: grants are one object or a list of them", "[codecs][jwt]") {
  const auto one = verdict_on(R"({"greenroom":{"rooms":["chat:*"],"actions":["join","publish"]}})");
  REQUIRE(claims_of(one).grants.size() == 1);
  CHECK(claims_of(one).grants[0].rooms == strings{"chat:*"});
  CHECK(claims_of(one).grants[0].actions == strings{"join", "publish"});
  const auto two = verdict_on(R"({"greenroom":[{"methods":["a.*"],"users":["bob"]},{"note":1}]})");
  REQUIRE(claims_of(two).grants.size() == 2);
  CHECK(claims_of(two).grants[0].methods == strings{"a.*"});
  CHECK(claims_of(two).grants[0].users == strings{"bob"});
  CHECK(claims_of(two).grants[1].rooms.empty());
}

TEST_CASE("jwt: roles and grants that are not what they must be refuse the token", "[codecs][jwt]") {
  const std::pair<std::string, why> rows[]{
      {R"({"roles":17})", why::ill_roles},
      {R"({"roles":null})", why::ill_roles},
      {R"({"roles":{"admin":true}})", why::ill_roles},
      {R"({"roles":["admin",17]})", why::ill_roles},
      {R"({"roles":[""]})", why::ill_roles},
      {R"({"roles":[")" + std::string(257, 'x') + R"("]})", why::ill_roles},
      {R"({"roles":")" + std::string(257, 'x') + R"("})", why::ill_roles},
      {R"({"roles":)" + repeated(R"("x")", 65) + "}", why::ill_roles},
      {R"({"scope":17})", why::ill_roles},
      {R"({"greenroom":"chat:*"})", why::ill_grants},
      {R"({"greenroom":null})", why::ill_grants},
      {R"({"greenroom":["chat:*"]})", why::ill_grants},
      {R"({"greenroom":{"rooms":"chat:*"}})", why::ill_grants},
      {R"({"greenroom":{"rooms":["chat:*",1]}})", why::ill_grants},
      {R"({"greenroom":{"rooms":[""]}})", why::ill_grants},
      {R"({"greenroom":{"users":[")" + std::string(256, 'x') + R"("]}})", why::ill_grants},
      {R"({"greenroom":{"methods":)" + repeated(R"("x")", 65) + "}}", why::ill_grants},
      {R"({"greenroom":)" + repeated("{}", 33) + "}", why::ill_grants},
  };
  for (const auto& [more, refusal] : rows) {
    INFO(more.substr(0, 60));
    CHECK(samples::said(verdict_on(more)) == sentence_of(refusal));
  }
  CHECK(claims_of(verdict_on(R"({"roles":)" + repeated(R"("x")", 64) + "}")).roles.size() == 64);
  CHECK(claims_of(verdict_on(R"({"greenroom":)" + repeated("{}", 32) + "}")).grants.size() == 32);
}

TEST_CASE("jwt: a subject that is no name is refused", "[codecs][jwt]") {
  auto order = samples::order();
  for (const char* subject : {"e\u0301", "\u202eann", "a\nb"}) {
    order.subject = subject;
    const auto token = mint_jwt(order, samples::signer(jwt_algorithm::es256, "es256"));
    CHECK(samples::said(verify_jwt(token, *samples::trust_in(samples::all_keys()), samples::now_s)) ==
          sentence_of(why::ill_subject));
  }
}
