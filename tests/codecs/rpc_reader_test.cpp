#include "codecs/rpc_reader.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "codecs/close_code.hpp"
#include "codecs/transcode.hpp"
#include "tests/codecs/recorder.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

recorder hear_json(std::string_view text) { return hear(frame_kind::text, text); }

/// The same request in MessagePack.
recorder hear_packed(std::string_view json) { return hear(frame_kind::binary, transcode(format::json, json).value()); }

std::string request(std::string_view method, std::string_view params) {
  return R"({"jsonrpc":"2.0","id":1,"method":")" + std::string{method} + R"(","params":)" + std::string{params} + "}";
}

/// The call that both formats give.
template <class Call>
Call read(std::string_view method, std::string_view params) {
  const auto text = request(method, params);
  const auto packed = hear_packed(text), plain = hear_json(text);
  REQUIRE(packed.log == strings{"call " + std::string{method}});
  REQUIRE(plain.log == packed.log);
  return std::get<Call>(plain.calls.at(0));
}

/// What both formats say of bad params: their path.
std::string bad_path(std::string_view method, std::string_view params) {
  const auto text = request(method, params);
  const auto packed = hear_packed(text), plain = hear_json(text);
  REQUIRE(plain.log == packed.log);
  REQUIRE(plain.errors.size() == 1);
  CHECK(plain.errors[0].code == error_code::invalid_params);
  CHECK(plain.refs.at(0).id == "1");
  return plain.errors[0].path;
}

}  // namespace

