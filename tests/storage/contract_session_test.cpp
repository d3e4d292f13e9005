// What every backend promises about sessions.
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

stored_session session_of(std::string id, std::string user) {
  stored_session made{.id = std::move(id), .user = std::move(user), .created_ms = start_ms, .window_ms = 120'000};
  made.token.fill(std::byte{7});
  made.rooms = {{.room = "lobby", .seen = {"epoch", 42}, .incarnation = 3, .presence = std::string("\0meta", 5)},
                {.room = "durable:news", .seen = {"other", 1}, .incarnation = 1}};
  return made;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: a session comes back as it was put", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto put = session_of("s1", "ann");
  put.kind = identity::anonymous;
  put.deadline_ms = start_ms + 120'000;
  put.previous_token = token_hash{std::byte{9}};
  CHECK_FALSE(s.session("s1"));
  CHECK(s.commit(session_put{put}).ok());
  REQUIRE(s.session("s1"));
  CHECK(*s.session("s1") == put);
}

TEMPLATE_LIST_TEST_CASE("store: a put replaces the whole session", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(session_put{session_of("s1", "ann")});
  auto changed = session_of("s1", "ann");
  changed.rooms.pop_back();
  changed.token.fill(std::byte{8});
  s.commit(session_put{changed});
  CHECK(*s.session("s1") == changed);
  CHECK(s.counters().sessions == 1);
}

TEMPLATE_LIST_TEST_CASE("store: an erased session is gone, and erasing it again says so", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(session_put{session_of("s1", "ann")});
  CHECK(s.commit(session_erase{"s1"}).ok());
  CHECK_FALSE(s.session("s1"));
  CHECK(s.commit(session_erase{"s1"}).error == errc::not_found);
  CHECK(s.counters().sessions == 0);
}

TEMPLATE_LIST_TEST_CASE("store: sessions are listed by id, page by page", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  strings expected;
  for (int i = 100; i < 350; ++i) expected.push_back(numbered("s", i));
  for (auto id = expected.rbegin(); id != expected.rend(); ++id) s.commit(session_put{session_of(*id, "ann")});
  strings ids;
  for (;;) {
    const auto page = s.sessions(ids.empty() ? "" : ids.back(), 100);
    if (page.empty()) break;
    CHECK(page.size() <= 100);
    for (const auto& found : page) ids.push_back(found.id);
  }
  CHECK(ids == expected);
}

TEMPLATE_LIST_TEST_CASE("store: a membership is added to a stored session, or replaces the one in its room",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto expected = session_of("s1", "ann");
  s.commit(session_put{expected});
  expected.rooms.push_back({.room = "durable:chess", .seen = {"third", 5}, .incarnation = 9, .since_ms = start_ms});
  CHECK(s.commit(membership_put{"s1", expected.rooms.back()}).ok());
  CHECK(*s.session("s1") == expected);
  expected.rooms[0].seen.seq = 43;
  CHECK(s.commit(membership_put{"s1", expected.rooms[0]}).ok());
  CHECK(*s.session("s1") == expected);
  CHECK(s.commit(membership_put{"s2", expected.rooms[0]}).error == errc::not_found);
}

TEMPLATE_LIST_TEST_CASE("store: a membership whose join is not over leaves what is stored of its room as it is",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto wanted = session_of("s1", "ann");
  const auto expected = wanted;
  auto joining = wanted.rooms[0];
  joining.room = "durable:chess";
  joining.seen = {};
  wanted.rooms.push_back(joining);
  s.commit(session_put{wanted});
  CHECK(*s.session("s1") == expected);
  joining.seen = {"third", 5};
  s.commit(membership_put{"s1", joining});
  wanted.rooms[0].seen = {};
  wanted.rooms[0].incarnation = 99;
  s.commit(session_put{wanted});
  auto all = expected.rooms;
  all.push_back(joining);
  CHECK(s.session("s1")->rooms == all);
}

TEMPLATE_LIST_TEST_CASE(
    "store: after a restart attached sessions have a whole window, detached ones keep their deadline", "[contract]",
    backends) {
  TestType backend;
  auto& s = *backend;
  auto away = session_of("s2", "bob");
  away.deadline_ms = start_ms + 5'000;
  s.commit(session_put{session_of("s1", "ann")});
  s.commit(session_put{away});
  CHECK(s.commit(sessions_restart{start_ms + hour_ms}).count == 1);
  CHECK(s.session("s1")->deadline_ms == start_ms + hour_ms + 120'000);
  CHECK(s.session("s2")->deadline_ms == start_ms + 5'000);
}

TEMPLATE_LIST_TEST_CASE("store: a sweep removes sessions that nobody came back for, a while after their deadline",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto away = session_of("s2", "bob");
  away.deadline_ms = start_ms;
  s.commit(session_put{session_of("s1", "ann")});
  s.commit(session_put{away});
  sweep_all(s, start_ms + limits::session_grace_ms - 1);
  CHECK(s.session("s2"));
  sweep_all(s, start_ms + limits::session_grace_ms);
  CHECK_FALSE(s.session("s2"));
  CHECK(s.session("s1"));
}

TEMPLATE_LIST_TEST_CASE("store: a session over its limits is refused", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto many = session_of("s1", "ann");
  many.rooms.resize(limits::session_rooms_max + 1);
  CHECK(s.commit(session_put{many}).error == errc::too_large);
  auto shown = session_of("s1", "ann");
  shown.rooms[0].presence.resize(limits::presence_bytes_max + 1);
  CHECK(s.commit(session_put{shown}).error == errc::too_large);
  CHECK_FALSE(s.session("s1"));
}

}  // namespace greenroom::storage::testing
