// Who may do what: nothing that nothing allows; the config's grants and a token's.
#include "actors/permissions.hpp"

#include <algorithm>

#include "actors/engine.hpp"
#include "tests/support/permission_fixture.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;
using runtime::permission;

/// One call of each kind, and how it is counted.
struct call_row {
  const char *action, *method, *params;
};
const call_row every_call[]{
    {"room.join", "room.join", R"({"room":"chat:x"})"},
    {"room.publish", "room.publish", R"({"room":"chat:x","event":"e","payload":1})"},
    {"room.history", "room.history", R"({"room":"chat:x"})"},
    {"room.members", "room.members", R"({"room":"chat:x"})"},
    {"service.call", "bot.do", "{}"},
    {"service.call", "bot.dance", "{}"},
    {"service.call", "room.join", R"({"room":"game:7"})"},
    {"user.send", "user.send", R"({"to":"bob","event":"e","payload":1})"},
    {"presence.get", "presence.get", R"({"users":["bob"]})"},
    {"presence.watch", "presence.watch", R"({"users":["bob"]})"},
    {"presence.unwatch", "presence.unwatch", R"({"users":["bob"]})"},
    {"presence.online", "presence.online", "{}"},
    {"service.register", "service.register", R"({"methods":["sum"]})"},
};

}  // namespace

TEST_CASE_METHOD(permission_fixture, "permissions: on a closed node nothing is allowed, and all refusals sound alike",
                 "[actors][permissions]") {
  auto& ann = come("ann");
  for (const auto& row : every_call) {
    INFO(row.method << row.params);
    const auto before = refused(row.action);
    const auto why = ann.refused(row.method, row.params);
    CHECK(why.code == error_code::forbidden);
    CHECK(why.message == "this caller may not do that");
    CHECK_FALSE(why.data);
    CHECK(refused(row.action) == before + 1);
  }
  CHECK(bot.heard == strings{"start"});
}

TEST_CASE_METHOD(permission_fixture, "permissions: what is one's own needs none", "[actors][permissions]") {
  auto& ann = come("ann");
  ann.call("presence.set", R"({"status":"here"})");
  ann.call("rpc.discover");
  CHECK(ann.refused("inbox.ack", R"({"upto":1})").code == error_code::invalid_params);
  CHECK(ann.refused("room.leave", R"({"room":"chat:x"})").code == error_code::not_found);
  ann.call("session.refresh", with(token("ann")));
  ann.call("session.close");
}

TEST_CASE_METHOD(permission_fixture, "permissions: each key of the config opens its actions and no other",
                 "[actors][permissions]") {
  auto& chat = config.namespaces["chat"];
  auto& access = config.access;
  const std::pair<permission*, strings> keys[]{
      {&chat.join, {"room.join"}},
      {&chat.publish, {"room.publish"}},
      {&chat.read, {"room.history"}},
      {&chat.members, {"room.members"}},
      {&access.call, {"service.call"}},
      {&access.send, {"user.send"}},
      {&access.presence, {"presence.get", "presence.watch", "presence.unwatch", "presence.online"}},
      {&access.workers, {"service.register"}},
  };
  const auto which = static_cast<std::size_t>(GENERATE(Catch::Generators::range(0, 8)));
  *keys[which].first = permission::authenticated;
  auto& ann = come("ann");
  for (const auto& row : every_call) {
    INFO(row.method << row.params);
    const auto& open = keys[which].second;
    const bool expected = std::ranges::find(open, row.action) != open.end();
    const auto id = ann.send(row.method, row.params);
    settle();
    bool forbidden = false;
    for (const auto& each : ann.take())
      if (each.id == id) forbidden = each.failure && each.failure->code == error_code::forbidden;
    CHECK(forbidden != expected);
  }
}

