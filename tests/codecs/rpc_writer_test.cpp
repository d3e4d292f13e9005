#include "codecs/rpc_writer.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace greenroom::codecs;
using namespace std::literals;

/// Golden bytes: every message of the protocol in both formats, as it leaves the server. In the MessagePack column a
/// line is one member; 0x8n opens a map of n members, 0x9n an array of n items, 0xan a text of n bytes.
namespace {

payload_ptr json(std::string text) { return std::make_shared<payload>(format::json, std::move(text)); }

envelope_ptr message() {
  envelope m;
  m.room = "lobby";
  m.epoch = "e1";
  m.seq = 300;
  m.id = "m-1";
  m.event = "say";
  m.from = "ann";
  m.at_ms = 1'700'000'000'000;
  m.body = json(R"({"text": "hi"})");
  return std::make_shared<envelope>(std::move(m));
}

const std::string message_json =
    R"({"room":"lobby","epoch":"e1","seq":300,"id":"m-1","event":"say","payload":{"text": "hi"},"from":"ann","at":1700000000000})";
const std::string message_packed =
    "\x88"               // a message has 8 members
    "\xa4room\xa5lobby"  //
    "\xa5"
    "epoch\xa2"
    "e1"                   //
    "\xa3seq\xcd\x01\x2c"  // uint 16: 300
    "\xa2id\xa3m-1"        //
    "\xa5"
    "event\xa3say"                   //
    "\xa7payload\x81\xa4text\xa2hi"  // the payload, transcoded
    "\xa4"
    "from\xa3"
    "ann"  //
    "\xa2"
    "at\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x00"s;  // uint 64: 1,700,000,000,000

struct golden {
  std::string name;
  outcome what;
  std::string json, packed;
};

results::session_opened opened() {
  results::session_opened r;
  r.session = "S";
  r.user = "ann";
  r.resume_token = "R";
  r.resumed = true;
  r.rooms = {{.room = "a", .epoch = "e", .seq = 1, .recovered = true, .reason = ""},
             {.room = "b", .epoch = "f", .seq = 0, .recovered = false, .reason = "expired"}};
  r.limits = {.message_bytes_max = 65536, .rooms_max = 128, .in_flight_max = 1000};
  r.heartbeat = {.interval_ms = 25000, .timeout_ms = 20000};
  r.time_ms = 5;
  return r;
}

results::session_opened opened_anew() {
  results::session_opened r;
  r.session = "S";
  r.user = "ann";
  r.resume_token = "R";
  r.reason = "expired";
  return r;
}

results::joined joined() {
  return {.room = "a", .epoch = "e", .seq = 7, .members = 2, .recovered = {}, .reason = {}, .missed = {}};
}
results::joined recovered() {
  auto r = joined();
  r.recovered = true;
  r.missed = {message()};
  return r;
}
results::joined not_recovered() {
  auto r = joined();
  r.recovered = false;
  r.reason = "too_far";
  return r;
}

error full_error() {
  error e{.code = error_code::rate_limited,
          .message = "m",
          .path = "p",
          .reason = "r",
          .trace = "t",
          .retry_after_ms = 250};
  return e;
}

const golden answers[] = {
    {"nothing", result{results::nothing{}}, "{}", "\x80"},
    {"session.open, resumed", result{opened()},
     R"({"session":"S","user":"ann","resume_token":"R","resumed":true,"rooms":[{"room":"a","epoch":"e","seq":1,"recovered":true},)"
     R"({"room":"b","epoch":"f","seq":0,"recovered":false,"reason":"expired"}],)"
     R"("limits":{"message_bytes_max":65536,"rooms_max":128,"in_flight_max":1000},)"
     R"("heartbeat":{"interval_ms":25000,"timeout_ms":20000},"time":5})",
     "\x88"              // 8 members: no reason
     "\xa7session\xa1S"  //
     "\xa4user\xa3"
     "ann"                    //
     "\xacresume_token\xa1R"  //
     "\xa7resumed\xc3"        // true
     "\xa5rooms\x92"          // two
     "\x84\xa4room\xa1"
     "a\xa5"
     "epoch\xa1"
     "e\xa3seq\x01\xa9recovered\xc3"  //
     "\x85\xa4room\xa1"
     "b\xa5"
     "epoch\xa1"
     "f\xa3seq\x00\xa9recovered\xc2\xa6reason\xa7"
     "expired"                                    //
     "\xa6limits\x83"                             //
     "\xb1message_bytes_max\xce\x00\x01\x00\x00"  // uint 32: 65,536
     "\xa9rooms_max\xcc\x80"                      // uint 8: 128
     "\xadin_flight_max\xcd\x03\xe8"              // uint 16: 1,000
     "\xa9heartbeat\x82"                          //
     "\xabinterval_ms\xcd\x61\xa8"                // 25,000
     "\xaatimeout_ms\xcd\x4e\x20"                 // 20,000
     "\xa4time\x05"s},
    {"session.open, anew", result{opened_anew()},
     R"({"session":"S","user":"ann","resume_token":"R","resumed":false,"reason":"expired","rooms":[],)"
     R"("limits":{"message_bytes_max":0,"rooms_max":0,"in_flight_max":0},"heartbeat":{"interval_ms":0,"timeout_ms":0},"time":0})",
     "\x89"              // 9 members: the reason too
     "\xa7session\xa1S"  //
     "\xa4user\xa3"
     "ann"                    //
     "\xacresume_token\xa1R"  //
     "\xa7resumed\xc2"        // false
     "\xa6reason\xa7"
     "expired"        //
     "\xa5rooms\x90"  // none
     "\xa6limits\x83\xb1message_bytes_max\x00\xa9rooms_max\x00\xadin_flight_max\x00"
     "\xa9heartbeat\x82\xabinterval_ms\x00\xaatimeout_ms\x00"
     "\xa4time\x00"s},
    {"session.refresh", result{results::refreshed{1'700'000'000'000}}, R"({"expires_at":1700000000000})",
     "\x81\xaa"
     "expires_at\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x00"s},
    {"room.join", result{joined()}, R"({"room":"a","epoch":"e","seq":7,"members":2})",
     "\x84"  //
     "\xa4room\xa1"
     "a"  //
     "\xa5"
     "epoch\xa1"
     "e"            //
     "\xa3seq\x07"  //
     "\xa7members\x02"s},
    {"room.join, recovered", result{recovered()},
     R"({"room":"a","epoch":"e","seq":7,"members":2,"recovered":true,"missed":[)" + message_json + "]}",
     "\x86\xa4room\xa1"
     "a\xa5"
     "epoch\xa1"
     "e\xa3seq\x07\xa7members\x02"  //
     "\xa9recovered\xc3"            // true
     "\xa6missed\x91"s +
         message_packed},  // one message
    {"room.join, not recovered", result{not_recovered()},
     R"({"room":"a","epoch":"e","seq":7,"members":2,"recovered":false,"reason":"too_far"})",
     "\x86\xa4room\xa1"
     "a\xa5"
     "epoch\xa1"
     "e\xa3seq\x07\xa7members\x02"  //
     "\xa9recovered\xc2"            // false
     "\xa6reason\xa7too_far"s},
    {"room.publish",
     result{results::published{.id = "m", .epoch = "e", .seq = 1, .ack = ack_level::accepted, .duplicate = false}},
     R"({"id":"m","epoch":"e","seq":1,"ack":"accepted"})",
     "\x84"         // no duplicate
     "\xa2id\xa1m"  //
     "\xa5"
     "epoch\xa1"
     "e"            //
     "\xa3seq\x01"  //
     "\xa3"
     "ack\xa8"
     "accepted"s},
    {"room.publish, again",
     result{results::published{.id = "m", .epoch = "e", .seq = 1, .ack = ack_level::durable, .duplicate = true}},
     R"({"id":"m","epoch":"e","seq":1,"ack":"durable","duplicate":true})",
     "\x85\xa2id\xa1m\xa5"
     "epoch\xa1"
     "e\xa3seq\x01"  //
     "\xa3"
     "ack\xa7"
     "durable"  //
     "\xa9"
     "duplicate\xc3"s},  // true
    {"room.history",
     result{results::history{.epoch = "e", .first = 1, .last = 300, .messages = {message(), message()}}},
     R"({"epoch":"e","first":1,"last":300,"messages":[)" + message_json + "," + message_json + "]}",
     "\x84"  //
     "\xa5"
     "epoch\xa1"
     "e"  //
     "\xa5"
     "first\x01"             //
     "\xa4last\xcd\x01\x2c"  // 300
     "\xa8messages\x92"s +
         message_packed + message_packed},  // two
    {"room.history, empty", result{results::history{.epoch = "e", .first = 0, .last = 0, .messages = {}}},
     R"({"epoch":"e","first":0,"last":0,"messages":[]})",
     "\x84\xa5"
     "epoch\xa1"
     "e\xa5"
     "first\x00\xa4last\x00\xa8messages\x90"s},
    {"room.members",
     result{results::members{
         .total = 3,
         .list = {{.user = "ann",
                   .since_ms = 9,
                   .entries = {{.session = "S", .meta = json("[1]")}, {.session = "T", .meta = nullptr}}}},
         .next = "ann"}},
     R"({"total":3,"members":[{"user":"ann","since":9,"entries":[{"session":"S","meta":[1]},{"session":"T"}]}],"next":"ann"})",
     "\x83"             //
     "\xa5total\x03"    //
     "\xa7members\x91"  // one
     "\x83\xa4user\xa3"
     "ann\xa5since\x09"  //
     "\xa7"
     "entries\x92"                           // two sessions
     "\x82\xa7session\xa1S\xa4meta\x91\x01"  //
     "\x81\xa7session\xa1T"                  // without meta
     "\xa4next\xa3"
     "ann"s},
    {"user.send", result{results::sent{.id = "m", .ack = ack_level::durable, .duplicate = false}},
     R"({"id":"m","ack":"durable"})",
     "\x82\xa2id\xa1m\xa3"
     "ack\xa7"
     "durable"s},
    {"user.send, again", result{results::sent{.id = "m", .ack = ack_level::accepted, .duplicate = true}},
     R"({"id":"m","ack":"accepted","duplicate":true})",
     "\x83\xa2id\xa1m\xa3"
     "ack\xa8"
     "accepted\xa9"
     "duplicate\xc3"s},
    {"service.register", result{results::registered{.worker = "S", .methods = {"a.b", "c"}}},
     R"({"worker":"S","methods":["a.b","c"]})",
     "\x82\xa6worker\xa1S\xa7methods\x92\xa3"
     "a.b\xa1"
     "c"s},
    {"inbox.ack", result{results::inbox_acked{.upto = 8, .left = 2}}, R"({"upto":8,"left":2})",
     "\x82\xa4upto\x08\xa4left\x02"s},
    {"a service's own answer", result{results::document{json(R"({ "n": 1.5 })")}}, R"({ "n": 1.5 })",
     "\x81\xa1n\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"s},
    {"a service that answers nothing", result{results::document{nullptr}}, "null", "\xc0"s},
};

std::string packed_notification(const std::string& method, const std::string& params) {
  std::string out =
      "\x83"  // 3 members
      "\xa7jsonrpc\xa3"
      "2.0"
      "\xa6method";
  out += static_cast<char>(0xa0 | method.size());
  out += method;
  out += "\xa6params";
  return out + params;
}

std::string reply(format as, const outcome& what, framing framed = framing::bare) {
  return write_reply({.id = as == format::json ? "7" : "\x07", .in = as}, what, framed);
}

}  // namespace

