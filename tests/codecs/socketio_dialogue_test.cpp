#include <catch2/catch.hpp>
#include <string>

#include "codecs/transcode.hpp"
#include "tests/codecs/socketio_support.hpp"

using namespace greenroom::codecs;
using namespace std::string_literals;

namespace {

template <class T>
const T& last(const socketio_client& of) {
  return std::get<T>(of.heard.calls.back());
}

std::string packed_packet(std::string_view json) { return transcode(format::json, json, unbounded).value(); }

/// The params of the last event, as JSON.
std::string params(const socketio_client& of) {
  return std::string{last<calls::channel_event>(of).params->as(format::json)};
}

const result opened = results::session_opened{"s1", "ann", "r1", true, {}, {}, {}, {}, 0};

}  // namespace

TEST_CASE("socket.io: CONNECT opens a session for its namespace, with auth as it came", "[codecs][socketio]") {
  socketio_client client{encoding::socketio, "/chat"};
  CHECK(client.text(R"(0/chat,{"token":"t","user":{"name":"ann"}})"));
  const auto& open = last<calls::session_open>(client);
  CHECK(open.token == "t");
  CHECK(open.channel == "/chat");
  CHECK(open.window_ms == 0);
  CHECK_FALSE(open.resume.has_value());
  CHECK(open.payload->as(format::json) == R"({"token":"t","user":{"name":"ann"}})");
  CHECK(bodies(client.reply(opened)) == strings{R"(40/chat,{"sid":"s1"})"});
  CHECK(bodies(client.reply(make_error(error_code::forbidden, "No."))) ==
        strings{R"(44/chat,{"message":"No.","data":{"code":-32002}})"});
}

TEST_CASE("socket.io: CONNECT without auth says {}", "[codecs][socketio]") {
  socketio_client text, packed{encoding::socketio_msgpack};
  CHECK(text.text("0"));
  CHECK(last<calls::session_open>(text).payload->as(format::json) == "{}");
  CHECK(
      packed.bytes("\x83\xa4type\x00\xa3nsp\xa1/\xa4"
                   "data\xd4\x00\x00"s));  // notepack's undefined
  CHECK(last<calls::session_open>(packed).payload->as(format::json) == "{}");
  CHECK(packed.bytes("\x82\xa4type\x00\xa3nsp\xa1/"s));
  CHECK(packed.heard.calls.size() == 2);
}

