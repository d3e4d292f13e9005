#include <catch2/catch.hpp>
#include <string>

#include "codecs/transcode.hpp"
#include "tests/codecs/socketio_support.hpp"

using namespace greenroom::codecs;
using namespace std::string_literals;

namespace {

strings broadcast(encoding parser, std::string_view nsp, offsets with, const envelope& what) {
  std::string out;
  codec_of(*socketio_codec(parser, nsp, with)).encode_broadcast(what, out);
  return bodies(out);
}
strings broadcast(const envelope& what) { return broadcast(encoding::socketio, "/", offsets::left_out, what); }

/// The one packet of the msgpack parser, as JSON.
std::string unpacked(const strings& frames) {
  REQUIRE(frames.size() == 1);
  REQUIRE(frames[0].starts_with("b:"));
  return transcode(format::msgpack, frames[0].substr(2), unbounded).value();
}

constexpr std::string_view meta = R"({"room":"lobby","epoch":"e1","seq":7,"id":"m-1","from":"ann","at":1000})";

}  // namespace

TEST_CASE("socket.io: a codec is one for each parser, namespace and offsets, and the same whenever it is asked for",
          "[codecs][socketio]") {
  const auto plain = socketio_codec(encoding::socketio, "/chat", offsets::left_out);
  REQUIRE(plain.has_value());
  CHECK(socketio_codec(encoding::socketio, "/chat", offsets::left_out) == plain);
  CHECK(socketio_codec(encoding::socketio, "/chat", offsets::appended) != plain);
  CHECK(socketio_codec(encoding::socketio, "/", offsets::left_out) != plain);
  const auto packed = socketio_codec(encoding::socketio_msgpack, "/chat", offsets::left_out);
  CHECK(packed != plain);
  CHECK(encoding_of(*plain) == encoding::socketio);
  CHECK(encoding_of(*packed) == encoding::socketio_msgpack);
  CHECK(codec_of(*plain).id() == *plain);
}

TEST_CASE("socket.io: a room's message is its event with payload and meta", "[codecs][socketio]") {
  CHECK(broadcast(message(json(R"({"text":"hi"})"))) ==
        strings{R"(42["say",{"text":"hi"},)" + std::string{meta} + ']'});
  CHECK(broadcast(encoding::socketio, "/chat", offsets::appended, message(json("1"))) ==
        strings{R"(42/chat,["say",1,)" + std::string{meta} + R"(,"e1:7:lobby"])"});
}

TEST_CASE("socket.io: a message of several arguments is spread, without meta", "[codecs][socketio]") {
  const auto list = payload_shape::arguments;
  CHECK(broadcast(message(json(R"( [1, "two" ,{}] )"), list)) == strings{R"(42["say",1, "two" ,{}])"});
  CHECK(broadcast(message(json("[]"), list)) == strings{R"(42["say"])"});
  CHECK(broadcast(message(json("null"), list)) == strings{R"(42["say"])"});
  CHECK(broadcast(message(json(R"({"a":1})"), list)) == strings{R"(42["say",{"a":1}])"});
  CHECK(broadcast(message(packed("\x92\x01\xa1x"s), list)) == strings{R"(42["say",1,"x"])"});
  CHECK(broadcast(encoding::socketio, "/", offsets::appended, message(json("[1]"), list)) ==
        strings{R"(42["say",1,"e1:7:lobby"])"});
}

TEST_CASE("socket.io: a payload passes as the bytes in which it came", "[codecs][socketio]") {
  const auto odd = R"({ "a" : 1.0e0 , "b":"\u0041" })"s;
  CHECK(broadcast(message(json(odd)))[0].starts_with(R"(42["say",)" + odd + ','));
}

TEST_CASE("socket.io: bytes are attachments, in frames behind their packet", "[codecs][socketio]") {
  // bin 00 ff, and the same in JSON's words.
  const auto body = GENERATE(as<payload_ptr>{}, packed("\x82\xa1"s + "a\xc4\x02\x00\xff\xa1"s + "b\x91\xc4\x01\x01"s),
                             json(R"({"a":{"$bytes":"AP8="},"b":[{"$bytes":"AQ=="}]})"));
  CHECK(broadcast(encoding::socketio, "/chat", offsets::left_out, message(body)) ==
        strings{R"(452-/chat,["say",{"a":{"_placeholder":true,"num":0},"b":[{"_placeholder":true,"num":1}]},)" +
                    std::string{meta} + ']',
                "b:\x00\xff"s, "b:\x01"});
}

