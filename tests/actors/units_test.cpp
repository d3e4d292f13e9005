// The plain classes of the engine, without actors: broadcast, memberships, room_policy, access.
#include "actors/access.hpp"
#include "actors/broadcast.hpp"
#include "actors/endpoint.hpp"
#include "actors/memberships.hpp"
#include "actors/room_directory.hpp"
#include "actors/room_policy.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

codecs::envelope_ptr message(std::uint64_t seq) {
  codecs::envelope one{.room = "lobby",
                       .epoch = "e",
                       .seq = seq,
                       .id = "m",
                       .event = "say",
                       .from = "ann",
                       .at_ms = 1,
                       .body = std::make_shared<const codecs::payload>(codecs::format::json, "1")};
  return std::make_shared<const codecs::envelope>(std::move(one));
}

subscription_ptr member_of(std::string room, std::uint64_t number) {
  auto one = std::make_shared<subscription>();
  one->room = std::move(room);
  one->who.number = incarnation{number};
  return one;
}

}  // namespace

TEST_CASE("broadcast: a block is the frames of its messages, made once per codec and shared", "[actors][units]") {
  broadcast three{{{message(4)}, {message(5)}, {message(6)}}, {}};
  CHECK(three.first() == 4);
  CHECK(three.last() == 6);
  for (auto codec : {codecs::codec_id::native_json, codecs::codec_id::native_msgpack}) {
    std::string whole;
    for (std::uint64_t seq : {4u, 5u, 6u}) codecs::codec_of(codec).encode_broadcast(*message(seq), whole);
    CHECK(*three.block(codec) == whole);
    CHECK(three.block(codec) == three.block(codec));
    CHECK(*three.single(0, codec) + *three.single(1, codec) + *three.single(2, codec) == whole);
    CHECK(three.single(1, codec) == three.single(1, codec));
  }
  broadcast one{{{message(1)}}, {}};
  CHECK(one.single(0, codecs::codec_id::native_json) == one.block(codecs::codec_id::native_json));
}

TEST_CASE("broadcast: knows who wants no echo", "[actors][units]") {
  broadcast two{{{message(1), incarnation{7}}, {message(2)}}, {}};
  CHECK(two.excludes(incarnation{7}));
  CHECK_FALSE(two.excludes(incarnation{8}));
  CHECK_FALSE(broadcast({{message(1)}}, {}).excludes(incarnation::none));
}

TEST_CASE("memberships: one a room, found by room and by incarnation", "[actors][units]") {
  memberships rooms{2};
  auto first = member_of("lobby", 1), again = member_of("lobby", 2);
  CHECK(rooms.add(first));
  CHECK(rooms.add(again));  // in its place
  CHECK(rooms.find("lobby") == again);
  CHECK(rooms.find(incarnation{1}) == nullptr);
  CHECK(rooms.find(incarnation{2}) == again);
  CHECK(rooms.add(member_of("hall", 3)));
  CHECK_FALSE(rooms.add(member_of("attic", 4)));
  again->at = phase::gone;  // refused, say
  CHECK(rooms.find("lobby") == nullptr);
  CHECK(rooms.add(member_of("attic", 5)));
  rooms.remove("attic");
  CHECK(rooms.all().size() == 1);
}

TEST_CASE("memberships: closed, they take none and are given away until they are gone", "[actors][units]") {
  memberships rooms{2};
  auto lobby = member_of("lobby", 1);
  rooms.add(lobby);
  CHECK(rooms.close() == std::vector{lobby});
  CHECK(rooms.close() == std::vector{lobby});
  lobby->at = phase::gone;
  CHECK(rooms.close().empty());
  CHECK(rooms.closed());
  CHECK_FALSE(rooms.add(member_of("hall", 2)));
}

TEST_CASE("memberships: a pong proves what had left before its ping, and nothing later", "[actors][units]") {
  memberships rooms{2};
  auto lobby = member_of("lobby", 1);
  rooms.add(lobby);
  lobby->position = 5;
  rooms.ping_left(1);
  lobby->position = 9;
  rooms.ping_left(2);  // one mark at a time: the older stays
  rooms.ping_answered(0);
  CHECK(lobby->proven == 0);
  rooms.ping_answered(2);  // answers all before it
  CHECK(lobby->proven == 5);
  rooms.ping_answered(3);
  CHECK(lobby->proven == 5);
  rooms.ping_left(4);
  rooms.ping_answered(4);
  CHECK(lobby->proven == 9);
}

TEST_CASE("room policy: the prefix before the first colon finds the namespace, else the default", "[actors][units]") {
  auto config = runtime::default_config(runtime::preset::dev);
  config.namespaces["chat"] = {.history_count = 7};
  room_policies policies{config};
  CHECK(policies.of("chat:lobby").history.count == 7);
  CHECK(policies.of("chat:a:b").name == "chat");
  for (auto other : {"chat", "chats:x", ":x", "other:x", ""}) CHECK(policies.of(other).name.empty());
  CHECK(policies.of("durable:x").kind == room_kind::durable);
  CHECK(policies.of("feed:x").slow == slow_member::latest);
  CHECK(policies.of("feed:x").history.count == 0);
}

TEST_CASE("room directory: a room has one shard, whoever asks", "[actors][units]") {
  std::vector<std::size_t> rooms_of(4);
  for (int i = 0; i < 1'000; ++i) {
    auto name = "room-" + std::to_string(i);
    CHECK(room_directory::shard_of(name, 4) == room_directory::shard_of(name, 4));
    ++rooms_of[room_directory::shard_of(name, 4)];
  }
  for (auto each : rooms_of) CHECK(each > 150);
}