TEST_CASE("socket.io: a pid and an offset resume the session", "[codecs][socketio]") {
  socketio_client client{encoding::socketio, "/", offsets::appended};
  CHECK(client.text(R"(0{"pid":"s1.r1.x","offset":"e1:7:game:7"})"));
  const auto& open = last<calls::session_open>(client);
  CHECK(open.window_ms == 1'000);
  CHECK(open.keeps_token);
  REQUIRE(open.resume.has_value());
  CHECK(open.resume->session == "s1");
  CHECK(open.resume->token == "r1.x");
  REQUIRE(open.resume->positions.size() == 1);
  CHECK(open.resume->positions[0].room == "game:7");
  CHECK(open.resume->positions[0].at.seq == 7);

  CHECK(bodies(client.reply(opened)) == strings{R"(40{"sid":"s1","pid":"s1.r1"})"});
  auto with_loss = std::get<results::session_opened>(opened);
  with_loss.rooms = {{.room = "a", .epoch = "e", .seq = 3, .recovered = true, .reason = {}},
                     {.room = "b", .epoch = "e2", .seq = 9, .recovered = false, .reason = "trimmed"}};
  CHECK(bodies(client.reply(result{with_loss})) ==
        strings{R"(40{"sid":"s1","pid":"s1.r1"})",
                R"(42["room.notice",{"room":"b","code":"trimmed","to":9,"epoch":"e2"}])"});
}

TEST_CASE("socket.io: a pid that is none, or that nobody asked for, is no resume", "[codecs][socketio]") {
  socketio_client recovering{encoding::socketio, "/", offsets::appended}, plain;
  const auto auth =
      GENERATE(as<std::string>{}, R"({"pid":"s1"})", R"({"pid":".r"})", R"({"pid":"s."})", R"({"pid":7})", "{}");
  CHECK(recovering.text("0" + auth));
  CHECK_FALSE(last<calls::session_open>(recovering).resume.has_value());
  CHECK(plain.text(R"(0{"pid":"s1.r1"})"));
  CHECK_FALSE(last<calls::session_open>(plain).resume.has_value());
}

TEST_CASE("socket.io: an event is one of its channel; a single object is its params, anything else a list",
          "[codecs][socketio]") {
  socketio_client client{encoding::socketio, "/chat"};
  const auto [packet, expected] = GENERATE(table<std::string, std::string>({
      {R"(["hello",{"a":1}])", R"({"a":1})"},
      {R"(["hello"])", "[]"},
      {R"(["hello",1])", "[1]"},
      {R"([ "hello" , "a" , {"b":[]} ])", R"(["a" , {"b":[]} ])"},
      {R"(["hello",{"$bytes":"AQ=="}])", R"([{"$bytes":"AQ=="}])"},
      {R"(["hello",[]])", "[[]]"},
  }));
  CHECK(client.text("2/chat,13" + packet));
  CHECK(last<calls::channel_event>(client).channel == "/chat");
  CHECK(last<calls::channel_event>(client).event == "hello");
  CHECK(params(client) == expected);
  CHECK(client.heard.refs.back().id == "13");
  CHECK(client.text("2/chat," + packet));
  CHECK_FALSE(client.heard.refs.back().wants_answer());
}

TEST_CASE("socket.io: a number is an event's name, too", "[codecs][socketio]") {
  socketio_client client;
  CHECK(client.text("2[7,1]"));
  CHECK(last<calls::channel_event>(client).event == "7");
}

TEST_CASE("socket.io: the native methods are events with their params", "[codecs][socketio]") {
  socketio_client client;
  CHECK(client.text(R"(21["room.join",{"room":"lobby","since":{"epoch":"e","seq":3}}])"));
  CHECK(last<calls::room_join>(client).room == "lobby");
  CHECK(last<calls::room_join>(client).since->seq == 3);
  CHECK(client.text(R"(22["room.publish",{"room":"lobby","event":"say","payload":{ "x": 1.0 }}])"));
  CHECK(last<calls::room_publish>(client).body->original() == R"({ "x": 1.0 })");
  CHECK(client.text(R"(23["rpc.discover"])"));
  CHECK(client.text(R"(24["room.join","lobby"])"));
  CHECK(client.text(R"(25["room.join",{"room":7}])"));
  CHECK(client.heard.log == strings{"call room.join", "call room.publish", "call rpc.discover", "bad -32602 params",
                                    "bad -32602 params.room"});
}

TEST_CASE("socket.io: attachments take their places, and the packet is one call when the last is there",
          "[codecs][socketio]") {
  socketio_client client;
  CHECK(client.text(
      R"(52-5["room.publish",{"room":"lobby","event":"say","payload":[{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]}])"));
  CHECK(client.bytes("\x00\xff"s));
  CHECK(client.heard.log.empty());
  CHECK(client.bytes("\x01"));
  CHECK(last<calls::room_publish>(client).body->original() == "\x92\xc4\x01\x01\xc4\x02\x00\xff"s);
  CHECK(client.heard.refs.back().id == "5");

  CHECK(client.text(R"(51-["one",{"_placeholder":true,"num":0}])"));
  CHECK(client.bytes(""));
  CHECK(params(client) == R"([{"$bytes":""}])");
  CHECK(client.text(R"(51-["ext",{"$ext":[5,"AQ=="],"x":{"_placeholder":true,"num":0}},{"$ext":[5,"AQ=="]}])"));
  CHECK(client.bytes("z"));
  CHECK(params(client) == R"([{"$ext":[5,"AQ=="],"x":{"$bytes":"eg=="}},{"$ext":[5,"AQ=="]}])");
}

TEST_CASE("socket.io: acks answer with their arguments", "[codecs][socketio]") {
  socketio_client client{encoding::socketio, "/chat"};
  client.text(R"(2/chat,7["hello"])");
  const auto list = payload_shape::arguments;
  CHECK(bodies(client.reply(result{results::nothing{}})) == strings{"43/chat,7[{}]"});
  CHECK(bodies(client.reply(result{results::document{json("[1,2]")}})) == strings{"43/chat,7[[1,2]]"});
  CHECK(bodies(client.reply(result{results::document{json("[1,2]"), list}})) == strings{"43/chat,7[1,2]"});
  CHECK(bodies(client.reply(result{results::document{json("[]"), list}})) == strings{"43/chat,7[]"});
  CHECK(bodies(client.reply(result{results::document{nullptr}})) == strings{"43/chat,7[null]"});
  CHECK(client.reply(result{results::unanswered{}}).empty());
  CHECK(bodies(client.reply(make_error(error_code::not_found, "None."))) ==
        strings{R"(43/chat,7[{"error":{"code":-32004,"message":"None."}}])"});
  CHECK(bodies(client.reply(result{results::document{json(R"({"$bytes":"AQ=="})")}})) ==
        strings{R"(461-/chat,7[{"_placeholder":true,"num":0}])", "b:\x01"});
  auto mail = std::make_shared<envelope>(message(packed("\xc4\x01\x02"s)));
  CHECK(
      bodies(client.reply(result{results::history{.epoch = "e1", .first = 1, .last = 7, .messages = {mail}}})) ==
      strings{
          R"(461-/chat,7[{"epoch":"e1","first":1,"last":7,"messages":[{"room":"lobby","epoch":"e1","seq":7,"id":"m-1",)"
          R"("event":"say","payload":{"_placeholder":true,"num":0},"from":"ann","at":1000}]}])",
          "b:\x02"});
}

TEST_CASE("socket.io: what the server asks is answered by an ack with its id", "[codecs][socketio]") {
  socketio_client client;
  CHECK(bodies(client.talk->encode_request("s3", "question", json(R"(["a",2])"))) ==
        strings{R"(426["question","a",2])"});
  CHECK(client.text("36[]"));
  CHECK(client.text(R"(36["yes"])"));
  CHECK(client.text("36[1,2]"));
  CHECK(client.text(R"(36[{"error":{"code":-32004,"message":"none"}}])"));
  CHECK(client.text("36[1e999]"));
  CHECK(client.text("3[1]"));  // it acknowledges nothing
  CHECK(client.heard.log == strings{"answer s3", "answer s3", "answer s3", "answer s3", "answer s3"});
  const auto document = [&](std::size_t i) {
    return std::get<results::document>(std::get<result>(client.heard.answers[i]));
  };
  CHECK(document(0).body == nullptr);
  CHECK(document(1).body->original() == R"("yes")");
  CHECK(document(2).body->original() == "[1,2]");
  CHECK(document(2).shape == payload_shape::arguments);
  CHECK(std::get<error>(client.heard.answers[3]).code == error_code::not_found);
  CHECK(std::get<error>(client.heard.answers[4]).code == error_code::invalid_params);
}

TEST_CASE("socket.io: an ack of the inbox acknowledges up to its message", "[codecs][socketio]") {
  socketio_client client;
  CHECK(client.text("39[]"));  // 2 * 4 + 1
  CHECK(last<calls::inbox_ack>(client).upto == 4);
  CHECK_FALSE(client.heard.refs.back().wants_answer());
}

TEST_CASE("socket.io: DISCONNECT ends the session and wants no answer", "[codecs][socketio]") {
  socketio_client client;
  CHECK(client.text("1"));
  CHECK(client.heard.log == strings{"call session.close"});
  CHECK_FALSE(client.heard.refs.back().wants_answer());
}

TEST_CASE("socket.io: the msgpack parser's packets say the same", "[codecs][socketio]") {
  socketio_client client{encoding::socketio_msgpack, "/chat"};
  // What socket.io-msgpack-parser writes for emit("say", {text: "hi"}, <Buffer 00 ff>, ack).
  CHECK(
      client.bytes("\x85\xa4type\x02\xa3nsp\xa1/\xa4"
                   "data\x93\xa3say\x81\xa4text\xa2hi\xc4\x02\x00\xff\xa2id\x05\xa7options\x81\xa8"
                   "compress\xc3"s));
  CHECK(params(client) == R"([{"text":"hi"},{"$bytes":"AP8="}])");
  CHECK(client.heard.refs.back().id == "5");
  // … and for emit("say", new Uint8Array([1, 2]), undefined)
  CHECK(
      client.bytes("\x84\xa4type\x02\xa3nsp\xa1/\xa4"
                   "data\x93\xa3say\xc7\x02\x00\x01\x02\xd4\x00\x00\xa7options\x81\xa8"
                   "compress\xc3"s));
  CHECK(params(client) == R"([{"$bytes":"AQI="},null])");
  CHECK(client.bytes(packed_packet(R"({"type":3,"nsp":"/chat","id":2,"data":["yes"]})")));
  CHECK(client.heard.log.back() == "answer s1");
  CHECK(client.bytes(packed_packet(R"({"type":1,"nsp":"/chat"})")));
  CHECK(client.heard.log.back() == "call session.close");
}

TEST_CASE("socket.io: the msgpack parser's answers and requests are maps with an id", "[codecs][socketio]") {
  socketio_client client{encoding::socketio_msgpack};
  CHECK(client.bytes(packed_packet(R"({"type":2,"nsp":"/","id":5,"data":["hello"]})")));
  const auto map = [](const std::string& frames) {
    return transcode(format::msgpack, bodies(frames)[0].substr(2)).value();
  };
  CHECK(map(client.reply(result{results::nothing{}})) == R"({"type":3,"nsp":"/","id":5,"data":[{}]})");
  CHECK(map(client.reply(make_error(error_code::not_found, "None."))) ==
        R"({"type":3,"nsp":"/","id":5,"data":[{"error":{"code":-32004,"message":"None."}}]})");
  CHECK(map(client.talk->encode_request("s1", "question", json("[1]"))) ==
        R"({"type":2,"nsp":"/","id":2,"data":["question",1]})");
}

TEST_CASE("socket.io: a packet that is none ends its connection", "[codecs][socketio][hostile]") {
  socketio_client client;
  const auto packet = GENERATE(
      as<std::string>{}, "", "7", "a", "-1", "2", "2{}", "2[]", R"(2[{}])", "2[null]", R"(2["a")", R"(2["a"]])",
      R"(2["connect"])", R"(2["disconnecting",1])", R"(2["newListener"])", "0[]", "0\"x\"", "0{", "1{}", "1[]", "3",
      "3{}", "4{}", R"(4{"message":"x"})", R"(5["a"])", R"(50-["a"])", R"(511-["a"])", R"(5-1["a"])", R"(51["a"])",
      R"(599999999999999999999-["a"])", R"(212345678901234567890["a"])", "2/chat");
  CHECK_FALSE(client.text(packet));
  CHECK(client.heard.log.empty());
}

TEST_CASE("socket.io: attachments come when they are awaited, and nothing else then", "[codecs][socketio][hostile]") {
  socketio_client client;
  CHECK_FALSE(client.bytes("x"));
  CHECK(client.text(R"(51-["a",{"_placeholder":true,"num":0}])"));
  CHECK_FALSE(client.text(R"(2["b"])"));
}

TEST_CASE("socket.io: a placeholder names one attachment that is there, and no other names it",
          "[codecs][socketio][hostile]") {
  socketio_client client;
  const auto what = GENERATE(as<std::string>{}, R"({"_placeholder":true,"num":1})", R"({"_placeholder":true,"num":-1})",
                             R"({"_placeholder":true})", R"({"_placeholder":true,"num":"splice"})",
                             R"({"_placeholder":true,"num":0},{"_placeholder":true,"num":0})");
  CHECK(client.text("51-[\"a\"," + what + ']'));
  CHECK_FALSE(client.bytes("x"));
  CHECK(client.heard.log.empty());
}

TEST_CASE("socket.io: a packet and its attachments are bounded together", "[codecs][socketio][hostile]") {
  socketio_client client;
  const auto half = std::string(600, 'x');
  CHECK(client.text(R"(52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}])"));
  CHECK(client.bytes(half));
  CHECK_FALSE(client.bytes(half));
  socketio_client other;
  CHECK_FALSE(other.text("2[\"" + std::string(1'000, 'x') + "\"]"));
}

TEST_CASE("socket.io: what cannot be passed on is a bad call, and the connection stays",
          "[codecs][socketio][hostile]") {
  socketio_client client;
  std::string deep;
  for (int i = 0; i != 40; ++i) deep += '[';
  CHECK(client.text(R"(21["a",1e999])"));
  CHECK(client.text(R"(22["a",18446744073709551616])"));
  CHECK(client.text("23[\"a\"," + deep + std::string(40, ']') + ']'));
  CHECK(client.text("24[\"\"]"));
  CHECK(client.text("25[\"" + std::string(200, 'n') + "\"]"));
  CHECK(client.text(R"(0{"token":1e999})"));
  CHECK(client.text(R"(51-6["a",{"_placeholder":true,"num":0},1e999])"));
  CHECK(client.bytes("x"));
  CHECK(client.heard.log == strings{"bad -32602 params[1]", "bad -32602 params[1]", "bad -32006", "bad -32602",
                                    "bad -32602", "bad -32602 params.token", "bad -32602 params[2]"});
  CHECK(bodies(client.reply(client.heard.errors.back()))[0].starts_with(R"(436[{"error":{"code":-32602)"));
}

TEST_CASE("socket.io: a msgpack packet that is none ends its connection", "[codecs][socketio][hostile]") {
  socketio_client client{encoding::socketio_msgpack};
  const auto packet =
      GENERATE(as<std::string>{}, R"([])", R"({})", R"({"type":2,"nsp":"/"})", R"({"type":5,"nsp":"/","data":["a"]})",
               R"({"type":-1,"nsp":"/","data":["a"]})", R"({"type":"2","nsp":"/","data":["a"]})",
               R"({"type":2,"nsp":"/","data":["a"],"id":-1})", R"({"type":2,"nsp":"/","data":["a"],"id":"x"})",
               R"({"type":2,"nsp":"/","data":{}})", R"({"type":4,"nsp":"/","data":{}})",
               R"({"type":1,"nsp":"/","data":{}})", R"({"type":0,"nsp":"/","data":[]})");
  CHECK_FALSE(client.bytes(packed_packet(packet)));
  CHECK_FALSE(client.text(R"(2["a"])"));
  CHECK_FALSE(client.bytes("\xc1"));
  CHECK_FALSE(client.bytes("\x82\xa4type\x02\xa3nsp\xa1"));
  CHECK(client.heard.log.empty());
}

TEST_CASE("socket.io: a head tells type, namespace, attachments and id without a look at the data",
          "[codecs][socketio]") {
  const auto head = read_socketio_head(encoding::socketio, R"(52-/chat,13["a")");
  REQUIRE(head.has_value());
  CHECK(head->type == socketio_type::binary_event);
  CHECK(head->attachments == 2);
  CHECK(head->nsp == "/chat");
  CHECK(head->id == "13");
  CHECK(head->data == R"(["a")");
  CHECK(read_socketio_head(encoding::socketio, "0")->nsp == "/");
  CHECK(read_socketio_head(encoding::socketio, "0/chat")->nsp == "/chat");
  CHECK(read_socketio_head(encoding::socketio, "0/chat,")->data.empty());

  const auto bytes = packed_packet(
      R"({"data":[{"a":[1,-2,1.5,"x",null,true,70000,-70000]},{"$bytes":"AQ=="},{"$ext":[5,"AQIDBA=="]}],"type":2,"nsp":"/chat"})");
  const auto packed = read_socketio_head(encoding::socketio_msgpack, bytes);  // its texts point into them
  REQUIRE(packed.has_value());
  CHECK(packed->type == socketio_type::event);
  CHECK(packed->nsp == "/chat");
  const auto refused = GENERATE(as<std::string>{}, R"([])", R"({"type":2})", R"({"nsp":"/"})",
                                R"({"type":5,"nsp":"/"})", R"({"type":2,"nsp":7})");
  CHECK_FALSE(read_socketio_head(encoding::socketio_msgpack, packed_packet(refused)).has_value());
  CHECK_FALSE(read_socketio_head(encoding::socketio_msgpack, "\x82\xa1x\xdd\xff\xff\xff\xff"s).has_value());
  CHECK_FALSE(read_socketio_head(encoding::socketio_msgpack, "\x82\xa1x\xc6\xff\xff\xff\xff"s).has_value());
}
