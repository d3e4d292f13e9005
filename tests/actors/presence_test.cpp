// Who is online, what users show, and who is told when it changes.
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

struct presence_fixture : node_fixture {
  client& enter(const std::string& user, const client::settings& how = {}) {
    auto& one = connect(how);
    opened[user] = one.open(user);
    return one;
  }
  static std::string of(const json& state) {
    return (dump(state, "online") == "true" ? "on" : "off") +
           (state.as_object().contains("status") ? ' ' + text(state, "status") : std::string{});
  }
  /// "ann on busy, bob off" of an answer of presence.get or presence.watch.
  static std::string states(const json& answer) {
    std::string all;
    for (const auto& [user, state] : answer.at("users").as_object())
      all += (all.empty() ? "" : ", ") + std::string{user} + ' ' + of(state);
    return all;
  }
  static std::string users(const strings& names) {
    boost::json::array list;
    for (const auto& each : names) list.emplace_back(each);
    return dump(json{{"users", list}});
  }
  std::string get(const strings& names) { return states(visitor().call("presence.get", users(names))); }
  client& visitor() {
    if (!visitor_) visitor_ = &connect();
    return *visitor_;
  }
  /// What a client was told of users since the last look, a line each.
  strings changes(client& to) {
    strings all;
    for (const auto& each : to.take())
      if (each.method == "presence.changed") all.push_back(text(each.body, "user") + ' ' + of(each.body));
    return all;
  }
  void pass() { advance(100ms); }

  std::map<std::string, json> opened;

 private:
  client* visitor_ = nullptr;
};

