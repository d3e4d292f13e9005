// What comes back after the process has ended without a word: rooms, positions, ids, sessions, tokens.
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

TEST_CASE_METHOD(durable_fixture, "restart: epoch and seq of a durable room go on, and its history is there",
                 "[actors][durable][restart]") {
  auto& ann = member("ann");
  const auto first = ann.publish(x, "one");
  restart();
  CHECK(ann.wire().over());
  auto& bob = user("bob");
  const auto second = bob.publish(x, "two");
  CHECK(number(second, "seq") == 2);
  CHECK(text(second, "epoch") == text(first, "epoch"));
  CHECK(history(bob, x).at("messages").as_array().size() == 2);
  CHECK(total(bob, x) == 0);
}

TEST_CASE_METHOD(durable_fixture, "restart: an ephemeral room has another epoch, and who comes back is told",
                 "[actors][durable][restart]") {
  json session;
  auto& ann = user("ann", &session);
  const auto epoch = text(ann.join("lobby"), "epoch");
  ann.publish("lobby", "one");
  advance(2s);  // written behind
  restart();
  auto& back = connect();
  const auto now = back.resume(session);
  REQUIRE(now.at("rooms").as_array().size() == 1);
  CHECK(text(now.at("rooms").at(0), "reason") == "epoch_changed");
  CHECK(text(now.at("rooms").at(0), "epoch") != epoch);
  back.story();
  back.publish("lobby", "again");
  CHECK(back.seqs("lobby") == numbers{1});
}

TEST_CASE_METHOD(durable_fixture, "restart: repeats are recognised over it", "[actors][durable][restart]") {
  json session;
  auto& ann = user("ann", &session);
  ann.call("room.publish", saying(x, "one", "m-1"));
  ann.call("user.send", R"({"to":"bob","event":"say","payload":1,"id":"m-2"})");
  restart();
  auto& again = connect();
  again.resume(session);
  const auto ack = again.call("room.publish", saying(x, "one", "m-1"));
  CHECK(number(ack, "seq") == 1);
  CHECK(dump(ack, "duplicate") == "true");
  CHECK(again.refused("room.publish", saying(x, "two", "m-1")).code == error_code::conflict);
  CHECK(dump(again.call("user.send", R"({"to":"bob","event":"say","payload":1,"id":"m-2"})"), "duplicate") == "true");
  CHECK(disk().inbox("bob").count == 1);
}

TEST_CASE_METHOD(durable_fixture, "restart: a resume catches every room up, and the inbox replays",
                 "[actors][durable][restart]") {
  json session;
  auto& ann = user("ann");
  auto& bob = member("bob", &session);
  bob.join(y);
  for (int i = 0; i < 300; ++i) ann.send("room.publish", saying(x, "hi"));  // more than a page
  ann.publish(y, "hi");
  ann.call("user.send", R"({"to":"bob","event":"say","payload":1})");
  restart();
  user("carl").publish(x, "after");
  auto& back = connect();
  SECTION("from the positions that it gives") {
    const auto now = back.call("session.open", opening(session, {{x, 2}, {y, 1}}));
    CHECK(dump(now, "resumed") == "true");
    CHECK(now.at("rooms").as_array().size() == 2);
    for (const auto& each : now.at("rooms").as_array()) CHECK(dump(each, "recovered") == "true");
    auto story = back.take();
    numbers of_x, of_y, inbox;
    for (const auto& each : story) {
      if (each.method == "room.message")
        (text(each.body, "room") == x ? of_x : of_y).push_back(number(each.body, "seq"));
      if (each.method == "inbox.message") inbox.push_back(number(each.body, "n"));
    }
    CHECK(of_x == range(3, 301));
    CHECK(of_y.empty());
    CHECK(inbox == numbers{1});
  }
  SECTION("without positions, from what is proven: it repeats, and loses nothing") {
    back.resume(session);
    CHECK(back.seqs(x) == range(1, 301));
  }
  user("dan").publish(x, "live");
  CHECK(back.seqs(x) == numbers{302});
}