TEST_CASE("rpc: every result has its golden bytes in both formats", "[codecs]") {
  for (const auto& [name, what, json, packed] : answers) {
    INFO(name);
    CHECK(reply(format::json, what) == R"({"jsonrpc":"2.0","id":7,"result":)" + json + "}");
    CHECK(reply(format::msgpack, what) ==
          "\x83"  // an answer has 3 members
          "\xa7jsonrpc\xa3"
          "2.0"         //
          "\xa2id\x07"  // as it stood in the request
          "\xa6result"s +
              packed);
  }
}

TEST_CASE("rpc: errors carry a number, a sentence and what is known beside", "[codecs]") {
  CHECK(
      reply(format::json, full_error()) ==
      R"({"jsonrpc":"2.0","id":7,"error":{"code":-32003,"message":"m","data":{"path":"p","reason":"r","trace":"t","retry_after_ms":250}}})");
  CHECK(reply(format::msgpack, full_error()) ==
        "\x83\xa7jsonrpc\xa3"
        "2.0\xa2id\x07"  //
        "\xa5"
        "error\x83"  //
        "\xa4"
        "code\xd1\x82\xfd"  // int 16: -32,003
        "\xa7message\xa1m"  //
        "\xa4"
        "data\x84"                       //
        "\xa4path\xa1p"                  //
        "\xa6reason\xa1r"                //
        "\xa5trace\xa1t"                 //
        "\xaeretry_after_ms\xcc\xfa"s);  // uint 8: 250
  error bare{
      .code = error_code::not_found, .message = "m", .path = {}, .reason = {}, .trace = {}, .retry_after_ms = {}};
  CHECK(reply(format::json, bare) == R"({"jsonrpc":"2.0","id":7,"error":{"code":-32004,"message":"m"}})");
  CHECK(reply(format::msgpack, bare) ==
        "\x83\xa7jsonrpc\xa3"
        "2.0\xa2id\x07\xa5"
        "error\x82\xa4"
        "code\xd1\x82\xfc\xa7message\xa1m"s);
  for (const auto code :
       {error_code::parse, error_code::invalid_request, error_code::method_not_found, error_code::invalid_params,
        error_code::internal, error_code::unauthenticated, error_code::forbidden, error_code::rate_limited,
        error_code::not_found, error_code::conflict, error_code::too_large, error_code::queue_full,
        error_code::unavailable, error_code::timed_out, error_code::draining}) {
    CHECK(make_error(code).code == code);
    CHECK(make_error(code).message.ends_with('.'));
    CHECK(make_error(code, "Own words.").message == "Own words.");
  }
}

