// What every backend promises about inboxes and dead letters.
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

constexpr std::int64_t week_ms = 7 * day_ms;

inbox_append letter(std::string user, std::string text, std::int64_t at_ms = start_ms, std::int64_t ttl_ms = week_ms) {
  return {.user = std::move(user), .body = bytes(std::move(text)), .at_ms = at_ms, .expires_ms = at_ms + ttl_ms};
}

strings queued(const store& s, std::string_view user, std::int64_t now_ms = start_ms) {
  return texts(s.read_inbox(user, 0, any, any, now_ms).messages);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: an inbox hands out its messages in order with growing numbers", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  const auto one = s.commit(letter("ann", "one"));
  const auto two = s.commit(letter("ann", "two"));
  CHECK(one.ok());
  CHECK(two.n > one.n);
  CHECK(queued(s, "ann") == strings{"one", "two"});
  CHECK(queued(s, "bob").empty());
  const auto page = s.read_inbox("ann", one.n, any, any, start_ms);
  REQUIRE(page.messages.size() == 1);
  CHECK(page.messages[0].n == two.n);
  CHECK(page.messages[0].at_ms == start_ms);
  CHECK(page.messages[0].expires_ms == start_ms + week_ms);
  CHECK(page.state == inbox_state{.count = 2, .bytes = 6, .first = one.n, .last = two.n});
  CHECK(s.inbox("ann") == page.state);
}

TEMPLATE_LIST_TEST_CASE("store: an inbox page stops at its bounds but holds at least one message", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  for (auto text : {"aaaa", "bbbb", "cccc"}) s.commit(letter("ann", text));
  CHECK(texts(s.read_inbox("ann", 0, 2, any, start_ms).messages) == strings{"aaaa", "bbbb"});
  CHECK(texts(s.read_inbox("ann", 0, any, 8, start_ms).messages) == strings{"aaaa", "bbbb"});
  CHECK(texts(s.read_inbox("ann", 0, any, 1, start_ms).messages) == strings{"aaaa"});
}