TEST_CASE_METHOD(durable_fixture,
                 "restart: sessions that were attached have a whole window, detached ones their deadline",
                 "[actors][durable][restart]") {
  const auto window = std::chrono::milliseconds{config.sessions.resume_window_ms};
  json attached, detached;
  user("ann", &attached);
  user("bob", &detached).wire().break_off();
  advance(window - 10s);
  restart();
  SECTION("within both") {
    advance(9s);
    CHECK(dump(connect().resume(attached), "resumed") == "true");
    CHECK(dump(connect().resume(detached), "resumed") == "true");
  }
  SECTION("after the deadline of the detached one") {
    advance(11s);
    const auto fresh = connect().resume(detached);
    CHECK(text(fresh, "reason") == "unknown_session");
    CHECK(text(fresh, "session") != text(detached, "session"));
    CHECK(dump(connect().resume(attached), "resumed") == "true");
  }
  SECTION("after a window") {
    advance(window);
    CHECK(text(connect().resume(attached), "reason") == "unknown_session");
  }
  SECTION("a second restart does not give the detached one more") {
    restart();
    advance(11s);
    CHECK(text(connect().resume(detached), "reason") == "unknown_session");
    CHECK(dump(connect().resume(attached), "resumed") == "true");
  }
}

TEST_CASE_METHOD(durable_fixture, "restart: a token works as before it, the old one until the new one is proven",
                 "[actors][durable][restart]") {
  json first;
  user("ann", &first).wire().break_off();
  settle();
  auto& back = connect();
  back.wire().answer_pings(false);
  const auto second = back.resume(first);
  const auto works = [&](const json& with) { return dump(connect().resume(with), "resumed") == "true"; };
  SECTION("not proven: the old one") {
    restart();
    CHECK(works(first));
  }
  SECTION("not proven: the new one") {
    restart();
    CHECK(works(second));
  }
  SECTION("proven: only the new one") {
    back.wire().pong(back.wire().last_ping());
    settle();
    restart();
    CHECK_FALSE(works(first));
    CHECK(works(second));
  }
  SECTION("used after the restart, the one that opened counts") {
    restart();
    auto& third = connect();
    third.wire().answer_pings(false);
    CHECK(dump(third.resume(first), "resumed") == "true");
    restart();
    CHECK(works(first));
    CHECK_FALSE(works(second));
  }
}

TEST_CASE_METHOD(durable_fixture,
                 "session: a pong is stored where it proves something, and an idle session writes nothing",
                 "[actors][durable]") {
  json session;
  auto& ann = user("ann", &session);
  ann.join(x);
  advance(2s);  // the room is stored
  int puts = 0;
  disk().before_commit = [&](const storage::operation& what) {
    puts += std::holds_alternative<storage::session_put>(what);
  };
  const auto ping = [&] {
    ann.wire().ping();
    settle();
  };
  const auto puts_of = [&](auto what) {
    puts = 0;
    what();
    return puts;
  };
  auto& bob = member("bob");
  CHECK(puts_of(ping) == 1);  // once more than the change of rooms: they may have written behind it
  CHECK(puts_of(ping) == 0);
  bob.publish(x, "news");
  CHECK(puts_of(ping) == 1);
  CHECK(puts_of(ping) == 0);
  SECTION("one that the disk refused is stored at the next pong") {
    bob.publish(x, "more");
    disk().doom<storage::session_put>(fate::refused);
    CHECK(puts_of(ping) == 1);
    CHECK(puts_of(ping) == 1);
    CHECK(puts_of(ping) == 0);
  }
  SECTION("a disk that was opened anew may have lost it") {
    disk().now = storage::condition::broken;
    disk().repair();
    CHECK(puts_of(ping) == 1);
    CHECK(puts_of(ping) == 0);
  }
  ann.wire().break_off();
  restart();
  CHECK(connect().resume(session).at("rooms").at(0).at("seq") == json(disk().head(x)->last));
}

TEST_CASE_METHOD(durable_fixture, "restart: a token that was answered is stored, whenever the process ends",
                 "[actors][durable][restart]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 81u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  json newest;
  member("ann", &newest).wire().break_off();
  settle();
  for (int lives = 0; lives < 4; ++lives) {
    auto& back = connect();
    back.send("session.open", opening(newest));
    for (auto steps = random() % 30; steps-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
      if (random() % 3 == 0) back.wire().flush();
    }
    for (const auto& each : back.take()) {
      if (!each.answer()) continue;
      REQUIRE_FALSE(each.failure);
      REQUIRE(dump(each.body, "resumed") == "true");
      newest = each.body;
    }
    restart();
  }
  const auto last = connect().resume(newest);
  CHECK(dump(last, "resumed") == "true");
  CHECK(last.at("rooms").as_array().size() == 1);
}

