// Who comes with a token: let in, sent away, told that it ends, and let in again.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "actors/doctor.hpp"
#include "actors/engine.hpp"
#include "actors/tokens.hpp"
#include "tests/codecs/jwt_samples.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

namespace samples = codecs::samples;
using codecs::error_code;
using codecs::jwt_algorithm;
using namespace std::chrono_literals;

/// A node that believes three keys, and nobody without one.
struct token_fixture : node_fixture {
  token_fixture() {
    config = runtime::default_config(runtime::preset::closed);
    policy().join = policy().publish = policy().read = runtime::permission::authenticated;
    ctx().tokens = std::make_shared<const greenroom::tokens>(
        samples::trust_in(samples::set_of({samples::public_key(jwt_algorithm::es256, ""),
                                           samples::public_key(jwt_algorithm::hs256, "shared"),
                                           samples::public_key(jwt_algorithm::eddsa, "ed")})),
        shards);
  }

  std::uint64_t now_s() { return static_cast<std::uint64_t>(ctx().now_ms()) / 1'000; }

  codecs::jwt_order order(std::string user, std::chrono::seconds ttl = 1h) {
    auto one = samples::order();
    one.subject = std::move(user);
    one.issued_at_s = now_s() - 300;
    one.expires_at_s = now_s() + static_cast<std::uint64_t>(ttl.count());
    return one;
  }
  static std::string signed_by(const codecs::jwt_order& what, jwt_algorithm alg = jwt_algorithm::es256,
                               std::string kid = {}) {
    return codecs::mint_jwt(what, samples::signer(alg, std::move(kid)));
  }
  std::string token(std::string user, std::chrono::seconds ttl = 1h) { return signed_by(order(std::move(user), ttl)); }

  static std::string with(const std::string& token) { return R"({"token":")" + token + R"("})"; }
  static std::string with(const std::string& token, const json& was) {
    return R"({"token":")" + token + R"(","resume":{"session":)" + dump(was, "session") + R"(,"token":)" +
           dump(was, "resume_token") + "}}";
  }
  json open(client& who, const std::string& token) { return who.call("session.open", with(token)); }
};

/// A file for one test.
struct file {
  explicit file(std::string_view text)
      : path{(std::filesystem::temp_directory_path() /
              ("greenroom-token-test-" + std::to_string(::getpid()) + "-" + std::to_string(++made)))
                 .string()} {
    std::ofstream{path} << text;
  }
  ~file() { std::filesystem::remove(path); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;

  static inline int made = 0;
  const std::string path;
};

/// What is wrong with these keys; empty: nothing. The name of the file does not matter.
std::string problem_of(std::vector<std::string> keys, std::string_view file_name = "-") {
  try {
    make_key_sets({.keys = std::move(keys)});
    return {};
  } catch (const bad_config& e) {
    std::string said{e.what()};
    if (const auto at = said.find(file_name); at != std::string::npos) said.replace(at, file_name.size(), "FILE");
    return said;
  }
}

}  // namespace

TEST_CASE_METHOD(token_fixture, "token: its subject is the user, and rooms for authenticated users are open",
                 "[actors][token]") {
  auto& ann = connect();
  CHECK(text(open(ann, token("ann")), "user") == "ann");
  ann.join("lobby");
  ann.publish("lobby", "hi");
  CHECK(ann.story() == strings{"session.open ok", "room.join ok", "lobby 1 \"hi\"", "room.publish ok"});

  auto& bob = connect();
  CHECK(text(open(bob, signed_by(order("bob"), jwt_algorithm::hs256, "shared")), "user") == "bob");
  auto& eve = connect();
  CHECK(text(open(eve, signed_by(order("eve"), jwt_algorithm::eddsa, "ed")), "user") == "eve");
  CHECK(figure("greenroom_tokens_refused_total") == 0);
}

TEST_CASE_METHOD(token_fixture, "token: what is not accepted hears one sentence, whatever is wrong",
                 "[actors][token]") {
  auto changed = [this](auto change) {
    auto one = order("ann");
    change(one);
    return one;
  };
  const auto good = token("ann");
  const std::vector<std::string> rows{
      "x",
      "a.b.c",
      good + "A",
      good.substr(0, good.rfind('.') + 1),
      samples::base64url(R"({"alg":"none"})") + good.substr(good.find('.'), good.rfind('.') - good.find('.')) + '.',
      signed_by(order("ann"), jwt_algorithm::hs256, "ed"),      // the key of that id holds another algorithm
      signed_by(order("ann"), jwt_algorithm::rs256, "nobody"),  // no key at all
      signed_by(order("")),
      signed_by(changed([](auto& o) { o.issuer = "greenroom.tes"; })),
      signed_by(changed([](auto& o) { o.issuer.clear(); })),
      signed_by(changed([](auto& o) { o.audiences = {"other"}; })),
      signed_by(changed([this](auto& o) { o.expires_at_s = now_s() - 60; })),
      signed_by(changed([this](auto& o) { o.issued_at_s = now_s() + 61; })),
  };
  auto& stranger = connect();
  for (const auto& each : rows) {
    INFO(each);
    const auto why = stranger.refused("session.open", with(each));
    CHECK(why.code == error_code::unauthenticated);
    CHECK(why.message == "the token is not accepted");
  }
  CHECK(figure("greenroom_tokens_refused_total") == static_cast<double>(rows.size()));
  CHECK(stranger.refused("session.open", R"({"user":"ann"})").code == error_code::unauthenticated);
  CHECK(stranger.refused("room.join", R"({"room":"lobby"})").code == error_code::unauthenticated);
  CHECK(ctx().meters.sessions == 0);
  CHECK(text(open(stranger, good), "user") == "ann");  // the connection has stayed
}

TEST_CASE_METHOD(token_fixture, "token: where the config names no key none is accepted", "[actors][token]") {
  ctx().tokens = nullptr;
  CHECK(connect().refused("session.open", with(token("ann"))).message == "the token is not accepted");
}

TEST_CASE_METHOD(token_fixture, "token: a doorkeeper decides first", "[actors][token]") {
  extensions.set_doorkeeper([](const visitor& who) -> std::optional<std::variant<principal, codecs::error>> {
    if (who.token == "sesame") return principal{user_id{"ali"}, identity::authenticated};
    return std::nullopt;
  });
  restart();
  // restart() made another context
  ctx().tokens = std::make_shared<const greenroom::tokens>(
      samples::trust_in(samples::set_of({samples::public_key(jwt_algorithm::es256, "")})), 1);
  CHECK(text(open(connect(), "sesame"), "user") == "ali");
  CHECK(text(open(connect(), token("ann")), "user") == "ann");
  CHECK(connect().refused("session.open", with("simsim")).code == error_code::unauthenticated);
}

TEST_CASE_METHOD(token_fixture, "token: 60 s before its end the client is told, at its end the connection is closed",
                 "[actors][token]") {
  auto& ann = connect();
  open(ann, token("ann", 10min));
  ann.story();
  advance(9min - 1s);
  CHECK(ann.story().empty());
  advance(1s);
  CHECK(ann.story() == strings{"notice token_expiring"});
  advance(60s - 1ms);
  CHECK(ann.story().empty());
  advance(1ms);
  CHECK(ann.story() == strings{"close 1008 token_expired"});
}

TEST_CASE_METHOD(token_fixture, "token: one for days is looked at again and again, and ends when it ends",
                 "[actors][token]") {
  auto& ann = connect();
  open(ann, token("ann", 49h));
  ann.story();
  advance(49h - 61s);
  CHECK(ann.story().empty());
  advance(1s);
  CHECK(ann.story() == strings{"notice token_expiring"});
  advance(60s);
  CHECK(ann.story() == strings{"close 1008 token_expired"});
}

TEST_CASE_METHOD(token_fixture, "token: one that comes late, as clocks differ, has the leeway and no more",
                 "[actors][token]") {
  auto& ann = connect();
  open(ann, token("ann", -50s));
  CHECK(ann.story() == strings{"session.open ok", "notice token_expiring"});
  advance(10s - 1ms);
  CHECK(ann.story().empty());
  advance(1ms);
  CHECK(ann.story() == strings{"close 1008 token_expired"});
}

TEST_CASE_METHOD(token_fixture, "token: session.refresh moves the end, with a token of the same user",
                 "[actors][token]") {
  auto& ann = connect();
  open(ann, token("ann", 2min));
  advance(61s);
  const auto newer = order("ann", 5min);
  CHECK(number(ann.call("session.refresh", with(signed_by(newer))), "expires_at") == newer.expires_at_s * 1'000);
  CHECK(ann.story() == strings{"session.open ok", "notice token_expiring", "session.refresh ok"});
  advance(4min - 1s);
  CHECK(ann.story().empty());
  advance(1s);
  CHECK(ann.story() == strings{"notice token_expiring"});
  advance(1min);
  CHECK(ann.story() == strings{"close 1008 token_expired"});
}

TEST_CASE_METHOD(token_fixture, "token: session.refresh refuses another user's and a bad one, and nothing moves",
                 "[actors][token]") {
  auto& ann = connect();
  open(ann, token("ann", 2min));
  CHECK(ann.refused("session.refresh", with(token("bob"))).code == error_code::forbidden);
  CHECK(ann.refused("session.refresh", with("x")).message == "the token is not accepted");
  ann.story();
  advance(1min);
  CHECK(ann.story() == strings{"notice token_expiring"});
  advance(1min);
  CHECK(ann.story() == strings{"close 1008 token_expired"});
}

TEST_CASE_METHOD(token_fixture, "token: who was closed for its end resumes with a newer one of the same user",
                 "[actors][token]") {
  auto& ann = connect();
  const auto was = open(ann, token("ann", 90s));
  ann.join("lobby");
  advance(90s);
  auto& bob = connect();
  open(bob, token("bob"));
  bob.publish("lobby", "missed");

  auto& back = connect();
  const auto resume =
      R"({"resume":{"session":)" + dump(was, "session") + R"(,"token":)" + dump(was, "resume_token") + "}}";
  CHECK(back.refused("session.open", resume).code == error_code::unauthenticated);  // the resume token is not enough
  CHECK(back.refused("session.open", with(token("ann", -2min), was)).code == error_code::unauthenticated);
  const auto now = back.call("session.open", with(token("ann"), was));
  CHECK(dump(now, "resumed") == "true");
  CHECK(back.messages("lobby").size() == 1);
  advance(59min);
  CHECK(back.story() == strings{"notice token_expiring"});
}

TEST_CASE_METHOD(token_fixture, "token: another user cannot resume the session, though it has the resume token",
                 "[actors][token]") {
  auto& ann = connect();
  const auto was = open(ann, token("ann"));
  ann.join("lobby");
  ann.wire().break_off();
  settle();
  const auto now = connect().call("session.open", with(token("bob"), was));
  CHECK(dump(now, "resumed") == "false");
  CHECK(text(now, "reason") == "other_user");
  CHECK(text(now, "user") == "bob");
  CHECK(text(now, "session") != text(was, "session"));
}

TEST_CASE_METHOD(token_fixture, "token: where guests are welcome none of them resumes a user's session",
                 "[actors][token]") {
  config.access.anonymous = runtime::anonymous_access::loopback;
  auto& ann = connect();
  const auto was = open(ann, token("ann"));
  ann.wire().break_off();
  settle();
  auto& guest = connect();
  const auto resume =
      R"("resume":{"session":)" + dump(was, "session") + R"(,"token":)" + dump(was, "resume_token") + "}";
  CHECK(guest.refused("session.open", R"({"user":"ann",)" + resume + "}").code == error_code::forbidden);
  const auto now = guest.call("session.open", "{" + resume + "}");
  CHECK(dump(now, "resumed") == "false");
  CHECK(text(now, "reason") == "other_user");
}

TEST_CASE_METHOD(token_fixture, "token: what a handshake has shown opens the session, until it ends",
                 "[actors][token]") {
  const principal ann{user_id{"ann"}, identity::authenticated, ctx().now_ms() + 120'000};
  auto& first = connect({.admitted = ann});
  CHECK(text(first.call("session.open"), "user") == "ann");
  first.story();
  advance(1min);
  CHECK(first.story() == strings{"notice token_expiring"});

  auto& second = connect({.admitted = ann});
  advance(1min);
  CHECK(second.refused("session.open").code == error_code::unauthenticated);
  CHECK(text(open(second, token("ann")), "user") == "ann");
}

TEST_CASE("token: keys are read from files", "[actors][token]") {
  const file es{samples::p256_public}, certificate{samples::p256_certificate}, rsa{samples::rsa_public},
      ed{samples::ed25519_public}, secret{"0123456789abcdef0123456789abcdef\n"},
      set{R"({"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
          {"kty":"EC","crv":"P-521","kid":"b"}]})"};
  CHECK(problem_of({"ES256:" + es.path, "2026=ES256:" + certificate.path, "RS256:" + rsa.path, "ps=PS256:" + rsa.path,
                    "EdDSA:" + ed.path, "HS256:" + secret.path, "did:key:x=HS512:" + secret.path,
                    "jwks:" + set.path}) == "");
  CHECK(make_key_sets({}) == nullptr);
  CHECK(make_tokens(nullptr, 1) == nullptr);
}

TEST_CASE("token: a secret counts without the line end of its file", "[actors][token]") {
  const std::string secret{"0123456789abcdef0123456789abcdef"};
  const file lined{secret + "\n"};
  const auto made = make_tokens(make_key_sets({.keys = {"HS256:" + lined.path}}).get(), 2);
  std::string why;
  const auto signer =
      codecs::jwt_signer::from_secret(jwt_algorithm::hs256, secret, codecs::jwt_secret_form::raw, {}, why);
  REQUIRE(signer);
  codecs::jwt_order order;
  order.subject = "ann";
  order.expires_at_s = samples::later_s;
  CHECK(samples::said(made->verify(codecs::mint_jwt(order, *signer), samples::now_s)) == "ann");
}

TEST_CASE("token: a secret may be a stored one", "[actors][token]") {
  const std::string secret{"0123456789abcdef0123456789abcdef"};
  const auto secrets = [&](const std::string& name) {
    if (name != "kept") throw secret_error{"there is no secret of that name"};
    return storage::secret_text{secret + "\n"};
  };
  const auto problem = [&](const std::string& entry, const secret_reader& from) -> std::string {
    try {
      make_key_sets({.keys = {entry}}, from);
    } catch (const bad_config& e) {
      return e.what();
    }
    return {};
  };
  CHECK(problem("HS256:secret:kept", secrets) == "");
  CHECK(problem("2026=HS256:secret:kept", secrets) == "");
  CHECK(problem("HS256:secret:other", secrets) == "tokens.keys: HS256:secret:other: there is no secret of that name");
  CHECK(problem("HS256:secret:kept", {}) == "tokens.keys: HS256:secret:kept: there are no secrets here");
  const auto wrong_kind = problem("ES256:secret:kept", secrets);
  CHECK(wrong_kind.find("tokens.keys: ES256:secret:kept: ") == 0);
  CHECK(wrong_kind.find(secret) == std::string::npos);
}

TEST_CASE("token: a key that cannot be used ends the start with its entry and the reason", "[actors][token]") {
  const file short_secret{"0123456789abcdef0123456789abcde\n"}, es{samples::p256_public},
      private_key{samples::p256_private}, text{"no key"}, none{R"({"keys":[{"kty":"EC","crv":"P-521"}]})"};
  const auto of = [](const file& what, const std::string& before) {
    return problem_of({before + what.path}, what.path);
  };
  CHECK(of(short_secret, "HS256:").starts_with("tokens.keys: HS256:FILE: "));
  CHECK(of(short_secret, "HS256:").find("32") != std::string::npos);
  CHECK(of(short_secret, "HS256:").find("0123456789") == std::string::npos);
  for (const auto& bad : {of(es, "RS256:"), of(es, "HS256:"), of(private_key, "ES256:"), of(text, "ES256:"),
                          of(text, "jwks:"), of(none, "jwks:")}) {
    INFO(bad);
    CHECK(bad.starts_with("tokens.keys: "));
    CHECK(bad.find(":FILE: ") != std::string::npos);
    CHECK(bad.find("MIGH") == std::string::npos);
  }
  CHECK(problem_of({"ES256:/nowhere/key.pem"}) ==
        "tokens.keys: ES256:/nowhere/key.pem: the file cannot be opened: No such file or directory");
  CHECK(problem_of({"ES256:/tmp"}).starts_with("tokens.keys: ES256:/tmp: the file cannot be read"));
  for (const char* ill : {"", "ES256", "ES256:", "=ES256:/k", "es256:/k", "none:/k", "ES512:/k", "/k"}) {
    INFO(ill);
    CHECK(problem_of({ill}).find("must be ALGORITHM:FILE, KEY_ID=ALGORITHM:FILE, jwks:FILE or jwks:https://") !=
          std::string::npos);
  }
  CHECK_FALSE(problem_of({"ES256:" + es.path, "ES256:" + es.path}).empty());
}

TEST_CASE("token: the doctor finds a key that cannot be used", "[actors][token]") {
  const auto of = [](const std::string& key) {
    std::string said;
    for (const auto& each :
         examine({.data = "/nowhere/greenroom", .listen = {"127.0.0.1:0"}, .set = {"tokens.keys=" + key}}))
      if (each.check == "tokens") said = (each.what == verdict::ok ? "ok: " : "problem: ") + each.sentence;
    return said;
  };
  const file es{samples::p256_public};
  CHECK(of("ES256:" + es.path) == "ok: every key of tokens.keys can be used");
  CHECK(of("RS256:" + es.path).starts_with("problem: tokens.keys: RS256:" + es.path + ": "));
}

}  // namespace greenroom::tests
