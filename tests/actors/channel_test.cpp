// Channels: what a service does with clients whose protocol has namespaces or topics, and JSON-RPC clients that join a
// room of that name; and members that a behaviour moves.
#include <algorithm>

#include "actors/channel_patterns.hpp"
#include "codecs/arguments.hpp"
#include "tests/support/scripted_service.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;
using codecs::results::document;

/// A service that serves `game:*`, and a client.
struct channel_fixture : service_fixture {
  channel_fixture() {
    service_channel games{.pattern = "game:*"};
    games.event = [this](service_behaviour&, service_request request) {
      heard.push_back(request.channel() + ' ' + request.method() + ' ' +
                      (request.params() ? std::string{request.params()->as(codecs::format::json)} : "-"));
      event ? event(std::move(request)) : request.reply();
    };
    games.open = [this](service_behaviour&, channel_opening who) {
      heard.push_back("open " + who.channel() + ' ' + who.who().user.value + ' ' +
                      (who.payload() ? std::string{who.payload()->as(codecs::format::json)} : "-"));
      open ? open(std::move(who)) : who.accept();
    };
    games.closed = [this](service_behaviour&, const party& who, const std::string& channel) {
      heard.push_back("closed " + channel + ' ' + who.user.value);
    };
    spec.channels.push_back(std::move(games));
  }
  /// Runs in the service, as its code would.
  void inside(std::function<void(service_control&)> what) {
    bot.call = [what = std::move(what)](service_control& control, service_request request) {
      what(control);
      request.reply();
    };
    ann().call("bot.do");
    settle();
  }
  session_id session_of(client& who, std::string_view user) { return {text(who.open(user), "session")}; }

  std::function<void(service_request)> event;
  std::function<void(channel_opening)> open;
  strings heard;
};

std::string said(const codecs::outcome& what) {
  if (const auto* why = std::get_if<codecs::error>(&what)) return std::to_string(static_cast<int>(why->code));
  return "ok";
}

}  // namespace

TEST_CASE_METHOD(channel_fixture, "channel: a service sees who opens one, its events, and its end",
                 "[actors][channel]") {
  ann().join("game:7");
  ann().call("room.publish", R"({"room":"game:7","event":"move","payload":{"to":3}})");
  ann().call("room.leave", R"({"room":"game:7"})");
  settle();
  CHECK(heard == strings{"open game:7 ann -", R"(game:7 move {"to":3})", "closed game:7 ann"});
}

TEST_CASE_METHOD(channel_fixture, "channel: a payload that is no object is the event's one argument",
                 "[actors][channel]") {
  ann().join("game:7");
  ann().call("room.publish", R"({"room":"game:7","event":"move","payload":[1,2]})");
  ann().call("room.publish", R"({"room":"game:7","event":"move","payload":"e4"})");
  CHECK(heard == strings{"open game:7 ann -", "game:7 move [[1,2]]", R"(game:7 move ["e4"])"});
}

TEST_CASE_METHOD(channel_fixture, "channel: who is refused has not opened it", "[actors][channel]") {
  open = [](channel_opening who) {
    auto why = codecs::make_error(error_code::forbidden, "not today");
    why.data = json_document(R"({"code":401})");
    who.refuse(std::move(why));
  };
  CHECK(ann().refused("room.join", R"({"room":"game:7"})").message == "not today");
  CHECK(ann().refused("room.publish", R"({"room":"game:7","event":"move","payload":1})").code == error_code::not_found);
  CHECK(ann().refused("room.leave", R"({"room":"game:7"})").code == error_code::not_found);
}

TEST_CASE_METHOD(channel_fixture, "channel: an answer may be a document, a list of arguments, or none",
                 "[actors][channel]") {
  ann().join("game:7");
  const auto say = [&] { return dump(ann().call("room.publish", R"({"room":"game:7","event":"e","payload":{}})")); };
  event = [](service_request request) { request.reply(json_document("7")); };
  CHECK(say() == "7");
  event = [](service_request request) { request.reply_arguments(json_document("[1,2]")); };
  CHECK(say() == "[1,2]");
  event = [](service_request request) { request.leave_unanswered(); };
  CHECK(say() == "null");
}

TEST_CASE_METHOD(channel_fixture, "channel: the end of a session closes what it had open", "[actors][channel]") {
  ann();
  auto& bob = connect();
  bob.open("bob");
  bob.join("game:1");
  bob.join("game:2");
  bob.call("session.close");
  settle();
  CHECK(heard == strings{"open game:1 bob -", "open game:2 bob -", "closed game:1 bob", "closed game:2 bob"});
}

TEST_CASE_METHOD(channel_fixture,
                 "channel: what a session has open stays open when it comes back on another connection",
                 "[actors][channel]") {
  ann();
  auto& bob = connect();
  const auto was = bob.open("bob");
  bob.join("game:1");
  bob.wire().break_off();
  settle();
  auto& back = connect();
  back.resume(was);
  back.call("room.publish", R"({"room":"game:1","event":"move","payload":{}})");
  CHECK(heard == strings{"open game:1 bob -", "game:1 move {}"});
  back.call("session.close");
  settle();
  CHECK(heard.back() == "closed game:1 bob");
}

TEST_CASE_METHOD(channel_fixture, "channel: events of no channel are methods, and methods go on", "[actors][channel]") {
  CHECK(dump(ann().call("bot.do", "[1]")) == "[1]");
  CHECK(ann().refused("game:7").code == error_code::method_not_found);
  CHECK(heard.empty());
}