TEMPLATE_LIST_TEST_CASE("store: an acknowledgement is cumulative and may be repeated", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(letter("ann", "one"));
  const auto two = s.commit(letter("ann", "two"));
  const auto three = s.commit(letter("ann", "three"));
  const auto acked = s.commit(inbox_ack{"ann", two.n});
  CHECK(acked.count == 2);
  CHECK(acked.left == 1);
  CHECK(queued(s, "ann") == strings{"three"});
  CHECK(s.commit(inbox_ack{"ann", two.n}).count == 0);
  CHECK(s.commit(inbox_ack{"ann", three.n}).left == 0);
  CHECK(s.commit(inbox_ack{"nobody", 9}).ok());
  CHECK(s.commit(letter("ann", "four")).n > three.n);
  CHECK(s.counters().acknowledged == 3);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a full inbox refuses the sender and drops nothing", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto two_at_most = letter("ann", "aaaa");
  two_at_most.bounds = {.messages = 2, .bytes = 1000};
  CHECK(s.commit(two_at_most).ok());
  CHECK(s.commit(two_at_most).ok());
  CHECK(s.commit(two_at_most).error == errc::queue_full);
  auto eight_bytes = letter("bob", "aaaa");
  eight_bytes.bounds = {.messages = 1000, .bytes = 8};
  CHECK(s.commit(eight_bytes).ok());
  CHECK(s.commit(eight_bytes).ok());
  CHECK(s.commit(eight_bytes).error == errc::queue_full);
  CHECK(s.inbox("ann").count == 2);
  CHECK(s.inbox("bob").bytes == 8);
  s.commit(inbox_ack{"ann", s.inbox("ann").first});
  CHECK(s.commit(two_at_most).ok());
  CHECK(s.counters().refused_full == 2);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a full inbox moves expired messages to the dead letters before it refuses",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto brief = letter("ann", "brief", start_ms, 1000);
  brief.bounds.messages = 2;
  s.commit(letter("ann", "lasting"));
  s.commit(brief);
  auto later = letter("ann", "later", start_ms + 1000);
  later.bounds.messages = 2;
  CHECK(s.commit(later).ok());
  CHECK(queued(s, "ann", start_ms + 1000) == strings{"lasting", "later"});
  const auto dead = s.dead_letters({}, 0, any);
  REQUIRE(dead.size() == 1);
  CHECK(*dead[0].body == "brief");
  CHECK(dead[0].user == "ann");
  CHECK(dead[0].reason == dead_reason::expired);
  CHECK(dead[0].at_ms == start_ms);
  CHECK(dead[0].died_ms == start_ms + 1000);
  CHECK(s.commit(later).error == errc::queue_full);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: nothing is handed out at or after its expiry", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(letter("ann", "long"));
  s.commit(letter("ann", "short", start_ms, 1000));
  s.commit(letter("ann", "long too"));
  CHECK(queued(s, "ann", start_ms + 999) == strings{"long", "short", "long too"});
  CHECK(queued(s, "ann", start_ms + 1000) == strings{"long", "long too"});
  CHECK(texts(s.read_inbox("ann", 0, 2, any, start_ms + 1000).messages) == strings{"long", "long too"});
  CHECK(s.read_inbox("ann", 0, any, any, start_ms + 999).expired == 0);
  CHECK(s.read_inbox("ann", 0, any, any, start_ms + 1000).expired == 1);
  const auto moved = s.commit(inbox_expire{"ann", start_ms + 1000});
  CHECK(moved.count == 1);
  CHECK(moved.left == 2);
  CHECK(s.inbox("ann").count == 2);
  CHECK(s.counters().dead_expired == 1);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a sweep moves expired messages of all users to the dead letters", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  for (int i = 0; i < 100; ++i) s.commit(letter(numbered("user ", i), "m", start_ms, i % 2 ? 1000 : week_ms));
  CHECK(sweep_all(s, start_ms + 1000, 7) == 50);
  CHECK(s.counters().queued == 50);
  CHECK(s.counters().dead == 50);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: an attempt counts against the oldest message only, and the last one buries it",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto poison = s.commit(letter("ann", "poison"));
  s.commit(letter("ann", "fine"));
  for (std::uint32_t i = 1; i < limits::delivery_attempts_max; ++i) {
    const auto out = s.commit(inbox_attempt{.user = "ann", .now_ms = start_ms});
    CHECK(out.n == poison.n);
    CHECK(out.count == 0);
  }
  CHECK(s.read_inbox("ann", 0, any, any, start_ms).messages[0].attempts == limits::delivery_attempts_max - 1);
  CHECK(s.read_inbox("ann", 0, any, any, start_ms).messages[1].attempts == 0);
  const auto last = s.commit(inbox_attempt{.user = "ann", .now_ms = start_ms});
  CHECK(last.count == 1);
  CHECK(last.left == 1);
  CHECK(queued(s, "ann") == strings{"fine"});
  const auto dead = s.dead_letters("ann", 0, any);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].reason == dead_reason::undeliverable);
  CHECK(dead[0].attempts == limits::delivery_attempts_max);
  CHECK(dead[0].n == poison.n);
  CHECK(s.commit(inbox_attempt{.user = "nobody", .now_ms = start_ms}).n == 0);
  CHECK(s.counters().dead_undeliverable == 1);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: an attempt that buries a message keeps its bytes and number out of the inbox",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto n = s.commit(letter("ann", "poison")).n;
  CHECK(s.commit(inbox_attempt{"ann", start_ms, 1}).count == 1);
  CHECK(s.inbox("ann") == inbox_state{.last = n});
  CHECK(s.commit(letter("ann", "next")).n > n);
}