TEST_CASE("rpc: a reply is one whole frame of its request's kind", "[codecs]") {
  const outcome done = result{results::nothing{}};
  const auto json = reply(format::json, done, framing::websocket);
  CHECK(json == "\x81\x24"s + R"({"jsonrpc":"2.0","id":7,"result":{}})");  // FIN, text; 36 bytes
  const auto packed = reply(format::msgpack, done, framing::websocket);
  CHECK(packed ==
        "\x82\x19\x83\xa7jsonrpc\xa3"
        "2.0\xa2id\x07\xa6result\x80"s);  // FIN, binary; 25 bytes
}

TEST_CASE("rpc: a notification is never answered", "[codecs]") {
  CHECK(write_reply({}, full_error(), framing::websocket).empty());
  CHECK(write_reply({.id = {}, .in = format::msgpack}, result{results::nothing{}}, framing::bare).empty());
}

TEST_CASE("rpc: a batch's answers are one array", "[codecs]") {
  const outcome done = result{results::nothing{}};
  const std::string texts[] = {reply(format::json, done), reply(format::json, full_error())};
  const auto plain = make_native_dialogue(codec_id::native_json)->encode_batch(format::json, texts, framing::bare);
  CHECK(plain == "[" + texts[0] + "," + texts[1] + "]");
  const std::string packs[] = {reply(format::msgpack, done), reply(format::msgpack, full_error())};
  CHECK(write_batch(format::msgpack, packs, framing::bare) == "\x92" + packs[0] + packs[1]);
  const std::vector<std::string> many(100, packs[0]);
  CHECK(write_batch(format::msgpack, many, framing::websocket).substr(0, 7) ==
        "\x82\x7e\x09\xc7\xdc\x00\x64"s);  // 2,503 bytes; array 16: 100
}

