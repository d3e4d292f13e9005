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
