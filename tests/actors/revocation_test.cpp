// Revocation: what it refuses, for whom and how long, and what becomes of those who are there.
#include "actors/revocations.hpp"

#include <boost/json/parse.hpp>

#include "actors/access_keeper.hpp"
#include "actors/admin.hpp"
#include "actors/api_keys.hpp"
#include "actors/credential.hpp"
#include "actors/tokens.hpp"
#include "runtime/local_socket.hpp"
#include "tests/codecs/jwt_samples.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

namespace samples = codecs::samples;
using codecs::error_code;
using storage::revoked;
using namespace std::chrono_literals;

constexpr std::int64_t at_ms = 1'800'000'000'000, until_ms = at_ms + 1'000'000;

credential token_of(std::int64_t issued_at_ms, std::string id = {}) {
  credential shown;
  shown.issued_at_ms = issued_at_ms;
  shown.token_id = std::move(id);
  return shown;
}
credential key_of(std::int64_t created_ms) {
  credential shown;
  shown.issued_at_ms = created_ms;
  shown.key_id = "0123456789ab";
  return shown;
}

storage::stored_revocation of(revoked kind, std::string name) { return {kind, std::move(name), at_ms, until_ms, ""}; }

/// The one who types the commands.
struct operator_peer : runtime::local_peer {
  strings lines;
  void send_line(std::string_view line) override { lines.emplace_back(line); }
  void close() override {}
};

/// A node that believes one key's tokens and its own API keys, and whose operator types.
struct revocation_fixture : node_fixture {
  revocation_fixture() {
    config = runtime::default_config(runtime::preset::closed);
    policy().join = policy().publish = policy().read = runtime::permission::authenticated;
    furnish();
  }
  void furnish() {
    ctx().tokens = std::make_shared<const greenroom::tokens>(
        samples::trust_in(samples::set_of({samples::public_key(codecs::jwt_algorithm::es256, "")})), shards);
    ctx().keys = access_keeper::load_keys(disk(), ctx().permissions);
    ctx().revoked = access_keeper::load_revocations(disk());
  }
  /// Another process on the same disk, which reads what that has.
  void start_again() {
    restart();
    admin_ = {};
    furnish();
  }

  std::string token(std::string user, std::string id = {}, std::chrono::seconds ago = 0s) {
    auto order = samples::order();
    order.subject = std::move(user);
    order.issued_at_s = static_cast<std::uint64_t>(ctx().now_ms() / 1'000 - ago.count());
    order.expires_at_s = order.issued_at_s + 86'400;
    if (!id.empty()) order.more = R"({"jti":")" + id + R"("})";
    return codecs::mint_jwt(order, samples::signer(codecs::jwt_algorithm::es256, ""));
  }
  static std::string with(const std::string& token) { return R"({"token":")" + token + R"("})"; }
  static std::string with(const std::string& token, const json& was) {
    return R"({"token":")" + token + R"(","resume":{"session":)" + dump(was, "session") + R"(,"token":)" +
           dump(was, "resume_token") + "}}";
  }
  json open(client& who, const std::string& token) { return who.call("session.open", with(token)); }
  bool may_open(const std::string& token) {
    auto& who = connect();
    who.send("session.open", with(token));
    settle();
    const auto story = who.story();
    who.wire().hang_up();
    settle();
    return story == strings{"session.open ok"};
  }

  json command(std::string_view name, std::string_view members) {
    if (!admin_) admin_ = keep(admin::spawn(here(nurse()), {ctx(), {}}));
    std::string line = R"({"command":")";
    line.append(name).append("\",").append(members).append("}");
    tell(admin_, admin::request{desk_, std::move(line)});
    settle();
    REQUIRE(desk_->lines.size() == 1);
    auto answer = boost::json::parse(desk_->lines.front());
    desk_->lines.clear();
    return answer;
  }
  json revoke(std::string_view kind, std::string_view name, std::string_view more = {}) {
    return command("revoke",
                   R"("kind":")" + std::string{kind} + R"(","name":")" + std::string{name} + '"' + std::string{more});
  }
  std::string add_key(std::string_view user, std::string_view more = {}) {
    return text(command("key_add", R"("user":")" + std::string{user} + '"' + std::string{more}), "key");
  }

  std::shared_ptr<operator_peer> desk_ = std::make_shared<operator_peer>();
  caf::actor admin_;
};

const strings closed{"close 1008 revoked"};

}  // namespace

