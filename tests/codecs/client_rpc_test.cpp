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

TEST_CASE("client: params that are no JSON object are the caller's mistake", "[codecs]") {
  for (const auto params : {"", "{", "[]", "1", "{} {}", R"({"n":1e999})"}) {
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
