#include "codecs/open_rpc.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "codecs/methods.hpp"
#include "codecs/transcode.hpp"

using namespace greenroom::codecs;

TEST_CASE("methods: the table stands in the order of the calls", "[codecs]") {
  const call calls[] = {calls::session_open{},     calls::session_refresh{},    calls::session_close{},
                        calls::room_join{},        calls::room_leave{},         calls::room_publish{},
                        calls::room_history{},     calls::room_members{},       calls::user_send{},
                        calls::inbox_ack{},        calls::presence_set{},       calls::presence_get{},
                        calls::presence_watch{},   calls::presence_unwatch{},   calls::presence_online{},
                        calls::service_register{}, calls::service_unregister{}, calls::discover{}};
  const char* names[] = {"session.open",       "session.refresh",  "session.close",   "room.join",
                         "room.leave",         "room.publish",     "room.history",    "room.members",
                         "user.send",          "inbox.ack",        "presence.set",    "presence.get",
                         "presence.watch",     "presence.unwatch", "presence.online", "service.register",
                         "service.unregister", "rpc.discover"};
  REQUIRE(methods().size() == std::size(names));
  for (std::size_t i = 0; i < std::size(names); ++i) {
    CHECK(method_of(calls[i]) == names[i]);
    CHECK(find_method(names[i]) == &methods()[i]);
  }
  CHECK(method_of(calls::other{.method = "market.buy", .params = nullptr}) == "market.buy");
  CHECK(find_method("market.buy") == nullptr);
}

TEST_CASE("rpc.discover: the document describes every method, and those of behaviours", "[codecs]") {
  const described_method theirs[] = {
      {.name = "market.buy", .summary = "Buys.", .params = {{{"symbol", R"({"type":"string","maxLength":16})"}}}},
      {.name = "market.any", .summary = {}}};
  const auto text = open_rpc_document(theirs);
  const auto document = boost::json::parse(text).as_object();
  CHECK(document.at("openrpc") == "1.2.6");
  const auto& listed = document.at("methods").as_array();
  REQUIRE(listed.size() == methods().size() + 2);
  for (std::size_t i = 0; i < methods().size(); ++i) {
    const auto& row = listed[i].as_object();
    CHECK(row.at("name").as_string() == methods()[i].name);
    CHECK(row.at("paramStructure") == "by-name");
    CHECK(row.at("params").as_array().size() == methods()[i].params.size());
    CHECK(row.at("result").at("schema").at("properties").as_object().size() == methods()[i].result.size());
  }
  const auto& bought = listed[methods().size()].as_object();
  CHECK(bought.at("params").at(0) ==
        boost::json::parse(R"({"name":"symbol","required":true,"schema":{"type":"string","maxLength":16}})"));
  CHECK(boost::json::serialize(listed.back()) ==
        R"({"name":"market.any","paramStructure":"either","params":[],"result":{"name":"result","schema":{}}})");
  CHECK(transcode(format::json, text));
}

TEST_CASE("rpc.discover: a schema's properties are a method's parameters", "[codecs]") {
  const auto params = params_of(
      payload{format::json, R"({"type":"object","properties":{"a":{"type":"number"},"b":{}},"required":["a",1,"c"]})"});
  REQUIRE(params);
  REQUIRE(params->size() == 2);
  CHECK(params->at(0).name == "a");
  CHECK(params->at(0).schema == R"({"type":"number"})");
  CHECK(params->at(0).required);
  CHECK(params->at(1).name == "b");
  CHECK_FALSE(params->at(1).required);
  CHECK(params_of(payload{format::msgpack, "\x81\xaaproperties\x81\xa1x\x80"})->at(0).schema == "{}");
  for (const auto schema : {"{}", R"({"type":"array"})", R"({"properties":[]})", R"({"properties":null})"})
    CHECK_FALSE(params_of(payload{format::json, schema}));
}

TEST_CASE("rpc.discover: every schema that is referred to is there", "[codecs]") {
  const auto text = open_rpc_document();
  const auto document = boost::json::parse(text);
  constexpr std::string_view mark = "\"$ref\":\"#";
  std::size_t found = 0;
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1), ++found) {
    const auto from = at + mark.size();
    boost::json::error_code missing;
    document.find_pointer(text.substr(from, text.find('"', from) - from), missing);
    CHECK_FALSE(missing);
  }
  CHECK(found > 0);
}