TEST_CASE("rpc: every method's parameters become its call", "[codecs]") {
  const auto open = read<calls::session_open>(
      "session.open", R"({"token":"t","client":"c/1","user":"ann","resume":{"session":"s","token":"r",
                          "positions":{"lobby":{"epoch":"e","seq":7},"hall":8}},"more":[1]})");
  CHECK(open.token == "t");
  CHECK(open.client == "c/1");
  CHECK(open.user == "ann");
  REQUIRE(open.resume);
  CHECK(open.resume->session == "s");
  CHECK(open.resume->token == "r");
  REQUIRE(open.resume->positions.size() == 2);
  CHECK(open.resume->positions[0].room == "lobby");
  CHECK(open.resume->positions[0].at.epoch == "e");
  CHECK(open.resume->positions[0].at.seq == 7);
  CHECK(open.resume->positions[1].room == "hall");
  CHECK(open.resume->positions[1].at.epoch.empty());
  CHECK(open.resume->positions[1].at.seq == 8);

  CHECK(read<calls::session_refresh>("session.refresh", R"({"token":"t"})").token == "t");
  read<calls::session_close>("session.close", "{}");

  const auto join =
      read<calls::room_join>("room.join", R"({"room":"lobby","since":{"epoch":"e","seq":3},"presence":{"a":1}})");
  CHECK(join.room == "lobby");
  CHECK(join.since.value().epoch == "e");
  CHECK(join.since.value().seq == 3);
  CHECK(join.presence->original() == R"({"a":1})");

  CHECK(read<calls::room_leave>("room.leave", R"({"room":"lobby"})").room == "lobby");

  const auto publish = read<calls::room_publish>(
      "room.publish",
      R"({"room":"lobby","event":"say","payload": {"text" : "hi"} ,"id":"m-1","ack":"durable","echo":false})");
  CHECK(publish.room == "lobby");
  CHECK(publish.event == "say");
  CHECK(publish.body->origin() == format::json);
  CHECK(publish.body->original() == R"({"text" : "hi"})");  // the bytes as they came
  CHECK(publish.id == "m-1");
  CHECK(publish.ack == ack_level::durable);
  CHECK_FALSE(publish.echo);

  const auto history =
      read<calls::room_history>("room.history", R"({"room":"lobby","before":9,"after":2,"limit":1000})");
  CHECK(history.room == "lobby");
  CHECK(history.before == 9);
  CHECK(history.after == 2);
  CHECK(history.limit == 1000);

  const auto members = read<calls::room_members>("room.members", R"({"room":"lobby","after":"ann","limit":1})");
  CHECK(members.room == "lobby");
  CHECK(members.after == "ann");
  CHECK(members.limit == 1);

  const auto send =
      read<calls::user_send>("user.send", R"({"to":"bob","event":"dm","payload":null,"id":"x","ttl_s":60})");
  CHECK(send.to == "bob");
  CHECK(send.event == "dm");
  CHECK(send.body->original() == "null");
  CHECK(send.id == "x");
  CHECK(send.ttl_s == 60);

  CHECK(read<calls::inbox_ack>("inbox.ack", R"({"upto":18446744073709551615})").upto == 18'446'744'073'709'551'615u);
  const auto set = read<calls::presence_set>("presence.set", R"({"status":"busy","location":"hall","meta":[1]})");
  CHECK(set.status == "busy");
  CHECK(set.location == "hall");
  CHECK(set.meta->original() == "[1]");
  const std::vector<std::string> users{"ann", "bob"};
  const auto named = R"({"users":["bob","ann","bob"]})";
  CHECK(read<calls::presence_get>("presence.get", named).users == users);
  CHECK(read<calls::presence_watch>("presence.watch", named).users == users);
  CHECK(read<calls::presence_unwatch>("presence.unwatch", named).users == users);
  CHECK(read<calls::presence_get>("presence.get", R"({"users":[]})").users.empty());
  const auto online = read<calls::presence_online>("presence.online", R"({"after":"ann","limit":3})");
  CHECK(online.after == "ann");
  CHECK(online.limit == 3);

  const auto reg = read<calls::service_register>("service.register",
                                                 R"({"methods":["a.b",{"name":"a.c","summary":"S.","idempotent":true,
                              "params":{"type":"object"},"result":{}}],"capacity":1000})");
  REQUIRE(reg.methods.size() == 2);
  CHECK(reg.methods[0].name == "a.b");
  CHECK_FALSE(reg.methods[0].idempotent);
  CHECK(reg.methods[0].params == nullptr);
  CHECK(reg.methods[1].name == "a.c");
  CHECK(reg.methods[1].summary == "S.");
  CHECK(reg.methods[1].idempotent);
  CHECK(reg.methods[1].params->as(format::json) == R"({"type":"object"})");
  CHECK(reg.methods[1].result->as(format::json) == "{}");
  CHECK(reg.capacity == 1'000);
  CHECK(read<calls::service_register>("service.register", R"({"methods":["a"],"capacity":null})").capacity == 16);
  CHECK(read<calls::service_unregister>("service.unregister", R"({"methods":["a.b"]})").methods == strings{"a.b"});
  CHECK(read<calls::service_unregister>("service.unregister", "{}").methods.empty());
  read<calls::discover>("rpc.discover", "{}");

  const auto other = read<calls::other>("market.subscribe", R"({"symbol":["A"]})");
  CHECK(other.method == "market.subscribe");
  CHECK(other.params->original() == R"({"symbol":["A"]})");
}

TEST_CASE("rpc: absent parameters, and null where one may be absent, have their defaults", "[codecs]") {
  for (const auto params : {R"({})", R"({"token":null,"client":null,"user":null,"resume":null})"}) {
    const auto open = read<calls::session_open>("session.open", params);
    CHECK((open.token.empty() && open.client.empty() && open.user.empty() && !open.resume));
  }
  for (const auto params : {R"({"room":"r"})", R"({"room":"r","since":null,"presence":null})"}) {
    const auto join = read<calls::room_join>("room.join", params);
    CHECK((!join.since && join.presence == nullptr));
  }
  for (const auto params : {R"({"room":"r","event":"e","payload":1})",
                            R"({"room":"r","event":"e","payload":1,"id":null,"ack":null,"echo":null})"}) {
    const auto publish = read<calls::room_publish>("room.publish", params);
    CHECK((publish.id.empty() && publish.ack == ack_level::unstated && publish.echo));
  }
  const auto history = read<calls::room_history>("room.history", R"({"room":"r"})");
  CHECK((!history.before && !history.after && history.limit == 100));
  CHECK(read<calls::room_members>("room.members", R"({"room":"r"})").limit == 100);
  CHECK(read<calls::presence_online>("presence.online", "{}").limit == 100);
  for (const auto params : {R"({"status":"here"})", R"({"status":"here","location":null,"meta":null})"}) {
    const auto set = read<calls::presence_set>("presence.set", params);
    CHECK((set.location.empty() && set.meta == nullptr));
  }
  CHECK_FALSE(read<calls::user_send>("user.send", R"({"to":"u","event":"e","payload":1})").ttl_s);
  read<calls::session_open>("session.open", "null");
  CHECK(read<calls::other>("a.b", "null").params == nullptr);
  CHECK(read<calls::other>("a.b", "[1,[2]]").params->as(format::json) == "[1,[2]]");
  for (const auto method : {"session.open", "session.close", "rpc.discover", "a.b"}) {
    CHECK(hear_json(R"({"jsonrpc":"2.0","id":1,"method":")"s + method + "\"}").log == strings{"call "s + method});
  }
}

