// Keys that change: what files and fetched sets hold together, when sets are fetched, and what a token meets meanwhile.
#include "actors/key_sets.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "actors/engine.hpp"
#include "actors/key_fetcher.hpp"
#include "actors/tokens.hpp"
#include "codecs/jwk.hpp"
#include "tests/codecs/jwt_samples.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

namespace fs = std::filesystem;
namespace samples = codecs::samples;
using codecs::error_code;
using codecs::jwt_algorithm;
using runtime::fetch_outcome;
using runtime::fetched;
using namespace std::chrono_literals;

constexpr std::int64_t start_ms = 1'767'225'600'000, second_ms = 1'000, minute_ms = 60'000, hour_ms = 60 * minute_ms;
const std::string url = "https://login.test/jwks.json?v=1", other_url = "https://second.test/keys";

/// samples::p256_public and ed25519_public as JWKs.
std::string p256_jwk(const std::string& kid) {
  return R"({"kty":"EC","crv":"P-256","use":"sig","kid":")" + kid +
         R"(","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
}
std::string ed_jwk(const std::string& kid) {
  return R"({"kty":"OKP","crv":"Ed25519","kid":")" + kid + R"(","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
}
std::string set_of(const strings& keys) {
  std::string json;
  for (const auto& each : keys) json += (json.empty() ? "" : ",") + each;
  return R"({"keys":[)" + json + "]}";
}
fetched good(std::string body, std::optional<std::chrono::seconds> max_age = {}) {
  return {.what = fetch_outcome::ok, .body = std::move(body), .max_age = max_age, .why = {}};
}
fetched bad(fetch_outcome what = fetch_outcome::unreachable) {
  return {.what = what, .body = {}, .max_age = {}, .why = "no route"};
}

struct directory {
  directory() : path{fs::temp_directory_path() / ("greenroom-key-sets-" + std::to_string(::getpid()))} {
    fs::create_directory(path);
  }
  ~directory() { fs::remove_all(path); }
  directory(const directory&) = delete;
  directory& operator=(const directory&) = delete;
  std::string file(const std::string& name, std::string_view text) const {
    std::ofstream{path / name, std::ios::trunc} << text;
    return (path / name).string();
  }
  fs::path path;
};

runtime::tokens_config with(std::vector<std::string> keys) {
  runtime::tokens_config one;
  one.keys = std::move(keys);
  one.issuers = {"greenroom.test"};
  one.audiences = {"node"};
  return one;
}

strings kids(const key_sets& of) {
  strings all;
  for (const auto& each : of.trust()->keys->keys()) all.push_back(each.kid());
  return all;
}

}  // namespace

TEST_CASE("key set: what was fetched last counts, as it is", "[actors][keys]") {
  key_sets sets{with({"jwks:" + url})};
  CHECK(kids(sets).empty());
  CHECK(sets.take(0, good(set_of({p256_jwk("a")})), start_ms));
  CHECK(kids(sets) == strings{"a"});

  const auto before = sets.trust();
  CHECK_FALSE(sets.take(0, good(set_of({p256_jwk("a")})), start_ms + second_ms));
  CHECK(sets.trust() == before);  // what was checked with it may be remembered

  CHECK(sets.take(0, good(set_of({ed_jwk("b"), p256_jwk("a")})), start_ms));
  CHECK(kids(sets) == strings{"b", "a"});
  CHECK(sets.take(0, good(set_of({ed_jwk("b")})), start_ms));
  CHECK(kids(sets) == strings{"b"});
  CHECK(sets.knows("b"));
  CHECK_FALSE(sets.knows("a"));

  for (const auto* garbage : {"", "<html>", "[]", R"({"keys":{}})", R"({"keys":[],"keys":[]})"}) {
    CHECK_FALSE(sets.take(0, good(garbage), start_ms));
    CHECK(kids(sets) == strings{"b"});
  }
  CHECK(sets.figures().front()->unusable == 5);
  CHECK(sets.take(0, good(R"({"keys":[]})"), start_ms));  // whoever removes all keys means it
  CHECK(kids(sets).empty());
  CHECK(sets.figures().front()->set == "https://login.test/jwks.json");
}