TEST_CASE_METHOD(presence_fixture, "presence: a user is online from its first session to the end of its last",
                 "[actors][presence]") {
  shards = GENERATE(1u, 2u);
  CHECK(get({"ann", "bob"}) == "ann off, bob off");
  auto& first = enter("ann");
  auto& second = enter("ann", {.shard = shards - 1});
  CHECK(get({"ann", "bob"}) == "ann on, bob off");
  first.call("session.close");
  CHECK(get({"ann"}) == "ann on");
  second.wire().break_off();
  settle();
  advance(119s);
  CHECK(get({"ann"}) == "ann on");  // its window
  advance(2s);
  CHECK(get({"ann"}) == "ann off");
  const auto seen = number(visitor().call("presence.get", users({"ann"})).at("users").at("ann"), "last_seen");
  CHECK(seen == static_cast<std::uint64_t>(ctx().now_ms()) - 1'000);
  CHECK(ctx().meters.users_online == 1);  // the visitor
}

TEST_CASE_METHOD(presence_fixture, "presence: what is set is shown, the newest of any session, and goes with it",
                 "[actors][presence]") {
  shards = GENERATE(1u, 2u);
  auto& first = enter("ann");
  auto& second = enter("ann", {.codec = codecs::codec_id::native_msgpack, .shard = shards - 1});
  first.call("presence.set", R"({"status":"busy","location":"lobby","meta":{"n":1}})");
  second.call("presence.set", R"({"status":"away"})");
  CHECK(get({"ann"}) == "ann on away");
  second.call("session.close");
  auto state = visitor().call("presence.get", users({"ann"})).at("users").at("ann");
  CHECK(text(state, "status") == "busy");
  CHECK(text(state, "location") == "lobby");
  CHECK(dump(state, "meta") == R"({"n":1})");
  first.call("session.close");
  CHECK(get({"ann"}) == "ann off");
  enter("ann");
  CHECK(get({"ann"}) == "ann on");
}

TEST_CASE_METHOD(presence_fixture, "presence: a watcher has the state in its answer, and then what changes, in batches",
                 "[actors][presence]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  enter("bob");
  CHECK(states(ann.call("presence.watch", users({"bob", "carl"}))) == "bob on, carl off");
  ann.take();
  auto& carl = enter("carl", {.shard = shards - 1});
  CHECK(changes(ann).empty());  // not before the batch is complete
  pass();
  CHECK(changes(ann) == strings{"carl on"});
  carl.call("presence.set", R"({"status":"a"})");
  carl.call("presence.set", R"({"status":"b"})");
  pass();
  CHECK(changes(ann) == strings{"carl on b"});
  enter("dora");
  carl.call("session.close");
  enter("carl").call("presence.set", R"({"status":"b"})");
  pass();
  CHECK(changes(ann).empty());  // away and back within a batch is nothing
  CHECK(states(ann.call("presence.unwatch", users({"carl"}))) == "carl on b");
  ann.take();
  enter("carl").call("presence.set", R"({"status":"c"})");
  pass();
  CHECK(changes(ann).empty());
  CHECK(ctx().meters.watches == 1);
  ann.call("session.close");
  CHECK(ctx().meters.watches == 0);
}

TEST_CASE_METHOD(presence_fixture, "presence: a watcher that was away is told what is another than it knows",
                 "[actors][presence]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  auto& carl = enter("carl");
  ann.call("presence.watch", users({"bob", "carl", "dora"}));
  ann.wire().ping();
  settle();
  ann.wire().break_off();
  settle();
  CHECK(ctx().meters.watches == 0);  // it rests
  bob.call("presence.set", R"({"status":"busy"})");
  carl.call("presence.set", R"({"status":"x"})");
  pass();
  carl.call("presence.set", R"({"status":"y"})");
  auto& back = connect({.shard = shards - 1});
  back.resume(opened["ann"]);
  CHECK(changes(back) == strings{"bob on busy", "carl on y"});
  CHECK(ctx().meters.watches == 3);
  bob.call("session.close");
  pass();
  CHECK(changes(back) == strings{"bob off"});
}

TEST_CASE_METHOD(presence_fixture, "presence: what was lost with a connection is told again", "[actors][presence]") {
  auto& ann = enter("ann");
  ann.call("presence.watch", users({"bob"}));
  ann.wire().ping();
  settle();
  auto& bob = enter("bob");
  ann.wire().stop_reading();
  pass();  // it is on its way, and never arrives
  ann.wire().break_off();
  settle();
  auto& back = connect();
  const auto again = back.resume(opened["ann"]);
  CHECK(changes(back) == strings{"bob on"});
  back.wire().ping();
  settle();
  back.wire().break_off();
  settle();
  bob.call("presence.set", R"({"status":"z"})");
  bob.call("session.close");
  enter("bob");
  auto& third = connect();
  third.resume(again);
  CHECK(changes(third).empty());  // that has arrived, and is so again
}

TEST_CASE_METHOD(presence_fixture, "presence: a session that moves to another shard never leaves",
                 "[actors][presence]") {
  shards = 2;
  auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& watcher = enter("watcher");
  enter("ann", {.shard = 0}).call("presence.set", R"({"status":"busy"})");
  watcher.call("presence.watch", users({"ann"}));
  watcher.take();
  for (std::size_t i = 0; i < 4; ++i) {
    auto& next = connect({.shard = (i + 1) % 2});
    next.send("session.open",
              dump(json{{"resume",
                         {{"session", opened["ann"].at("session")}, {"token", opened["ann"].at("resume_token")}}}}));
    for (auto some = random() % 8; some-- > 0 && !jobs.jobs.empty();) jobs.run_once();
    visitor().send("presence.get", users({"ann"}));
    settle_randomly(random);
    opened["ann"] = next.take().front().body;
    for (const auto& each : visitor().take())
      if (each.method == "presence.get") CHECK(states(each.body) == "ann on busy");
    advance(150ms);
  }
  CHECK(changes(watcher).empty());
}

TEST_CASE_METHOD(presence_fixture, "presence: bounds of watching are refused, and counted", "[actors][presence]") {
  config.presence.watches_max = 2;
  config.presence.watchers_max = 1;
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  ann.call("presence.watch", users({"x", "y"}));
  CHECK(ann.refused("presence.watch", users({"z"})).code == error_code::too_large);
  ann.call("presence.watch", users({"x"}));  // it does so already
  CHECK(bob.refused("presence.watch", users({"x", "z"})).code == error_code::unavailable);
  CHECK(ctx().meters.watches == 2);  // not z either
  CHECK(figure("greenroom_watches_refused_total") == 2);
  ann.call("presence.unwatch", users({"x"}));
  bob.call("presence.watch", users({"x"}));
  CHECK(ctx().meters.watches == 2);
}

TEST_CASE_METHOD(presence_fixture, "presence: users are listed in the order of their names, over all shards",
                 "[actors][presence]") {
  shards = GENERATE(1u, 3u);
  for (const auto* each : {"d", "b", "e", "a", "c"}) enter(each);
  auto& a = *&enter("a");
  auto page = a.call("presence.online", R"({"limit":2})");
  CHECK(dump(page) == R"({"total":5,"users":["a","b"],"next":"b"})");
  page = a.call("presence.online", R"({"after":"b","limit":3})");
  CHECK(dump(page) == R"({"total":5,"users":["c","d","e"]})");
  page = a.call("presence.online", R"({"after":"e"})");
  CHECK(dump(page) == R"({"total":5,"users":[]})");
}

TEST_CASE_METHOD(presence_fixture, "presence: a slow watcher gets the newest state of each user",
                 "[actors][presence][slow]") {
  auto& ann = enter(
      "ann", {.outbox = {.bytes_max = 4'096, .frames_max = 20, .reply_bytes_max = 65'536, .reply_frames_max = 100}});
  auto& bob = enter("bob");
  ann.call("presence.watch", users({"bob"}));
  ann.take();
  ann.wire().stop_reading();
  for (int i = 0; i < 200; ++i) {
    bob.call("presence.set", R"({"status":"s)" + std::to_string(i) + "\"}");
    pass();
  }
  CHECK_FALSE(ann.wire().over());
  ann.wire().read_again();
  advance(1s);
  auto told = changes(ann);
  CHECK(told.size() < 30);
  CHECK(told.back() == "bob on s199");
}