TEST_CASE("rpc: a bad parameter is named by its path", "[codecs]") {
  const std::string long_meta = '"' + std::string(4'095, 'm') + '"';
  std::string many_users = "\"u\"";
  for (std::size_t i = 0; i < limits::users_per_call_max; ++i) many_users += ",\"u\"";
  const std::string long_room(256, 'r'), long_event(129, 'e'), long_id(65, 'i');
  struct row {
    const char* method;
    std::string params, path;
  };
  const row rows[] = {
      {"room.join", R"([])", "params"},
      {"room.join", R"("lobby")", "params"},
      {"room.join", R"(1)", "params"},
      {"market.buy", R"("one")", "params"},
      {"room.join", R"({})", "params.room"},
      {"room.join", R"({"room":null})", "params.room"},
      {"room.join", R"({"room":1})", "params.room"},
      {"room.join", R"({"room":""})", "params.room"},
      {"room.join", R"({"room":"a\nb"})", "params.room"},
      {"room.join", R"({"room":"a\u0000"})", "params.room"},
      {"room.join", "{\"room\":\"a\x7f\"}", "params.room"},
      {"room.join", R"({"room":")" + long_room + "\"}", "params.room"},
      {"room.join", R"({"room":"a","room":"b"})", "params.room"},
      {"room.join", R"({"room":"a","r\u006fom":"b"})", "params.room"},
      {"room.join", R"({"room":"a","since":7})", "params.since"},
      {"room.join", R"({"room":"a","since":{}})", "params.since.epoch"},
      {"room.join", R"({"room":"a","since":{"epoch":"e"}})", "params.since.seq"},
      {"room.join", R"({"room":"a","since":{"epoch":"e","seq":-1}})", "params.since.seq"},
      {"room.join", R"({"room":"a","since":{"epoch":"e","seq":1.0}})", "params.since.seq"},
      {"room.join", R"({"room":"a","since":{"epoch":"e","seq":"1"}})", "params.since.seq"},
      {"room.join", R"({"room":"a","since":{"epoch":1,"seq":1}})", "params.since.epoch"},
      {"room.publish", R"({"room":"a","event":"e"})", "params.payload"},
      {"room.publish", R"({"room":"a","payload":1})", "params.event"},
      {"room.publish", R"({"room":"a","event":"","payload":1})", "params.event"},
      {"room.publish", R"({"room":"a","event":")" + long_event + R"(","payload":1})", "params.event"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"id":""})", "params.id"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"id":5})", "params.id"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"id":"é"})", "params.id"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"id":"a\tb"})", "params.id"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"id":")" + long_id + "\"}", "params.id"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"ack":"maybe"})", "params.ack"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"ack":true})", "params.ack"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"echo":0})", "params.echo"},
      {"room.publish", R"({"room":"a","event":"e","payload":1,"payload":2})", "params.payload"},
      {"room.history", R"({"room":"a","limit":0})", "params.limit"},
      {"room.history", R"({"room":"a","limit":1001})", "params.limit"},
      {"room.history", R"({"room":"a","limit":4294967297})", "params.limit"},
      {"room.history", R"({"room":"a","after":-1})", "params.after"},
      {"room.history", R"({"room":"a","before":"9"})", "params.before"},
      {"room.members", R"({"room":"a","after":7})", "params.after"},
      {"user.send", R"({"event":"e","payload":1})", "params.to"},
      {"user.send", R"({"to":"u","event":"e","payload":1,"ttl_s":0})", "params.ttl_s"},
      {"user.send", R"({"to":"u","event":"e","payload":1,"ttl_s":2592001})", "params.ttl_s"},
      {"room.join", R"({"room":"a","presence":)" + long_meta + "}", "params.presence"},
      {"presence.set", R"({})", "params.status"},
      {"presence.set", R"({"status":""})", "params.status"},
      {"presence.set", R"({"status":"a\nb"})", "params.status"},
      {"presence.set", R"({"status":"a","location":7})", "params.location"},
      {"presence.set", R"({"status":"a","meta":)" + long_meta + "}", "params.meta"},
      {"presence.get", R"({})", "params.users"},
      {"presence.get", R"({"users":"ann"})", "params.users"},
      {"presence.get", R"({"users":{"ann":1}})", "params.users"},
      {"presence.watch", R"({"users":["ann",7]})", "params.users[1]"},
      {"presence.watch", R"({"users":["ann","bob",""]})", "params.users[2]"},
      {"presence.unwatch", "{\"users\":[" + many_users + "]}", "params.users"},
      {"presence.online", R"({"limit":0})", "params.limit"},
      {"inbox.ack", R"({})", "params.upto"},
      {"service.register", R"({})", "params.methods"},
      {"service.register", R"({"methods":[]})", "params.methods"},
      {"service.register", R"({"methods":"a"})", "params.methods"},
      {"service.register", R"({"methods":["a",7]})", "params.methods[1]"},
      {"service.register", R"({"methods":["a",""]})", "params.methods[1]"},
      {"service.register", R"({"methods":[{"summary":"S"}]})", "params.methods[0].name"},
      {"service.register", R"({"methods":[{"name":"a","params":[]}]})", "params.methods[0].params"},
      {"service.register", R"({"methods":[{"name":"a","idempotent":1}]})", "params.methods[0].idempotent"},
      {"service.register", R"({"methods":["a"],"capacity":0})", "params.capacity"},
      {"service.register", R"({"methods":["a"],"capacity":1001})", "params.capacity"},
      {"service.unregister", R"({"methods":[]})", "params.methods"},
      {"service.unregister", R"({"methods":["a",null]})", "params.methods[1]"},
      {"inbox.ack", R"({"upto":-1})", "params.upto"},
      {"session.refresh", R"({})", "params.token"},
      {"session.open", R"({"token":1})", "params.token"},
      {"session.open", R"({"user":""})", "params.user"},
      {"session.open", R"({"resume":"x"})", "params.resume"},
      {"session.open", R"({"resume":{"token":"t"}})", "params.resume.session"},
      {"session.open", R"({"resume":{"session":"s"}})", "params.resume.token"},
      {"session.open", R"({"resume":{"session":"s","token":"t","positions":[]}})", "params.resume.positions"},
      {"session.open", R"({"resume":{"session":"s","token":"t","positions":{"a":"7"}}})", "params.resume.positions.a"},
      {"session.open", R"({"resume":{"session":"s","token":"t","positions":{"a":{"epoch":"e"}}}})",
       "params.resume.positions.a.seq"},
      {"session.open", R"({"resume":{"session":"s","token":"t","positions":{"":1}}})", "params.resume.positions"},
  };
  for (const auto& [method, params, path] : rows) {
    INFO(method << ' ' << params);
    CHECK(bad_path(method, params) == path);
  }
}