TEST_CASE("rpc: a broadcast is a notification frame with the payload's own bytes", "[codecs]") {
  std::string out = "before";
  codec_of(codec_id::native_json).encode_broadcast(*message(), out);
  CHECK(out ==
        "before"
        "\x81\x7e\x00\xac"  // FIN, text; 172 bytes in 16 bits
        R"({"jsonrpc":"2.0","method":"room.message","params":)"s +
            message_json + "}");

  out.clear();
  codec_of(codec_id::native_msgpack).encode_broadcast(*message(), out);
  CHECK(out ==
        "\x82\x7b"  // FIN, binary; 123 bytes
        "\x83"      //
        "\xa7jsonrpc\xa3"
        "2.0"                         //
        "\xa6method\xacroom.message"  //
        "\xa6params"s +
            message_packed);
}

TEST_CASE("rpc: every push has its golden bytes in both formats", "[codecs]") {
  struct row {
    push what;
    std::string method, json, packed;
  };
  const row rows[] = {
      {pushes::room_notice{.room = "a", .code = "dropped", .from = 3, .to = 5, .epoch = {}}, "room.notice",
       R"({"room":"a","code":"dropped","from":3,"to":5})",
       "\x84\xa4room\xa1"
       "a\xa4"
       "code\xa7"
       "dropped\xa4"
       "from\x03\xa2to\x05"},
      {pushes::room_notice{.room = "a", .code = "epoch_changed", .from = {}, .to = {}, .epoch = "f"}, "room.notice",
       R"({"room":"a","code":"epoch_changed","epoch":"f"})",
       "\x83\xa4room\xa1"
       "a\xa4"
       "code\xad"
       "epoch_changed\xa5"
       "epoch\xa1"
       "f"},
      {pushes::room_notice{.room = "a", .code = "removed", .from = {}, .to = {}, .epoch = {}, .text = "Bye."},
       "room.notice", R"({"room":"a","code":"removed","text":"Bye."})",
       "\x83\xa4room\xa1"
       "a\xa4"
       "code\xa7removed\xa4text\xa4"
       "Bye."},
      {pushes::room_push{.room = "a", .event = "e", .payload = json("[1]")}, "room.push",
       R"({"room":"a","event":"e","payload":[1]})",
       "\x83\xa4room\xa1"
       "a\xa5"
       "event\xa1"
       "e\xa7payload\x91\x01"},
      {pushes::notification{.method = "game.state", .params = json(R"({"x":1})")}, "game.state", R"({"x":1})",
       "\x81\xa1x\x01"},
      {pushes::inbox_message{message()}, "inbox.message",
       R"({"n":300,"id":"m-1","from":"ann","event":"say","payload":{"text": "hi"},"at":1700000000000})",
       "\x86"               //
       "\xa1n\xcd\x01\x2c"  // 300
       "\xa2id\xa3m-1"      //
       "\xa4"
       "from\xa3"
       "ann"  //
       "\xa5"
       "event\xa3say"                   //
       "\xa7payload\x81\xa4text\xa2hi"  //
       "\xa2"
       "at\xcf\x00\x00\x01\x8b\xcf\xe5\x68\x00"s},
      {pushes::inbox_acked{.upto = 9}, "inbox.acked", R"({"upto":9})", "\x81\xa4upto\x09"},
      {pushes::session_notice{.code = "draining", .text = {}}, "session.notice", R"({"code":"draining"})",
       "\x81\xa4"
       "code\xa8"
       "draining"},
      {pushes::session_notice{.code = "announcement", .text = "Tea."}, "session.notice",
       R"({"code":"announcement","text":"Tea."})",
       "\x82\xa4"
       "code\xac"
       "announcement\xa4text\xa4Tea."},
  };
  for (const auto& [what, method, json, packed] : rows) {
    INFO(method);
    // The frame's header is websocket_frame's: two bytes, or four for 126 and more.
    const auto text = codec_of(codec_id::native_json).encode_push(what);
    CHECK(text.substr(text[1] == 126 ? 4 : 2) ==
          R"({"jsonrpc":"2.0","method":")" + method + R"(","params":)" + json + "}");
    CHECK(text[0] == '\x81');
    const auto binary = codec_of(codec_id::native_msgpack).encode_push(what);
    CHECK(binary.substr(binary[1] == 126 ? 4 : 2) == packed_notification(method, packed));
    CHECK(binary[0] == '\x82');
  }
}