TEST_CASE_METHOD(presence_fixture, "presence: a crash of its actor is not seen, and loses nothing",
                 "[actors][presence][crash]") {
  shards = GENERATE(1u, 2u);
  auto seed = GENERATE(Catch::Generators::range(1u, 20u));
  INFO("seed " << seed << ", shards " << shards);
  std::mt19937 random{seed};
  auto& ann = enter("ann");
  auto& bob = enter("bob", {.shard = shards - 1});
  auto& gone = enter("gone");
  gone.call("session.close");
  const auto when = ctx().now_ms();
  advance(10s);
  bob.call("presence.set", R"({"status":"busy"})");
  ann.call("presence.watch", users({"bob", "carl"}));
  ann.take();
  enter("carl");
  for (auto& each : ctx().shards) crash(each.presence);
  auto asked = visitor().send("presence.get", users({"ann", "bob", "carl", "gone"}));
  settle_randomly(random);
  auto heard = visitor().take();
  auto answer = std::find_if(heard.begin(), heard.end(), [&](const auto& each) { return each.id == asked; });
  REQUIRE(answer != heard.end());
  CHECK(states(answer->body) == "ann on, bob on busy, carl on, gone off");
  CHECK(number(answer->body.at("users").at("gone"), "last_seen") == static_cast<std::uint64_t>(when));
  pass();
  CHECK(changes(ann) == strings{"carl on"});
  bob.call("session.close");
  pass();
  CHECK(changes(ann) == strings{"bob off"});
  CHECK(ctx().meters.users_online == 3);  // ann, carl and the visitor
}

TEST_CASE_METHOD(presence_fixture, "presence: a session that ends while its actor is down is gone",
                 "[actors][presence][crash]") {
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  ann.call("presence.watch", users({"bob"}));
  ann.take();
  for (auto& each : ctx().shards) crash(each.presence);
  bob.send("session.close");
  caf::anon_send_exit(bob.peer().session(), caf::exit_reason::kill);
  advance(2s);
  CHECK(changes(ann) == strings{"bob off"});
  auto state = visitor().call("presence.get", users({"bob"})).at("users").at("bob");
  CHECK(dump(state, "last_seen") != "-");
}

TEST_CASE_METHOD(presence_fixture, "presence: of a session that is killed, or lost with the directory, nothing stays",
                 "[actors][presence][crash]") {
  shards = GENERATE(1u, 2u);
  auto& ann = enter("ann");
  auto& bob = enter("bob", {.shard = shards - 1});
  enter("carl").wire().break_off();
  settle();
  ann.call("presence.watch", users({"bob"}));
  SECTION("killed") {
    caf::anon_send_exit(bob.peer().session(), caf::exit_reason::kill);
    pass();
    CHECK(changes(ann) == strings{"bob off"});
    CHECK(get({"bob", "carl"}) == "bob off, carl on");
  }
  SECTION("the directory") {
    crash(ctx().sessions);
    settle();
    CHECK(get({"ann", "bob", "carl"}) == "ann off, bob off, carl off");
    auto& back = connect();
    back.resume(opened["ann"]);
    enter("bob");
    pass();
    CHECK(changes(back) == strings{"bob off", "bob on"});  // it watches still, as the store knows
  }
}

TEST_CASE_METHOD(presence_fixture, "presence: a session that crashes keeps what it shows and whom it watches",
                 "[actors][presence][crash]") {
  auto& ann = enter("ann");
  auto& bob = enter("bob");
  ann.call("presence.set", R"({"status":"busy"})");
  ann.call("presence.watch", users({"bob"}));
  ann.take();
  bob.call("presence.set", R"({"status":"x"})");
  fail(ann.peer().session());
  settle();
  pass();
  CHECK(changes(ann) == strings{"bob on x"});
  CHECK(get({"ann"}) == "ann on busy");
  bob.call("session.close");
  pass();
  CHECK(changes(ann) == strings{"bob off"});
}

TEST_CASE_METHOD(presence_fixture, "presence: who is gone is remembered as long as there is space",
                 "[actors][presence]") {
  config.presence.offline_max = 2;
  for (const auto* each : {"a", "b", "c"}) enter(each).call("session.close");
  CHECK(dump(visitor().call("presence.get", users({"a"})).at("users").at("a"), "last_seen") == "-");
  CHECK(dump(visitor().call("presence.get", users({"b"})).at("users").at("b"), "last_seen") != "-");
  CHECK(figure("greenroom_last_seen_forgotten_total") == 1);
}

}  // namespace greenroom::tests
