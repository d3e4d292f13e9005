// Durable rooms: no position leaves the process before its COMMIT, and what becomes of a batch that fails.
#include <algorithm>

#include "actors/limits.hpp"
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

TEST_CASE_METHOD(durable_fixture, "durable room: nothing is seen, acknowledged or in history before its COMMIT",
                 "[actors][durable]") {
  auto& ann = member("ann");
  auto& bob = member("bob");
  auto& carl = user("carl");
  ann.send("room.publish", saying(x, "hi", "m-1"));
  settle_without_disk();
  CHECK(ann.story().empty());
  CHECK(bob.story().empty());
  carl.send("room.history", dump(json{{"room", x}}));
  settle_without_disk();
  const auto before = carl.take();
  REQUIRE(before.size() == 1);
  CHECK(number(before[0].body, "last") == 0);
  CHECK(dump(before[0].body, "messages") == "[]");
  settle();
  CHECK(ann.story() == strings{R"(durable:x 1 "hi")", "room.publish ok"});
  CHECK(bob.story() == strings{R"(durable:x 1 "hi")"});
}

TEST_CASE_METHOD(durable_fixture, "durable room: acknowledges as durable, whatever was asked", "[actors][durable]") {
  auto& ann = user("ann");
  CHECK(text(ann.publish(x, "hi"), "ack") == "durable");
  for (auto asked : {"durable", "accepted"})
    CHECK(text(ann.call("room.publish", dump(json{{"room", x}, {"event", "say"}, {"payload", 1}, {"ack", asked}})),
               "ack") == "durable");
}

TEST_CASE_METHOD(durable_fixture, "durable room: what is published in one turn is one batch, in its order",
                 "[actors][durable]") {
  auto& ann = member("ann");
  numbers batches;
  disk().fate_of = [&](std::span<const storage::operation> batch) {
    if (has<storage::append>(batch)) batches.push_back(batch.size());
    return fate::done;
  };
  for (int i = 1; i <= 5; ++i) ann.send("room.publish", saying(x, std::to_string(i)));
  settle();
  CHECK(batches == numbers{5});
  auto got = ann.messages(x);
  REQUIRE(got.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(number(got[i].body, "seq") == i + 1);
    CHECK(text(got[i].body, "payload") == std::to_string(i + 1));
  }
}

TEST_CASE_METHOD(
    durable_fixture,
    "durable room: a batch that fails refuses it and every later pending publish of its room, and no other's",
    "[actors][durable]") {
  auto& ann = member("ann");
  auto& bob = member("bob");
  auto& carl = user("carl");
  carl.join(y);
  ann.publish(x, "before");
  for (auto* each : {&ann, &bob, &carl}) each->story();

  during_commit<storage::append>(
      [&] {
        ann.send("room.publish", saying(x, "the writer has it"));
        bob.send("room.publish", saying(x, "this, too"));
        carl.send("room.publish", saying(y, "another room"));
        carl.send("user.send", R"({"to":"dan","event":"say","payload":1})");
      },
      fate::refused);
  ann.send("room.publish", saying(x, "fails"));
  settle();
  const auto refused = "room.publish " + std::to_string(static_cast<int>(error_code::unavailable));
  CHECK(ann.story() == strings{refused, refused});
  CHECK(bob.story() == strings{refused});
  auto of_carl = carl.story();
  std::ranges::sort(of_carl);
  CHECK(of_carl == strings{R"(durable:y 1 "another room")", "room.publish ok", "user.send ok"});
  CHECK(disk().head(x)->last == 1);
  CHECK(disk().inbox("dan").count == 1);

  CHECK(number(ann.publish(x, "after"), "seq") == 2);
  CHECK(bob.story() == strings{R"(durable:x 2 "after")"});
}

