// Joining, publishing and leaving: one order, the same for every member.
#include "codecs/transcode.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

TEST_CASE_METHOD(node_fixture, "room: a joiner hears where the room stands, and then only what follows",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  auto first = ann.join("lobby");
  CHECK(number(first, "seq") == 0);
  CHECK(number(first, "members") == 1);
  ann.publish("lobby", "one");
  auto joined = bob.join("lobby");
  CHECK(number(joined, "seq") == 1);
  CHECK(number(joined, "members") == 2);
  CHECK(text(joined, "epoch") == text(first, "epoch"));
  CHECK(dump(joined, "missed") == "-");
  CHECK(dump(joined, "recovered") == "-");
  ann.publish("lobby", "two");
  CHECK(bob.story() == strings{"room.join ok", R"(lobby 2 "two")"});
}

TEST_CASE_METHOD(node_fixture, "room: the answer of a join comes before any later message, in one burst, too",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.join("lobby");
  bob.open("bob");
  bob.story();
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  bob.send("room.join", R"({"room":"lobby"})");
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":2})");
  bob.send("room.publish", R"({"room":"lobby","event":"say","payload":3})");
  settle();
  auto story = bob.take();
  REQUIRE(story.size() >= 2);
  CHECK(story.front().method == "room.join");
  auto at = number(story.front().body, "seq");
  for (const auto& each : story)
    if (each.method == "room.message") CHECK(number(each.body, "seq") == ++at);
  CHECK(at == 3);
}

TEST_CASE_METHOD(node_fixture, "room: a message says what it is, and its acknowledgement the same position",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.open("ann");
  bob.open("bob");
  ann.join("lobby");
  bob.join("lobby");
  bob.story();
  auto ack = ann.call("room.publish", R"({"room":"lobby","event":"say","payload":{"n":1},"id":"m-1"})");
  auto got = bob.messages("lobby").at(0).body;
  CHECK(dump(ack) == R"({"id":"m-1","epoch":)" + dump(ack, "epoch") + R"(,"seq":1,"ack":"accepted"})");
  CHECK(dump(got) == R"({"room":"lobby","epoch":)" + dump(ack, "epoch") +
                         R"(,"seq":1,"id":"m-1","event":"say","payload":{"n":1},"from":"ann","at":)" +
                         std::to_string(ctx().now_ms()) + "}");
}

TEST_CASE_METHOD(node_fixture, "room: a message without an id gets one from the server, and no record",
                 "[actors][room]") {
  auto& ann = connect();
  auto first = ann.publish("lobby", "one"), second = ann.publish("lobby", "two");
  CHECK(text(first, "id").starts_with("server-"));
  CHECK(text(first, "id") != text(second, "id"));
  CHECK(store().counters().ids == 0);
}

TEST_CASE_METHOD(node_fixture, "room: echo false spares the publisher's session, and nobody else", "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.join("lobby");
  bob.join("lobby");
  ann.story();
  bob.story();
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":2,"echo":false})");
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":3})");
  settle();
  CHECK(ann.seqs("lobby") == numbers{1, 3});
  CHECK(bob.seqs("lobby") == numbers{1, 2, 3});
}

TEST_CASE_METHOD(node_fixture, "room: who leaves gets what was published before, then the answer, then nothing more",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.join("lobby");
  bob.join("lobby");
  bob.story();
  bob.wire().stop_reading();
  ann.publish("lobby", "unsent");
  bob.send("room.leave", R"({"room":"lobby"})");
  settle();
  ann.publish("lobby", "later");
  bob.wire().read_again();
  settle();
  CHECK(bob.story() == strings{R"(lobby 1 "unsent")", "room.leave ok"});
  CHECK(bob.refused("room.leave", R"({"room":"lobby"})").code == error_code::not_found);
}