TEST_CASE("rpc: a resume names at most as many rooms as a session may have", "[codecs]") {
  const auto with = [](std::size_t rooms) {
    std::string positions;
    for (std::size_t i = 0; i < rooms; ++i) positions += (i == 0 ? "\"r" : ",\"r") + std::to_string(i) + "\":1";
    return R"({"resume":{"session":"s","token":"t","positions":{)" + positions + "}}}";
  };
  CHECK(read<calls::session_open>("session.open", with(limits::positions_max)).resume->positions.size() ==
        limits::positions_max);
  CHECK(bad_path("session.open", with(limits::positions_max + 1)) == "params.resume.positions");
}

TEST_CASE("rpc: ids come back as the bytes that they were", "[codecs]") {
  for (const auto id :
       {"1", "0", "-7", "1.5", "1e3", "18446744073709551615", "\"a\"", "\"\"", "\"\\u0061\\n\"", "null"}) {
    const auto heard = hear_json(R"({"jsonrpc":"2.0", "id" : )"s + id + R"( ,"method":"session.close"})");
    REQUIRE(heard.log == strings{"call session.close"});
    CHECK(heard.refs[0].id == id);
    CHECK(heard.refs[0].in == format::json);
    CHECK(heard.refs[0].wants_answer());
  }
  const auto packed = hear(frame_kind::binary, "\x82\xa2id\xcd\x00\x07\xa6method\xadsession.close"sv);
  REQUIRE(packed.log == strings{"call session.close"});
  CHECK(packed.refs[0].id == "\xcd\x00\x07"sv);  // two bytes where one would do
  CHECK(packed.refs[0].in == format::msgpack);

  CHECK_FALSE(hear_json(R"({"jsonrpc":"2.0","method":"session.close"})").refs.at(0).wants_answer());

  const std::string longest(limits::request_id_bytes_max - 2, 'i');
  CHECK(hear_json(R"({"jsonrpc":"2.0","id":")" + longest + R"(","method":"session.close"})").refs.at(0).id.size() ==
        256);
  for (const auto& id : {"\"" + longest + "i\"", "true"s, "[1]"s, "{}"s, "1e999"s}) {
    const auto heard = hear_json(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"session.close"})");
    CHECK(heard.log == strings{"bad -32600"});
    CHECK(heard.refs[0].id == "null");
  }
}