TEST_CASE_METHOD(durable_fixture, "durable room: a batch that fails refuses what the writer has not even been given",
                 "[actors][durable]") {
  auto& ann = user("ann");
  auto& bob = user("bob");
  ann.publish(x, "before");
  ann.story();
  disk().fate_of = [&, fresh = true](std::span<const storage::operation> batch) mutable {
    if (!has<storage::append>(batch) || !std::exchange(fresh, false)) return fate::done;
    bob.send("room.publish", saying(x, "gathered"));
    settle_without("room");  // it handles this and the outcome in one turn
    return fate::refused;
  };
  ann.send("room.publish", saying(x, "fails"));
  settle();
  const auto refused = "room.publish " + std::to_string(static_cast<int>(error_code::unavailable));
  CHECK(ann.story() == strings{refused});
  CHECK(bob.story() == strings{refused});
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(durable_fixture, "durable room: one that failed goes on by itself, however often the next ones fail",
                 "[actors][durable]") {
  auto& ann = member("ann");
  auto& bob = member("bob");
  disk().doom<storage::append>(fate::refused, 3);
  for (int i = 0; i < 3; ++i) CHECK(ann.refused("room.publish", saying(x, "no")).code == error_code::unavailable);
  CHECK(number(ann.publish(x, "yes"), "seq") == 1);
  CHECK(bob.story() == strings{R"(durable:x 1 "yes")"});
}

TEST_CASE_METHOD(durable_fixture,
                 "durable room: an outcome that nobody knows closes 1013; the retry gets the one position, and members "
                 "see it once",
                 "[actors][durable]") {
  const auto how = GENERATE(fate::lost, fate::lost_but_stored);
  INFO("stored " << (how == fate::lost_but_stored));
  json session;
  auto& ann = user("ann", &session);
  auto& bob = member("bob");
  disk().doom<storage::append>(how);
  ann.send("room.publish", saying(x, "hi", "m-1"));
  settle();
  CHECK(ann.story() == strings{"close 1013 store_unavailable"});
  auto& back = connect();
  CHECK(dump(back.resume(session), "resumed") == "true");
  const auto ack = back.call("room.publish", saying(x, "hi", "m-1"));
  CHECK(number(ack, "seq") == 1);
  CHECK(dump(ack, "duplicate") == (how == fate::lost_but_stored ? "true" : "-"));
  CHECK(bob.story() == strings{R"(durable:x 1 "hi")"});
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(durable_fixture,
                 "durable room: what was stored though nobody knew comes to the members without another publish",
                 "[actors][durable]") {
  shards = 2;
  auto& ann = user("ann");
  auto& bob = member("bob");
  auto& carl = connect({.shard = 1});
  carl.open("carl");
  carl.join(x);
  carl.story();
  disk().doom<storage::append>(fate::lost_but_stored);
  for (int i = 0; i < 3; ++i) ann.send("room.publish", saying(x, "hi"));
  settle();
  CHECK(bob.seqs(x) == range(1, 3));
  CHECK(carl.seqs(x) == range(1, 3));
  CHECK(number(user("dan").publish(x, "next"), "seq") == 4);
  CHECK(bob.seqs(x) == numbers{4});
  CHECK(carl.seqs(x) == numbers{4});
}

TEST_CASE_METHOD(durable_fixture, "durable room: a repeat of a message that is still committing gets its position",
                 "[actors][durable]") {
  auto& ann = member("ann");
  during_commit<storage::append>([&] { ann.send("room.publish", saying(x, "hi", "m-1")); });
  ann.send("room.publish", saying(x, "hi", "m-1"));
  settle();
  const auto story = ann.take();
  REQUIRE(story.size() == 3);
  CHECK(story[0].method == "room.message");
  for (std::size_t i = 1; i < 3; ++i) {
    REQUIRE_FALSE(story[i].failure);
    CHECK(number(story[i].body, "seq") == 1);
    CHECK(dump(story[i].body, "duplicate") == (i == 1 ? "-" : "true"));
  }
}

TEST_CASE_METHOD(durable_fixture, "durable room: a repeat of a message whose batch fails is refused with it",
                 "[actors][durable]") {
  auto& ann = user("ann");
  during_commit<storage::append>([&] { ann.send("room.publish", saying(x, "hi", "m-1")); }, fate::refused);
  ann.send("room.publish", saying(x, "hi", "m-1"));
  settle();
  const auto refused = "room.publish " + std::to_string(static_cast<int>(error_code::unavailable));
  CHECK(ann.story() == strings{refused, refused});
  CHECK(dump(ann.call("room.publish", saying(x, "hi", "m-1")), "duplicate") == "-");
}

TEST_CASE_METHOD(durable_fixture, "durable room: publishers that the disk does not keep up with are told to come later",
                 "[actors][durable]") {
  constexpr std::size_t each_sends = 1'024;
  std::vector<client*> all;
  for (std::size_t i = 0; i < limits::uncommitted_messages_max / each_sends; ++i) all.push_back(&user("ann"));
  auto& late = user("late");
  late.publish(x, "opens it");
  late.story();
  for (auto* each : all)
    for (std::size_t i = 0; i < each_sends; ++i) each->send("room.publish", saying(x, "hi"));
  settle_without_disk();
  late.send("room.publish", saying(x, "too many"));
  late.send("room.publish", saying(y, "another room"));
  settle_without_disk();
  const auto told = late.take();
  REQUIRE(told.size() == 1);
  REQUIRE(told[0].failure);
  CHECK(told[0].failure->code == error_code::rate_limited);
  CHECK(told[0].failure->retry_after_ms == limits::writer_retry_ms);

  std::size_t largest = 0;
  disk().fate_of = [&](std::span<const storage::operation> batch) {
    largest = std::max(largest, batch.size());
    return fate::done;
  };
  settle();
  CHECK(largest <= storage::limits::batch_operations_max);
  CHECK(late.story() == strings{"room.publish ok"});
  CHECK(disk().head(x)->last == limits::uncommitted_messages_max + 1);
  CHECK(number(late.publish(x, "fits again"), "seq") == limits::uncommitted_messages_max + 2);
  CHECK(ctx().uncommitted_bytes == 0);
}

TEST_CASE_METHOD(durable_fixture,
                 "durable room: over the bytes that may wait for the disk, rooms and inboxes refuse; memory does not",
                 "[actors][durable]") {
  auto& ann = user("ann");
  ctx().uncommitted_bytes += limits::uncommitted_bytes_max + 1;
  CHECK(ann.refused("room.publish", saying(x, "hi")).code == error_code::rate_limited);
  CHECK(ann.refused("user.send", R"({"to":"bob","event":"say","payload":1})").code == error_code::rate_limited);
  ann.publish("lobby", "hi");
  ctx().uncommitted_bytes -= limits::uncommitted_bytes_max + 1;
  ann.publish(x, "hi");
}

}  // namespace greenroom::tests