TEST_CASE_METHOD(node_fixture, "room: a second join of a session takes the place of the first", "[actors][room]") {
  auto& ann = connect();
  ann.join("lobby");
  ann.publish("lobby", "one");
  auto again = ann.call("room.join", R"({"room":"lobby","presence":{"mood":"new"}})");
  CHECK(number(again, "members") == 1);
  CHECK(number(again, "seq") == 1);
  ann.story();
  ann.publish("lobby", "two");
  CHECK(ann.seqs("lobby") == numbers{2});  // once
  auto members = ann.call("room.members", R"({"room":"lobby"})");
  CHECK(dump(members.at("members").at(0).at("entries").at(0), "meta") == R"({"mood":"new"})");
}

TEST_CASE_METHOD(node_fixture, "room: members are listed by user, with their sessions and presence, a page at a time",
                 "[actors][room]") {
  std::map<std::string, std::string> session;
  for (std::string user : {"carl", "ann", "bob"}) {
    auto& one = connect();
    session[user] = text(one.open(user), "session");
    one.call("room.join", R"({"room":"lobby","presence":{"of":")" + user + "\"}}");
  }
  auto& again = connect();
  again.open("ann");
  again.join("lobby");

  auto page = again.call("room.members", R"({"room":"lobby","limit":2})");
  CHECK(number(page, "total") == 3);
  CHECK(text(page, "next") == "bob");
  REQUIRE(page.at("members").as_array().size() == 2);
  CHECK(text(page.at("members").at(0), "user") == "ann");
  CHECK(page.at("members").at(0).at("entries").as_array().size() == 2);
  auto rest = again.call("room.members", R"({"room":"lobby","after":"bob","limit":2})");
  CHECK(dump(rest, "next") == "-");
  CHECK(dump(rest.at("members").at(0)) == R"({"user":"carl","since":)" + std::to_string(ctx().now_ms()) +
                                              R"(,"entries":[{"session":")" + session["carl"] +
                                              R"(","meta":{"of":"carl"}}]})");
}

TEST_CASE_METHOD(node_fixture, "room: a full room refuses, a rejoin into it does not count, leaving makes space",
                 "[actors][room]") {
  policy().members_max = 1;
  auto& ann = connect();
  auto& bob = connect();
  ann.join("lobby");
  CHECK(bob.refused("room.join", R"({"room":"lobby"})").code == error_code::unavailable);
  ann.join("lobby");
  ann.publish("lobby", "one");
  CHECK(bob.seqs("lobby").empty());
  ann.call("room.leave", R"({"room":"lobby"})");
  CHECK(number(bob.join("lobby"), "members") == 1);
}

TEST_CASE_METHOD(node_fixture, "room: the namespace says who may join, publish, read and see the members",
                 "[actors][room]") {
  policy().join = runtime::permission::nobody;
  policy().read = policy().members = runtime::permission::authenticated;
  policy("durable").publish = runtime::permission::nobody;
  auto& ann = connect();
  CHECK(ann.refused("room.join", R"({"room":"lobby"})").code == error_code::forbidden);
  CHECK(ann.refused("room.history", R"({"room":"lobby"})").code == error_code::forbidden);
  CHECK(ann.refused("room.members", R"({"room":"lobby"})").code == error_code::forbidden);
  CHECK(ann.refused("room.publish", R"({"room":"durable:x","event":"say","payload":1})").code == error_code::forbidden);
  ann.publish("lobby", "publishing needs no membership");
}

TEST_CASE_METHOD(node_fixture, "room: a repeat of an id gets the original acknowledgement and is sent to nobody",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.open("ann");
  bob.join("lobby");
  bob.story();
  auto params = R"({"room":"lobby","event":"say","payload":{"a":1.5,"b":[null]},"id":"m-1"})";
  auto first = ann.call("room.publish", params);
  CHECK(dump(first, "duplicate") == "-");
  ann.story();
  for (auto as : {codecs::format::json, codecs::format::msgpack}) {  // a retry may change its encoding
    ann.send_as(as, "room.publish", params);
    settle();
    auto again = ann.take().at(0).body;
    CHECK(number(again, "seq") == 1);
    CHECK(dump(again, "duplicate") == "true");
  }
  CHECK(bob.seqs("lobby") == numbers{1});
  CHECK(store().counters().appended == 1);
}

