// Golden bytes of Phoenix Channels, serializer v2, as they leave the node.
#include <catch2/catch.hpp>

#include "codecs/phoenix_frames.hpp"
#include "codecs/phoenix_topics.hpp"
#include "codecs/websocket_frame.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

using phoenix::ref;

payload_ptr json(std::string text) { return std::make_shared<payload>(format::json, std::move(text)); }
payload_ptr packed(std::string bytes) { return std::make_shared<payload>(format::msgpack, std::move(bytes)); }
const payload_ptr blob = packed("\xc4\x02\x00\xff"s);  // bin 8, two bytes

ref text(std::string content) { return {ref::sort::text, std::move(content)}; }

envelope message(payload_ptr body, std::string event = "say") {
  envelope m;
  m.room = "lobby";
  m.epoch = "e1";
  m.seq = 300;
  m.id = "m-1";
  m.event = std::move(event);
  m.from = "ann";
  m.at_ms = 9;
  m.body = std::move(body);
  return m;
}
std::string broadcast(codec_id how, const envelope& m) {
  std::string out;
  codec_of(how).encode_broadcast(m, out);
  codec_of(how).end_turn(m, out);
  return out;
}
/// Text frames in a row without their headers, binary ones whole, a space between.
std::string read(std::string_view frames) {
  std::string all;
  while (!frames.empty()) {
    const auto one = take_frame(frames);
    all += (all.empty() ? "" : " ") + std::string{one.first == 0x81 ? one.body : one.whole};
  }
  return all;
}
std::string pushed(const push& what) { return read(codec_of(codec_id::phoenix).encode_push(what)); }

results::member member(std::string user, std::vector<results::presence_entry> entries) {
  return {.user = std::move(user), .since_ms = 1, .entries = std::move(entries)};
}

}  // namespace

TEST_CASE("phoenix: a broadcast is an array without refs in one text frame", "[codecs][phoenix]") {
  CHECK(broadcast(codec_id::phoenix, message(json(R"({"text": "hi"})"))) ==
        "\x81\x28"s  // FIN, text, 40 bytes
        R"([null,null,"lobby","say",{"text": "hi"}])");
}

