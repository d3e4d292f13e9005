// One socket's half of Phoenix Channels: what it asks for, and how it is answered.
#include <catch2/catch.hpp>

#include "codecs/base64.hpp"
#include "codecs/close_code.hpp"
#include "codecs/phoenix.hpp"
#include "codecs/websocket_frame.hpp"
#include "tests/codecs/recorder.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

payload_ptr json(std::string text) { return std::make_shared<payload>(format::json, std::move(text)); }

/// Text frames in a row as they are, binary ones as <base64>, a space between.
std::string read(std::string_view frames) {
  std::string all;
  while (!frames.empty()) {
    const auto one = take_frame(frames);
    if (!all.empty()) all += ' ';
    if (one.first == 0x81) {
      all += one.body;
    } else {
      all += '<';
      append_base64(all, one.body);
      all += '>';
    }
  }
  return all;
}

/// A socket at the other end of which tests speak.
struct socket {
  explicit socket(phoenix_options options = {})
      : talk{make_phoenix_dialogue(std::make_shared<const phoenix_options>(std::move(options)))} {}

  recorder say(std::string_view text, frame_kind as = frame_kind::text) {
    recorder heard;
    left = talk->decode(as, text, heard);
    return heard;
  }
  std::string answer(const reply_ref& to, const outcome& what) {
    return read(talk->encode_reply(to, what, framing::websocket));
  }
  /// Says it; what is settled at once is answered so, a call with `what`.
  std::string ask(std::string_view text, const outcome& what = result{results::nothing{}},
                  frame_kind as = frame_kind::text) {
    auto heard = say(text, as);
    std::string all;
    std::size_t settled = 0, bad = 0, next = 0;
    for (const auto& line : heard.log) {
      if (line.starts_with("answer")) continue;
      const auto& ref = heard.refs.at(next++);
      auto said = answer(ref, line == "settled"         ? heard.settled.at(settled++)
                              : line.starts_with("bad") ? outcome{heard.errors.at(bad++)}
                                                        : what);
      if (!all.empty() && !said.empty()) all += ' ';
      all += said;
    }
    return all;
  }
  std::string push(const greenroom::codecs::push& what) { return read(talk->encode_push(what)); }
  void join(const std::string& topic, const std::string& ref = "1") {
    ask(R"([")" + ref + R"(",")" + ref + R"(",")" + topic + R"(","phx_join",{}])");
  }

  std::unique_ptr<dialogue> talk;
  verdict left;
};

template <class T>
const T& only(const recorder& heard) {
  REQUIRE(heard.calls.size() == 1);
  return std::get<T>(heard.calls[0]);
}

results::joined joined() {
  return {.room = "a", .epoch = "e", .seq = 7, .members = 2, .recovered = {}, .reason = {}, .missed = {}};
}

envelope_ptr message(std::uint64_t seq) {
  envelope m;
  m.room = "a";
  m.epoch = "e";
  m.seq = seq;
  m.id = "i";
  m.event = "say";
  m.from = "ann";
  m.body = json(std::to_string(seq));
  return std::make_shared<envelope>(std::move(m));
}

const outcome done = result{results::nothing{}};

}  // namespace

TEST_CASE("phoenix: a heartbeat is answered on topic phoenix without a join_ref", "[codecs][phoenix]") {
  socket s;
  CHECK(s.ask(R"([null,"5","phoenix","heartbeat",{}])") ==
        R"([null,"5","phoenix","phx_reply",{"status":"ok","response":{}}])");
}

TEST_CASE("phoenix: a join asks for the room with all that its params say", "[codecs][phoenix]") {
  socket s;
  const auto heard = s.say(
      R"(["1","2","a","phx_join",{"since":{"epoch":"e","seq":3},"presence":{"n":1},"positions":true,"more":[]}])");
  const auto& join = only<calls::room_join>(heard);
  CHECK(join.room == "a");
  REQUIRE(join.since);
  CHECK(join.since->epoch == "e");
  CHECK(join.since->seq == 3);
  CHECK(join.presence->original() == R"({"n":1})");
  CHECK(join.tells_position);
  CHECK(join.params->original() == R"({"since":{"epoch":"e","seq":3},"presence":{"n":1},"positions":true,"more":[]})");
  CHECK(s.answer(heard.refs[0], result{joined()}) ==
        R"(["1","2","a","phx_reply",{"status":"ok","response":{"epoch":"e","seq":7,"members":2}}])");
}

