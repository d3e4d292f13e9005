// What becomes of rooms and channels when a session goes on by a token that allows less, or more.
#include <algorithm>

#include "tests/support/permission_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;
using runtime::permission;
using namespace std::chrono_literals;

TEST_CASE_METHOD(permission_fixture, "rights: a newer token that allows less ends what is over",
                 "[actors][permissions]") {
  const std::string wide = R"({"greenroom":{"rooms":["chat:*"],"actions":["join","publish"],"methods":["game:*"]}})";
  const std::string narrow = R"({"greenroom":{"rooms":["chat:a"],"actions":["join"]}})";
  auto& ann = come("ann", wide);
  auto& bob = come("bob", wide);
  ann.join("chat:a"), ann.join("chat:b"), ann.join("game:1");
  bob.join("chat:a"), bob.join("chat:b");
  ann.story();
  ann.call("session.refresh", with(token("ann", narrow)));
  CHECK(ann.story() == strings{"session.refresh ok", "chat:b forbidden", "game:1 forbidden"});
  CHECK(closed == strings{"game:1 ann"});
  CHECK(figure("greenroom_memberships_revoked_total") == 2);
  bob.publish("chat:a", "1"), bob.publish("chat:b", "2");
  CHECK(ann.story() == strings{R"(chat:a 1 "1")"});
  CHECK(ann.refused("room.publish", R"({"room":"chat:a","event":"e","payload":1})").code == error_code::forbidden);
  CHECK(ann.refused("room.join", R"({"room":"chat:b"})").code == error_code::forbidden);
  CHECK(ann.refused("room.leave", R"({"room":"chat:b"})").code == error_code::not_found);

  // And more again: nothing comes back by itself.
  ann.call("session.refresh", with(token("ann", wide)));
  ann.story();
  ann.join("chat:b");
  CHECK(ann.story() == strings{"room.join ok"});
  CHECK(figure("greenroom_memberships_revoked_total") == 2);
}

TEST_CASE_METHOD(permission_fixture, "rights: a membership that ended leaves the room's list and the stored session",
                 "[actors][permissions]") {
  config.namespaces["chat"].members = permission::authenticated;
  const std::string wide = R"({"greenroom":{"rooms":["chat:*"],"actions":["join"]}})";
  auto& ann = come("ann", wide);
  const auto was = opened;
  ann.join("chat:a");
  auto& bob = come("bob");
  CHECK(number(bob.call("room.members", R"({"room":"chat:a"})"), "total") == 1);
  ann.call("session.refresh", with(token("ann")));
  settle();
  CHECK(number(bob.call("room.members", R"({"room":"chat:a"})"), "total") == 0);
  advance(2s);
  restart();
  back(was, token("ann", wide));
  CHECK(dump(opened, "resumed") == "true");
  CHECK(dump(opened, "rooms") == "[]");
}

TEST_CASE_METHOD(permission_fixture, "rights: what a behaviour has brought about stays", "[actors][permissions]") {
  bot.call = [](service_control& node, service_request request) {
    node.join(request.from().session, room_id{"chat:x"}, [](const codecs::outcome&) {});
    request.reply();
  };
  const std::string claims = R"({"greenroom":{"methods":["bot.*"]}})";
  auto& ann = come("ann", claims);
  ann.call("bot.do");
  settle();
  ann.story();
  ann.call("session.refresh", with(token("ann")));
  CHECK(ann.story() == strings{"session.refresh ok"});
  ann.call("room.leave", R"({"room":"chat:x"})");
}

TEST_CASE_METHOD(permission_fixture, "rights: a resume brings back what its token allows", "[actors][permissions]") {
  const std::string wide = R"({"greenroom":{"rooms":["chat:*"],"actions":["join"],"methods":["game:*"]}})";
  auto& ann = come("ann", wide);
  const auto was = opened;
  ann.join("chat:a"), ann.join("game:1");
  auto& again = back(was, token("ann", R"({"greenroom":{"rooms":["chat:b"],"actions":["join"]}})"));
  CHECK(dump(opened, "resumed") == "true");
  CHECK(dump(opened.at("rooms").at(0), "reason") == "\"forbidden\"");
  CHECK(again.story() == strings{"session.open ok", "game:1 forbidden"});
  CHECK(closed == strings{"game:1 ann"});
  CHECK(again.refused("room.leave", R"({"room":"chat:a"})").code == error_code::not_found);
  again.join("chat:b");  // the session goes by the token that came last
  CHECK(again.refused("room.join", R"({"room":"chat:a"})").code == error_code::forbidden);
}

TEST_CASE_METHOD(permission_fixture, "rights: a crash of the session leaves what its client may",
                 "[actors][permissions]") {
  auto& ann = come("ann");
  ann.call("session.refresh", with(token("ann", R"({"greenroom":{"rooms":["chat:*"],"actions":["join"]}})")));
  ann.join("chat:a");
  fail_next("session");
  ann.call("presence.set", R"({"status":"x"})");
  settle();
  ann.join("chat:b");
  CHECK(ann.refused("room.join", R"({"room":"lobby"})").code == error_code::forbidden);
}

TEST_CASE_METHOD(permission_fixture, "rights: who may not see the members is told of none", "[actors][permissions]") {
  config.namespaces["chat"].join = permission::authenticated;
  const std::string sees = R"({"greenroom":{"rooms":["chat:*"],"actions":["members"]}})";
  auto& ann = come("ann");
  auto& bob = come("bob", sees);
  const auto told = [](client& who) {
    return std::ranges::count_if(who.take(), [](const auto& each) { return each.method == "room.presence"; });
  };
  ann.join("chat:a"), bob.join("chat:a");
  advance(1s);
  CHECK(told(ann) == 0);
  CHECK(told(bob) == 1);
  ann.call("session.refresh", with(token("ann", sees)));
  advance(1s);
  CHECK(told(ann) == 1);  // who is here
  bob.call("session.refresh", with(token("bob")));
  come("carl").join("chat:a");
  advance(1s);
  CHECK(told(ann) == 1);
  CHECK(told(bob) == 0);
}

TEST_CASE_METHOD(permission_fixture, "rights: whom one may not see any more one does not watch",
                 "[actors][permissions]") {
  const std::string wide = R"({"greenroom":{"users":["bob","carl"],"actions":["presence"]}})";
  const std::string narrow = R"({"greenroom":{"users":["carl"],"actions":["presence"]}})";
  auto& ann = come("ann", wide);
  const auto was = opened;
  ann.call("presence.watch", R"({"users":["bob","carl"]})");
  const auto told = [this](client& who) {
    advance(1s);
    strings users;
    for (const auto& each : who.take())
      if (each.method == "presence.changed") users.push_back(text(each.body, "user"));
    std::ranges::sort(users);
    return users;
  };
  auto& bob = come("bob");
  auto& carl = come("carl");
  CHECK(told(ann) == strings{"bob", "carl"});
  const auto show = [&](std::string_view status) {
    for (auto* each : {&bob, &carl}) each->call("presence.set", dump(json{{"status", status}}));
  };
  SECTION("after a refresh") {
    ann.call("session.refresh", with(token("ann", narrow)));
    show("away");
    CHECK(told(ann) == strings{"carl"});
    CHECK(figure("greenroom_watches") == 1);
  }
  SECTION("after a resume") {
    auto& again = back(was, token("ann", narrow));
    told(again);
    show("away");
    CHECK(told(again) == strings{"carl"});
    CHECK(figure("greenroom_watches") == 1);
  }
}

}  // namespace greenroom::tests
