// API keys: how they read, which texts are none, who comes with one, and until when.
#include "actors/api_keys.hpp"

#include <set>
#include <thread>

#include "actors/dispatch.hpp"
#include "actors/key_text.hpp"
#include "actors/revocations.hpp"
#include "runtime/secret.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;
using namespace std::chrono_literals;

struct made_key {
  std::string text;
  storage::stored_key stored;
};

made_key make_key(std::string user, std::int64_t created_ms = 0) {
  auto minted = key_text::mint();
  made_key made;
  made.text = std::move(minted.text);
  made.stored.id = std::move(minted.id);
  made.stored.hash = minted.hash;
  made.stored.user = std::move(user);
  made.stored.created_ms = created_ms;
  return made;
}

/// The last characters put right, so that what was changed before them is looked at.
std::string with_right_sum(std::string text) {
  text.resize(text.size() - key_text::sum_bytes - 1);
  static constexpr std::string_view digits = "0123456789abcdef";
  const auto hash = runtime::digest(text);
  text += '_';
  for (std::size_t i = 0; i < key_text::sum_bytes / 2; ++i) {
    text += digits[std::to_integer<unsigned>(hash[i]) >> 4];
    text += digits[std::to_integer<unsigned>(hash[i]) & 0xf];
  }
  return text;
}