TEST_CASE("key set: a secret that is published is none", "[actors][keys]") {
  key_sets sets{with({"jwks:" + url})};
  sets.take(0, good(set_of({R"({"kty":"oct","alg":"HS256","kid":"s","k":")" + std::string(43, 'A') + R"("})"})),
            start_ms);
  CHECK(kids(sets).empty());
}

TEST_CASE("key set: files come first, then the sets in their order, and no id is there twice", "[actors][keys]") {
  const directory dir;
  key_sets sets{with({"jwks:" + url, "a=ES256:" + dir.file("a.pem", samples::p256_public), "jwks:" + other_url})};
  CHECK(kids(sets) == strings{"a"});
  sets.take(1, good(set_of({ed_jwk("a"), ed_jwk("b"), ed_jwk("c")})), start_ms);
  CHECK(kids(sets) == strings{"a", "b", "c"});
  sets.take(0, good(set_of({p256_jwk("b"), ed_jwk("d")})), start_ms);
  CHECK(kids(sets) == strings{"a", "b", "d", "c"});
  CHECK(sets.trust()->keys->keys()[0].algorithm() == jwt_algorithm::es256);
  CHECK(sets.trust()->keys->keys()[1].algorithm() == jwt_algorithm::es256);

  strings many;
  for (int i = 0; i < 64; ++i) many.push_back(ed_jwk("many" + std::to_string(i)));
  sets.take(1, good(set_of(many)), start_ms);
  CHECK(kids(sets).size() == codecs::limits::jwt_keys_max);
}