TEST_CASE("rpc: what is no request is -32600, with its id where one can be read", "[codecs]") {
  struct row {
    const char *text, *id;
  };
  const row rows[] = {
      {R"({"jsonrpc":"2.0","id":1})", "1"},
      {R"({"jsonrpc":"2.0","id":"s1","method":"a.b","result":1})", "null"},
      {R"({})", "null"},
      {R"(1)", "null"},
      {R"("room.join")", "null"},
      {R"(null)", "null"},
      {R"({"id":1,"method":"session.close"})", "1"},
      {R"({"jsonrpc":"1.0","id":1,"method":"session.close"})", "1"},
      {R"({"jsonrpc":2.0,"id":1,"method":"session.close"})", "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", "1"},
      {R"({"jsonrpc":"2.0","id":1,"method":""})", "1"},
      {R"({"jsonrpc":"2.0","method":7})", "null"},
      {R"({"jsonrpc":"2.0","method":1,"params":"bar"})", "null"},
      {R"({"jsonrpc":"2.0","id":1,"id":2,"method":"session.close"})", "2"},
      {R"({"jsonrpc":"2.0","id":1,"method":"session.close","method":"room.join"})", "1"},
      {R"({"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"m"}})", "null"},
      {R"({"jsonrpc":"2.0","id":1,"result":1})", "null"},
      {R"({"jsonrpc":"2.0","result":1})", "null"},
      {R"({"jsonrpc":"2.0","id":"s1","error":{"code":"1","message":"m"}})", "null"},
      {R"({"jsonrpc":"2.0","id":"s1","error":{"code":99999999999,"message":"m"}})", "null"},
      {R"({"jsonrpc":"2.0","id":"s1","error":null})", "null"},
      {R"([])", "null"},
  };
  for (const auto& [text, id] : rows) {
    INFO(text);
    const auto heard = hear_json(text);
    CHECK(heard.log == strings{"bad -32600"});
    CHECK(heard.refs.at(0).id == id);
  }
  const std::string long_method(limits::method_bytes_max + 1, 'm');
  CHECK(hear_json(request(long_method, "{}")).log == strings{"bad -32600"});
}