std::string upper(std::string text) {
  for (auto& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

constexpr std::int64_t now_ms = 1'800'000'000'000;

/// What becomes of it: "ok", or the word of the refusal.
std::string verdict_on(api_keys& keys, std::string_view text) {
  const auto verdict = keys.verify(text, now_ms);
  const auto* why = std::get_if<key_refusal>(&verdict);
  return why ? std::string{word_of(*why)} : "ok";
}

/// A node that has API keys, and lets nobody in without one.
struct key_fixture : node_fixture {
  key_fixture() {
    config = runtime::default_config(runtime::preset::closed);
    policy().join = policy().publish = policy().read = runtime::permission::authenticated;
    ctx().keys = std::make_shared<api_keys>();
    ctx().revoked = std::make_shared<revocations>();
  }

  std::string add(std::string user, std::chrono::milliseconds lasts = 0ms, strings scopes = {}) {
    auto made = make_key(std::move(user), ctx().now_ms());
    made.stored.scopes = std::move(scopes);
    if (lasts.count() != 0) made.stored.expires_ms = ctx().now_ms() + lasts.count();
    ctx().keys->put(made.stored);
    return made.text;
  }
  static std::string with(const std::string& token) { return R"({"token":")" + token + R"("})"; }
};

}  // namespace

TEST_CASE("api key: its text says what it is, and is never the same twice", "[actors][keys]") {
  std::set<std::string> ids, texts;
  for (int i = 0; i < 100; ++i) {
    const auto made = key_text::mint();
    CHECK(made.text.size() == key_text::bytes);
    const auto read = key_text::read(made.text);
    REQUIRE(std::holds_alternative<key_text::parts>(read));
    const auto& parts = std::get<key_text::parts>(read);
    CHECK(parts.id == made.id);
    CHECK(runtime::digest(parts.secret) == made.hash);
    ids.insert(made.id);
    texts.insert(made.text);
  }
  CHECK(ids.size() == 100);
  CHECK(texts.size() == 100);
}

TEST_CASE("api key: a text with one character changed is none, whichever it is", "[actors][keys]") {
  const auto made = key_text::mint();
  for (std::size_t i = 0; i < made.text.size(); ++i) {
    auto other = made.text;
    other[i] = other[i] == 'a' ? 'b' : 'a';
    INFO(other);
    CHECK(std::holds_alternative<key_text::flaw>(key_text::read(other)));
  }
}

TEST_CASE("api key: bad ones, a row each", "[actors][keys]") {
  const auto ann = make_key("ann"), bob = make_key("bob"), unknown = make_key("eve");
  auto old = make_key("ann");
  old.stored.expires_ms = now_ms;
  auto young = make_key("ann");
  young.stored.expires_ms = now_ms + 1;
  api_keys keys{{ann.stored, bob.stored, old.stored, young.stored}};
  const auto& good = ann.text;
  const auto id_end = key_text::prefix.size() + key_text::id_bytes;

  struct row {
    std::string what, text, verdict;
  };
  const std::vector<row> rows{
      {"a key", good, "ok"},
      {"one that is about to expire", young.text, "ok"},
      {"nothing", "", "ill_formed"},
      {"the prefix", "grk_", "ill_formed"},
      {"no prefix", good.substr(4), "ill_formed"},
      {"another prefix", "grx_" + good.substr(4), "ill_formed"},
      {"cut by one", good.substr(0, good.size() - 1), "ill_formed"},
      {"cut in the middle", good.substr(0, good.size() / 2), "ill_formed"},
      {"without its sum", good.substr(0, good.size() - 9), "ill_formed"},
      {"longer by one", good + "0", "ill_formed"},
      {"twice", good + good, "ill_formed"},
      {"two with a comma", good + "," + good, "ill_formed"},
      {"oversized", good + std::string(100'000, 'A'), "ill_formed"},
      {"a space before it", " " + good, "ill_formed"},
      {"a space behind it", good + " ", "ill_formed"},
      {"a line end behind it", good + "\n", "ill_formed"},
      {"a tab in the place of a character", std::string{good}.replace(30, 1, "\t"), "ill_formed"},
      {"a zero in the place of a character", std::string{good}.replace(30, 1, 1, '\0'), "ill_formed"},
      {"a character of base64, not base64url", std::string{good}.replace(30, 1, "+"), "ill_formed"},
      {"upper case", upper(good), "ill_formed"},
      {"an id in upper case", with_right_sum("grk_" + upper("abcdef") + good.substr(10)), "ill_formed"},
      {"a point between its parts", std::string{good}.replace(id_end, 1, "."), "ill_formed"},
      {"a wrong sum", std::string{good}.replace(good.size() - 1, 1, good.back() == '0' ? "1" : "0"), "wrong_sum"},
      {"a typing error", std::string{good}.replace(30, 1, good[30] == 'x' ? "y" : "x"), "wrong_sum"},
      {"another one's secret", with_right_sum(good.substr(0, id_end) + bob.text.substr(id_end)), "wrong_secret"},
      {"another secret", with_right_sum(std::string{good}.replace(30, 1, good[30] == 'x' ? "y" : "x")), "wrong_secret"},
      {"one that was never made here", unknown.text, "unknown"},
      {"one that has expired", old.text, "expired"},
  };
  std::map<std::string, std::uint64_t> expected;
  for (const auto& each : rows) {
    INFO(each.what);
    CHECK(verdict_on(keys, each.text) == each.verdict);
    ++expected[each.verdict];
  }
  CHECK(keys.accepted() == expected["ok"]);
  for (const auto why : {key_refusal::ill_formed, key_refusal::wrong_sum, key_refusal::unknown,
                         key_refusal::wrong_secret, key_refusal::expired})
    CHECK(keys.refused(why) == expected[std::string{word_of(why)}]);
}

TEST_CASE("api key: an erased one is unknown, and one that was put again is another", "[actors][keys]") {
  const auto ann = make_key("ann");
  api_keys keys{{ann.stored}};
  CHECK(keys.erase(ann.stored.id) == ann.stored);
  CHECK(keys.changes() == 1);
  CHECK_FALSE(keys.erase(ann.stored.id));
  CHECK(verdict_on(keys, ann.text) == "unknown");
  auto again = make_key("ann");
  again.stored.id = ann.stored.id;
  keys.put(again.stored);
  CHECK(verdict_on(keys, ann.text) == "wrong_secret");
}

TEST_CASE("api key: its use is told once, with its last time", "[actors][keys]") {
  const auto ann = make_key("ann"), bob = make_key("bob");
  api_keys keys{{ann.stored, bob.stored}};
  CHECK(keys.take_uses().empty());
  keys.verify(ann.text, now_ms);
  keys.verify(ann.text, now_ms + 5);
  keys.verify(bob.text + "x", now_ms);
  const auto uses = keys.take_uses();
  REQUIRE(uses.size() == 1);
  CHECK(uses.front().id == ann.stored.id);
  CHECK(uses.front().at_ms == now_ms + 5);
  CHECK(keys.take_uses().empty());
  for (const auto& each : keys.list({}, 10)) CHECK(each.used_ms == (each.id == ann.stored.id ? now_ms + 5 : 0));
}

TEST_CASE("api key: readers and a writer at the same time see one that is always there", "[actors][keys]") {
  const auto ann = make_key("ann");
  api_keys keys{{ann.stored}};
  std::atomic<bool> over{false};
  std::atomic<int> refused{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!over) refused += verdict_on(keys, ann.text) != "ok";
    });
  for (int i = 0; i < 300; ++i) {
    const auto other = make_key("bob");
    keys.put(other.stored);
    if (i % 2 == 0) keys.erase(other.stored.id);
  }
  over = true;
  for (auto& each : readers) each.join();
  CHECK(refused == 0);
  CHECK(keys.size() == 151);
}

TEST_CASE("api key: one that stands in a URL is found, and its secret is not logged", "[actors][keys]") {
  const auto made = key_text::mint();
  const auto escaped = "%67%72k%5f" + made.text.substr(4);
  struct row {
    std::string url;
    bool found;
  };
  for (const auto& [url, found] : std::vector<row>{{"/ws?token=" + made.text, true},
                                                   {"/" + made.text, true},
                                                   {"/socket/websocket?vsn=2.0.0&x=" + escaped, true},
                                                   {"/rpc?a=" + made.text.substr(0, 20), true},
                                                   {"/rpc?a=grk_", false},
                                                   {"/rpc?a=grk_no_key_at_all", false},
                                                   {"/%", false},
                                                   {"/%6", false},
                                                   {"", false}}) {
    INFO(url);
    CHECK(key_text::id_in(url) == (found ? made.id : ""));
  }
  CHECK(key_text::without_secrets("/a/" + made.text + "/b/" + made.text) ==
        "/a/grk_" + made.id + "_…/b/grk_" + made.id + "_…");
  CHECK(key_text::without_secrets("/a/grk_x") == "/a/grk_x");
}

TEST_CASE_METHOD(key_fixture, "api key: who comes with one is its user, and rooms for authenticated users are open",
                 "[actors][keys]") {
  const auto text_of_key = add("bot");
  auto& bot = connect();
  CHECK(text(bot.call("session.open", with(text_of_key)), "user") == "bot");
  bot.join("lobby");
  CHECK(ctx().keys->accepted() == 1);
  CHECK(figure("greenroom_tokens_refused_total") == 0);
}

TEST_CASE_METHOD(key_fixture, "api key: a stranger with a wrong one hears the sentence that a wrong token hears",
                 "[actors][keys]") {
  const auto good = add("bot");
  auto& stranger = connect();
  for (const auto& each : {good.substr(0, 30), good + "A", make_key("bot").text, "grk_" + good}) {
    INFO(each);
    const auto why = stranger.refused("session.open", with(each));
    CHECK(why.code == error_code::unauthenticated);
    CHECK(why.message == "the token is not accepted");
  }
  CHECK(figure("greenroom_tokens_refused_total") == 4);
}

TEST_CASE_METHOD(key_fixture, "api key: at its end the connection is closed, and it opens nothing more",
                 "[actors][keys]") {
  const auto key = add("bot", 10min);
  auto& bot = connect();
  bot.call("session.open", with(key));
  bot.story();
  advance(10min);
  CHECK(bot.story() == strings{"notice token_expiring", "close 1008 token_expired"});
  CHECK(connect().refused("session.open", with(key)).code == error_code::unauthenticated);
}

TEST_CASE_METHOD(key_fixture, "api key: a session goes on with another key of the same user", "[actors][keys]") {
  const auto first = add("bot", 10min), second = add("bot", 1h), other = add("eve");
  auto& bot = connect();
  bot.call("session.open", with(first));
  CHECK(bot.refused("session.refresh", with(other)).code == error_code::forbidden);
  CHECK(number(bot.call("session.refresh", with(second)), "expires_at") ==
        static_cast<std::uint64_t>(ctx().now_ms() + 3'600'000));
  bot.story();
  advance(11min);
  CHECK(bot.story().empty());
}

TEST_CASE_METHOD(key_fixture, "api key: a worker needs the scope worker, where users with a token may be workers",
                 "[actors][keys]") {
  struct row {
    runtime::permission workers;
    strings scopes;
    bool may;
  };
  using runtime::permission;
  for (const auto& [workers, scopes, may] : std::vector<row>{{permission::authenticated, {"worker"}, true},
                                                             {permission::authenticated, {"a", "worker", "z"}, true},
                                                             {permission::authenticated, {}, false},
                                                             {permission::authenticated, {"work"}, false},
                                                             {permission::nobody, {"worker"}, false}}) {
    config.access.workers = workers;
    auto& bot = connect();
    bot.call("session.open", with(add("bot", 0ms, scopes)));
    const auto methods = R"({"methods":["math.add"]})";
    if (may)
      bot.call("service.register", methods);
    else
      CHECK(bot.refused("service.register", methods).code == error_code::forbidden);
    bot.wire().hang_up();
    settle();
  }
}

}  // namespace greenroom::tests
