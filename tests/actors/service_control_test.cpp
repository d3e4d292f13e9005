// What a service does by itself: rooms, inboxes, sessions, timers, other services, all instances at once.
#include "actors/limits.hpp"
#include "tests/support/scripted_service.hpp"

namespace greenroom::tests {

using codecs::error_code;

/// What a service was told, as a line.
std::string line_of(const codecs::outcome& what) {
  if (const auto* why = std::get_if<codecs::error>(&what)) return std::to_string(static_cast<int>(why->code));
  const auto* document = std::get_if<codecs::results::document>(&std::get<codecs::result>(what));
  return document && document->body ? std::string{document->body->as(codecs::format::json)} : "{}";
}

struct control_fixture : service_fixture {
  /// What `bot.do` does; `bot.get` answers what it is given.
  void on_do(std::function<void(service_control&, service_request)> what) {
    bot.call = [what = std::move(what)](service_control& node, service_request request) {
      if (request.method() == "bot.do") return what(node, std::move(request));
      request.reply(request.params());
    };
  }
  behaviour_control::then note() {
    return [this](const codecs::outcome& what) { told.push_back(line_of(what)); };
  }
  strings told;
};

TEST_CASE_METHOD(control_fixture, "service: publishes into a room, sends to an inbox, pushes to a session",
                 "[actors][service]") {
  on_do([](service_control& node, service_request request) {
    node.publish(room_id{"lobby"}, {.event = "price", .payload = json_document("7"), .from = "market"});
    node.send(user_id{"ann"}, "bill", json_document("1"));
    node.push(request.from().session, "market.tick", json_document(R"({"n":2})"));
    request.reply();
  });
  ann().join("lobby");
  ann().take();
  ann().send("bot.do");
  settle();
  auto story = ann().story();
  std::sort(story.begin(), story.end());
  CHECK(story == strings{"bot.do ok", "inbox 1 1", "lobby 1 7", "market.tick"});
}

TEST_CASE_METHOD(control_fixture, "service: a publication spares the session that it names", "[actors][service]") {
  on_do([](service_control& node, service_request request) {
    node.publish(room_id{"lobby"}, {.event = "say", .payload = json_document("1"), .except = request.from().session});
    request.reply();
  });
  ann().join("lobby");
  auto& bob = connect();
  bob.open("bob");
  bob.join("lobby");
  ann().take();
  ann().call("bot.do");
  CHECK(ann().seqs("lobby").empty());
  CHECK(bob.seqs("lobby") == numbers{1});
}

/// Refuses what is not from the server.
class servers_only final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;
  void on_message(publish_request message) override {
    message.from().user.value == "server" ? message.accept() : message.refuse("only the server speaks here");
  }
};

TEST_CASE_METHOD(control_fixture, "service: a room's behaviour decides of its publications, too", "[actors][service]") {
  policy().behaviour = "servers_only";
  extensions.add_room<servers_only>("servers_only");
  on_do([](service_control& node, service_request request) {
    node.publish(room_id{"lobby"}, {.event = "say", .payload = json_document("1")});
    request.reply();
  });
  ann().join("lobby");
  ann().refused("room.publish", R"({"room":"lobby","event":"say","payload":2})");
  ann().call("bot.do");
  CHECK(ann().seqs("lobby") == numbers{1});
}

TEST_CASE_METHOD(control_fixture, "service: a publication with an id has its effect once", "[actors][service]") {
  on_do([](service_control& node, service_request request) {
    node.publish(room_id{"lobby"}, {.event = "say", .payload = json_document("1"), .id = "once"});
    request.reply();
  });
  ann().join("lobby");
  ann().call("bot.do");
  ann().call("bot.do");
  CHECK(ann().seqs("lobby") == numbers{1});
}

TEST_CASE_METHOD(control_fixture, "service: asks its caller and answers when it has the answer", "[actors][service]") {
  on_do([](service_control& node, service_request request) {
    node.ask(request.from().session, "game.confirm", json_document("{}"), 2s,
             [request](const codecs::outcome& said) mutable { request.reply(json_document(line_of(said))); });
  });
  ann().send("bot.do");
  settle();
  auto asked = ann().take();
  REQUIRE(asked.back().method == "game.confirm");
  ann().answer(asked.back().request, "[true]");
  settle();
  CHECK(dump(ann().take().back().body) == "[true]");
  ann().send("bot.do");
  advance(2s);
  CHECK(dump(ann().take().back().body) == "-32009");
}

TEST_CASE_METHOD(control_fixture, "service: disconnects a session with its reason", "[actors][service]") {
  on_do([](service_control& node, service_request request) {
    node.disconnect(request.from().session, "enough");
    request.reply();
  });
  ann().send("bot.do");
  settle();
  CHECK(ann().story().back() == "close 1008 enough");
}

// --- timers

TEST_CASE_METHOD(control_fixture, "service: timers run in the order of their times; a name has one",
                 "[actors][service]") {
  bot.start = [](service_control& node) {
    node.set_timer("b", 20ms);
    node.set_timer("a", 10ms);
    node.set_timer("c", 30ms);
    node.set_timer("b", 40ms);  // moved
    node.cancel_timer("c");
    node.cancel_timer("nobody");
  };
  bot.timer = [count = 0](service_control& node, std::string_view name) mutable {
    if (name == "a" && ++count < 3) node.set_timer("a", 10ms);
  };
  ann();
  advance(1s);
  CHECK(bot.heard == strings{"start", "timer a", "timer a", "timer a", "timer b"});
}

