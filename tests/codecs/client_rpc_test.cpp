#include "codecs/client_rpc.hpp"

#include <catch2/catch.hpp>

#include "tests/codecs/recorder.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

TEST_CASE("client: requests and notifications have their golden bytes in both formats", "[codecs]") {
  CHECK(encode_request(format::json, 7, "room.leave", R"( {"room": "a"} )") ==
        R"({"jsonrpc":"2.0","id":7,"method":"room.leave","params":{"room": "a"}})");
  CHECK(encode_request(format::json, {}, "a.b", "{}") == R"({"jsonrpc":"2.0","method":"a.b","params":{}})");
  CHECK(encode_request(format::msgpack, 300, "a.b", R"({"n":1})") ==
        "\x84"  //
        "\xa7jsonrpc\xa3"
        "2.0"                 //
        "\xa2id\xcd\x01\x2c"  // 300
        "\xa6method\xa3"
        "a.b"  //
        "\xa6params\x81\xa1n\x01"s);
  CHECK(encode_request(format::msgpack, {}, "a.b", "{}") ==
        "\x83\xa7jsonrpc\xa3"
        "2.0\xa6method\xa3"
        "a.b\xa6params\x80"s);
}

TEST_CASE("client: every method's request has its golden bytes in MessagePack, and the node takes them", "[codecs]") {
  struct row {
    std::string method, json, packed;
  };
  const row rows[] = {
      {"session.open",
       R"({"token":"t","client":"c","user":"u","resume":{"session":"s","token":"r","positions":{"a":{"epoch":"e","seq":7},"b":8}}})",
       "\x84\xa5token\xa1t"  // 4 members
       "\xa6"
       "client\xa1"
       "c"                                             //
       "\xa4user\xa1u"                                 //
       "\xa6resume\x83\xa7session\xa1s\xa5token\xa1r"  //
       "\xa9positions\x82"                             // two rooms
       "\xa1"
       "a\x82\xa5"
       "epoch\xa1"
       "e\xa3seq\x07"  // with its epoch
       "\xa1"
       "b\x08"},  // a bare seq
      {"session.refresh", R"({"token":"t"})", "\x81\xa5token\xa1t"},
      {"session.close", "{}", "\x80"},
      {"room.join", R"({"room":"a","since":{"epoch":"e","seq":3},"presence":{"x":true}})",
       "\x83\xa4room\xa1"
       "a"  //
       "\xa5since\x82\xa5"
       "epoch\xa1"
       "e\xa3seq\x03"                 //
       "\xa8presence\x81\xa1x\xc3"},  // true
      {"room.leave", R"({"room":"a"})",
       "\x81\xa4room\xa1"
       "a"},
      {"room.publish", R"({"room":"a","event":"e","payload":[1,-1,0.5],"id":"m","ack":"durable","echo":false})",
       "\x86\xa4room\xa1"
       "a"  //
       "\xa5"
       "event\xa1"
       "e"                                                            //
       "\xa7payload\x93\x01\xff\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00"  // fixints 1 and -1, float 64: 0.5
       "\xa2id\xa1m"                                                  //
       "\xa3"
       "ack\xa7"
       "durable"  //
       "\xa4"
       "echo\xc2"s},  // false
      {"room.history", R"({"room":"a","before":300,"after":1,"limit":100})",
       "\x84\xa4room\xa1"
       "a\xa6"
       "before\xcd\x01\x2c\xa5"
       "after\x01\xa5limit\x64"},  // uint 16: 300
      {"room.members", R"({"room":"a","after":"u","limit":1})",
       "\x83\xa4room\xa1"
       "a\xa5"
       "after\xa1u\xa5limit\x01"},
      {"user.send", R"({"to":"u","event":"e","payload":null,"id":"m","ttl_s":60})",
       "\x85\xa2to\xa1u\xa5"
       "event\xa1"
       "e\xa7payload\xc0\xa2id\xa1m\xa5ttl_s\x3c"},
      {"inbox.ack", R"({"upto":4294967296})", "\x81\xa4upto\xcf\x00\x00\x00\x01\x00\x00\x00\x00"s},  // uint 64
      {"rpc.discover", "{}", "\x80"},
      {"market.buy", R"({"n":{"$bytes":"AP8="}})", "\x81\xa1n\xc4\x02\x00\xff"s},  // bin 8
  };
  for (const auto& [method, json, packed] : rows) {
    INFO(method);
    std::string request =
        "\x84\xa7jsonrpc\xa3"
        "2.0\xa2id\x07\xa6method";
    request += static_cast<char>(0xa0 | method.size());
    request += method + "\xa6params" + packed;
    CHECK(encode_request(format::msgpack, 7, method, json) == request);
    CHECK(hear(frame_kind::binary, request).log == strings{"call " + method});
    CHECK(hear(frame_kind::text, encode_request(format::json, 7, method, json)).log == strings{"call " + method});
  }
}