TEST_CASE("phoenix: what a join missed follows its reply, and the position where that is wanted", "[codecs][phoenix]") {
  socket s;
  const bool positions = GENERATE(false, true);
  auto all = joined();
  all.recovered = true;
  all.missed = {message(6), message(7)};
  std::string golden =
      R"(["1","1","a","phx_reply",{"status":"ok","response":{"epoch":"e","seq":7,"members":2,"recovered":true}}] )"
      R"([null,null,"a","say",6] [null,null,"a","say",7])";
  if (positions) golden += R"( [null,null,"a","greenroom_position",{"epoch":"e","seq":7}])";
  CHECK(s.ask(positions ? R"(["1","1","a","phx_join",{"positions":true}])" : R"(["1","1","a","phx_join",{}])",
              result{all}) == golden);
}

TEST_CASE("phoenix: a join that is not recovered says why", "[codecs][phoenix]") {
  socket s;
  auto lost = joined();
  lost.recovered = false;
  lost.reason = "too_far";
  CHECK(s.ask(R"(["1","1","a","phx_join",{}])", result{lost}) ==
        R"(["1","1","a","phx_reply",{"status":"ok","response":)"
        R"({"epoch":"e","seq":7,"members":2,"recovered":false,"reason":"too_far"}}])");
}

TEST_CASE("phoenix: what a behaviour replies to a join is the whole response, bytes, too", "[codecs][phoenix]") {
  socket s;
  auto welcome = joined();
  welcome.reply = json(R"({"topic":"a"})");
  CHECK(s.ask(R"(["1","1","a","phx_join",{}])", result{welcome}) ==
        R"(["1","1","a","phx_reply",{"status":"ok","response":{"topic":"a"}}])");
  welcome.reply = json(R"({"$bytes":"AP8="})");
  CHECK(s.ask(R"(["2","2","b","phx_join",{}])", result{welcome}) == "<AQEBAQIyMmJvawD/>");  // 1 1 1 1 2 "22bok" 00 ff
  CHECK(s.ask(R"(["3","3","c","phx_join",null])", result{results::unanswered{}}) ==
        R"(["3","3","c","phx_reply",{"status":"ok","response":{}}])");
}

TEST_CASE("phoenix: a join that is refused is told why, and the topic is not joined", "[codecs][phoenix]") {
  socket s;
  const auto refused = [&](error why) { return s.ask(R"(["1","1","a","phx_join",{}])", std::move(why)); };
  CHECK(refused(make_error(error_code::forbidden, "No.")) ==
        R"(["1","1","a","phx_reply",{"status":"error","response":)"
        R"({"reason":"unauthorized","code":-32002,"message":"No."}}])");
  CHECK(refused(make_error(error_code::rate_limited, "m")).find(R"({"reason":"rate_limited","code":-32003)") !=
        std::string::npos);
  CHECK(refused(make_error(error_code::internal)) ==
        R"(["1","1","a","phx_reply",{"status":"error","response":{"reason":"join crashed"}}])");
  auto own = make_error(error_code::forbidden);
  own.data = json(R"({"reason":"full"})");
  CHECK(refused(own) == R"(["1","1","a","phx_reply",{"status":"error","response":{"reason":"full"}}])");
  CHECK(s.ask(R"(["1","2","a","say",{}])") ==
        R"([null,"2","a","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}])");
}