TEST_CASE("revocation: whom one refuses, a row each", "[actors][revocation]") {
  revocations all{{of(revoked::user, "ann"), of(revoked::token, "t1"), of(revoked::session, "s1")}};
  const auto before = token_of(at_ms - 1), now = token_of(at_ms), after = token_of(at_ms + 1), unknown = token_of(0);
  const auto named = token_of(at_ms + 1, "t1"), other = token_of(at_ms + 1, "t2");
  const auto old_key = key_of(at_ms - 1), new_key = key_of(at_ms + 1);
  struct row {
    std::string what, user;
    const credential* shown;
    std::int64_t now;
    std::optional<revoked> verdict;
  };
  const std::vector<row> rows{
      {"a token of before", "ann", &before, at_ms, revoked::user},
      {"one of the same moment", "ann", &now, at_ms, revoked::user},
      {"one of after", "ann", &after, at_ms, {}},
      {"one that does not say when", "ann", &unknown, at_ms, revoked::user},
      {"nothing at all", "ann", nullptr, at_ms, revoked::user},
      {"another user", "anna", &before, at_ms, {}},
      {"another user with nothing", "bob", nullptr, at_ms, {}},
      {"just before its end", "ann", &before, until_ms - 1, revoked::user},
      {"at its end", "ann", &before, until_ms, {}},
      {"a key of before", "ann", &old_key, at_ms, revoked::user},
      {"a key of before, after its end", "ann", &old_key, until_ms, revoked::user},
      {"a key of after", "ann", &new_key, at_ms, {}},
      {"a token that is named", "bob", &named, at_ms, revoked::token},
      {"one that is not", "bob", &other, at_ms, {}},
      {"one that is named, at its end", "bob", &named, until_ms, {}},
      {"a session's name is no user's", "s1", &before, at_ms, {}},
      {"a token's name is no user's", "t1", &before, at_ms, {}},
  };
  for (const auto& each : rows) {
    INFO(each.what);
    CHECK(all.refuses(each.user, each.shown, each.now) == each.verdict);
  }
  CHECK(revocations{}.refuses("ann", nullptr, at_ms) == std::nullopt);
}

TEST_CASE("revocation: which stored sessions it ends, a row each", "[actors][revocation]") {
  const revocations all{{of(revoked::user, "ann"), of(revoked::session, "s1")}};
  struct row {
    std::string what, id, user;
    std::int64_t created, now;
    bool ends;
  };
  const std::vector<row> rows{{"itself", "s1", "bob", at_ms + 5, at_ms, true},
                              {"itself, at its end", "s1", "bob", at_ms + 5, until_ms, false},
                              {"its user's, of before", "s2", "ann", at_ms, at_ms + 1, true},
                              {"its user's, of after", "s2", "ann", at_ms + 1, at_ms + 2, false},
                              {"its user's, at its end", "s2", "ann", at_ms, until_ms, false},
                              {"another one", "s2", "bob", at_ms - 1, at_ms, false}};
  for (const auto& each : rows) {
    INFO(each.what);
    storage::stored_session one;
    one.id = each.id;
    one.user = each.user;
    one.created_ms = each.created;
    CHECK(all.ends(one, each.now) == each.ends);
  }
}

TEST_CASE("revocation: it is found, listed, over and undone", "[actors][revocation]") {
  revocations all{{of(revoked::user, "b"), of(revoked::user, "a"), of(revoked::token, "c")}};
  CHECK(all.size() == 3);
  CHECK(all.find(revoked::user, "a") == of(revoked::user, "a"));
  CHECK_FALSE(all.find(revoked::token, "a"));
  CHECK(all.list(revoked::user, {}, 1) == std::vector{of(revoked::user, "a")});
  CHECK(all.list(revoked::user, "a", 5) == std::vector{of(revoked::user, "b")});
  CHECK(all.over(until_ms - 1).empty());
  CHECK(all.over(until_ms).size() == 3);
  const auto changes = all.changes();
  all.put(of(revoked::user, "a"));
  CHECK(all.changes() == changes + 1);
  CHECK(all.size() == 3);
  CHECK(all.erase(revoked::user, "a"));
  CHECK_FALSE(all.erase(revoked::user, "a"));
  CHECK(all.size() == 2);
}

