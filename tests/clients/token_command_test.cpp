#include "clients/token_command.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "clients/payload_argument.hpp"
#include "tests/codecs/jwt_samples.hpp"

using namespace greenroom;
using namespace greenroom::clients;
namespace samples = codecs::samples;
using codecs::jwt_algorithm;

namespace {

struct file {
  explicit file(std::string_view text)
      : path{(std::filesystem::temp_directory_path() / ("greenroom-token-command-" + std::to_string(::getpid())))
                 .string()} {
    std::ofstream{path} << text;
  }
  ~file() { std::filesystem::remove(path); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;
  const std::string path;
};

/// What is printed, without its line end.
std::string mint(const token_options& what) {
  std::ostringstream out, err;
  terminal to{out, err};
  CHECK(mint_token(what, samples::now_s, to) == exit_code::ok);
  auto printed = out.str();
  REQUIRE(printed.ends_with('\n'));
  printed.pop_back();
  return printed;
}

codecs::jwt_verdict verify(const std::string& token, codecs::jwt_key key, std::uint64_t at_s = samples::now_s) {
  return codecs::verify_jwt(token, *samples::trust_in(samples::set_of({std::move(key)})), at_s);
}

token_options order(const file& key, jwt_algorithm alg) {
  token_options what;
  what.key_file = key.path;
  what.alg = alg;
  what.subject = "ann";
  what.issuer = "greenroom.test";
  what.audiences = {"node"};
  return what;
}

}  // namespace

TEST_CASE("token command: a node that has the other half of the key takes the token, for as long as it was ordered",
          "[clients]") {
  const file key{samples::p256_private};
  auto what = order(key, jwt_algorithm::es256);
  what.kid = "k";
  what.ttl = std::chrono::minutes{15};
  const auto token = mint(what);
  const auto mine = samples::public_key(jwt_algorithm::es256, "k");
  CHECK(samples::said(verify(token, mine)) == "ann");
  CHECK(std::get<codecs::jwt_claims_ptr>(verify(token, mine))->expires_at_s == samples::now_s + 900);
  CHECK(samples::said(verify(token, mine, samples::now_s + 960)) == sentence_of(codecs::jwt_refusal::expired));
  CHECK(samples::said(verify(token, samples::public_key(jwt_algorithm::es256, "other"))) ==
        sentence_of(codecs::jwt_refusal::unknown_key));
}

TEST_CASE("token command: claims are JSON where they are JSON, and texts where not", "[clients]") {
  const file key{samples::ed25519_private};
  auto what = order(key, jwt_algorithm::eddsa);
  what.claims = {"level=3", "roles=[\"admin\"]", "name=Ann \"A\" = x"};
  const auto claims =
      std::get<codecs::jwt_claims_ptr>(verify(mint(what), samples::public_key(jwt_algorithm::eddsa, "")))->document;
  CHECK(claims.ends_with(R"("level":3,"roles":["admin"],"name":"Ann \"A\" = x"})"));
}

TEST_CASE("token command: a secret is what its file holds without the line end", "[clients]") {
  const std::string secret{"0123456789abcdef0123456789abcdef"};
  const file key{secret + "\n"};
  std::string why;
  const auto same = codecs::jwt_key::from_secret(jwt_algorithm::hs256, secret, codecs::jwt_secret_form::raw, {}, why);
  CHECK(samples::said(verify(mint(order(key, jwt_algorithm::hs256)), *same)) == "ann");
}

TEST_CASE("token command: a key that does not fit, no key, and ill claims are said", "[clients]") {
  const file key{samples::p256_private};
  std::ostringstream out, err;
  terminal to{out, err};
  const auto refuses = [&](const token_options& what) {
    return run_command(to, [&] { return mint_token(what, samples::now_s, to); });
  };
  CHECK(refuses(order(key, jwt_algorithm::rs256)) == exit_code::bad_data);
  auto what = order(key, jwt_algorithm::es256);
  what.claims = {"sub=root"};
  CHECK(refuses(what) == exit_code::bad_data);
  what.claims = {"=1"};
  CHECK(refuses(what) == exit_code::bad_data);
  what = order(key, jwt_algorithm::es256);
  what.key_file = "/nowhere/key.pem";
  CHECK(refuses(what) == exit_code::no_input);
  CHECK(out.str().empty());
  CHECK(err.str().find("MIGH") == std::string::npos);
}

TEST_CASE("token command: roles, scopes and grants are claims that a node reads", "[clients]") {
  const file key{samples::p256_private};
  auto what = order(key, jwt_algorithm::es256);
  what.roles = {"staff", "on call"};
  what.scopes = {"chat:read", "chat:write"};
  what.grants = {R"({"rooms":["inbox:${user}"],"actions":["join"]})", R"({"methods":["a.*"]})"};
  what.claims = {"level=3"};
  const auto claims =
      std::get<codecs::jwt_claims_ptr>(verify(mint(what), samples::public_key(jwt_algorithm::es256, "")));
  CHECK(claims->roles == what.roles);
  CHECK(claims->scopes == what.scopes);
  REQUIRE(claims->grants.size() == 2);
  CHECK(claims->grants[0].rooms == std::vector<std::string>{"inbox:${user}"});
  CHECK(claims->grants[1].methods == std::vector<std::string>{"a.*"});
  for (const char* bad : {"[]", "chat:*", "{", ""}) {
    INFO(bad);
    what.grants = {bad};
    std::ostringstream out, err;
    terminal to{out, err};
    CHECK_THROWS_AS(mint_token(what, samples::now_s, to), payload_failure);
  }
}