TEST_CASE_METHOD(durable_fixture, "restart: who leaves a durable room is not brought back into it",
                 "[actors][durable][restart]") {
  json session;
  auto& ann = member("ann", &session);
  ann.call("room.leave", dump(json{{"room", x}}));
  advance(2s);  // a leave is written behind
  restart();
  CHECK(dump(connect().resume(session), "rooms") == "[]");
}

TEST_CASE_METHOD(durable_fixture, "restart: a session that has said goodbye is gone", "[actors][durable][restart]") {
  json session;
  user("ann", &session).call("session.close");
  restart();
  CHECK(text(connect().resume(session), "reason") == "unknown_session");
}

// --- while the disk takes nothing

TEST_CASE_METHOD(durable_fixture, "session: while the disk takes nothing it opens without a token, and works",
                 "[actors][durable]") {
  const auto how = GENERATE(storage::condition::full, storage::condition::broken);
  disk().claims = storage::durability::durable;
  disk().now = how;
  disk().repairs_fail = 1'000;
  auto& ann = connect();
  const auto opened = ann.open("ann");
  CHECK(dump(opened, "resumed") == "false");
  CHECK((dump(opened, "resume_token") == "-" || text(opened, "resume_token").empty()));
  ann.join("lobby");
  ann.publish("lobby", "hi");
  ann.story();
  ann.wire().break_off();
  settle();
  CHECK(ctx().meters.sessions == 0);  // nobody could come back to it
}

TEST_CASE_METHOD(durable_fixture, "session: a resume while the disk takes nothing keeps its token",
                 "[actors][durable]") {
  json session;
  auto& ann = member("ann", &session);
  user("bob").publish(x, "hi");
  ann.wire().break_off();
  settle();
  disk().now = storage::condition::full;
  auto& back = connect();
  const auto now = back.resume(session);
  CHECK(dump(now, "resumed") == "true");
  CHECK(text(now, "resume_token") == text(session, "resume_token"));
  CHECK(back.seqs(x) == numbers{1});
  disk().now = storage::condition::good;
  SECTION("on the living node") {
    back.wire().break_off();
    settle();
    const auto later = connect().resume(now);
    CHECK(dump(later, "resumed") == "true");
    CHECK(text(later, "resume_token") != text(now, "resume_token"));
  }
  SECTION("over a restart") {
    restart();
    CHECK(dump(connect().resume(now), "resumed") == "true");
  }
}

TEST_CASE_METHOD(durable_fixture, "session: a resume whose outcome nobody knows keeps its token, too",
                 "[actors][durable]") {
  const auto how = GENERATE(fate::lost, fate::lost_but_stored);
  INFO("stored " << (how == fate::lost_but_stored));
  json session;
  user("ann", &session).wire().break_off();
  settle();
  disk().doom<storage::session_put>(how);
  const auto now = connect().resume(session);
  REQUIRE(dump(now, "resumed") == "true");
  restart();
  CHECK(dump(connect().resume(now), "resumed") == "true");
}

TEST_CASE_METHOD(durable_fixture,
                 "session: one that ends while the disk takes nothing does not come back before a restart",
                 "[actors][durable]") {
  json session;
  auto& ann = member("ann", &session);
  auto& bob = user("bob");
  disk().now = storage::condition::full;
  ann.send("session.close");
  settle();
  CHECK(ctx().meters.sessions == 1);
  CHECK(total(bob, x) == 0);
}

TEST_CASE_METHOD(durable_fixture,
                 "durable session: what is committed while a member's page is being read is not taken for trimmed",
                 "[actors][durable]") {
  const auto missed = GENERATE(0, 1);
  json was;
  auto& ann = member("ann", &was);
  auto& bob = user("bob");
  bob.publish(x, "1");
  ann.wire().break_off();
  settle();
  if (missed != 0) bob.publish(x, "2");
  bool published = false;
  const auto publish = [&](std::string_view) {
    if (std::exchange(published, true)) return;
    bob.send("room.publish", saying(x, "last"));
    settle_without("store_reader");
  };
  disk().after_read = publish;
  auto& back = connect();
  back.send("session.open", opening(was, json{{x, 1}}));
  settle();
  publish({});
  settle();
  strings expected{"session.open ok"};
  if (missed != 0) expected.push_back(x + R"( 2 "2")");
  expected.push_back(x + " " + std::to_string(2 + missed) + R"( "last")");
  CHECK(back.story() == expected);
}

}  // namespace greenroom::tests