TEST_CASE("phoenix: params of a join that are no good are refused with their path", "[codecs][phoenix]") {
  socket s;
  CHECK(s.ask(R"(["1","1","a","phx_join",{"since":{"epoch":"e","seq":-1}}])")
            .find(R"("reason":"invalid_params","code":-32602)") != std::string::npos);
  CHECK(s.ask(R"(["1","1","a","phx_join",{"x":[1e999]}])").find(R"("path":"params.x[0]")") != std::string::npos);
  CHECK(s.ask(R"(["1","1","","phx_join",{}])").find(R"("path":"topic")") != std::string::npos);
  CHECK(s.ask(R"(["1","1",")" + std::string(256, 'a') + R"(","phx_join",{}])").find(R"("path":"topic")") !=
        std::string::npos);
  CHECK(s.say(R"(["1","2","a","say",{}])").log == strings{"settled"});  // not joined
}

TEST_CASE("phoenix: a topic that matches no pattern is unmatched", "[codecs][phoenix]") {
  socket s{{.topics = {"room:*", "lobby"}}};
  const auto unmatched =
      R"([null,"2","other","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}])"s;
  CHECK(s.ask(R"(["1","2","other","phx_join",{}])") == unmatched);
  CHECK(s.ask(R"([null,"2","other","say",{}])") == unmatched);
  CHECK(s.ask(R"([null,"2","phoenix","say",{}])").find("unmatched topic") != std::string::npos);
  CHECK(only<calls::room_join>(s.say(R"(["1","2","room:7","phx_join",{}])")).room == "room:7");
  CHECK(s.ask(R"(["1","2","greenroom","phx_join",{}])").find(R"("status":"ok")") != std::string::npos);
}

TEST_CASE("phoenix: a duplicate join ends the older with its join_ref, then is answered", "[codecs][phoenix]") {
  socket s;
  s.join("a", "1");
  const auto heard = s.say(R"(["9","9","a","phx_join",{}])");
  CHECK(heard.log == strings{"call room.leave", "call room.join"});
  CHECK(s.answer(heard.refs[0], make_error(error_code::not_found)) == R"(["1","1","a","phx_close",{}])");
  CHECK(s.answer(heard.refs[1], result{joined()}).starts_with(R"(["9","9","a","phx_reply",{"status":"ok")"));
  CHECK(s.say(R"(["9","10","a","say",{}])").log == strings{"call room.publish"});
}

TEST_CASE("phoenix: an older join's answer that comes late does not touch the newer one", "[codecs][phoenix]") {
  socket s;
  const auto older = s.say(R"(["1","1","a","phx_join",{}])");
  s.join("a", "1");
  CHECK(s.answer(older.refs[0], make_error(error_code::forbidden)).starts_with(R"(["1","1","a","phx_reply")"));
  CHECK(s.say(R"(["1","2","a","say",{}])").log == strings{"call room.publish"});
}

TEST_CASE("phoenix: a leave is answered ok, then the topic is closed", "[codecs][phoenix]") {
  socket s;
  s.join("a", "1");
  const auto heard = s.say(R"(["1","3","a","phx_leave",{}])");
  CHECK(only<calls::room_leave>(heard).room == "a");
  CHECK(s.answer(heard.refs[0], done) ==
        R"(["1","3","a","phx_reply",{"status":"ok","response":{}}] ["1","1","a","phx_close",{}])");
  CHECK(s.ask(R"(["1","4","a","phx_leave",{}])") ==
        R"(["1","4","a","phx_reply",{"status":"ok","response":{}}])");  // it is left already
}

TEST_CASE("phoenix: what names another join than the present one is ignored, a leave, too", "[codecs][phoenix]") {
  socket s;
  s.join("a", "5");
  CHECK(s.say(R"(["1","6","a","say",{}])").log.empty());
  CHECK(s.say(R"(["1","6","a","phx_leave",{}])").log.empty());
  CHECK(s.say(R"([5,"6","a","say",{}])").log.empty());  // a number is another ref than the text
  CHECK(s.say(R"([null,"6","a","say",{}])").log == strings{"call room.publish"});
  CHECK(s.left.go_on);
}