TEST_CASE("extensions: two services cannot serve one channel", "[actors][channel]") {
  service_script one;
  extensions mine;
  auto spec = spec_of(one);
  spec.channels.push_back({.pattern = "/chat"});
  mine.add(spec);
  spec.name = "other";
  spec.methods.clear();
  CHECK_THROWS_AS(mine.add(spec), std::invalid_argument);
}

TEST_CASE("channel patterns: the name itself fits best, then the longest beginning", "[actors][channel]") {
  const strings all{"*x", "game:*", "game:chess:*", "game:7"};
  const auto best = [&](std::string_view name) {
    const auto* found = best_match(all, name, [](const auto& each) { return std::string_view{each}; });
    return found ? *found : "-";
  };
  CHECK(best("game:7") == "game:7");
  CHECK(best("game:8") == "game:*");
  CHECK(best("game:chess:1") == "game:chess:*");
  CHECK(best("x") == "-");
}

TEST_CASE_METHOD(channel_fixture, "channel: an answer does not overtake what its service has said to the caller before",
                 "[actors][channel]") {
  ann();
  auto& bob = connect({.shard = 0});
  const auto who = session_of(bob, "bob");
  bot.call = [who](service_control& control, service_request request) {
    control.push(who, "said", json_document("[1]"));
    request.reply();
  };
  bob.send("bot.do");
  bob.send("bot.do");
  settle();
  const auto story = bob.story();
  CHECK(strings{story.end() - 4, story.end()} == strings{"said", "bot.do ok", "said", "bot.do ok"});
}

// --- members that a behaviour moves

TEST_CASE_METHOD(channel_fixture, "behaviour: makes a session a member of a room, and no member any more",
                 "[actors][channel]") {
  ann();
  auto& bob = connect();
  const auto who = session_of(bob, "bob");
  strings done;
  const auto note = [&](const codecs::outcome& what) { done.push_back(said(what)); };
  inside([&](service_control& control) { control.join(who, {"lobby"}, note); });
  ann().publish("lobby", "1");
  CHECK(bob.seqs("lobby") == numbers{1});
  inside([&](service_control& control) { control.leave(who, {"lobby"}, note); });
  ann().publish("lobby", "2");
  CHECK(bob.seqs("lobby") == numbers{});
  CHECK(done == strings{"ok", "ok"});
}

TEST_CASE_METHOD(channel_fixture, "behaviour: hears why a session could not be moved", "[actors][channel]") {
  ann();
  auto& bob = connect();
  const auto who = session_of(bob, "bob");
  strings done;
  const auto note = [&](const codecs::outcome& what) { done.push_back(said(what)); };
  inside([&](service_control& control) {
    control.join({"nobody"}, {"lobby"}, note);
    control.join(who, {""}, note);
    control.leave(who, {"lobby"}, note);
  });
  std::ranges::sort(done);
  CHECK(done == strings{"-32004", "-32008", "-32602"});
}

TEST_CASE_METHOD(channel_fixture, "behaviour: sends a client away with a sentence", "[actors][channel]") {
  ann();
  auto& bob = connect();
  const auto who = session_of(bob, "bob");
  inside([&](service_control& control) { control.disconnect(who, "go home", farewell::connection); });
  CHECK(bob.story().back() == "close 1008 go home");
}

TEST_CASE_METHOD(channel_fixture, "behaviour: breaks a connection without a word, and the session waits for its client",
                 "[actors][channel]") {
  ann();
  auto& bob = connect();
  const auto was = bob.open("bob");
  const session_id who{text(was, "session")};
  inside([&](service_control& control) { control.disconnect(who, {}, farewell::none); });
  REQUIRE(bob.wire().how());
  CHECK_FALSE(bob.wire().how()->clean);
  CHECK(dump(connect().resume(was), "resumed") == "true");
}

// --- arguments

TEST_CASE("arguments: a list is its items, anything else one, nothing none", "[actors][channel]") {
  const auto texts = [](const std::vector<codecs::payload_ptr>& all) {
    strings made;
    for (const auto& each : all) made.emplace_back(each ? each->as(codecs::format::json) : "null");
    return made;
  };
  CHECK(texts(codecs::arguments_of(json_document(R"([1,{"a":[2]},"x"])"))) == strings{"1", R"({"a":[2]})", "\"x\""});
  CHECK(texts(codecs::arguments_of(json_document(R"({"a":1})"))) == strings{R"({"a":1})"});
  CHECK(texts(codecs::arguments_of(codecs::payload_ptr{})).empty());
  CHECK(texts(codecs::arguments_of(document{json_document("[1,2]")})) == strings{"[1,2]"});
  CHECK(texts(codecs::arguments_of(document{json_document("[1,2]"), codecs::payload_shape::arguments})) ==
        strings{"1", "2"});
  CHECK(codecs::list_of({json_document("1"), nullptr})->as(codecs::format::json) == "[1,null]");
  CHECK(codecs::as_params(json_document(" {}"))->original() == " {}");
  CHECK(codecs::as_params(json_document("[{}]"))->original() == "[[{}]]");
  CHECK(codecs::text_of(codecs::text_document("a\"b")) == "a\"b");
  CHECK_FALSE(codecs::text_of(json_document("1")));
}

}  // namespace greenroom::tests