TEST_CASE_METHOD(permission_fixture, "permissions: a grant is for whom it names", "[actors][permissions]") {
  struct row {
    const char *to, *user, *claims;
    bool yes;
  };
  const row rows[]{
      {"anyone", "ann", "{}", true},
      {"authenticated", "ann", "{}", true},
      {"user:ann", "ann", "{}", true},
      {"user:ann", "anna", "{}", false},
      {"user:ann", "Ann", "{}", false},
      {"user:a:b", "a:b", "{}", true},
      {"user:*", "ann", "{}", false},
      {"user:*", "*", "{}", true},
      {"role:staff", "ann", R"({"roles":["staff"]})", true},
      {"role:staff", "ann", R"({"roles":"on staff"})", true},
      {"role:staff", "ann", R"({"roles":["staffer"]})", false},
      {"role:staff", "ann", R"({"scope":"staff"})", false},
      {"role:staff", "staff", "{}", false},
      {"scope:chat", "ann", R"({"scope":"mail chat"})", true},
      {"scope:chat", "ann", R"({"roles":["chat"]})", false},
  };
  const auto which = static_cast<std::size_t>(GENERATE(Catch::Generators::range(0, 15)));
  static_assert(std::size(rows) == 15);
  const auto& r = rows[which];
  INFO(r.to << ' ' << r.user << ' ' << r.claims);
  grant("g") = {.to = {r.to}, .rooms = {"chat:*"}, .actions = {"publish"}};
  auto& one = come(r.user, r.claims);
  if (r.yes)
    one.publish("chat:x", "1");
  else
    CHECK(one.refused("room.publish", every_call[1].params).code == error_code::forbidden);
  CHECK(one.refused("room.join", every_call[0].params).code == error_code::forbidden);
}

TEST_CASE_METHOD(permission_fixture, "permissions: a guest has what is granted to anyone, and no more",
                 "[actors][permissions]") {
  config.access.anonymous = runtime::anonymous_access::loopback;
  grant("all") = {.to = {"anyone"}, .rooms = {"chat:*"}, .actions = {"join"}};
  grant("known") = {.to = {"authenticated", "user:guest-x"}, .rooms = {"chat:*"}, .actions = {"publish"}};
  auto& someone = guest();
  someone.join("chat:x");
  CHECK(someone.refused("room.publish", every_call[1].params).code == error_code::forbidden);
  CHECK(someone.refused("room.join", R"({"room":"lobby"})").code == error_code::forbidden);
  CHECK(someone.refused("bot.do").code == error_code::forbidden);
}

TEST_CASE_METHOD(permission_fixture, "permissions: rooms, methods, channels and users go by their patterns",
                 "[actors][permissions]") {
  grant("g") = {.to = {"authenticated"},
                .rooms = {"lobby", "inbox:${user}", "chat:${user}:*"},
                .actions = {"join", "publish", "presence"},
                .methods = {"bot.do", "game:${user}"},
                .users = {"bob", "team:*"}};
  auto& ann = come("ann");
  const std::pair<call_row, bool> rows[]{
      {{"", "room.join", R"({"room":"lobby"})"}, true},
      {{"", "room.join", R"({"room":"lobby2"})"}, false},
      {{"", "room.join", R"({"room":"inbox:ann"})"}, true},
      {{"", "room.join", R"({"room":"inbox:bob"})"}, false},
      {{"", "room.join", R"({"room":"inbox:${user}"})"}, false},
      {{"", "room.join", R"({"room":"chat:ann:1"})"}, true},
      {{"", "room.join", R"({"room":"chat:anna:1"})"}, false},
      {{"", "room.publish", R"({"room":"inbox:ann","event":"e","payload":1})"}, true},
      {{"", "room.history", R"({"room":"inbox:ann"})"}, false},
      {{"", "bot.do", "{}"}, true},
      {{"", "bot.get", "{}"}, false},
      {{"", "room.join", R"({"room":"game:ann"})"}, true},
      {{"", "room.publish", R"({"room":"game:ann","event":"move","payload":{}})"}, true},
      {{"", "room.join", R"({"room":"game:bob"})"}, false},
      {{"", "presence.get", R"({"users":["bob","team:7"]})"}, true},
      {{"", "presence.get", R"({"users":["bob","carl"]})"}, false},
      {{"", "presence.watch", R"({"users":["team:7"]})"}, true},
      {{"", "presence.online", "{}"}, false},
      {{"", "user.send", R"({"to":"bob","event":"e","payload":1})"}, false},  // of the two, presence alone is named
  };
  for (const auto& [row, yes] : rows) {
    INFO(row.method << row.params);
    const auto id = ann.send(row.method, row.params);
    settle();
    for (const auto& each : ann.take())
      if (each.id == id) CHECK((!each.failure || each.failure->code != error_code::forbidden) == yes);
  }
}