TEST_CASE("rpc: what cannot cross to the other format is -32602 with its path and id", "[codecs]") {
  struct row {
    const char *text, *path;
  };
  const row rows[] = {
      {R"({"jsonrpc":"2.0","id":1,"method":"room.publish","params":{"room":"r","event":"e","payload":[0,{"x":1e999}]}})",
       "params.payload[1].x"},
      {R"({"jsonrpc":"2.0","id":1,"method":"room.publish","params":{"room":"r","event":"e","payload":18446744073709551616}})",
       "params.payload"},
      {R"({"jsonrpc":"2.0","id":1,"method":"market.buy","params":{"n":-9223372036854775809}})", "params.n"},
      {R"({"jsonrpc":"2.0","id":1,"method":"session.close","extra":1e999})", "extra"},
  };
  for (const auto& [text, path] : rows) {
    const auto heard = hear_json(text);
    CHECK(heard.log == strings{"bad -32602 "s + path});
    CHECK(heard.refs.at(0).id == "1");
  }
  const auto nan = "\x83\xa2id\x01\xa6method\xaamarket.buy\xa6params\x81\xa1n\xca\x7f\xc0\x00\x00"sv;
  CHECK(hear(frame_kind::binary, nan).log == strings{"bad -32602 params.n"});
  const auto key = "\x83\xa2id\x01\xa6method\xaamarket.buy\xa6params\x81\x01\x02"sv;
  CHECK(hear(frame_kind::binary, key).log == strings{"bad -32602 params"});
  const auto array_key = "\x83\x9a\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x02\xa2id\x01\xa6method\xaamarket.buy"sv;
  CHECK(hear(frame_kind::binary, array_key).log == strings{"bad -32602"});
  const auto utf8 = "\x83\xa2id\x01\xa6method\xaamarket.buy\xa6params\x81\xa1n\xa1\xff"sv;
  CHECK(hear(frame_kind::binary, utf8).log == strings{"bad -32602 params.n"});
}

TEST_CASE("rpc: errors of a notification go to the sink and want no answer", "[codecs]") {
  const auto heard = hear_json(R"({"jsonrpc":"2.0","method":"room.join","params":{}})");
  CHECK(heard.log == strings{"bad -32602 params.room"});
  CHECK_FALSE(heard.refs.at(0).wants_answer());
}

TEST_CASE("rpc: MessagePack may leave out jsonrpc, but not lie about it", "[codecs]") {
  CHECK(hear(frame_kind::binary, "\x82\xa2id\x01\xa6method\xadsession.close"sv).log == strings{"call session.close"});
  CHECK(hear(frame_kind::binary,
             "\x83\xa7jsonrpc\xa3"
             "1.0\xa2id\x01\xa6method\xadsession.close"sv)
            .log == strings{"bad -32600"});
}

TEST_CASE("rpc: input that is not well formed is -32700 to a null id, and the connection stays", "[codecs]") {
  for (const std::string_view text :
       {""sv, "{"sv, R"({"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz])"sv,
        R"([{"jsonrpc":"2.0","method":"a.b"},)"sv, "\"\xff\""sv, R"("\ud800")"sv, "{} x"sv}) {
    verdict left;
    const auto heard = hear(frame_kind::text, text, &left);
    CHECK(heard.log == strings{"bad -32700"});
    CHECK(heard.refs.at(0).id == "null");
    CHECK(left.go_on);
  }
  for (const std::string_view bytes : {""sv, "\xc1"sv, "\x82\xa2id"sv, "\x01\x02"sv, "\xda\x10\x00zz"sv}) {
    verdict left;
    const auto heard = hear(frame_kind::binary, bytes, &left);
    CHECK(heard.log == strings{"bad -32700"});
    CHECK(heard.refs.at(0).id == "\xc0");
    CHECK(left.go_on);
  }
}