TEST_CASE_METHOD(node_fixture, "access: nobody, the authenticated, anyone", "[actors][units]") {
  room_policy policy{.name = {}, .history = {}};
  principal guest{user_id{"guest"}, identity::anonymous}, ann{user_id{"ann"}, identity::authenticated};
  policy.join = admission::nobody;
  policy.publish = admission::authenticated;
  policy.read = admission::anyone;
  using enum access::action;
  CHECK(
      access::check(ctx(), ann, join, "lobby", policy) ==
      "no grant allows user ann to join lobby: namespace default has join = nobody, and there is none for this caller");
  CHECK_FALSE(access::check(ctx(), ann, publish, "lobby", policy));
  CHECK(access::check(ctx(), guest, publish, "lobby", policy));
  CHECK_FALSE(access::check(ctx(), guest, access::action::read, "lobby", policy));
  CHECK(access::check(ctx(), guest, members, "lobby", policy));
}

TEST_CASE_METHOD(node_fixture, "access: which pages of a browser may talk to this node", "[actors][units]") {
  config.access.allowed_origins = {"https://app.example"};
  SECTION("guests are welcome: any page of this machine, too") {
    for (auto good : {"", "https://app.example", "http://node.example:8080", "http://localhost:3000",
                      "http://127.0.0.1:5173", "http://[::1]:5173", "http://[::1]"})
      CHECK(access::origin_allowed(ctx(), good, "http://node.example:8080"));
    for (auto bad : {"https://evil.example", "http://app.example", "null", "http://localhost.evil.example",
                     "http://127.0.0.1.evil.example", "http://node.example:8081", "https://node.example:8080"})
      CHECK_FALSE(access::origin_allowed(ctx(), bad, "http://node.example:8080"));
  }
  SECTION("they are not: its own and the listed alone") {
    config.access.anonymous = runtime::anonymous_access::off;
    CHECK_FALSE(access::origin_allowed(ctx(), "http://localhost:3000", "https://node.example"));
    CHECK(access::origin_allowed(ctx(), "https://node.example", "https://node.example"));
  }
  SECTION("null is nobody's, unless it is listed by itself") {
    config.access.allowed_origins.push_back("null");
    CHECK(access::origin_allowed(ctx(), "null", ""));
    CHECK_FALSE(access::origin_allowed(ctx(), "Null", ""));
  }
}

TEST_CASE_METHOD(node_fixture, "access: a request's origin is compared with how its client reaches this node",
                 "[actors][units]") {
  struct row {
    const char* what;
    std::vector<runtime::http_field> fields;
    bool secure, is_loopback, guests, allowed;
  };
  const auto row = GENERATE(values<struct row>({
      {"no browser", {{"Host", "n.example"}}, false, false, false, true},
      {"its own page", {{"Host", "n.example"}, {"Origin", "http://n.example"}}, false, false, false, true},
      {"its own page by TLS", {{"Host", "n.example"}, {"origin", "https://n.example"}}, true, false, false, true},
      {"its own name by the other scheme",
       {{"Host", "n.example"}, {"Origin", "https://n.example"}},
       false,
       false,
       false,
       false},
      {"an empty origin", {{"Host", "n.example"}, {"Origin", ""}}, false, false, false, false},
      {"two origins",
       {{"Host", "n.example"}, {"Origin", "http://n.example"}, {"Origin", "http://n.example"}},
       false,
       false,
       false,
       false},
      {"no Host", {{"Origin", "http://n.example"}}, false, false, false, false},
      {"a name that leads to this machine, where guests may do everything",
       {{"Host", "rebound.example:8080"}, {"Origin", "http://rebound.example:8080"}},
       false,
       true,
       true,
       false},
      {"the same from elsewhere",
       {{"Host", "n.example:8080"}, {"Origin", "http://n.example:8080"}},
       false,
       false,
       true,
       true},
      {"an address", {{"Host", "127.0.0.2:8080"}, {"Origin", "http://127.0.0.2:8080"}}, false, true, true, true},
  }));
  CAPTURE(row.what);
  config.access.anonymous = row.guests ? runtime::anonymous_access::loopback : runtime::anonymous_access::off;
  runtime::http_request asked;
  asked.fields = row.fields;
  asked.secure = row.secure;
  asked.is_loopback = row.is_loopback;
  CHECK(origin_allowed(ctx(), asked) == row.allowed);
}

TEST_CASE_METHOD(node_fixture, "answer: one that is lost says -32603 by itself, a used one says nothing more",
                 "[actors][units]") {
  struct listener final : replier {
    std::vector<int> codes;
    void reply(const codecs::reply_ref&, codecs::outcome what) override {
      auto* failure = std::get_if<codecs::error>(&what);
      codes.push_back(failure ? static_cast<int>(failure->code) : 0);
    }
  };
  auto to = std::make_shared<listener>();
  {
    answer lost{ctx(), to, {.id = "1"}, "room.join"};
    auto copy = lost;
    CHECK(to->codes.empty());
  }
  CHECK(to->codes == std::vector{-32603});
  {
    answer used{ctx(), to, {.id = "2"}, "room.join"};
    auto copy = used;
    copy(codecs::result{codecs::results::nothing{}});
    used(codecs::make_error(codecs::error_code::conflict));
  }
  CHECK(to->codes == std::vector{-32603, 0});
  answer nobody;
  nobody(codecs::result{codecs::results::nothing{}});
  CHECK_FALSE(nobody);
  CHECK(figure(R"(greenroom_calls_total{method="room.join"})") == 2);
}

}  // namespace greenroom::tests