TEST_CASE("phoenix: a push into a room is a publish", "[codecs][phoenix]") {
  socket s;
  s.join("a");
  const auto heard = s.say(R"(["1","2","a","say",{"text": "hi"},"ignored"])");
  const auto& publish = only<calls::room_publish>(heard);
  CHECK(publish.room == "a");
  CHECK(publish.event == "say");
  CHECK(publish.body->original() == R"({"text": "hi"})");
  CHECK(s.answer(heard.refs[0], result{results::published{.id = "m", .epoch = "e", .seq = 1}}) ==
        R"(["1","2","a","phx_reply",{"status":"ok","response":{"id":"m","epoch":"e","seq":1,"ack":"accepted"}}])");
}

TEST_CASE("phoenix: a binary push is a publish of bytes", "[codecs][phoenix]") {
  socket s;
  s.join("a");
  const auto push =
      "\x00"              // a push
      "\x01\x02\x01\x03"  // lengths of join_ref, ref, topic, event
      "1"
      "23"
      "a"
      "say"
      "\x00\xff"s;
  const auto heard = s.say(push, frame_kind::binary);
  const auto& publish = only<calls::room_publish>(heard);
  CHECK(publish.event == "say");
  CHECK(publish.body->as(format::json) == R"({"$bytes":"AP8="})");
  const auto echo = result{results::document{publish.body}};
  CHECK(s.answer(heard.refs[0], echo) == "<AQECAQIxMjNhb2sA/w==>");  // 1 1 2 1 2 "1" "23" "a" "ok" 00 ff
  const auto empty = s.say(
      "\x00\x00\x00\x01\x01"
      "ae"s,
      frame_kind::binary);
  CHECK(only<calls::room_publish>(empty).body->as(format::json) == R"({"$bytes":""})");
}

TEST_CASE("phoenix: refs come back as they were, whatever they are", "[codecs][phoenix]") {
  socket s;
  for (const auto* ref : {R"("")", R"("7:x")", R"("\"é")", "12", "-3", "1.5", "null"}) {
    const auto said = s.ask("[" + std::string{ref} + "," + ref + R"(,"b:\"1","phx_join",{}])");
    CHECK(said.find("[" + std::string{ref} + "," + ref + R"(,"b:\"1","phx_reply")") != std::string::npos);
  }
}

TEST_CASE("phoenix: a push without a ref is not answered, nor one that its room wants unanswered",
          "[codecs][phoenix]") {
  socket s;
  s.join("a");
  CHECK(s.ask(R"(["1",null,"a","say",{}])").empty());
  CHECK(s.ask(R"(["1","2","a","say",{}])", result{results::unanswered{}}).empty());
}

TEST_CASE("phoenix: errors of a push are its response", "[codecs][phoenix]") {
  socket s;
  s.join("a");
  error slow{
      .code = error_code::rate_limited, .message = "m", .path = {}, .reason = {}, .trace = "t", .retry_after_ms = 250};
  CHECK(s.ask(R"(["1","2","a","say",{}])", slow) ==
        R"(["1","2","a","phx_reply",{"status":"error","response":)"
        R"({"reason":"rate_limited","code":-32003,"message":"m","trace":"t","retry_after_ms":250}}])");
  slow.data = json(R"({"$bytes":"AP8="})");
  CHECK(s.ask(R"(["1","2","a","say",{}])", slow) == "<AQEBAQUxMmFlcnJvcgD/>");  // 1 1 1 1 5 "1" "2" "a" "error" 00 ff
  CHECK(s.ask(R"(["1","2","a","\u0001",{}])").find(R"("path":"event")") != std::string::npos);
  CHECK(s.ask(R"(["1","2","a","say",{"n":18446744073709551616}])").find(R"("path":"payload.n")") != std::string::npos);
}

TEST_CASE("phoenix: a push that crashes its room is phx_error, and the client joins anew", "[codecs][phoenix]") {
  socket s;
  s.join("a", "1");
  CHECK(s.ask(R"(["1","2","a","say",{}])", make_error(error_code::internal)) == R"(["1","1","a","phx_error",{}])");
  CHECK(s.ask(R"(["1","3","a","say",{}])").find("unmatched topic") != std::string::npos);
  CHECK(s.push(pushes::room_push{.room = "a", .event = "e", .payload = json("1")}).empty());
  const auto heard = s.say(R"(["4","4","a","phx_join",{}])");
  CHECK(heard.log == strings{"call room.leave", "call room.join"});
  CHECK(s.answer(heard.refs[0], done).empty());
  CHECK(s.answer(heard.refs[1], result{joined()}).starts_with(R"(["4","4","a","phx_reply",{"status":"ok")"));
}

