// A session outlives its connection: who comes back in time misses nothing.
#include "tests/support/scripted_service.hpp"

#include <algorithm>

namespace greenroom::tests {

struct resume_fixture : node_fixture {
  /// A client with a session in "lobby", whose connection then breaks; and one that goes on publishing.
  void leave_ann_behind() {
    auto& ann = connect();
    was = ann.open("ann");
    epoch = text(ann.join("lobby"), "epoch");
    bob().publish("lobby", "seen");
    ann.wire().break_off();
    settle();
  }
  std::string positions(std::uint64_t seq) {
    return R"({"lobby":{"epoch":")" + epoch + R"(","seq":)" + std::to_string(seq) + "}}";
  }

  client& bob() { return bob_ ? *bob_ : *(bob_ = &connect()); }

  json was;  ///< what ann was told when she came first
  std::string epoch;

 private:
  client* bob_ = nullptr;
};

TEST_CASE_METHOD(resume_fixture, "resume: positions given, every message follows the answer, then the live ones",
                 "[actors][resume]") {
  leave_ann_behind();
  bob().publish("lobby", "missed");
  bob().publish("lobby", "missed, too");
  auto& back = connect();
  auto now = back.resume(was, positions(1));
  CHECK(dump(now, "resumed") == "true");
  CHECK(text(now, "session") == text(was, "session"));
  CHECK(text(now, "user") == "ann");
  CHECK(text(now, "resume_token") != text(was, "resume_token"));
  CHECK(dump(now, "rooms") == R"([{"room":"lobby","epoch":")" + epoch + R"(","seq":3,"recovered":true}])");
  bob().publish("lobby", "live");
  CHECK(back.story() ==
        strings{"session.open ok", R"(lobby 2 "missed")", R"(lobby 3 "missed, too")", R"(lobby 4 "live")"});
}

TEST_CASE_METHOD(resume_fixture, "resume: a bare seq counts in the epoch of the join", "[actors][resume]") {
  leave_ann_behind();
  bob().publish("lobby", "missed");
  auto& back = connect();
  back.resume(was, R"({"lobby":1})");
  CHECK(back.seqs("lobby") == numbers{2});
}

TEST_CASE_METHOD(resume_fixture, "resume: without positions it starts at what a pong has proven: repeats, no loss",
                 "[actors][resume]") {
  auto& ann = connect();
  ann.wire().answer_pings(false);
  was = ann.open("ann");
  epoch = text(ann.join("lobby"), "epoch");
  for (int i = 0; i < 3; ++i) bob().publish("lobby", "x");
  SECTION("nothing was proven: all since the join") {
    ann.wire().break_off();
    auto& back = connect();
    back.resume(was);
    CHECK(back.seqs("lobby") == numbers{1, 2, 3});
  }
  SECTION("a pong has answered the ping that followed the first three") {
    ann.wire().pong(ann.wire().ping_now());
    ann.wire().pong(ann.wire().ping_now());
    bob().publish("lobby", "not proven");
    ann.wire().break_off();
    auto& back = connect();
    back.resume(was);
    auto seqs = back.seqs("lobby");
    REQUIRE_FALSE(seqs.empty());
    CHECK(seqs.back() == 4);
    CHECK(seqs == range(seqs.front(), 4));
    CHECK(seqs.front() <= 4);
  }
}

TEST_CASE_METHOD(resume_fixture, "resume: a room that cannot be caught up says why, and goes on live",
                 "[actors][resume]") {
  policy().history_count = 3;
  leave_ann_behind();
  for (int i = 0; i < 9; ++i) bob().publish("lobby", "x");
  auto& back = connect();
  auto reason = [&](const std::string& given) { return text(back.resume(was, given).at("rooms").at(0), "reason"); };
  SECTION("expired") { CHECK(reason(positions(1)) == "expired"); }
  SECTION("another epoch") { CHECK(reason(R"({"lobby":{"epoch":"other","seq":9}})") == "epoch_changed"); }
  SECTION("a position that was never given") { CHECK(reason(positions(11)) == "epoch_changed"); }
  back.story();
  bob().publish("lobby", "live");
  CHECK(back.seqs("lobby") == numbers{11});
}

TEST_CASE_METHOD(resume_fixture, "resume: has no limit of size", "[actors][resume]") {
  policy().history_count = 5'000;
  leave_ann_behind();
  for (int i = 0; i < 3'000; ++i)
    bob().notify("room.publish", R"({"room":"lobby","event":"say","payload":"0123456789012345678901234567890123456"})");
  settle();
  auto& back = connect();
  CHECK(dump(back.resume(was, positions(1)).at("rooms").at(0), "recovered") == "true");
  CHECK(back.seqs("lobby") == range(2, 3'001));
}

TEST_CASE_METHOD(resume_fixture, "resume: rooms that the stored session lacks are joined at their position",
                 "[actors][resume]") {
  leave_ann_behind();
  auto epoch_of_hall = text(bob().publish("hall", "one"), "epoch");
  bob().publish("hall", "two");
  auto& back = connect();
  auto now = back.resume(was, R"({"hall":{"epoch":")" + epoch_of_hall + R"(","seq":1}})");
  CHECK(now.at("rooms").as_array().size() == 2);
  CHECK(back.seqs("hall") == numbers{2});
  CHECK(number(bob().call("room.members", R"({"room":"hall"})"), "total") == 1);
}

TEST_CASE_METHOD(resume_fixture, "resume: a member that is away is still a member, with its old and new connection",
                 "[actors][resume]") {
  leave_ann_behind();
  CHECK(number(bob().call("room.members", R"({"room":"lobby"})"), "total") == 1);
  auto& back = connect();
  back.resume(was, positions(1));
  CHECK(number(bob().call("room.members", R"({"room":"lobby"})"), "total") == 1);
  back.call("room.leave", R"({"room":"lobby"})");
  CHECK(number(bob().call("room.members", R"({"room":"lobby"})"), "total") == 0);
}

TEST_CASE_METHOD(resume_fixture, "resume: a living connection is replaced with 4009", "[actors][resume]") {
  auto& ann = connect();
  was = ann.open("ann");
  ann.join("lobby");
  bob().publish("lobby", "one");
  ann.story();
  auto& back = connect();
  auto now = back.resume(was, R"({"lobby":0})");
  CHECK(dump(now, "resumed") == "true");
  CHECK(ann.story() == strings{"close 4009 session_replaced"});
  CHECK(back.seqs("lobby") == numbers{1});
  bob().publish("lobby", "two");
  CHECK(back.seqs("lobby") == numbers{2});
  CHECK(ctx().meters.sessions == 2);
}

TEST_CASE_METHOD(resume_fixture, "resume: the session moves to the shard of its new connection", "[actors][resume]") {
  shards = 2;
  auto& ann = connect({.shard = 0});
  was = ann.open("ann");
  ann.join("lobby");
  ann.join("hall");
  bob().publish("lobby", "one");
  ann.wire().break_off();
  settle();
  bob().publish("lobby", "two");
  bob().publish("hall", "three");
  auto& back = connect({.codec = codecs::codec_id::native_msgpack, .shard = 1});
  back.resume(was, R"({"lobby":1,"hall":0})");
  bob().publish("hall", "four");
  auto story = back.story();
  std::sort(story.begin() + 1, story.end());
  CHECK(story == strings{"session.open ok", R"(hall 1 "three")", R"(hall 2 "four")", R"(lobby 2 "two")"});
}

TEST_CASE_METHOD(resume_fixture, "resume: a wrong token or session gives a fresh session and the reason",
                 "[actors][resume]") {
  leave_ann_behind();
  auto wrong = was;
  SECTION("bad token") {
    wrong.as_object()["resume_token"] = "guessed";
    auto fresh = connect().resume(wrong);
    CHECK(text(fresh, "reason") == "bad_token");
    CHECK(text(fresh, "session") != text(was, "session"));
    CHECK(dump(fresh, "resumed") == "false");
    auto& back = connect();
    CHECK(dump(back.resume(was), "resumed") == "true");  // the guess has cost the owner nothing
  }
  SECTION("unknown session") {
    wrong.as_object()["session"] = "unheard-of";
    CHECK(text(connect().resume(wrong), "reason") == "unknown_session");
  }
}

TEST_CASE_METHOD(resume_fixture, "resume: a token works once; the old one until the new one has provably arrived",
                 "[actors][resume]") {
  leave_ann_behind();
  auto& first = connect();
  first.wire().answer_pings(false);
  auto now = first.resume(was);
  auto later = [&](const json& with) { return dump(connect().resume(with), "resumed"); };
  SECTION("no pong yet: a repeat attaches again") { CHECK(later(was) == "true"); }
  SECTION("nor after the second answer was lost, and the third") {
    for (int lost = 0; lost < 2; ++lost) {
      auto& again = connect();
      again.wire().answer_pings(false);
      CHECK(dump(again.resume(was), "resumed") == "true");
    }
    CHECK(later(was) == "true");
    CHECK(later(now) == "false");
  }
  SECTION("the pong kills it") {
    first.wire().pong(first.wire().last_ping());
    settle();
    CHECK(later(was) == "false");
    CHECK(later(now) == "true");
  }
  SECTION("the client's next frame does not") {
    first.call("room.history", R"({"room":"lobby"})");
    CHECK(later(was) == "true");
  }
  SECTION("nor does the pong of a ping that overtook; it brings another, whose pong does") {
    const auto of_the_answer = first.wire().last_ping();
    first.wire().ping();
    first.wire().pong(first.wire().last_ping());
    settle();
    SECTION("without it") { CHECK(later(was) == "true"); }
    SECTION("with it") {
      CHECK(first.wire().last_ping() == of_the_answer + 2);
      first.wire().pong(first.wire().last_ping());
      settle();
      CHECK(later(was) == "false");
      CHECK(later(now) == "true");
    }
  }
  SECTION("the new one works at once") { CHECK(later(now) == "true"); }
}

TEST_CASE_METHOD(resume_fixture, "resume: repeated before it was answered, it starts where the stored session stood",
                 "[actors][resume]") {
  leave_ann_behind();
  bob().publish("lobby", "missed");
  auto seed = GENERATE(Catch::Generators::range(1u, 60u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto params = dump(json{
      {"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}, {"positions", {{"lobby", 1}}}}}});
  auto& once = connect();
  auto& twice = connect();
  once.send("session.open", params);
  twice.send("session.open", params);
  settle_randomly(random);
  std::size_t attached = 0;
  for (auto* each : {&once, &twice}) {
    auto story = each->take();
    if (each->wire().over() || dump(story.at(0).body, "resumed") == "false") continue;  // too late: the token is proven
    ++attached;
    REQUIRE(story.size() == 2);
    CHECK(dump(story[1].body, "payload") == R"("missed")");
  }
  CHECK(attached == 1);
}

TEST_CASE_METHOD(node_fixture, "resume: an answer that arrived in part is not proven, though the client answers pings",
                 "[actors][resume]") {
  const auto bytes = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{40});
  INFO("bytes " << bytes);
  auto& ann = connect();
  const auto was = ann.open("ann");
  ann.wire().break_off();
  settle();
  auto& back = connect();
  back.wire().stop_reading();
  back.send("session.open",
            dump(json{{"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}}}}));
  settle();
  back.wire().read_again();
  back.wire().flush(bytes);
  back.wire().break_off();
  settle();
  CHECK(back.take().empty());
  CHECK(dump(connect().resume(was), "resumed") == "true");
}

TEST_CASE_METHOD(service_fixture,
                 "resume: in a batch its answer waits for the others, and the old token lives until then",
                 "[actors][resume]") {
  ann();
  auto& carl = connect();
  const auto was = carl.open("carl");
  carl.wire().break_off();
  settle();
  hold();
  auto& back = connect();
  back.say(R"([{"jsonrpc":"2.0","id":1,"method":"session.open","params":)" +
           dump(json{{"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}}}}) +
           R"(},{"jsonrpc":"2.0","id":2,"method":"bot.do"}])");
  settle();
  back.wire().ping();
  settle();
  SECTION("the batch is held back") {
    CHECK(back.story().empty());
    CHECK(dump(connect().resume(was), "resumed") == "true");
  }
  SECTION("it has arrived") {
    REQUIRE(bot.held.size() == 1);
    bot.held[0].reply();
    settle();
    CHECK(back.story() == strings{"[", "? ok", "? ok", "]"});
    back.wire().ping();
    settle();
    CHECK(dump(connect().resume(was), "resumed") == "false");
  }
}

TEST_CASE_METHOD(node_fixture, "resume: a token that was answered is stored, also when the session directory crashes",
                 "[actors][resume]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 101u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect();
  auto newest = ann.open("ann");
  ann.wire().break_off();
  settle();
  auto& back = connect();
  back.send("session.open",
            dump(json{{"resume", {{"session", newest.at("session")}, {"token", newest.at("resume_token")}}}}));
  for (auto some = random() % 12; some-- > 0 && !jobs.jobs.empty();) jobs.run_once();
  crash(ctx().sessions);
  settle_randomly(random);
  for (const auto& each : back.take())
    if (each.answer() && !each.failure) newest = each.body;
  CHECK(dump(connect().resume(newest), "resumed") == "true");
}

TEST_CASE_METHOD(node_fixture, "resume: a call that came before its answer was written does not prove that it arrived",
                 "[actors][resume]") {
  const auto steps = GENERATE(Catch::Generators::range(0, 16));  // of the resume, when the call comes
  INFO("steps " << steps);
  auto& ann = connect();
  const auto was = ann.open("ann");
  ann.wire().break_off();
  settle();
  auto& hasty = connect();
  hasty.wire().stop_reading();
  hasty.send("session.open",
             dump(json{{"resume", {{"session", was.at("session")}, {"token", was.at("resume_token")}}}}));
  for (int i = 0; i < steps && !jobs.jobs.empty(); ++i) jobs.run_once();
  if (jobs.jobs.empty()) return;  // the answer is written
  hasty.send("room.members", R"({"room":"lobby"})");
  settle();
  hasty.wire().break_off();
  settle();
  CHECK(dump(connect().resume(was), "resumed") == "true");
}

}  // namespace greenroom::tests
