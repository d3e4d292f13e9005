// Golden bytes of presence, as in rpc_writer_test.cpp.
#include <catch2/catch.hpp>

#include <string>

#include "codecs/codec.hpp"
#include "codecs/rpc_writer.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

payload_ptr json(std::string text) { return std::make_shared<payload>(format::json, std::move(text)); }

results::presence_state here() {
  return {.online = true, .status = "busy", .location = "hall", .meta = json("[1]"), .last_seen_ms = 9};
}
results::presence_state away() {
  results::presence_state state;
  state.last_seen_ms = 8;
  return state;
}
const std::string here_packed =
    "\xa6online\xc3"
    "\xa6status\xa4"
    "busy"
    "\xa8location\xa4hall"
    "\xa4meta\x91\x01"
    "\xa9last_seen\x09"s;

results::member ann() { return {.user = "ann", .since_ms = 9, .entries = {{.session = "S", .meta = json("[1]")}}}; }
const std::string ann_packed =
    "\x83\xa4user\xa3"
    "ann\xa5since\x09\xa7"
    "entries\x91\x82\xa7session\xa1S\xa4meta\x91\x01"s;

/// The end of a notification or an answer: what follows its head.
void check_end(const std::string& whole, const std::string& end) {
  REQUIRE(whole.size() > end.size());
  CHECK(whole.substr(whole.size() - end.size()) == end);
}

}  // namespace

TEST_CASE("rpc: results of presence have their golden bytes in both formats", "[codecs]") {
  struct row {
    std::string name;
    outcome what;
    std::string json, packed;
  };
  const row rows[] = {
      {"presence.get", result{results::presence_states{{{"ann", here()}, {"bob", away()}, {"eve", {}}}}},
       R"({"users":{"ann":{"online":true,"status":"busy","location":"hall","meta":[1],"last_seen":9},)"
       R"("bob":{"online":false,"last_seen":8},"eve":{"online":false}}})",
       "\x81\xa5users\x83"  // a map of three
       "\xa3"
       "ann\x85"s +
           here_packed +
           "\xa3"
           "bob\x82\xa6online\xc2\xa9last_seen\x08"
           "\xa3"
           "eve\x81\xa6online\xc2"s},
      {"presence.online", result{results::online{.total = 3, .users = {"ann", "bob"}, .next = "bob"}},
       R"({"total":3,"users":["ann","bob"],"next":"bob"})",
       "\x83\xa5total\x03\xa5users\x92\xa3"
       "ann\xa3"
       "bob\xa4next\xa3"
       "bob"s},
      {"presence.online, the last page", result{results::online{.total = 0, .users = {}, .next = {}}},
       R"({"total":0,"users":[]})", "\x82\xa5total\x00\xa5users\x90"s},
  };
  for (const auto& [name, what, json, packed] : rows) {
    INFO(name);
    check_end(write_reply({.id = "7", .in = format::json}, what, framing::bare), "\"result\":" + json + "}");
    check_end(write_reply({.id = "\x07", .in = format::msgpack}, what, framing::bare), "\xa6result" + packed);
  }
}

TEST_CASE("rpc: pushes of presence have their golden bytes in both formats", "[codecs]") {
  struct row {
    push what;
    std::string method, json, packed;
  };
  const row rows[] = {
      {pushes::room_changes{.room = "a", .joined = {ann()}, .left = {"bob", "eve"}, .updated = {ann()}, .total = 4},
       "room.presence",
       R"({"room":"a","joined":[{"user":"ann","since":9,"entries":[{"session":"S","meta":[1]}]}],)"
       R"("left":[{"user":"bob"},{"user":"eve"}],)"
       R"("updated":[{"user":"ann","since":9,"entries":[{"session":"S","meta":[1]}]}],"total":4})",
       "\x85\xa4room\xa1"
       "a\xa6joined\x91"s +
           ann_packed +
           "\xa4left\x92\x81\xa4user\xa3"
           "bob\x81\xa4user\xa3"
           "eve\xa7updated\x91"s +
           ann_packed + "\xa5total\x04"s},
      {pushes::room_changes{.room = "a", .joined = {}, .left = {"bob"}, .updated = {}, .total = 0}, "room.presence",
       R"({"room":"a","left":[{"user":"bob"}],"total":0})",
       "\x83\xa4room\xa1"
       "a\xa4left\x91\x81\xa4user\xa3"
       "bob\xa5total\x00"s},
      {pushes::room_people{.room = "a", .users = {ann()}, .total = 300}, "room.presence",
       R"({"room":"a","users":[{"user":"ann","since":9,"entries":[{"session":"S","meta":[1]}]}],"total":300})",
       "\x83\xa4room\xa1"
       "a\xa5users\x91"s +
           ann_packed + "\xa5total\xcd\x01\x2c"s},
      {pushes::presence_changed{.user = "ann", .now = here()}, "presence.changed",
       R"({"user":"ann","online":true,"status":"busy","location":"hall","meta":[1],"last_seen":9})",
       "\x86\xa4user\xa3"
       "ann"s +
           here_packed},
  };
  for (const auto& [what, method, json, packed] : rows) {
    INFO(method);
    check_end(codec_of(codec_id::native_json).encode_push(what),
              "\"method\":\"" + method + "\",\"params\":" + json + "}");
    check_end(codec_of(codec_id::native_msgpack).encode_push(what), method + "\xa6params" + packed);
  }
}