TEST_CASE("phoenix: topic greenroom has the native methods, service:NAME those of a service", "[codecs][phoenix]") {
  socket s;
  CHECK(s.ask(R"(["1","1","greenroom","phx_join",{}])") ==
        R"(["1","1","greenroom","phx_reply",{"status":"ok","response":{}}])");
  CHECK(
      only<calls::user_send>(s.say(R"(["1","2","greenroom","user.send",{"to":"bob","event":"dm","payload":1}])")).to ==
      "bob");
  CHECK(s.ask(R"(["1","2","greenroom","user.send",{"to":""}])").find(R"("code":-32602)") != std::string::npos);
  CHECK(s.ask(R"(["1","2","greenroom","user.send",[]])").find(R"("path":"payload")") != std::string::npos);
  s.join("service:chess", "3");
  const auto heard = s.say(R"(["3","4","service:chess","move",{"to":1}])");
  CHECK(only<calls::other>(heard).method == "chess.move");
  CHECK(only<calls::other>(heard).params->original() == R"({"to":1})");
  CHECK(
      s.ask(R"(["3","5","service:chess","phx_leave",{}])") ==
      R"(["3","5","service:chess","phx_reply",{"status":"ok","response":{}}] ["3","3","service:chess","phx_close",{}])");
}

TEST_CASE("phoenix: topic inbox:USER opens the inbox, and acknowledges it", "[codecs][phoenix]") {
  socket s;
  CHECK(s.push(pushes::inbox_message{message(3)}).empty());
  const auto heard = s.say(R"(["1","1","inbox:ann","phx_join",{}])");
  CHECK(only<calls::inbox_open>(heard).user == "ann");
  CHECK(s.answer(heard.refs[0], done) == R"(["1","1","inbox:ann","phx_reply",{"status":"ok","response":{}}])");
  CHECK(s.push(pushes::inbox_message{message(3)}) ==
        R"(["1",null,"inbox:ann","message",{"n":3,"id":"i","from":"ann","event":"say","payload":3,"at":0}])");
  CHECK(s.push(pushes::inbox_acked{3}) == R"(["1",null,"inbox:ann","acked",{"upto":3}])");
  CHECK(only<calls::inbox_ack>(s.say(R"(["1","2","inbox:ann","ack",{"upto":3}])")).upto == 3);
  const auto over = s.say(R"(["1","3","inbox:ann","phx_leave",{}])");
  CHECK(std::holds_alternative<calls::inbox_close>(over.calls.at(0)));
}

TEST_CASE("phoenix: what the server says to one socket carries the join_ref, and ends the topic", "[codecs][phoenix]") {
  socket s;
  s.join("a", "1");
  s.join("b", "2");
  CHECK(s.push(pushes::room_push{.room = "a", .event = "e", .payload = json("1")}) == R"(["1",null,"a","e",1])");
  CHECK(s.push(pushes::notification{.method = "m", .params = json("1"), .channel = "b"}) == R"(["2",null,"b","m",1])");
  CHECK(s.push(pushes::notification{.method = "m", .params = json("1"), .channel = "c"}).empty());
  CHECK(s.push(pushes::room_notice{.room = "a", .code = "removed", .from = {}, .to = {}, .epoch = {}}) ==
        R"(["1","1","a","phx_close",{}])");
  CHECK(s.push(pushes::room_notice{.room = "b", .code = "closed", .from = {}, .to = {}, .epoch = {}}) ==
        R"(["2","2","b","phx_error",{}])");
  CHECK(s.ask(R"(["1","9","a","say",{}])").find("unmatched topic") != std::string::npos);
  CHECK(s.ask(R"(["2","9","b","say",{}])").find("unmatched topic") != std::string::npos);
}