TEST_CASE_METHOD(permission_fixture, "permissions: whom one may send to, and who may see everybody",
                 "[actors][permissions]") {
  grant("send") = {.to = {"user:ann"}, .users = {"bob", "${user}"}};
  grant("see") = {.to = {"user:eve"}, .actions = {"presence"}, .users = {"*"}};
  grant("self") = {.to = {"user:*"}, .actions = {"presence"}, .users = {"${user}"}};
  auto& ann = come("ann");
  ann.call("user.send", R"({"to":"bob","event":"e","payload":1})");
  ann.call("user.send", R"({"to":"ann","event":"e","payload":1})");
  CHECK(ann.refused("user.send", R"({"to":"eve","event":"e","payload":1})").code == error_code::forbidden);
  CHECK(ann.refused("presence.get", R"({"users":["bob"]})").code == error_code::forbidden);
  auto& eve = come("eve");
  CHECK(dump(eve.call("presence.online"), "users") == R"(["ann","eve"])");
  CHECK(eve.refused("user.send", R"({"to":"bob","event":"e","payload":1})").code == error_code::forbidden);
  auto& star = come("*");  // called like the pattern for everybody
  star.call("presence.get", R"({"users":["*"]})");
  CHECK(star.refused("presence.get", R"({"users":["ann"]})").code == error_code::forbidden);
  CHECK(star.refused("presence.online").code == error_code::forbidden);
}

TEST_CASE_METHOD(permission_fixture, "permissions: a user's name widens no grant", "[actors][permissions]") {
  grant("own") = {.to = {"authenticated"}, .rooms = {"inbox:${user}", "chat:${user}:*"}, .actions = {"join"}};
  struct row {
    const char *user, *room;
    bool yes;
  };
  const row rows[]{
      {"*", "inbox:ann", false},
      {"*", "inbox:*", true},
      {"*", "chat:ann:1", false},
      {"ann:secret", "inbox:ann:secret", false},
      {"ann:1", "chat:ann:1:2", false},
      {"${user}", "inbox:ann", false},
      {"${user}", "inbox:${user}", true},
      {"a", "inbox:ann", false},
      {"'; DROP TABLE grants; --", "inbox:ann", false},
      {"'; DROP TABLE grants; --", "inbox:'; DROP TABLE grants; --", true},
      {"../ann", "inbox:ann", false},
      {"%", "inbox:ann", false},
      {"_", "inbox:a", false},
  };
  for (const auto& r : rows) {
    INFO(r.user << ' ' << r.room);
    auto& one = come(r.user);
    const auto what = dump(json{{"room", r.room}});
    if (r.yes)
      one.call("room.join", what);
    else
      CHECK(one.refused("room.join", what).code == error_code::forbidden);
  }
}

TEST_CASE_METHOD(permission_fixture, "permissions: a token brings its own", "[actors][permissions]") {
  auto& ann = come("ann", R"({"greenroom":[{"rooms":["chat:${user}"],"actions":["join","publish"]},
                              {"methods":["bot.*"],"users":["bob"]}]})");
  ann.join("chat:ann");
  ann.publish("chat:ann", "1");
  ann.call("bot.do");
  ann.call("user.send", R"({"to":"bob","event":"e","payload":1})");
  CHECK(ann.refused("room.history", R"({"room":"chat:ann"})").code == error_code::forbidden);
  CHECK(ann.refused("room.join", R"({"room":"chat:bob"})").code == error_code::forbidden);
  auto& bob = come("bob");  // another's claims are not his
  CHECK(bob.refused("room.join", R"({"room":"chat:bob"})").code == error_code::forbidden);
}

TEST_CASE_METHOD(permission_fixture, "permissions: a token whose grants are none is refused, and hears no reason",
                 "[actors][permissions]") {
  double tokens = 0;
  for (const char* more : {
           R"({"greenroom":{"rooms":["a*b"],"actions":["join"]}})",
           R"({"greenroom":{"rooms":["chat:*"],"actions":["rule"]}})",
           R"({"greenroom":{"rooms":["chat:*"]}})",
           R"({"greenroom":{"actions":["join"]}})",
           R"({"greenroom":{"actions":["send"]}})",
           R"({"greenroom":{"methods":["x:${usr}"]}})",
           R"({"greenroom":{"users":["e\u0301"]}})",
           R"({"greenroom":"*"})",
           R"({"roles":17})",
       }) {
    INFO(more);
    const auto shown = token("ann", more);
    const auto why = connect().refused("session.open", with(shown));
    CHECK(why.code == error_code::unauthenticated);
    CHECK(why.message == "the token is not accepted");
    CHECK(figure("greenroom_tokens_refused_total") == ++tokens);
  }
}

