// What every backend promises about ids: at least once, and once in effect within the window.
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

append publish(std::string log, std::string text, idempotency id, std::int64_t at_ms = start_ms) {
  return {.log = std::move(log),
          .body = bytes(std::move(text)),
          .at_ms = at_ms,
          .keep = {.count = 100},
          .once = std::move(id)};
}

inbox_append send(std::string user, idempotency id, std::int64_t at_ms = start_ms) {
  return {.user = std::move(user),
          .body = bytes("letter"),
          .at_ms = at_ms,
          .expires_ms = at_ms + day_ms,
          .once = std::move(id)};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: a repeat gets the original answer and stores nothing", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto first = s.commit(publish("r", "text", once("ann", "id")));
  s.commit(publish("r", "other", once("ann", "other id")));
  const auto repeat = s.commit(publish("r", "text", once("ann", "id"), start_ms + 5000));
  CHECK(repeat.ok());
  CHECK(repeat.duplicate);
  CHECK_FALSE(first.duplicate);
  CHECK(repeat.at == first.at);
  CHECK(repeat.at_ms == start_ms);
  CHECK(s.head("r")->last == 2);
  CHECK(s.counters().duplicates == 1);
}

TEMPLATE_LIST_TEST_CASE("store: the same id for other content is a conflict", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(publish("r", "text", once("ann", "id", 1)));
  CHECK(s.commit(publish("r", "changed", once("ann", "id", 2))).error == errc::conflict);
  CHECK(s.commit(send("bob", once("ann", "id", 3))).error == errc::conflict);
  CHECK(s.head("r")->last == 1);
  CHECK(s.inbox("bob").count == 0);
  CHECK(s.counters().conflicts == 2);
}

TEMPLATE_LIST_TEST_CASE("store: an id belongs to its sender", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  CHECK_FALSE(s.commit(publish("r", "a", once("ann", "id"))).duplicate);
  CHECK_FALSE(s.commit(publish("r", "b", once("bob", "id"))).duplicate);
  CHECK_FALSE(s.commit(publish("r", "c", once("an", "nid"))).duplicate);
  CHECK(s.head("r")->last == 3);
}

TEMPLATE_LIST_TEST_CASE("store: a repeated letter is queued once, also when it was acknowledged since", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  const auto first = s.commit(send("bob", once("ann", "id")));
  CHECK(s.commit(send("bob", once("ann", "id"))).duplicate);
  CHECK(s.inbox("bob").count == 1);
  s.commit(inbox_ack{"bob", first.n});
  const auto repeat = s.commit(send("bob", once("ann", "id")));
  CHECK(repeat.duplicate);
  CHECK(repeat.n == first.n);
  CHECK(s.inbox("bob").count == 0);
}

TEMPLATE_LIST_TEST_CASE("store: a repeat in the same batch sees the original", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const std::vector<operation> batch(2, publish("r", "text", once("ann", "id")));
  const auto out = s.commit(batch);
  CHECK_FALSE(out[0].duplicate);
  CHECK(out[1].duplicate);
  CHECK(out[1].at == out[0].at);
}

TEMPLATE_LIST_TEST_CASE("store: a refused message leaves its id free", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto letter = send("bob", once("ann", "id"));
  letter.bounds.messages = 0;
  CHECK(s.commit(letter).error == errc::queue_full);
  letter.bounds.messages = 1;
  const auto retry = s.commit(letter);
  CHECK(retry.ok());
  CHECK_FALSE(retry.duplicate);
}

TEMPLATE_LIST_TEST_CASE("store: an id may be asked for before anything runs", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  CHECK_FALSE(s.recall(once("ann", "id"), start_ms));
  const auto first = s.commit(publish("r", "text", once("ann", "id")));
  const auto known = s.recall(once("ann", "id"), start_ms);
  REQUIRE(known);
  CHECK(known->duplicate);
  CHECK(known->at == first.at);
  CHECK(s.recall(once("ann", "id", 2), start_ms)->error == errc::conflict);
  CHECK(s.counters().duplicates == 0);
}

TEMPLATE_LIST_TEST_CASE("store: an id is kept for a day and is free afterwards", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(publish("r", "1", once("ann", "id")));
  CHECK(s.commit(publish("r", "1", once("ann", "id"), start_ms + day_ms - 1)).duplicate);
  CHECK_FALSE(s.recall(once("ann", "id"), start_ms + day_ms));
  const auto again = s.commit(publish("r", "1", once("ann", "id"), start_ms + day_ms));
  CHECK_FALSE(again.duplicate);
  CHECK(again.at.seq == 2);
  CHECK(s.commit(publish("r", "1", once("ann", "id"), start_ms + day_ms + 1)).at.seq == 2);
  CHECK(s.counters().ids == 1);
  sweep_all(s, start_ms + 3 * day_ms);
  CHECK(s.counters().ids == 0);
  CHECK(s.counters().ids_bytes == 0);
  CHECK(s.counters().ids_evicted == 0);
}

TEMPLATE_LIST_TEST_CASE("store: a sender has at least a hundred thousand ids at once", "[contract][slow]", backends) {
  TestType backend;
  auto& s = *backend;
  std::vector<operation> batch;
  for (int i = 0; i < 100'000;) {
    batch.clear();
    for (; batch.size() < 1000; ++i) batch.push_back(publish("r", "m", once("ann", std::to_string(i))));
    s.commit(batch);
  }
  CHECK(s.counters().ids_evicted == 0);
  CHECK(s.commit(publish("r", "m", once("ann", "0"))).duplicate);
}

}  // namespace greenroom::storage::testing