TEST_CASE("phoenix: the server asks by an event with a ref, the client answers by greenroom_answer",
          "[codecs][phoenix]") {
  socket s;
  CHECK(read(s.talk->encode_request("s1", "question", json("[1]"))) == R"([null,"s1","greenroom","question",[1]])");
  s.join("a", "1");
  s.join("b", "2");
  CHECK(read(s.talk->encode_request("s2", "question", nullptr)) ==
        R"(["1","s2","a","question",{}] ["2","s2","b","question",{}])");
  s.join("greenroom", "3");
  CHECK(read(s.talk->encode_request("s3", "question", nullptr)) == R"(["3","s3","greenroom","question",{}])");
  auto heard = s.say(R"([null,"7","greenroom","greenroom_answer",{"ref":"s1","status":"ok","response":{"a":1}}])");
  CHECK(heard.log == strings{"answer s1", "settled"});
  CHECK(std::get<results::document>(std::get<result>(heard.answers[0])).body->original() == R"({"a":1})");
  heard =
      s.say(R"([null,"7","greenroom","greenroom_answer",{"ref":"s2","status":"error","response":{"reason":"no"}}])");
  CHECK(std::get<error>(heard.answers.at(0)).data->original() == R"({"reason":"no"})");
  heard = s.say(R"([null,"7","greenroom","greenroom_answer",)"
                R"({"ref":"s3","status":"error","response":{"code":-32004,"message":"none"}}])");
  CHECK(std::get<error>(heard.answers.at(0)).code == error_code::not_found);
  for (const auto* bad : {"{}", "1", R"({"ref":1,"status":"ok"})", R"({"ref":"s1","status":"fine"})"})
    CHECK(s.say(R"([null,"7","greenroom","greenroom_answer",)" + std::string{bad} + "]").log ==
          strings{"bad -32602 payload"});
}

TEST_CASE("phoenix: a socket joins as many topics as it may, and no more", "[codecs][phoenix]") {
  socket s{{.topics_max = 2}};
  s.join("a");
  s.join("b");
  CHECK(s.ask(R"(["3","3","c","phx_join",{}])").find(R"("reason":"too_many_rooms")") != std::string::npos);
  s.ask(R"(["1","4","a","phx_leave",{}])");
  CHECK(only<calls::room_join>(s.say(R"(["3","3","c","phx_join",{}])")).room == "c");
}

TEST_CASE("phoenix: input that is no message of the protocol ends the socket", "[codecs][phoenix]") {
  socket s;
  for (const auto* text :
       {"", "{}", "[", "null", "[]", R"([null,"1","a","b"])", R"([null,"1",5,"b",{}])", R"([null,"1","a",5,{}])",
        R"([{},"1","a","b",{}])", R"([null,[],"a","b",{}])", R"([null,true,"a","b",{}])", R"([null,1e999,"a","b",{}])",
        R"({"topic":"a","event":"b","payload":{},"ref":"1"})"}) {
    INFO(text);
    CHECK(s.say(text).log.empty());
    CHECK_FALSE(s.left.go_on);
    CHECK(s.left.close_code == 1003);
  }
  s.say(R"([")" + std::string(300, 'r') + R"(","1","a","b",{}])");
  CHECK(s.left.close_code == 1003);
  const std::string binary[] = {"",
                                "\x00"s,
                                "\x00\x01\x01\x01\x01"
                                "123"s,
                                "\x01\x00\x00\x01\x01"
                                "ab"s,  // a reply
                                "\x02\x01\x01"
                                "ab"s,  // a broadcast
                                "\x00\x00\x00\x01\x01\xff"
                                "b"s};
  for (const auto& bytes : binary) {
    CHECK(s.say(bytes, frame_kind::binary).log.empty());
    CHECK(s.left.close_code == 1003);
  }
  s.say(R"([null,"1","a","b",)" + std::string(40, '[') + std::string(40, ']') + "]");
  CHECK(s.left.close_code == 1007);
}