TEST_CASE("rpc: input over the limits is -32006 in JSON and closes with 1007 in MessagePack", "[codecs]") {
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  std::string wide = "[0";
  for (std::size_t i = 0; i < limits::elements_max; ++i) wide += ",0";
  wide += ']';
  for (const auto& text : {deep, wide}) {
    verdict left;
    const auto heard = hear(frame_kind::text, request("a.b", R"({"x":)" + text + "}"), &left);
    CHECK(heard.log == strings{"bad -32006"});
    CHECK(left.go_on);
  }
  for (
      const auto bytes :
      {"\xdd\xff\xff\xff\xff"sv, "\xdb\xff\xff\xff\xff"sv,
       "\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"sv}) {
    verdict left;
    const auto heard = hear(frame_kind::binary, bytes, &left);
    CHECK(heard.log.empty());
    CHECK_FALSE(left.go_on);
    CHECK(left.close_code == close_codes::over_limits.code);
    CHECK(left.reason == close_codes::over_limits.reason);
  }
}

TEST_CASE("rpc: a batch brackets its calls, in order, good and bad", "[codecs]") {
  const auto text = R"([{"jsonrpc":"2.0","id":1,"method":"session.close"},
                        {"jsonrpc":"2.0","method":"market.tick","params":{}},
                        7, [], {"foo":"boo"},
                        {"jsonrpc":"2.0","id":"s1","result":true},
                        {"jsonrpc":"2.0","id":2,"method":"room.join"}])";
  const strings expected{"[",          "call session.close", "call market.tick",       "bad -32600", "bad -32600",
                         "bad -32600", "answer s1",          "bad -32602 params.room", "]"};
  CHECK(hear_json(text).log == expected);
  const auto refs = hear_json(text).refs;
  REQUIRE(refs.size() == 6);
  CHECK(refs[1].id.empty());
  CHECK(refs[2].id == "null");
  CHECK(refs[5].id == "2");
}

TEST_CASE("rpc: a batch has 1 to 128 requests", "[codecs]") {
  const auto batch = [](std::size_t calls) {
    std::string text = "[";
    for (std::size_t i = 0; i < calls; ++i) text += (i == 0 ? "" : ",") + R"({"jsonrpc":"2.0","id":1,"method":"a.b"})"s;
    return text + "]";
  };
  CHECK(hear_json(batch(1)).log == strings{"[", "call a.b", "]"});
  CHECK(hear_json(batch(limits::batch_max)).calls.size() == limits::batch_max);
  for (const auto calls : {std::size_t{0}, limits::batch_max + 1}) {
    CHECK(hear_json(batch(calls)).log == strings{"bad -32600"});
    CHECK(hear_packed(batch(calls)).log == strings{"bad -32600"});
    CHECK(hear_json(batch(calls)).refs.at(0).id == "null");
  }
}

TEST_CASE("rpc: the client's answers find the server's requests", "[codecs]") {
  const auto good = hear_json(R"({"jsonrpc":"2.0","id":"s1","result": {"a": 1} })");
  REQUIRE(good.log == strings{"answer s1"});
  CHECK(std::get<results::document>(std::get<result>(good.answers[0])).body->original() == R"({"a": 1})");
  const auto bad = hear_packed(
      R"({"id":"s2","error":{"code":-32004,"message":"no","data":{"reason":"gone","path":"p","trace":"t","retry_after_ms":5}}})");
  REQUIRE(bad.log == strings{"answer s2"});
  const auto& why = std::get<error>(bad.answers[0]);
  CHECK(why.code == error_code::not_found);
  CHECK(why.message == "no");
  CHECK(why.reason == "gone");
  CHECK(why.path == "p");
  CHECK(why.trace == "t");
  CHECK(why.retry_after_ms == 5);
}

TEST_CASE("rpc: a sink that transcodes does not disturb the reading of its batch", "[codecs]") {
  struct transcoding final : sink {
    void on_call(reply_ref, call what) override { seen += std::get<calls::other>(what).params->as(format::msgpack); }
    void on_bad_call(reply_ref, error) override { seen += "bad"; }
    void on_answer(std::string, outcome) override {}
    void on_batch_begin(format) override {}
    void on_batch_end() override {}
    std::string seen;
  } to;
  const auto text = "[" + request("a.b", R"({"a":1})") + "," + request("a.b", R"({"b":[2,3]})") + "]";
  make_native_dialogue(codec_id::native_json)->decode(frame_kind::text, text, to);
  CHECK(to.seen ==
        "\x81\xa1"
        "a\x01\x81\xa1"
        "b\x92\x02\x03");
}
