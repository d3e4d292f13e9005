// What every backend promises about the dead letters of rooms: messages that a room crashed on.
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

dead_put crashed(std::string room, std::string text, idempotency id, std::int64_t now_ms = start_ms) {
  return {.room = std::move(room), .body = bytes(std::move(text)), .now_ms = now_ms, .once = std::move(id)};
}

/// A user's dead letter beside those of rooms.
void bury(store& s, const std::string& user) {
  s.commit(inbox_append{.user = user, .body = bytes("to " + user), .at_ms = start_ms, .expires_ms = start_ms + 1});
  s.commit(inbox_expire{user, start_ms + 1});
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: a room's dead letter says what is needed to publish it after all", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  auto put = crashed("chess", "e4", once("guest session", "m-1"), start_ms + 5);
  put.kind = identity::anonymous;
  const auto out = s.commit(put);
  CHECK(out.ok());
  CHECK_FALSE(out.duplicate);
  const auto all = s.dead_letters({}, 0, any);
  REQUIRE(all.size() == 1);
  CHECK(all[0].id == out.n);
  CHECK(all[0].user.empty());
  CHECK(all[0].room == "chess");
  CHECK(all[0].sender == "guest session");
  CHECK(all[0].kind == identity::anonymous);
  CHECK(all[0].n == 0);
  CHECK(all[0].at_ms == start_ms + 5);
  CHECK(all[0].died_ms == start_ms + 5);
  CHECK(all[0].reason == dead_reason::crashed);
  CHECK(all[0].attempts == 1);
  CHECK(*all[0].body == "e4");
  CHECK(s.counters().accepted == 1);
  CHECK(s.counters().dead == 1);
  CHECK(s.counters().dead_crashed == 1);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a message that crashes its room again has one letter, which counts it", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  const auto first = s.commit(crashed("chess", "e4", once("ann", "m-1")));
  const auto again = s.commit(crashed("chess", "e4 in another format", once("ann", "m-1"), start_ms + hour_ms));
  CHECK(again.ok());
  CHECK(again.duplicate);
  CHECK(again.n == first.n);
  const auto all = s.dead_letters({}, 0, any);
  REQUIRE(all.size() == 1);
  CHECK(*all[0].body == "e4");
  CHECK(all[0].attempts == 2);
  CHECK(all[0].died_ms == start_ms);
  CHECK(s.counters().accepted == 1);
  SECTION("another sender, id or content is another message") {
    CHECK_FALSE(s.commit(crashed("chess", "e4", once("bob", "m-1"))).duplicate);
    CHECK_FALSE(s.commit(crashed("chess", "e4", once("ann", "m-2"))).duplicate);
    CHECK_FALSE(s.commit(crashed("chess", "e5", once("ann", "m-1", 2))).duplicate);
    CHECK(s.counters().dead == 4);
  }
  SECTION("once it has left, it is new") {
    if (GENERATE(true, false))
      CHECK(s.commit(dead_settle{first.n}).ok());
    else
      CHECK(s.commit(dead_purge{.upto = first.n}).count == 1);
    const auto next = s.commit(crashed("chess", "e4", once("ann", "m-1")));
    CHECK_FALSE(next.duplicate);
    CHECK(next.n > first.n);
    CHECK(s.counters().accepted == 2);
  }
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a dead letter of a room leaves no record of its id", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto id = once("ann", "m-1");
  s.commit(crashed("chess", "e4", id));
  CHECK_FALSE(s.recall(id, start_ms).has_value());
  const auto out = s.commit(append{.log = "chess", .body = bytes("e4"), .at_ms = start_ms, .once = id});
  CHECK_FALSE(out.duplicate);
  CHECK(out.at.seq == 1);
  CHECK(s.counters().dead == 1);
}