TEST_CASE_METHOD(revocation_fixture,
                 "revoke user: its sessions end, its tokens of until then are refused, newer are not",
                 "[actors][revocation]") {
  auto& here = connect();
  auto& away = connect();
  auto& other = connect();
  open(here, token("ann"));
  const auto left = open(away, token("ann"));
  open(other, token("bob"));
  away.wire().break_off();
  settle();
  CHECK(ctx().meters.detached_sessions == 1);
  const auto old = token("ann");
  for (auto* each : {&here, &away, &other}) each->story();

  const auto answer = revoke("user", "ann");
  CHECK(number(answer, "sessions") == 2);
  CHECK(number(answer, "until_ms") == static_cast<std::uint64_t>(ctx().now_ms() + 30ll * 24 * 3600 * 1000));
  CHECK(here.story() == closed);
  CHECK(other.story().empty());
  CHECK(ctx().meters.sessions == 1);
  CHECK(disk().sessions({}, 10).size() == 1);
  CHECK_FALSE(may_open(old));
  CHECK(may_open(token("bob")));

  advance(1s);
  CHECK(may_open(token("ann")));
  auto& back = connect();
  const auto again = back.call("session.open", with(token("ann"), left));
  CHECK(dump(again, "resumed") == "false");
  CHECK(text(again, "reason") == "unknown_session");
  CHECK(ctx().revoked->refused(revoked::user) == 1);
}

TEST_CASE_METHOD(revocation_fixture, "revoke token: who came with it is closed, whatever its cache remembers",
                 "[actors][revocation]") {
  const auto bad = token("ann", "t1"), good = token("ann", "t2");
  auto& with_bad = connect();
  auto& with_good = connect();
  open(with_bad, bad);
  open(with_good, good);
  with_bad.story();
  with_good.story();
  CHECK(number(revoke("token", "t1"), "sessions") == 1);
  CHECK(with_bad.story() == closed);
  CHECK(with_good.story().empty());
  CHECK_FALSE(may_open(bad));
  CHECK(with_good.refused("session.refresh", with(bad)).code == error_code::unauthenticated);
  with_good.story();
  command("revoke_undo", R"("kind":"token","name":"t1")");
  CHECK(may_open(bad));
}

TEST_CASE_METHOD(revocation_fixture,
                 "revoke token: a session that was refreshed with it ends, one refreshed from it stays",
                 "[actors][revocation]") {
  const auto bad = token("ann", "t1"), good = token("ann", "t2");
  auto& to_bad = connect();
  auto& from_bad = connect();
  open(to_bad, good);
  open(from_bad, bad);
  to_bad.call("session.refresh", with(bad));
  from_bad.call("session.refresh", with(good));
  to_bad.story();
  from_bad.story();
  revoke("token", "t1");
  CHECK(to_bad.story() == closed);
  CHECK(from_bad.story().empty());
}

TEST_CASE_METHOD(revocation_fixture, "revoke session: it alone ends, and nobody resumes it", "[actors][revocation]") {
  auto& one = connect();
  auto& two = connect();
  const auto opened = open(one, token("ann"));
  open(two, token("ann"));
  one.story();
  two.story();
  CHECK(number(revoke("session", text(opened, "session")), "sessions") == 1);
  CHECK(one.story() == closed);
  CHECK(two.story().empty());
  auto& back = connect();
  CHECK(text(back.call("session.open", with(token("ann"), opened)), "reason") == "unknown_session");
}