TEST_CASE("rpc: a request of the server's is one frame of the connection's kind, with a text for an id", "[codecs]") {
  const auto text = make_native_dialogue(codec_id::native_json);
  const auto binary = make_native_dialogue(codec_id::native_msgpack);
  const auto params = json(R"({"x":1})");
  CHECK(text->encode_request("s1", "game.confirm", params) ==
        "\x81\x44"s +  // FIN, text; 68 bytes
            R"({"jsonrpc":"2.0","id":"s1","method":"game.confirm","params":{"x":1}})");
  CHECK(binary->encode_request("s1", "game.confirm", params) ==
        "\x82\x32"  // FIN, binary; 50 bytes
        "\x84"      //
        "\xa7jsonrpc\xa3"
        "2.0"                         //
        "\xa2id\xa2s1"                //
        "\xa6method\xacgame.confirm"  //
        "\xa6params\x81\xa1x\x01"s);  // transcoded
  CHECK(text->encode_request("s2", "ping", nullptr) ==
        "\x81\x2b"s + R"({"jsonrpc":"2.0","id":"s2","method":"ping"})");  // absent params are left out
  const on_behalf ann{.user = "ann", .session = "S"}, backend{.user = "bob", .session = {}};
  CHECK(text->encode_request("s3", "a.b", params, &ann) ==
        "\x81\x5f"s +  // 95 bytes: whose call it is
            R"({"jsonrpc":"2.0","id":"s3","method":"a.b","params":{"x":1},"from":{"user":"ann","session":"S"}})");
  CHECK(binary->encode_request("s4", "a.b", nullptr, &backend) ==
        "\x82\x2d"  // 45 bytes
        "\x84"      //
        "\xa7jsonrpc\xa3"
        "2.0"           //
        "\xa2id\xa2s4"  //
        "\xa6method\xa3"
        "a.b"  //
        "\xa4"
        "from\x81\xa4user\xa3"
        "bob"s);
  CHECK(codec_of(codec_id::native_json).encode_push(pushes::notification{.method = "tick", .params = nullptr}) ==
        "\x81\x21"s + R"({"jsonrpc":"2.0","method":"tick"})");
}

TEST_CASE("rpc: texts of the protocol are escaped wherever they stand", "[codecs]") {
  results::published r{.id = "a\"b", .epoch = "\\", .seq = 1, .ack = ack_level::accepted, .duplicate = false};
  CHECK(reply(format::json, result{r}).find(R"("id":"a\"b","epoch":"\\",)") != std::string::npos);
}

TEST_CASE("codec: the shared halves know their names", "[codecs]") {
  CHECK(codec_of(codec_id::native_json).id() == codec_id::native_json);
  CHECK(codec_of(codec_id::native_msgpack).id() == codec_id::native_msgpack);
  CHECK(name_of(encoding_of(codec_id::native_json)) == "json");
  CHECK(name_of(encoding_of(codec_id::native_msgpack)) == "msgpack");
  CHECK(make_native_dialogue(codec_id::native_msgpack)->broadcasts() == codec_id::native_msgpack);
}