TEST_CASE("phoenix: a broadcast of bytes is a binary frame of type 2", "[codecs][phoenix]") {
  const auto golden =
      "\x82\x0d"  // FIN, binary, 13 bytes
      "\x02"      // a broadcast
      "\x05\x03"  // lengths of topic and event
      "lobby"
      "say"
      "\x00\xff"s;
  CHECK(broadcast(codec_id::phoenix, message(blob)) == golden);
  CHECK(broadcast(codec_id::phoenix, message(json(R"({"$bytes":"AP8="})"))) == golden);
  CHECK(broadcast(codec_id::phoenix, message(json(R"( { "\u0024bytes" : "AP8=" } )"))) == golden);
  const auto large = packed("\xc5\x01\x00"s + std::string(256, 'x'));  // bin 16
  CHECK(broadcast(codec_id::phoenix, message(large)).ends_with("lobbysay" + std::string(256, 'x')));
  const auto larger = packed("\xc6\x00\x01\x00\x00"s + std::string(65'536, 'x'));  // bin 32
  CHECK(broadcast(codec_id::phoenix, message(larger)).ends_with("lobbysay" + std::string(65'536, 'x')));
}

TEST_CASE("phoenix: bytes inside a document, and whatever only looks like bytes, are text", "[codecs][phoenix]") {
  CHECK(read(broadcast(codec_id::phoenix, message(packed("\x91\xc4\x02\x00\xff"s)))) ==
        R"([null,null,"lobby","say",[{"$bytes":"AP8="}]])");
  for (const auto* body :
       {R"({"$bytes":"no base64"})", R"({"$bytes":"AP8=","more":1})", R"({"$byte":"AP8="})", "{}", R"("$bytes")", "1"})
    CHECK(read(broadcast(codec_id::phoenix, message(json(body)))) ==
          R"([null,null,"lobby","say",)" + std::string{body} + "]");
}

TEST_CASE("phoenix: bytes under a name of more than 255 bytes are text with $bytes", "[codecs][phoenix]") {
  auto m = message(blob);
  m.room = std::string(255, 'r');
  CHECK(broadcast(codec_id::phoenix, m)[0] == '\x82');
  m.room = std::string(256, 'r');
  CHECK(read(broadcast(codec_id::phoenix, m)) == R"([null,null,")" + m.room + R"(","say",{"$bytes":"AP8="}])");
}

TEST_CASE("phoenix: where positions are wanted, one follows each turn", "[codecs][phoenix]") {
  CHECK(read(broadcast(codec_id::phoenix_positions, message(json("1")))) ==
        R"([null,null,"lobby","say",1] [null,null,"lobby","greenroom_position",{"epoch":"e1","seq":300}])");
}

TEST_CASE("phoenix: an event that phoenix.js acts upon itself does not reach it as such", "[codecs][phoenix]") {
  const auto wrapped = [](const std::string& event) {
    return R"([null,null,"lobby","greenroom_message",{"room":"lobby","epoch":"e1","seq":300,"id":"m-1","event":")" +
           event + R"(","payload":{},"from":"ann","at":9}])";
  };
  for (const auto* event : {"phx_close", "phx_error", "phx_reply", "phx_anything", "chan_reply_7", "presence_state",
                            "presence_diff", "greenroom_position"})
    CHECK(read(broadcast(codec_id::phoenix, message(json("{}"), event))) == wrapped(event));
  auto own = message(json("{}"), "presence_diff");  // what a behaviour says is the node's word
  own.from = "server";
  CHECK(read(broadcast(codec_id::phoenix, own)) == R"([null,null,"lobby","presence_diff",{}])");
}

TEST_CASE("phoenix: replies have their golden bytes, text and binary", "[codecs][phoenix]") {
  std::string out;
  phoenix::append_reply(out, text("1"), text("2"), "lobby", "ok", R"({"a":1})");
  phoenix::append_reply(out, text("1"), {ref::sort::number, "7"}, "lobby", "error", json("[]"));
  phoenix::append_reply(out, {}, text("\"\n"), "phoenix", "ok", payload_ptr{});
  CHECK(read(out) == R"(["1","2","lobby","phx_reply",{"status":"ok","response":{"a":1}}] )"
                     R"(["1",7,"lobby","phx_reply",{"status":"error","response":[]}] )"
                     R"([null,"\"\n","phoenix","phx_reply",{"status":"ok","response":{}}])");
  out.clear();
  phoenix::append_reply(out, text("1"), text("23"), "lobby", "ok", blob);
  CHECK(out ==
        "\x82\x11"          // FIN, binary, 17 bytes
        "\x01"              // a reply
        "\x01\x02\x05\x02"  // lengths of join_ref, ref, topic, status
        "1"
        "23"
        "lobby"
        "ok"
        "\x00\xff"s);
}

TEST_CASE("phoenix: pushes to one member have their golden bytes, text and binary", "[codecs][phoenix]") {
  std::string out;
  phoenix::append_push(out, text("1"), "lobby", "say", json("5"));
  CHECK(read(out) == R"(["1",null,"lobby","say",5])");
  out.clear();
  phoenix::append_push(out, text("1"), "lobby", "say", blob);
  CHECK(out ==
        "\x82\x0f"      // FIN, binary, 15 bytes
        "\x00"          // a push
        "\x01\x05\x03"  // lengths of join_ref, topic, event; it has no ref
        "1"
        "lobby"
        "say"
        "\x00\xff"s);
}

TEST_CASE("phoenix: a binary frame is the same message as text where a transport carries text only",
          "[codecs][phoenix]") {
  const auto text_of = [](std::string_view frames) { return phoenix::text_of(take_frame(frames).body); };
  std::string out;
  phoenix::append_push(out, text("1"), "a", "say", blob);
  CHECK(text_of(out) == R"(["1",null,"a","say",{"$bytes":"AP8="}])");
  out.clear();
  phoenix::append_reply(out, text("1"), text("2"), "a", "error", blob);
  CHECK(text_of(out) == R"(["1","2","a","phx_reply",{"status":"error","response":{"$bytes":"AP8="}}])");
  CHECK(text_of(broadcast(codec_id::phoenix, message(blob))) == R"([null,null,"lobby","say",{"$bytes":"AP8="}])");
}