TEST_CASE_METHOD(control_fixture, "service: a timer too many is the author's mistake", "[actors][service]") {
  on_do([](service_control& node, service_request request) {
    for (std::size_t i = 0; i < limits::behaviour_timers_max; ++i) node.set_timer(std::to_string(i), 1h);
    CHECK_NOTHROW(node.set_timer("0", 2h));
    CHECK_THROWS_AS(node.set_timer("more", 1h), std::length_error);
    request.reply();
  });
  ann().call("bot.do");
}

// --- other services

TEST_CASE_METHOD(control_fixture, "service: calls a service, itself too", "[actors][service]") {
  on_do([this](service_control& node, service_request request) {
    node.call("bot.get", json_document("[1]"), 1s, note());
    node.call("bot.none", nullptr, 1s, note());
    request.reply();
  });
  ann().call("bot.do");
  CHECK(told == strings{"-32601", "[1]"});
}

TEST_CASE_METHOD(control_fixture, "service: a call ends by the caller's time or the service's own",
                 "[actors][service]") {
  spec.time_limit = 5s;
  bot.call = [this](service_control& node, service_request request) {
    if (request.method() == "bot.get") return bot.held.push_back(request);
    node.call("bot.get", nullptr, 1s, note());
    node.call("bot.get", nullptr, 1min, note());
    request.reply();
  };
  ann().call("bot.do");
  advance(1s);
  CHECK(told == strings{"-32009"});
  CHECK(bot.held[0].cancelled());
  CHECK_FALSE(bot.held[1].cancelled());
  advance(4s);
  CHECK(told.size() == 2);
}

TEST_CASE_METHOD(control_fixture, "service: what a life has asked is cancelled with it", "[actors][service]") {
  bot.call = [this](service_control& node, service_request request) {
    if (request.method() == "bot.get") return bot.held.push_back(request);
    if (request.params()->as(codecs::format::json) == "{}") throw std::runtime_error{"now"};
    node.call("bot.get", nullptr, 1min, note());
    request.reply();
  };
  ann().call("bot.do", "[1]");
  ann().send("bot.do");
  advance(1min);
  CHECK(bot.held.front().cancelled());
  CHECK(told.empty());
}

TEST_CASE_METHOD(control_fixture, "service: over its bound of questions it is told so at once", "[actors][service]") {
  spec.queue_max = limits::behaviour_asks_max;
  bot.call = [this](service_control& node, service_request request) {
    if (request.method() == "bot.get") return bot.held.push_back(request);
    for (std::size_t i = 0; i < limits::behaviour_asks_max; ++i) node.call("bot.get", nullptr, 1s, note());
    CHECK(told.empty());
    node.call("bot.get", nullptr, 1s, note());
    CHECK(told == strings{"-32008"});
    CHECK_THROWS_AS(node.call("bot.get", nullptr, 1s,
                              [&node](const codecs::outcome&) { node.call("bot.get", nullptr, 1s, [](auto&) {}); }),
                    std::length_error);
    request.reply();
  };
  ann().call("bot.do");
  advance(1s);
  CHECK(told.size() == limits::behaviour_asks_max + 1);
}

// --- instances

struct sharded_fixture : control_fixture {
  sharded_fixture() {
    shards = 3;
    spec.instances = instances::one_a_shard;
    bot.call = [this](service_control& node, service_request request) {
      if (request.method() == "bot.do")
        return node.scatter("bot.get", json_document("[]"), 2s, [this, request](const auto& all) mutable {
          for (const auto& each : all) told.push_back(each.from + ' ' + line_of(each.what));
          std::sort(told.begin(), told.end());
          request.reply();
        });
      if (node.instance() == silent) return bot.held.push_back(request);
      request.reply(json_document(std::to_string(node.instance())));
    };
  }
  std::size_t silent = 99;
};

TEST_CASE_METHOD(sharded_fixture, "service: with one instance a shard, callers get their shard's",
                 "[actors][service]") {
  ann();
  for (std::size_t i = 0; i < shards; ++i) CHECK(dump(connect({.shard = i}).call("bot.get")) == std::to_string(i));
}

TEST_CASE_METHOD(sharded_fixture, "scatter: asks all instances and gathers their answers", "[actors][service]") {
  ann().call("bot.do");
  CHECK(told == strings{"shard 0 0", "shard 1 1", "shard 2 2"});
}

TEST_CASE_METHOD(sharded_fixture, "scatter: after its time it gives what there is", "[actors][service]") {
  silent = 1;
  ann().send("bot.do");
  settle();
  CHECK(told.empty());
  advance(2s);
  CHECK(told == strings{"shard 0 0", "shard 2 2"});
  CHECK(bot.held[0].cancelled());
}

TEST_CASE_METHOD(sharded_fixture, "scatter: an instance that fails has said so, one that is away is missing",
                 "[actors][service]") {
  silent = 1;
  bot.call = [this, answer = bot.call](service_control& node, service_request request) {
    if (request.method() == "bot.get" && node.instance() == silent) throw std::runtime_error{"no"};
    answer(node, std::move(request));
  };
  ann().call("bot.do");
  CHECK(told == strings{"shard 0 0", "shard 1 -32603", "shard 2 2"});
  for (int i = 0; i < 2; ++i) {
    advance(500ms);
    told.clear();
    ann().call("bot.do");
  }
  told.clear();
  ann().call("bot.do");
  CHECK(told == strings{"shard 0 0", "shard 2 2"});
}

TEST_CASE_METHOD(sharded_fixture, "scatter: of a method that nobody answers gathers nothing", "[actors][service]") {
  bot.call = [this](service_control& node, service_request request) {
    node.scatter("bot.none", nullptr, 2s, [this, request](const std::vector<gathered>& all) mutable {
      told.push_back(std::to_string(all.size()));
      request.reply();
    });
  };
  ann().call("bot.do");
  CHECK(told == strings{"0"});
}

}  // namespace greenroom::tests