TEST_CASE("client: params that are no JSON object and no array are the caller's mistake", "[codecs]") {
  for (const auto params : {"", "{", "[", "1", "{} {}", R"({"n":1e999})"}) {
    CHECK_THROWS_AS(encode_request(format::json, 1, "a.b", params), std::invalid_argument);
    CHECK_THROWS_AS(encode_request(format::msgpack, 1, "a.b", params), std::invalid_argument);
  }
}

TEST_CASE("client: what a node answers and says is read in both formats", "[codecs]") {
  const auto node = make_native_dialogue(codec_id::native_json);
  for (const auto as : {format::json, format::msgpack}) {
    const auto request = encode_request(as, 42, "inbox.ack", R"({"upto":9})");
    recorder heard;
    node->decode(as == format::json ? frame_kind::text : frame_kind::binary, request, heard);
    REQUIRE(heard.log == strings{"call inbox.ack"});

    const auto good = decode_incoming(
        as, node->encode_reply(heard.refs[0], result{results::inbox_acked{.upto = 9, .left = 1}}, framing::bare));
    REQUIRE(good);
    CHECK(good->id == 42);
    CHECK(good->method.empty());
    CHECK(good->body->as(format::json) == R"({"upto":9,"left":1})");
    CHECK_FALSE(good->failure);

    auto why = make_error(error_code::rate_limited, "Slow down.");
    why.retry_after_ms = 250;
    const auto bad = decode_incoming(as, node->encode_reply(heard.refs[0], why, framing::bare));
    REQUIRE(bad);
    CHECK(bad->id == 42);
    CHECK(bad->body == nullptr);
    REQUIRE(bad->failure);
    CHECK(bad->failure->code == error_code::rate_limited);
    CHECK(bad->failure->message == "Slow down.");
    CHECK(bad->failure->retry_after_ms == 250);

    const auto frame = codec_of(as == format::json ? codec_id::native_json : codec_id::native_msgpack)
                           .encode_push(pushes::inbox_acked{.upto = 3});
    const auto said = decode_incoming(as, std::string_view{frame}.substr(2));
    REQUIRE(said);
    CHECK_FALSE(said->id);
    CHECK(said->method == "inbox.acked");
    CHECK(said->body->as(format::json) == R"({"upto":3})");
  }
}

TEST_CASE("client: a long answer is read, though no request may be so large", "[codecs]") {
  std::string list = "[0";
  for (int i = 0; i < 50'000; ++i) list += ",0";
  const auto read = decode_incoming(format::json, R"({"jsonrpc":"2.0","id":1,"result":)" + list + "]}");
  REQUIRE(read);
  CHECK(read->body->as(format::msgpack).size() == 3 + 50'001);  // array 16
}

TEST_CASE("client: what is no JSON-RPC message is nothing", "[codecs]") {
  for (const auto text : {"", "{", "1", "[]", "{}", R"({"id":1})", R"({"method":1})", R"({"id":1,"error":1})",
                          R"({"id":1,"error":{"code":1}})"}) {
    INFO(text);
    CHECK_FALSE(decode_incoming(format::json, text));
  }
  CHECK_FALSE(decode_incoming(format::msgpack, "\xc1"));
}
