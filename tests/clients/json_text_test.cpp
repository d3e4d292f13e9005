#include "clients/json_text.hpp"

#include <catch2/catch.hpp>

#include "clients/message_text.hpp"

using namespace greenroom::clients;

TEST_CASE("json_text: an object keeps the order and the spelling of what was put in") {
  CHECK(object_text{}.str() == "{}");
  CHECK(object_text{}.text("a", "x\"\n").raw("b", "1.50e+1").str() == R"({"a":"x\"\n","b":1.50e+1})");
}

TEST_CASE("json_text: members come out as they stand, whatever they are") {
  const object_members members{
      R"( {"n": 12345678901234567890, "f":1.50, "s":"a\u0041\n", "o":{"x":[1, 2]}, "a":[ ], "t":true, "z":null} )"};
  CHECK(members.raw("n") == "12345678901234567890");
  CHECK(members.raw("f") == "1.50");
  CHECK(members.raw("s") == R"("a\u0041\n")");
  CHECK(members.text("s") == "aA\n");
  CHECK(members.raw("o") == R"({"x":[1, 2]})");
  CHECK(members.raw("a") == "[ ]");
  CHECK(members.raw("t") == "true");
  CHECK(members.raw("z") == "null");
  CHECK(members.raw("none").empty());
  CHECK(members.text("none").empty());
}

TEST_CASE("json_text: what is no object has no members, what is no array no elements") {
  for (const auto* text : {"", "[]", "1", "nope", R"({"a":1)", R"({"a":1} x)", R"({"a":{"b":}})"}) {
    CAPTURE(text);
    CHECK(object_members{text}.raw("a").empty());
  }
  CHECK(array_elements("{}").empty());
  CHECK(array_elements("[1,").empty());
  CHECK(array_elements(R"([1, {"a":2} ,"x"])") == std::vector<std::string>{"1", R"({"a":2})", R"("x")"});
}

TEST_CASE("json_text: a document is whole, UTF-8, and at most 32 levels deep") {
  CHECK(is_json("1"));
  CHECK(is_json(" {\"a\":[]} \n"));
  CHECK(is_json(std::string(32, '[') + std::string(32, ']')));
  CHECK_FALSE(is_json(std::string(33, '[') + std::string(33, ']')));
  CHECK_FALSE(is_json("1,\"ack\":\"durable\""));
  CHECK_FALSE(is_json("hello"));
  CHECK_FALSE(is_json("\"\xff\""));
  CHECK_FALSE(is_json(""));
}

TEST_CASE(
    "message_text: a room's message is one line with room, position, sender, event and the payload as it was spelled") {
  CHECK(
      describe_room_message(
          R"({"room":"lobby","epoch":"e","seq":17,"id":"i","event":"chat","payload":{"n":1.50},"from":"ann","at":1})") ==
      R"([lobby] #17 ann chat {"n":1.50})");
  CHECK(describe_inbox_message(R"({"n":4,"id":"i","event":"alarm","payload":[1],"from":"ann","at":1})") ==
        "#4 ann alarm [1]");
}

TEST_CASE("message_text: nothing that a sender wrote moves the cursor") {
  const auto line = describe_room_message(
      "{\"room\":\"a\\u001b[2J\",\"seq\":1,\"event\":\"x\\ny\",\"payload\":\"\xc2\x9b"
      "31m\x7f\",\"from\":\"b\\u0007\"}");
  CHECK(line == "[a?[2J] #1 b? x?y \"?31m?\"");
  CHECK(printable("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
}

TEST_CASE("message_text: the supervisor tree is a line a child, indented by its level") {
  CHECK(describe_tree(R"({"name":"node","kind":"supervisor","restarts":0,"children":[
    {"name":"rooms","restarts":2,"last_error":"boom","children":[{"name":"lobby","mailbox":3}]},{"name":"gateway"}]})") ==
        "node kind=supervisor restarts=0\n  rooms restarts=2 last_error=boom\n    lobby mailbox=3\n  gateway");
}