TEST_CASE("phoenix: presence has the words of phoenix.js' Presence", "[codecs][phoenix]") {
  const auto ann = member("ann", {{"S1", json(R"({"mood": "fine","phx_ref":"mine"})"), 36, 0}, {"S2", nullptr, 37, 1}});
  const auto bob = member("b\"", {{"S3", json(R"("here")"), 35, 0}});
  const std::string ann_says =
      R"("ann":{"metas":[{"mood":"fine","phx_ref":"10"},{"phx_ref":"11","phx_ref_prev":"1"}]})";
  const std::string bob_says = R"("b\"":{"metas":[{"meta":"here","phx_ref":"z"}]})";
  CHECK(pushed(pushes::room_people{.room = "a", .users = {ann, bob}, .total = 2}) ==
        R"([null,null,"a","presence_state",{)" + ann_says + "," + bob_says + "}]");
  CHECK(pushed(pushes::room_people{.room = "a", .users = {}, .total = 0}) == R"([null,null,"a","presence_state",{}])");
  pushes::room_changes changes{.room = "a", .joined = {ann}, .left = {"b\""}, .updated = {}, .total = 1};
  CHECK(pushed(changes).empty());
  changes.fresh = {ann};
  changes.gone = {bob};
  CHECK(pushed(changes) ==
        R"([null,null,"a","presence_diff",{"joins":{)" + ann_says + R"(},"leaves":{)" + bob_says + "}}]");
}

TEST_CASE("phoenix: what else the server says unasked has its golden bytes", "[codecs][phoenix]") {
  const auto notice = [](std::string code, std::string why = {}) {
    return pushes::room_notice{
        .room = "a", .code = std::move(code), .from = 3, .to = 4, .epoch = {}, .text = std::move(why)};
  };
  CHECK(pushed(notice("removed")) == R"([null,null,"a","phx_close",{}])");
  CHECK(pushed(notice("removed", "spam")) == R"([null,null,"a","phx_close",{"reason":"spam"}])");
  CHECK(pushed(notice("closed")) == R"([null,null,"a","phx_error",{}])");
  CHECK(pushed(notice("dropped")) ==
        R"([null,null,"a","greenroom_notice",{"room":"a","code":"dropped","from":3,"to":4}])");
  CHECK(pushed(pushes::room_push{.room = "a", .event = "e", .payload = json("1")}) == R"([null,null,"a","e",1])");
  CHECK(pushed(pushes::session_notice{"draining", {}}) ==
        R"([null,null,"greenroom","session.notice",{"code":"draining"}])");
  CHECK(pushed(pushes::presence_changed{.user = "ann", .now = {}}) ==
        R"([null,null,"greenroom","presence.changed",{"user":"ann","online":false}])");
  CHECK(pushed(pushes::notification{"chess.moved", json("[1]")}) == R"([null,null,"greenroom","chess.moved",[1]])");
  CHECK(pushed(pushes::notification{.method = "moved", .params = nullptr, .channel = "game:7"}) ==
        R"([null,null,"game:7","moved",{}])");
  CHECK(pushed(pushes::inbox_acked{4}).empty());  // whose it is knows the socket only
}

TEST_CASE("phoenix: patterns of topics are Phoenix's", "[codecs][phoenix]") {
  CHECK(phoenix::matches("*", ""));
  CHECK(phoenix::matches("room:*", "room:1"));
  CHECK(phoenix::matches("room:*", "room:"));
  CHECK_FALSE(phoenix::matches("room:*", "room"));
  CHECK(phoenix::matches("room", "room"));
  CHECK_FALSE(phoenix::matches("room", "room:1"));
}