TEST_CASE_METHOD(revocation_fixture, "key revoke: who came with it is closed, and it is nobody's any more",
                 "[actors][revocation][keys]") {
  const auto key = add_key("bot"), other = add_key("bot");
  auto& bot = connect();
  auto& same_user = connect();
  open(bot, key);
  open(same_user, other);
  bot.story();
  same_user.story();
  const auto id = key.substr(4, 12);
  CHECK(number(command("key_revoke", R"("id":")" + id + '"'), "sessions") == 1);
  CHECK(bot.story() == closed);
  CHECK(same_user.story().empty());
  CHECK_FALSE(may_open(key));
  CHECK(may_open(other));
  CHECK(disk().api_keys({}, 10)->size() == 1);
  CHECK(text(command("key_revoke", R"("id":")" + id + '"'), "error") == "there is no API key " + id);
}

TEST_CASE_METHOD(revocation_fixture, "revoke user: its keys of until then are refused, also when its tokens are over",
                 "[actors][revocation][keys]") {
  const auto key = add_key("bot");
  keep(access_keeper::spawn(here(nurse()), {ctx()}));
  revoke("user", "bot", R"(,"for_ms":60000)");
  revoke("user", "eve", R"(,"for_ms":60000)");
  CHECK_FALSE(may_open(key));
  advance(5min);
  CHECK_FALSE(may_open(key));
  CHECK(may_open(add_key("bot")));
  CHECK_FALSE(ctx().revoked->find(revoked::user, "eve"));  // nothing of hers is left to refuse
  CHECK(disk().revocations(revoked::user, {}, 10)->size() == 1);
  command("key_revoke", R"("id":")" + key.substr(4, 12) + '"');
  advance(2min);
  CHECK(ctx().revoked->size() == 0);
  CHECK(disk().revocations(revoked::user, {}, 10)->empty());
}

TEST_CASE_METHOD(revocation_fixture, "revocation: the next process on the disk knows it", "[actors][revocation]") {
  const auto key = add_key("bot"), gone = add_key("bot");
  auto& ann = connect();
  const auto was = open(ann, token("ann"));
  const auto old = token("ann"), named = token("bob", "t1");
  const auto before = *disk().session(text(was, "session"));
  CHECK(text(revoke("user", "ann"), "kind") == "user");
  disk().commit(storage::session_put{before});  // as if the process had ended before the session was erased
  revoke("token", "t1");
  command("key_revoke", R"("id":")" + gone.substr(4, 12) + '"');
  CHECK(disk().session(text(was, "session")));
  start_again();
  CHECK_FALSE(may_open(old));
  CHECK_FALSE(may_open(named));
  CHECK_FALSE(may_open(gone));
  CHECK(may_open(key));
  advance(1s);
  auto& back = connect();
  CHECK(text(back.call("session.open", with(token("ann"), was)), "reason") == "unknown_session");
  CHECK_FALSE(disk().session(text(was, "session")));
}

TEST_CASE_METHOD(revocation_fixture, "revocation: one that the disk did not take holds all the same, and says so",
                 "[actors][revocation]") {
  const auto key = add_key("bot");
  auto& ann = connect();
  open(ann, token("ann"));
  ann.story();
  disk().now = storage::condition::full;
  const auto why = text(revoke("user", "ann"), "error");
  CHECK(why.find("it holds now, but the store takes nothing") == 0);
  CHECK(ann.story() == closed);
  CHECK_FALSE(may_open(token("ann")));
  CHECK(text(command("key_revoke", R"("id":")" + key.substr(4, 12) + '"'), "error").find("it holds now") == 0);
  CHECK_FALSE(may_open(key));
  CHECK(text(command("key_add", R"("user":"bot")"), "error") == "the store takes nothing now: there is no key");
  disk().now = storage::condition::good;
  CHECK(text(revoke("user", "ann"), "kind") == "user");
  CHECK(dump(command("key_revoke", R"("id":")" + key.substr(4, 12) + '"'), "error") == "-");
  CHECK(disk().api_keys({}, 10)->empty());
}

TEST_CASE_METHOD(revocation_fixture, "revocation: who stands in the door with what was revoked is closed, too",
                 "[actors][revocation]") {
  const auto key = add_key("bot");
  const auto verdict = ctx().keys->verify(key, ctx().now_ms());
  const auto& shown = std::get<api_keys::key_ptr>(verdict)->shown;
  auto& bot = connect({.admitted = principal{user_id{"bot"}, storage::identity::authenticated, 0, shown}});
  advance(10s);
  CHECK(bot.story().empty());
  command("key_revoke", R"("id":")" + key.substr(4, 12) + '"');
  CHECK(bot.story().empty());
  CHECK(bot.refused("room.join", R"({"room":"lobby"})").code == error_code::unauthenticated);
  bot.story();
  advance(1s);
  CHECK(bot.story() == closed);
}

TEST_CASE_METHOD(revocation_fixture, "revocation: what is revoked while nobody is told ends within a second",
                 "[actors][revocation]") {
  keep(access_keeper::spawn(here(nurse()), {ctx()}));
  auto& ann = connect();
  open(ann, token("ann"));
  ann.story();
  ctx().revoked->put({revoked::user, "ann", ctx().now_ms(), ctx().now_ms() + 60'000, ""});  // and the admin ends
  advance(1s);
  CHECK(ann.story() == closed);
}

TEST_CASE_METHOD(revocation_fixture, "revocation: one that comes while a session resumes catches it",
                 "[actors][revocation]") {
  auto& ann = connect();
  const auto was = open(ann, token("ann"));
  ann.wire().break_off();
  settle();
  auto& back = connect();
  back.send("session.open", with(token("ann"), was));
  settle_without("session");  // the directory has asked the session for its state
  ctx().revoked->put({revoked::user, "ann", ctx().now_ms(), ctx().now_ms() + 60'000, ""});
  settle();
  CHECK(back.story() == strings{"session.open -32001"});
  CHECK(ctx().meters.sessions == 0);
  CHECK(disk().sessions({}, 10).empty());
}

TEST_CASE_METHOD(revocation_fixture, "admin: keys and revocations that cannot be are refused in words",
                 "[actors][revocation][keys]") {
  struct row {
    std::string_view name, members, why;
  };
  for (const auto& [name, members, why] : std::vector<row>{
           {"key_add", R"("note":"x")", "`user` is missing"},
           {"key_add", R"("user":7)", "`user` is no text"},
           {"key_add", R"("user":"ann","scopes":["A"])", "a scope is at most 64 of a-z, 0-9, _, -, . and :"},
           {"key_add", R"("user":"ann","scopes":"a")", "`scopes` is no list of texts"},
           {"key_add", R"("user":"ann","grants":[{}])", "a grant without rooms, methods and users grants nothing"},
           {"key_add", R"("user":"ann","grants":[{"rooms":["a"]}])",
            "a grant of rooms says which actions, and in which"},
           {"key_add", R"("user":"ann","grants":[{"rooms":["a"],"actions":["fly"]}])",
            "an action is join, publish, read or members"},
           {"key_add", R"("user":"ann","for_ms":999999999999999)", "it lasts up to ten years, or for ever"},
           {"key_revoke", R"("x":1)", "`id` is missing"},
           {"key_revoke", R"("id":"0123456789ab")", "there is no API key 0123456789ab"},
           {"key_list", R"("limit":0)", "`limit` is 1 to 1000"},
           {"revoke", R"("kind":"room","name":"x")", "`kind` is user, session or token"},
           {"revoke", R"("kind":"user")", "`name` is missing"},
           {"revoke", R"("kind":"user","name":"ann","for_ms":0)", "it lasts up to ten years"},
           {"revoke_undo", R"("kind":"user","name":"ann")", "that was not revoked"}}) {
    INFO(name << " " << members);
    CHECK(text(command(name, members), "error") == why);
  }
  CHECK(ctx().keys->size() == 0);
  CHECK(ctx().revoked->size() == 0);
}

TEST_CASE_METHOD(revocation_fixture, "key list: who has which, and no secret", "[actors][keys]") {
  const auto key = add_key(
      "bot", R"(,"scopes":["worker","a","worker"],"grants":[{"rooms":["chat:*"],"actions":["join"]}],"note":"n")");
  CHECK(may_open(key));
  const auto answer = command("key_list", R"("limit":10)");
  const auto line = dump(answer);
  CHECK(line.find(key.substr(17, 43)) == std::string::npos);
  const auto& one = answer.at("keys").as_array().at(0);
  CHECK(text(one, "id") == key.substr(4, 12));
  CHECK(dump(one, "scopes") == R"(["a","worker"])");
  CHECK(dump(one, "grants") == R"([{"rooms":["chat:*"],"actions":["join"],"methods":[],"users":[]}])");
  CHECK(text(one, "note") == "n");
  CHECK(number(one, "used_ms") == static_cast<std::uint64_t>(ctx().now_ms()));
}

TEST_CASE_METHOD(revocation_fixture, "key: its last use is on disk within a minute", "[actors][keys]") {
  keep(access_keeper::spawn(here(nurse()), {ctx()}));
  const auto key = add_key("bot");
  advance(5s);
  CHECK(may_open(key));
  const auto used = ctx().now_ms();
  CHECK(disk().api_keys({}, 1)->front().used_ms == 0);
  advance(1min);
  CHECK(disk().api_keys({}, 1)->front().used_ms == used);
}

}  // namespace greenroom::tests
