// The bounds of the memory backend: what happens at each of them, and that it is counted.
#include "storage/memory_store.hpp"

#include <algorithm>
#include <map>

#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

append message(std::string log, std::size_t size) {
  return {.log = std::move(log), .body = bytes(std::string(size, 'm')), .at_ms = start_ms, .keep = {.count = any}};
}

inbox_append letter(std::string user, std::size_t size, std::int64_t expires_ms = start_ms + day_ms) {
  return {.user = std::move(user), .body = bytes(std::string(size, 'l')), .at_ms = start_ms, .expires_ms = expires_ms};
}

}  // namespace

TEST_CASE("memory store: an acknowledgement promises no more than memory", "[storage]") {
  CHECK(make_memory_store()->level() == durability::accepted);
}

TEST_CASE("memory store: over the bound of all history a log sheds its own oldest and goes on", "[storage]") {
  constexpr std::uint64_t bound = 1 << 20;
  auto s = make_memory_store({.history_bytes_max = bound});
  for (std::uint64_t i = 1; i <= 3'000; ++i) REQUIRE(s->commit(message("r", 1'000)).at.seq == i);
  const auto sums = s->counters();
  CHECK(sums.shed > 1'500);
  CHECK(sums.records + sums.shed == 3'000);
  CHECK(sums.record_bytes < bound + bound / 16);
  CHECK(sums.record_bytes > bound / 2);
  CHECK(s->read("r", 0, any, any).records.back().seq == 3'000);
}

TEST_CASE("memory store: over the bound of all inboxes the sender is refused until somebody acknowledges",
          "[storage]") {
  auto s = make_memory_store({.inbox_bytes_max = 1 << 20});
  int accepted = 0;
  while (s->commit(letter(numbered("user", accepted), 10'000)).ok()) REQUIRE(++accepted < 200);
  CHECK(accepted > 90);
  CHECK(s->commit(letter("ann", 1)).error == errc::unavailable);
  CHECK(s->counters().unavailable == 2);
  for (int i = 0; i < accepted; ++i) s->commit(inbox_purge{numbered("user", i)});
  CHECK(s->commit(letter("ann", 1)).ok());
}

TEST_CASE("memory store: over their bound the oldest dead letters are purged and counted", "[storage]") {
  auto s = make_memory_store({.dead_bytes_max = 5'000});
  for (int i = 0; i < 10; ++i) {
    s->commit(letter("ann", 1'000, start_ms + 1));
    s->commit(inbox_expire{"ann", start_ms + 1});
  }
  const auto sums = s->counters();
  CHECK(sums.dead == 4);
  CHECK(sums.dead_bytes <= 5'000);
  CHECK(sums.purged == 6);
  CHECK(sums.balanced());
  CHECK(s->dead_letters({}, 0, any).front().id == 7);
}

TEST_CASE("memory store: a sender's ids over its bound end early, oldest first, and are counted", "[storage]") {
  auto s = make_memory_store({.ids_per_sender_max = 10});
  const auto publish = [&](std::string sender, int i) {
    auto op = message("r", 1);
    op.once = once(std::move(sender), numbered("id", i));
    return s->commit(op).duplicate;
  };
  for (int i = 0; i < 12; ++i) publish("ann", i);
  publish("bob", 0);
  CHECK(s->counters().ids == 11);
  CHECK(s->counters().ids_evicted == 2);
  CHECK(publish("ann", 11));
  CHECK(publish("ann", 2));
  CHECK(publish("bob", 0));
  CHECK_FALSE(publish("ann", 1));
}

TEST_CASE("memory store: over the bound of all ids the busiest sender loses its oldest", "[storage]") {
  auto s = make_memory_store({.ids_bytes_max = 1 << 20});
  const auto publish = [&](std::string sender, int i) {
    auto op = message("r", 1);
    op.once = once(std::move(sender), numbered("id", i));
    return s->commit(op).duplicate;
  };
  publish("modest", 0);
  for (int i = 0; i < 20'000; ++i) publish("busy", i);
  const auto sums = s->counters();
  CHECK(sums.ids_bytes < (1 << 20) + (1 << 16));
  CHECK(sums.ids + sums.ids_evicted == 20'001);
  CHECK(sums.ids > 3'000);
  CHECK(publish("modest", 0));
  CHECK(publish("busy", 19'999));
  CHECK_FALSE(publish("busy", 0));
}

TEST_CASE("memory store: over their number new logs and sessions are refused, the old ones go on", "[storage]") {
  auto s = make_memory_store({.logs_max = limits::stripes, .sessions_max = limits::stripes});
  strings logs;
  strings sessions;
  for (int i = 0; i < 1'000; ++i) {
    const auto name = numbered("n", i);
    if (s->commit(message(name, 1)).ok()) logs.push_back(name);
    if (s->commit(session_put{{.id = name}}).ok()) sessions.push_back(name);
  }
  CHECK(logs.size() == limits::stripes);
  CHECK(sessions.size() == limits::stripes);
  CHECK(s->counters().unavailable == 2 * (1'000 - limits::stripes));
  CHECK(s->commit(message(logs[0], 1)).at.seq == 2);
  CHECK(s->commit(log_open{"another", {}}).ok() == (std::ranges::find(logs, "another") != logs.end()));
  CHECK(s->commit(session_put{{.id = sessions[0], .user = "ann"}}).ok());
}

TEST_CASE("memory store: forgotten empty inboxes make place, and no number comes twice", "[storage]") {
  auto s = make_memory_store({.inboxes_max = limits::stripes});
  std::map<std::string, std::uint64_t> highest;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 500; ++i) {
      const auto user = numbered("user", i);
      const auto out = s->commit(letter(user, 1));
      REQUIRE(out.ok());
      REQUIRE(out.n > highest[user]);
      highest[user] = out.n;
      s->commit(inbox_ack{user, out.n});
      REQUIRE(s->inbox(user).last >= out.n);
    }
  int refused = 0;
  for (int i = 0; i < 500; ++i) refused += !s->commit(letter(numbered("user", i), 1)).ok();
  CHECK(refused == 500 - static_cast<int>(limits::stripes));
  CHECK(s->counters().balanced());
}

}  // namespace greenroom::storage::testing