TEST_CASE("socket.io: beyond ten attachments bytes stand as base64", "[codecs][socketio]") {
  std::string list = "[";
  for (int i = 0; i != 12; ++i) list += R"({"$bytes":"AQ=="},)";
  list.back() = ']';
  const auto frames = broadcast(message(json(list), payload_shape::arguments));
  CHECK(frames.size() == 11);
  CHECK(frames[0].starts_with("4510-["));
  CHECK(frames[0].ends_with(R"({"_placeholder":true,"num":9},{"$bytes":"AQ=="},{"$bytes":"AQ=="}])"));
}

TEST_CASE("socket.io: nobody's payload passes for a placeholder beside another's attachments", "[codecs][socketio]") {
  const auto frames =
      broadcast(message(json(R"([{"$bytes":"AQ=="},{"_placeholder":true,"num":99}])"), payload_shape::arguments));
  CHECK(frames == strings{R"(451-["say",{"_placeholder":true,"num":0},{"num":99}])", "b:\x01"});
  CHECK(broadcast(message(json(R"([{"_placeholder":true,"num":0}])"), payload_shape::arguments)) ==
        strings{R"(42["say",{"_placeholder":true,"num":0}])"});  // without attachments a client does not look
}

TEST_CASE("socket.io: what looks like bytes and is none stays as it is", "[codecs][socketio]") {
  CHECK(broadcast(message(json(R"(["$bytes",{"$bytes":"no base64"},{"$bytes":"AQ==","more":1}])"),
                          payload_shape::arguments)) ==
        strings{R"(42["say","$bytes",{"$bytes":"no base64"},{"$bytes":"AQ==","more":1}])"});
}

TEST_CASE("socket.io: the msgpack parser's packet is one map", "[codecs][socketio]") {
  const auto parser = encoding::socketio_msgpack;
  const auto frames =
      broadcast(parser, "/", offsets::left_out, message(packed("\xc4\x02\x00\xff"s), payload_shape::arguments));
  // {type: 2, nsp: "/", data: ["say", bin 00 ff]}
  CHECK(frames == strings{"b:\x83\xa4type\x02\xa3nsp\xa1/\xa4" + "data\x92\xa3say\xc4\x02\x00\xff"s});
  CHECK(unpacked(broadcast(parser, "/chat", offsets::appended, message(json(R"({"a":1})")))) ==
        R"({"type":2,"nsp":"/chat","data":["say",{"a":1},)" + std::string{meta} + R"(,"e1:7:lobby"]})");
  std::string many = "[0";
  for (int i = 1; i != 20; ++i) many += ',' + std::to_string(i);
  const auto long_list =
      unpacked(broadcast(parser, "/", offsets::left_out, message(json(many + ']'), payload_shape::arguments)));
  CHECK(long_list == R"({"type":2,"nsp":"/","data":["say",)" + many.substr(1) + "]}");
}