TEMPLATE_LIST_TEST_CASE("store: a dead letter is replayed at the tail with a new number and a new life", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(letter("ann", "dead", start_ms, 1000));
  s.commit(inbox_expire{"ann", start_ms + 1000});
  const auto living = s.commit(letter("ann", "living", start_ms + 1000));
  const auto id = s.dead_letters({}, 0, any).at(0).id;

  dead_replay replay{.id = id, .now_ms = start_ms + 2000, .expires_ms = start_ms + week_ms};
  replay.bounds.messages = 1;
  CHECK(s.commit(replay).error == errc::queue_full);
  CHECK(s.counters().dead == 1);
  replay.bounds.messages = 2;
  const auto out = s.commit(replay);
  CHECK(out.ok());
  CHECK(out.n > living.n);
  CHECK(queued(s, "ann", start_ms + 2000) == strings{"living", "dead"});
  CHECK(s.read_inbox("ann", 0, any, any, start_ms).messages[1].at_ms == start_ms);
  CHECK(s.dead_letters({}, 0, any).empty());
  CHECK(s.commit(replay).error == errc::not_found);
  CHECK(s.counters().replayed == 1);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: dead letters are listed and purged, of one user or of all", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (auto user : {"ann", "bob", "ann", "cid"}) {
    s.commit(letter(user, user, start_ms, 1));
    s.commit(inbox_expire{user, start_ms + 1});
  }
  const auto all = s.dead_letters({}, 0, any);
  CHECK(texts(all) == strings{"ann", "bob", "ann", "cid"});
  CHECK(texts(s.dead_letters("ann", 0, any)) == strings{"ann", "ann"});
  CHECK(texts(s.dead_letters({}, all[1].id, 1)) == strings{"ann"});
  CHECK(s.commit(dead_purge{.upto = all[1].id, .user = "ann"}).count == 1);
  CHECK(texts(s.dead_letters({}, 0, any)) == strings{"bob", "ann", "cid"});
  CHECK(s.commit(dead_purge{.upto = UINT64_MAX}).count == 3);
  CHECK(s.counters().purged == 4);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: dead letters are purged after thirty days", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(letter("ann", "m", start_ms, 1000));
  sweep_all(s, start_ms + 1000);
  sweep_all(s, start_ms + 999 + limits::dead_age_ms);
  CHECK(s.counters().dead == 1);
  sweep_all(s, start_ms + 1000 + limits::dead_age_ms);
  CHECK(s.counters().dead == 0);
  CHECK(s.counters().dead_bytes == 0);
  CHECK(s.counters().purged == 1);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: a purged inbox is empty and counted", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(letter("ann", "one"));
  const auto two = s.commit(letter("ann", "two"));
  CHECK(s.commit(inbox_purge{"ann"}).count == 2);
  CHECK(s.inbox("ann").count == 0);
  CHECK(s.commit(letter("ann", "three")).n > two.n);
  CHECK(s.counters().purged == 2);
  CHECK(s.counters().balanced());
}

TEMPLATE_LIST_TEST_CASE("store: inboxes that hold messages are listed by name", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (auto user : {"dee", "ann", "cid", "bob"}) s.commit(letter(user, "m"));
  s.commit(inbox_purge{"bob"});
  strings names;
  for (const auto& i : s.inboxes("", any)) names.push_back(i.user);
  CHECK(names == strings{"ann", "cid", "dee"});
  const auto page = s.inboxes("ann", 1);
  REQUIRE(page.size() == 1);
  CHECK(page[0].user == "cid");
  CHECK(page[0].state == s.inbox("cid"));
  CHECK(s.inbox_holders("", any)->users == strings{"ann", "cid", "dee"});
  CHECK_FALSE(s.inbox_holders("", any)->upto);
  strings paged;
  for (std::optional<std::string> after{""}; after;) {
    const auto some = s.inbox_holders(*after, 1);
    paged.insert(paged.end(), some->users.begin(), some->users.end());
    after = some->upto;
  }
  CHECK(paged == names);
}

}  // namespace greenroom::storage::testing