TEST_CASE("key set: one that fails is fetched again after growing pauses, one that does not in time",
          "[actors][keys]") {
  key_sets sets{with({"jwks:" + url})};
  CHECK(sets.is_due(0, 0));
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 9; ++i) {
    sets.take(0, bad(), start_ms);
    pauses.push_back(sets.next_due_ms() - start_ms);
  }
  CHECK(pauses == std::vector<std::int64_t>{1'000, 2'000, 4'000, 8'000, 16'000, 32'000, 60'000, 60'000, 60'000});

  struct row {
    std::optional<std::chrono::seconds> said;
    std::int64_t pause_ms;
  };
  for (const auto& [said, pause_ms] :
       {row{{}, hour_ms}, row{0s, minute_ms}, row{10min, 10 * minute_ms}, row{86'400s, hour_ms}}) {
    sets.take(0, good(set_of({}), said), start_ms);
    CHECK(sets.next_due_ms() - start_ms == pause_ms);
    CHECK_FALSE(sets.is_due(0, start_ms + pause_ms - 1));
    CHECK(sets.is_due(0, start_ms + pause_ms));
  }
  sets.take(0, bad(fetch_outcome::untrusted), start_ms);
  CHECK(sets.next_due_ms() - start_ms == second_ms);
  CHECK(sets.figures().front()->failed[static_cast<std::size_t>(fetch_outcome::unreachable)] == 9);
  CHECK(sets.figures().front()->failed[static_cast<std::size_t>(fetch_outcome::untrusted)] == 1);
  CHECK(sets.figures().front()->good == 4);
}

TEST_CASE("key set: keys that cannot be fetched count for tokens.keep_ms and no longer", "[actors][keys]") {
  key_sets sets{with({"jwks:" + url, "jwks:" + other_url})};
  sets.take(0, good(set_of({p256_jwk("a")})), start_ms);
  sets.take(1, good(set_of({ed_jwk("b")})), start_ms + hour_ms);
  sets.take(0, bad(), start_ms + hour_ms);
  CHECK_FALSE(sets.expire(start_ms + 24 * hour_ms));
  CHECK(kids(sets) == strings{"a", "b"});
  CHECK(sets.expire(start_ms + 24 * hour_ms + 1));
  CHECK(kids(sets) == strings{"b"});
  CHECK_FALSE(sets.expire(start_ms + 24 * hour_ms + 1));
  CHECK(sets.take(0, good(set_of({p256_jwk("a")})), start_ms + 25 * hour_ms));
  CHECK(kids(sets) == strings{"a", "b"});
}

TEST_CASE("key set: a fetched one survives the process, as long as it counts", "[actors][keys]") {
  const directory dir;
  const auto config = with({"jwks:" + url});
  const auto kept = dir.path / "jwks";
  {
    key_sets sets{config};
    sets.load(kept, start_ms);  // there is no such directory yet
    sets.take(0, good(set_of({p256_jwk("a")})), start_ms);
    sets.save(0, kept);
  }
  const auto at = [&](std::int64_t now_ms, const runtime::tokens_config& how) {
    key_sets sets{how};
    sets.load(kept, now_ms);
    return kids(sets);
  };
  CHECK(at(start_ms + hour_ms, config) == strings{"a"});
  CHECK(at(start_ms + 24 * hour_ms, config) == strings{"a"});
  CHECK(at(start_ms + 24 * hour_ms + 1, config).empty());
  CHECK(at(start_ms - minute_ms, config) == strings{"a"});  // clocks move
  CHECK(at(start_ms - hour_ms, config).empty());            // but not so far: it would count for ever
  {
    key_sets sets{config};
    sets.load(kept, start_ms + hour_ms);
    sets.take(0, bad(), start_ms + hour_ms);
    CHECK(sets.expire(start_ms + 24 * hour_ms + 1));  // since it was fetched, not since the restart
  }
  CHECK((fs::status(kept).permissions() & fs::perms::others_all) == fs::perms::none);
  CHECK(at(start_ms, with({"jwks:" + other_url})).empty());
  CHECK(at(start_ms, config).empty());  // gone with the URL, when the config had it no more
}

TEST_CASE("key set: what stands in the files of an earlier process is checked", "[actors][keys]") {
  const directory dir;
  const auto config = with({"jwks:" + url});
  key_sets first{config};
  first.take(0, good(set_of({p256_jwk("a")})), start_ms);
  first.save(0, dir.path);
  const auto file = fs::directory_iterator { dir.path } -> path();
  const auto head = "greenroom-jwks-1 " + std::to_string(start_ms) + ' ';
  const auto set = set_of({p256_jwk("a")});
  for (const auto& [text, counts] : std::vector<std::pair<std::string, bool>>{{head + url + '\n' + set, true},
                                                                              {"", false},
                                                                              {head, false},
                                                                              {head + url, false},
                                                                              {head + url + "\n{", false},
                                                                              {head + other_url + '\n' + set, false},
                                                                              {"x" + head + url + '\n' + set, false}}) {
    dir.file(file.filename().string(), text);
    key_sets sets{config};
    sets.load(dir.path, start_ms);
    CHECK(kids(sets).empty() != counts);
  }
}

TEST_CASE("key set: files are read again when they change, and a bad one keeps what it held", "[actors][keys]") {
  const directory dir;
  const auto a = dir.file("a", samples::p256_public), b = dir.file("b", set_of({ed_jwk("b")}));
  key_sets sets{with({"a=ES256:" + a, "jwks:" + b})};
  const auto before = sets.trust();
  CHECK_FALSE(sets.read_files(key_sets::which::changed));
  CHECK(sets.trust() == before);

  dir.file("b", set_of({ed_jwk("b"), ed_jwk("new")}));
  CHECK(sets.read_files(key_sets::which::changed));
  CHECK(kids(sets) == strings{"a", "b", "new"});

  for (const auto& bad : {std::string{"{"}, std::string{R"({"keys":[]})"}, set_of({ed_jwk("a")}),
                          set_of({ed_jwk("x"), ed_jwk("x")}), std::string(300'000, ' ')}) {
    dir.file("b", bad);
    CHECK_FALSE(sets.read_files(key_sets::which::changed));
    CHECK(kids(sets) == strings{"a", "b", "new"});
    CHECK_FALSE(sets.read_files(key_sets::which::changed));  // and is not read again until it changes
  }
  fs::remove(b);
  sets.read_files(key_sets::which::all);
  CHECK(kids(sets) == strings{"a", "b", "new"});
  dir.file("b", set_of({ed_jwk("back")}));
  CHECK(sets.read_files(key_sets::which::changed));
  CHECK(kids(sets) == strings{"a", "back"});
  CHECK(sets.read_files(key_sets::which::all));
}

TEST_CASE("key set: a URL that a node must not fetch ends the start", "[actors][keys]") {
  const auto refused = [](const std::string& where) {
    try {
      key_sets sets{with({"jwks:" + where})};
      return false;
    } catch (const bad_config& e) {
      return std::string{e.what()}.starts_with("tokens.keys: jwks:" + where + ": ");
    }
  };
  for (const auto* ill :
       {"http://login.test/jwks", "http://127.0.0.1.evil.test/jwks", "http://localhost.evil.test/",
        "ftp://login.test/jwks", "file:///etc/passwd", "https://", "https://ann:secret@login.test/jwks",
        "https://login.test/jwks#a", "https:// login.test/", "HTTPS://login.test/", "http://10.0.0.1/", "http://[::2]/",
        "http://0x7f.1.evil.test/", "http://127.0.0.1@evil.test/", "http://127.0.0.1\\@evil.test/",
        "http://evil.test\\@127.0.0.1/", "http://[::1].evil.test/"}) {
    INFO(ill);
    CHECK(refused(ill));
  }
  for (const auto* fine : {"https://login.test/jwks", "https://login.test:8443/a?b=c", "http://127.0.0.1:80/",
                           "http://[::1]/", "http://localhost:1/x", "http://127.8.9.1/"}) {
    INFO(fine);
    CHECK_FALSE(refused(fine));
  }
  CHECK_THROWS_AS(key_sets(with({"jwks:" + url, "jwks:" + url})), bad_config);
}

namespace {

/// A node whose keys come from a URL, and what stands there.
struct fetching_fixture : node_fixture {
  fetching_fixture() {
    config = runtime::default_config(runtime::preset::closed);
    config.tokens = with({"jwks:" + url});
    policy().join = policy().publish = runtime::permission::authenticated;
  }
  ~fetching_fixture() {
    if (checks) checks->fetched_by(nullptr);
    end_actors();
  }

  enum class fetch_first : std::uint8_t { yes, no };
  void start_fetching(fetch_first first = fetch_first::yes) {
    sets = make_key_sets(config.tokens);
    checks = make_tokens(sets.get(), shards);
    ctx().tokens = checks;
    fetcher =
        keep(key_fetcher::spawn(here(nurse()), {ctx(), *checks, *sets, {}, [this](const auto& where, const auto& how) {
                                                  CHECK(where == url);
                                                  CHECK(how.bytes_max == codecs::limits::jwk_set_bytes_max);
                                                  ++fetches;
                                                  return answer;
                                                }}));
    checks->fetched_by(fetcher);
    if (first == fetch_first::yes) settle(), advance(0ms);
  }

  std::string token(const std::string& kid, jwt_algorithm alg = jwt_algorithm::es256) {
    auto one = samples::order();
    one.subject = "ann";
    one.issued_at_s = static_cast<std::uint64_t>(ctx().now_ms()) / 1'000;
    one.expires_at_s = one.issued_at_s + 7 * 24 * 3'600;
    return codecs::mint_jwt(one, samples::signer(alg, kid));
  }
  static std::string params(const std::string& token) { return R"({"token":")" + token + R"("})"; }
  bool opens(const std::string& token) {
    auto& who = connect();
    who.send("session.open", params(token));
    settle();
    return who.story() == strings{"session.open ok"};
  }

  std::unique_ptr<key_sets> sets;
  std::shared_ptr<tokens> checks;
  caf::actor fetcher;
  fetched answer = good(set_of({p256_jwk("a")}));
  int fetches = 0;
};

}  // namespace

TEST_CASE_METHOD(fetching_fixture, "key fetcher: who comes with a new key waits for it and is let in",
                 "[actors][keys]") {
  start_fetching();
  CHECK(fetches == 1);
  CHECK(opens(token("a")));
  answer = good(set_of({p256_jwk("a"), ed_jwk("b")}));
  CHECK(opens(token("b", jwt_algorithm::eddsa)));
  CHECK(fetches == 2);
  CHECK(figure("greenroom_tokens_refused_total") == 0);
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: what a client sends while its token waits comes after it, in order",
                 "[actors][keys]") {
  start_fetching();
  answer = good(set_of({ed_jwk("b")}));
  auto& ann = connect();
  ann.send("session.open", params(token("b", jwt_algorithm::eddsa)));
  ann.send("room.join", R"({"room":"lobby"})");
  ann.send("room.publish", R"({"room":"lobby","event":"text","payload":1})");
  settle();
  CHECK(ann.story() == strings{"session.open ok", "room.join ok", "lobby 1 1", "room.publish ok"});

  auto& eve = connect();
  eve.send("session.open", params(token("nobody")));
  eve.send("room.join", R"({"room":"lobby"})");
  settle();
  CHECK(eve.story() == strings{"session.open -32001", "room.join -32001"});
  CHECK_FALSE(opens(token("nobody")));
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: however many unknown ids come, they cause one fetch a minute",
                 "[actors][keys]") {
  start_fetching();
  for (int i = 0; i < 200; ++i) CHECK_FALSE(opens(token("x" + std::to_string(i))));
  CHECK(fetches == 2);  // at start, and for the first of them
  answer = good(set_of({ed_jwk("b")}));
  CHECK_FALSE(opens(token("b", jwt_algorithm::eddsa)));  // too soon …
  advance(59s);
  CHECK(fetches == 2);
  advance(1s);
  CHECK(fetches == 3);  // … but it is made up for
  CHECK(opens(token("b", jwt_algorithm::eddsa)));
  for (int minute = 0; minute < 5; ++minute) {
    const auto before = fetches;
    for (int i = 0; i < 20; ++i) opens(token("y" + std::to_string(i)));
    advance(60s);
    CHECK(fetches - before <= 2);  // the last of the minute before, and none or one of this
  }
  CHECK(fetches <= 3 + 5 + 1);
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: a removed key's tokens are refused at once, those remembered, too",
                 "[actors][keys]") {
  answer = good(set_of({p256_jwk("a"), ed_jwk("b")}));
  start_fetching();
  const auto old = token("a");
  CHECK(opens(old));
  CHECK(opens(old));
  answer = good(set_of({ed_jwk("b")}));
  tell(fetcher, key_fetcher::reload{});
  settle();
  CHECK_FALSE(opens(old));
  CHECK(opens(token("b", jwt_algorithm::eddsa)));
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: old keys count for a day while the other side is down",
                 "[actors][keys]") {
  start_fetching();
  answer = bad();
  const auto mine = token("a");
  advance(23h);
  CHECK(fetches > 23);
  CHECK(opens(mine));
  advance(70min);
  CHECK_FALSE(opens(mine));
  answer = good(set_of({p256_jwk("a")}));
  advance(1min);
  CHECK(opens(mine));
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: where there is no key yet, tokens wait for the first fetch",
                 "[actors][keys]") {
  answer = bad();
  start_fetching();
  CHECK_FALSE(opens(token("a")));
  answer = good(set_of({p256_jwk("a")}));
  advance(4s);
  CHECK(opens(token("a")));
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: tokens that come before the first fetch cost no look",
                 "[actors][keys]") {
  start_fetching(fetch_first::no);
  CHECK(opens(token("a")));
  CHECK(fetches == 1);
  answer = good(set_of({ed_jwk("b")}));
  CHECK(opens(token("b", jwt_algorithm::eddsa)));
  CHECK(fetches == 2);
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: a session is refreshed with a new key", "[actors][keys]") {
  start_fetching();
  auto& ann = connect();
  ann.call("session.open", params(token("a")));
  answer = good(set_of({ed_jwk("b")}));
  ann.story();
  ann.send("session.refresh", params(token("b", jwt_algorithm::eddsa)));
  settle();
  CHECK(ann.story() == strings{"session.refresh ok"});
  CHECK(ann.refused("session.refresh", params(token("c"))).code == error_code::unauthenticated);
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: who waits is bounded, and the seat of one that goes is free again",
                 "[actors][keys]") {
  start_fetching();
  std::vector<std::shared_ptr<const void>> seats;
  for (std::size_t i = 0; i < limits::key_waiters_max; ++i) seats.push_back(checks->waits(token("x")));
  CHECK(seats.back() != nullptr);
  CHECK(checks->waits(token("x")) == nullptr);
  seats.pop_back();
  CHECK(checks->waits(token("x")) != nullptr);
  CHECK(checks->waits(token("a")) == nullptr);  // it is known
  CHECK(checks->waits("nonsense") == nullptr);
}

TEST_CASE_METHOD(fetching_fixture, "key fetcher: after a crash it goes on with the keys that it has",
                 "[actors][keys]") {
  start_fetching();
  crash(fetcher);
  settle();
  CHECK(opens(token("a")));
  advance(1h);
  CHECK(fetches == 2);
}

}  // namespace greenroom::tests