TEST_CASE("socket.io: golden bytes of what a server says unasked", "[codecs][socketio]") {
  const auto& plain = codec_of(*socketio_codec(encoding::socketio, "/", offsets::left_out));
  const auto said = [&](push what) { return bodies(plain.encode_push(what)); };
  CHECK(said(pushes::room_notice{.room = "lobby", .code = "closed", .from = {}, .to = {}, .epoch = {}}) ==
        strings{R"(42["room.notice",{"room":"lobby","code":"closed"}])"});
  CHECK(said(pushes::room_push{.room = "lobby", .event = "hint", .payload = json("[1,2]")}) ==
        strings{R"(42["hint",[1,2]])"});
  CHECK(said(pushes::room_push{
            .room = "lobby", .event = "hint", .payload = json("[1,2]"), .shape = payload_shape::arguments}) ==
        strings{R"(42["hint",1,2])"});
  CHECK(said(pushes::notification{.method = "tick", .params = nullptr}) == strings{R"(42["tick"])"});
  CHECK(said(pushes::notification{.method = "tick", .params = json("[1,\"x\"]")}) == strings{R"(42["tick",1,"x"])"});
  CHECK(said(pushes::notification{.method = "tick", .params = json("{\"n\":1}")}) == strings{R"(42["tick",{"n":1}])"});
  CHECK(said(pushes::inbox_acked{.upto = 3}) == strings{R"(42["inbox.acked",{"upto":3}])"});
  CHECK(said(pushes::session_notice{.code = "draining", .text = {}}) ==
        strings{R"(42["session.notice",{"code":"draining"}])"});
  CHECK(said(pushes::room_changes{.room = "lobby", .joined = {}, .left = {"bob"}, .updated = {}, .total = 1}) ==
        strings{R"(42["room.presence",{"room":"lobby","left":[{"user":"bob"}],"total":1}])"});
  auto mail = std::make_shared<envelope>(message(json("1")));
  mail->seq = 4;  // its number in the inbox; what acknowledges it is 9
  CHECK(said(pushes::inbox_message{mail}) ==
        strings{R"(429["inbox.message",{"n":4,"id":"m-1","from":"ann","event":"say","payload":1,"at":1000}])"});
}

TEST_CASE("socket.io: a text at the end of what has no position does not pass for an offset", "[codecs][socketio]") {
  const auto parser = GENERATE(encoding::socketio, encoding::socketio_msgpack);
  const auto& recovering = codec_of(*socketio_codec(parser, "/", offsets::appended));
  const auto said = [&](std::string params) {
    const auto frames =
        bodies(recovering.encode_push(pushes::notification{.method = "tick", .params = json(std::move(params))}));
    if (parser == encoding::socketio) return frames[0].substr(2);
    const auto map = unpacked(frames);
    return map.substr(map.find("\"data\":") + 7, map.size() - map.find("\"data\":") - 8);
  };
  CHECK(said(R"([1,"x"])") == R"(["tick",1,"x",null])");
  CHECK(said(R"([1])") == R"(["tick",1])");
  CHECK(said(R"(["x",{}])") == R"(["tick","x",{}])");
}

TEST_CASE("socket.io: an offset names epoch, position and room, and is read back", "[codecs][socketio]") {
  auto m = message(json("1"));
  m.room = "game:7:x";
  const auto back = read_socketio_offset(socketio_offset(m));
  REQUIRE(back.has_value());
  CHECK(back->room == "game:7:x");
  CHECK(back->at.epoch == "e1");
  CHECK(back->at.seq == 7);
  const auto none = GENERATE(as<std::string>{}, "", "e1", "e1:7", "e1:7:", ":7:r", "e1::r", "e1:x:r", "e1:7x:r",
                             "e1:-7:r", "e1:99999999999999999999:r");
  CHECK_FALSE(read_socketio_offset(none).has_value());
}

TEST_CASE("socket.io: golden bytes of packets without arguments", "[codecs][socketio]") {
  const socketio_address root{}, chat{.nsp = "/chat"}, packed{.parser = encoding::socketio_msgpack};
  CHECK(bodies(socketio_control(root, socketio_type::disconnect, {})) == strings{"41"});
  CHECK(bodies(socketio_control(chat, socketio_type::disconnect, {})) == strings{"41/chat,"});
  CHECK(bodies(socketio_control(packed, socketio_type::disconnect, {})) == strings{"b:\x82\xa4type\x01\xa3nsp\xa1/"});
  CHECK(bodies(socketio_connect_error(chat, make_error(error_code::forbidden, "No."))) ==
        strings{R"(44/chat,{"message":"No.","data":{"code":-32002}})"});
  auto own = make_error(error_code::unauthenticated, "unauthorized");
  own.data = json(R"({"code":401,"hint":"token"})");
  CHECK(bodies(socketio_connect_error(root, own)) ==
        strings{R"(44{"message":"unauthorized","data":{"code":401,"hint":"token"}})"});
  CHECK(unpacked(bodies(socketio_connect_error(packed, own))) ==
        R"({"type":4,"nsp":"/","data":{"message":"unauthorized","data":{"code":401,"hint":"token"}}})");
}