TEST_CASE("permissions: the log is told what was missing", "[actors][permissions]") {
  const auto compiled = [](const codecs::jwt_grant& what) {
    const auto made = greenroom::grant::compile(what);
    const auto* why = std::get_if<std::string>(&made);
    return why ? *why : std::string{};
  };
  CHECK(compiled({{"chat:*"}, {"join"}, {}, {}}).empty());
  CHECK(compiled({{"chat:*"}, {"rule"}, {}, {}}) == "actions: \"rule\": it is no action");
  CHECK(compiled({{"a*b"}, {"join"}, {}, {}}) == "rooms: \"a*b\": a * stands only at the end");
  CHECK(compiled({{}, {}, {"e\u0301"}, {}}) == "methods: \"e\u0301\": must be in Unicode's composed form (NFC).");
  CHECK_THROWS_WITH(permissions({{"g", {.to = {"anyone"}, .methods = {"e\u0301"}}}}),
                    "grant.g.methods: \"e\u0301\": must be in Unicode's composed form (NFC).");
}

TEST_CASE_METHOD(permission_fixture, "permissions: the reason of a refusal is one sentence", "[actors][permissions]") {
  grant("one") = {.to = {"anyone"}, .rooms = {"lobby"}, .actions = {"join"}};
  grant("two") = {.to = {"authenticated"}, .rooms = {"lobby"}, .actions = {"join"}};
  config.namespaces["chat"].read = permission::authenticated;
  start();
  const principal ann{user_id{"ann"}, identity::authenticated}, guest{user_id{"guest-1"}, identity::anonymous};
  const auto& chat = ctx().policies.of("chat:x");
  using enum access::action;
  CHECK(access::check(ctx(), ann, publish, "chat:x", chat) ==
        "no grant allows user ann to publish in chat:x: namespace chat has publish = nobody, and none of 2 grants "
        "matches");
  CHECK(
      access::check(ctx(), guest, access::action::read, "chat:x", chat) ==
      "no grant allows guest guest-1 to read the history of chat:x: namespace chat has read = authenticated, and none "
      "of 1 grant matches");
  CHECK_FALSE(access::check(ctx(), ann, access::action::read, "chat:x", chat));
  CHECK(access::check(ctx(), ann, call, "bot.do") ==
        "no grant allows user ann to call bot.do: access.call = nobody, and none of 2 grants matches");
  CHECK(access::check(ctx(), ann, presence, access::everybody) ==
        "no grant allows user ann to see everybody: access.presence = nobody, and none of 2 grants matches");
}

TEST_CASE_METHOD(permission_fixture, "permissions: a guest cannot take a user's name", "[actors][permissions]") {
  config.access.anonymous = runtime::anonymous_access::loopback;
  config.access.send = permission::authenticated;
  come("bob").call("user.send", R"({"to":"ann","event":"e","payload":1})");
  auto& stranger = connect();
  CHECK(stranger.refused("session.open", R"({"user":"ann"})").code == error_code::forbidden);
  CHECK(refused("session.open") == 1);
  const auto name = text(stranger.call("session.open"), "user");
  CHECK(name.starts_with("guest-"));
  CHECK(name.size() == 14);
  for (const auto& each : stranger.take()) CHECK(each.method != "inbox.message");
}

TEST_CASE_METHOD(permission_fixture, "permissions: nor one that it took before there were any",
                 "[actors][permissions]") {
  config = runtime::default_config(runtime::preset::dev);
  auto& early = connect();
  const auto was = early.open("ann");
  const auto unnamed = connect().call("session.open");
  restart();
  start();  // now there are tokens
  auto& later = connect();
  const auto now = later.resume(was);
  CHECK(dump(now, "resumed") == "false");
  CHECK(text(now, "reason") == "other_user");
  CHECK(text(now, "user").starts_with("guest-"));
  CHECK(dump(connect().resume(unnamed), "resumed") == "true");
}

}  // namespace greenroom::tests