TEMPLATE_LIST_TEST_CASE("store: a settled letter has left, and counts as acknowledged and replayed", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  const auto one = s.commit(crashed("chess", "e4", once("ann", "m-1")));
  bury(s, "bob");
  const auto of_bob = s.dead_letters("bob", 0, any).at(0).id;
  CHECK(s.commit(dead_settle{one.n}).ok());
  CHECK(s.commit(dead_settle{one.n}).error == errc::not_found);
  CHECK(s.commit(dead_settle{of_bob}).error == errc::not_found);
  CHECK(texts(s.dead_letters({}, 0, any)) == strings{"to bob"});
  CHECK(s.counters().acknowledged == 1);
  CHECK(s.counters().replayed == 1);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a room's letter cannot be queued for a user", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto one = s.commit(crashed("chess", "e4", once("ann", "m-1")));
  CHECK(s.commit(dead_replay{.id = one.n, .now_ms = start_ms, .expires_ms = start_ms + day_ms}).error ==
        errc::not_found);
  CHECK(s.counters().dead == 1);
  CHECK(s.counters().queued == 0);
}

TEMPLATE_LIST_TEST_CASE("store: dead letters are listed and purged of one room", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(crashed("chess", "one", once("ann", "1")));
  s.commit(crashed("go", "two", once("ann", "2")));
  bury(s, "bob");
  const auto three = s.commit(crashed("chess", "three", once("ann", "3")));
  s.commit(crashed("chess", "four", once("ann", "4")));
  CHECK(texts(s.dead_letters({}, 0, any)) == strings{"one", "two", "to bob", "three", "four"});
  CHECK(texts(s.dead_letters_of_room("chess", 0, any)) == strings{"one", "three", "four"});
  CHECK(texts(s.dead_letters_of_room("chess", 1, 1)) == strings{"three"});
  CHECK(s.dead_letters_of_room("bob", 0, any).empty());
  CHECK(s.commit(dead_purge{.upto = UINT64_MAX, .user = "bob", .room = "chess"}).count == 0);
  CHECK(s.commit(dead_purge{.upto = three.n, .room = "chess"}).count == 2);
  CHECK(texts(s.dead_letters({}, 0, any)) == strings{"two", "to bob", "four"});
  CHECK(s.commit(dead_purge{.upto = UINT64_MAX, .user = "bob"}).count == 1);
  CHECK(s.counters().purged == 3);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a room's dead letters are purged after thirty days, too", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(crashed("chess", "m", once("ann", "1")));
  sweep_all(s, start_ms + limits::dead_age_ms - 1);
  CHECK(s.counters().dead == 1);
  sweep_all(s, start_ms + limits::dead_age_ms);
  CHECK(s.counters().dead == 0);
  CHECK(s.counters().dead_bytes == 0);
  CHECK(s.counters().purged == 1);
  CHECK(s.counters().balanced());
}

TEST_CASE("store: over the bound of all dead letters the oldest are purged, a room's as a user's",
          "[storage][sqlite]") {
  const temporary_directory directory;
  const auto on_disk = GENERATE(true, false);
  std::unique_ptr<store> s;
  if (on_disk)
    s = open_sqlite_store({.path = directory.file("a.db"), .dead_bytes_max = 5'000, .sync = synchronous::off});
  else
    s = make_memory_store({.dead_bytes_max = 5'000});
  for (int i = 0; i < 10; ++i) s->commit(crashed("chess", std::string(1'000, 'x'), once("ann", numbered("m", i))));
  CHECK(s->counters().dead == 4);
  CHECK(s->counters().dead_bytes <= 5'000);
  CHECK(s->counters().purged == 6);
  CHECK(s->dead_letters({}, 0, any).front().id == 7);
  CHECK_FALSE(s->commit(crashed("chess", "again", once("ann", "m0"))).duplicate);
  CHECK(s->commit(crashed("chess", std::string(6'000, 'x'), once("ann", "larger than all"))).ok());
  CHECK(s->counters().dead == 0);
  CHECK(s->counters().dead_bytes == 0);
  CHECK(s->counters().balanced());
}

TEST_CASE("store: what a room's dead letter may be is bounded", "[storage]") {
  const auto s = make_memory_store();
  CHECK(s->commit(crashed(std::string(513, 'r'), "m", once("ann", "1"))).error == errc::too_large);
  CHECK(s->commit(crashed("r", "m", once("ann", std::string(65, 'i')))).error == errc::too_large);
  CHECK(s->counters().dead == 0);
}

}  // namespace greenroom::storage::testing