TEST_CASE_METHOD(node_fixture, "room: an id used again for something else is a conflict; another sender's is his own",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.open("ann");
  bob.open("bob");
  ann.call("room.publish", R"({"room":"lobby","event":"say","payload":1,"id":"m-1"})");
  for (auto other : {R"({"room":"lobby","event":"say","payload":2,"id":"m-1"})",
                     R"({"room":"lobby","event":"shout","payload":1,"id":"m-1"})",
                     R"({"room":"other","event":"say","payload":1,"id":"m-1"})"})
    CHECK(ann.refused("room.publish", other).code == error_code::conflict);
  ann.call("room.publish", R"({"room":"durable:news","event":"say","payload":1,"id":"m-2"})");
  CHECK(ann.refused("user.send", R"({"to":"bob","event":"say","payload":1,"id":"m-2"})").code == error_code::conflict);
  CHECK(number(bob.call("room.publish", R"({"room":"lobby","event":"say","payload":2,"id":"m-1"})"), "seq") == 2);
}

TEST_CASE_METHOD(node_fixture, "room: repeats in one burst share one position", "[actors][room]") {
  auto& ann = connect();
  ann.join("lobby");
  ann.story();
  for (int i = 0; i < 3; ++i) ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1,"id":"m-1"})");
  settle();
  CHECK(ann.story() == strings{"lobby 1 1", "room.publish ok", "room.publish ok", "room.publish ok"});
}

TEST_CASE_METHOD(node_fixture, "room: a durable acknowledgement is not to be had in an ephemeral room",
                 "[actors][room]") {
  auto& ann = connect();
  auto why = ann.refused("room.publish", R"({"room":"lobby","event":"say","payload":1,"ack":"durable"})");
  CHECK(why.code == error_code::invalid_params);
  CHECK(why.path == "params.ack");
  CHECK(store().counters().appended == 0);
}

TEST_CASE_METHOD(node_fixture, "room: members of both encodings get one order, each in its own, with the payload whole",
                 "[actors][room]") {
  auto& ann = connect();
  auto& bob = connect_msgpack();
  ann.join("lobby");
  bob.join("lobby");
  ann.story();
  bob.story();
  ann.send("room.publish", R"({"room":"lobby","event":"say","payload":{"$bytes":"AQID"}})");
  bob.send("room.publish", R"({"room":"lobby","event":"say","payload":[1,-2,3.5,"é",null,true]})");
  settle();
  auto json_side = ann.messages("lobby"), msgpack_side = bob.messages("lobby");
  REQUIRE(json_side.size() == 2);
  REQUIRE(msgpack_side.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(json_side[i].in == codecs::format::json);
    CHECK(msgpack_side[i].in == codecs::format::msgpack);
    CHECK(dump(json_side[i].body) == dump(msgpack_side[i].body));
  }
  CHECK(dump(json_side[0].body, "payload") == R"({"$bytes":"AQID"})");
  CHECK(dump(json_side[1].body, "payload") == R"([1,-2,3.5E0,"é",null,true])");
}

TEST_CASE_METHOD(node_fixture, "room: members of several shards get one order", "[actors][room]") {
  shards = 2;
  auto& ann = connect({.shard = 0});
  auto& bob = connect({.shard = 1});
  for (std::string room : {"lobby", "hall", "attic", "cellar"}) {  // of both shards
    ann.join(room);
    bob.join(room);
    for (int i = 0; i < 5; ++i) {
      ann.send("room.publish", R"({"room":")" + room + R"(","event":"say","payload":"ann"})");
      bob.send("room.publish", R"({"room":")" + room + R"(","event":"say","payload":"bob"})");
    }
    settle();
    auto one = ann.messages(room), two = bob.messages(room);
    REQUIRE(one.size() == 10);
    REQUIRE(two.size() == 10);
    for (std::size_t i = 0; i < 10; ++i) CHECK(dump(one[i].body) == dump(two[i].body));
  }
}

}  // namespace greenroom::tests
