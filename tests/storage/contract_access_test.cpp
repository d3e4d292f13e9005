// What every backend promises about API keys and revocations.
#include <algorithm>

#include "storage/sqlite_backup.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_schema.hpp"
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

stored_key key_of(std::string id, std::string user = "ann") {
  stored_key made{.id = std::move(id), .user = std::move(user), .note = "for \"x\"", .created_ms = start_ms};
  made.hash.fill(std::byte{0xa5});
  made.scopes = {"worker", ""};
  made.grants = {{.rooms = {"chat:*", "lobby"}, .actions = {"join"}, .methods = {}, .users = {std::string("\0*", 2)}},
                 {.rooms = {}, .actions = {}, .methods = {"market.*"}, .users = {}}};
  made.expires_ms = start_ms + day_ms;
  made.used_ms = start_ms + 1;
  return made;
}

stored_revocation revocation_of(std::string name, revoked kind = revoked::user) {
  return {.kind = kind, .name = std::move(name), .at_ms = start_ms, .until_ms = start_ms + day_ms, .note = "why"};
}

/// `batch` of them a commit.
template <class Make>
void put_many(store& s, std::size_t count, Make make) {
  std::vector<operation> batch;
  for (std::size_t i = 0; i < count; ++i) {
    batch.push_back(make(i));
    if (batch.size() < limits::batch_operations_max && i + 1 < count) continue;
    for (const auto& each : s.commit(batch)) REQUIRE(each.ok());
    batch.clear();
  }
}

strings ids_of(const std::vector<stored_key>& keys) {
  strings ids;
  for (const auto& each : keys) ids.push_back(each.id);
  return ids;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: an API key comes back as it was put, and a put replaces it", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  REQUIRE(s.api_keys({}, any));
  CHECK(s.api_keys({}, any)->empty());
  CHECK(s.commit(api_key_put{key_of("k1")}).count == 1);
  CHECK(s.api_keys({}, any) == std::vector{key_of("k1")});
  auto plain = stored_key{.id = "k1", .user = "bob", .created_ms = start_ms};
  CHECK(s.commit(api_key_put{plain}).count == 1);
  CHECK(s.api_keys({}, any) == std::vector{plain});
}

TEMPLATE_LIST_TEST_CASE("store: API keys are listed by id, page by page", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (const auto* id : {"c", "a", "d", "b"}) s.commit(api_key_put{key_of(id)});
  CHECK(ids_of(*s.api_keys({}, 3)) == strings{"a", "b", "c"});
  CHECK(ids_of(*s.api_keys("c", 3)) == strings{"d"});
  CHECK(s.api_keys("d", 3)->empty());
}

TEMPLATE_LIST_TEST_CASE("store: a key's last use only grows", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(api_key_put{key_of("k1")});
  CHECK(s.commit(api_key_used{"k1", start_ms + 100}).ok());
  CHECK(s.commit(api_key_used{"k1", start_ms + 50}).ok());
  CHECK(s.api_keys({}, any)->front().used_ms == start_ms + 100);
  CHECK(s.commit(api_key_used{"k2", start_ms}).error == errc::not_found);
}

TEMPLATE_LIST_TEST_CASE("store: an erased API key is gone, and erasing it again says so", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(api_key_put{key_of("k1")});
  s.commit(api_key_put{key_of("k2")});
  CHECK(s.commit(api_key_erase{"k1"}).count == 1);
  CHECK(s.commit(api_key_erase{"k1"}).error == errc::not_found);
  CHECK(ids_of(*s.api_keys({}, any)) == strings{"k2"});
}

TEMPLATE_LIST_TEST_CASE("store: a key with too much in it is refused", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  auto key = key_of("k1");
  key.note = std::string(limits::api_key_bytes_max, 'n');
  CHECK(s.commit(api_key_put{key}).error == errc::too_large);
  key = key_of("k1");
  key.grants.assign(limits::api_key_bytes_max / limits::api_key_text_overhead_bytes, {.rooms = {"a"}});
  CHECK(s.commit(api_key_put{key}).error == errc::too_large);
  key = key_of(std::string(limits::name_bytes_max + 1, 'i'));
  CHECK(s.commit(api_key_put{key}).error == errc::too_large);
  CHECK(s.commit(revocation_put{revocation_of(std::string(limits::name_bytes_max + 1, 'n'))}).error == errc::too_large);
  CHECK(s.api_keys({}, any)->empty());
}

TEMPLATE_LIST_TEST_CASE("store: over the bound of all keys a new one is refused, a change is not", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  put_many(s, limits::api_keys_max,
           [](std::size_t i) { return api_key_put{{.id = numbered("k", static_cast<int>(i)), .user = "ann"}}; });
  CHECK(s.commit(api_key_put{key_of("more")}).error == errc::unavailable);
  CHECK(s.commit(api_key_put{key_of("k7")}).count == limits::api_keys_max);
  CHECK(s.commit(api_key_erase{"k8"}).ok());
  CHECK(s.commit(api_key_put{key_of("more")}).ok());
  CHECK(s.commit(api_key_put{key_of("one more")}).error == errc::unavailable);
}

TEMPLATE_LIST_TEST_CASE("store: a revocation comes back as it was put, by kind and name", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (const auto kind : {revoked::user, revoked::session, revoked::token})
    for (const auto* name : {"b", "a", "c"}) CHECK(s.commit(revocation_put{revocation_of(name, kind)}).ok());
  CHECK(s.revocations(revoked::session, {}, 2) ==
        std::vector{revocation_of("a", revoked::session), revocation_of("b", revoked::session)});
  CHECK(s.revocations(revoked::session, "b", 2) == std::vector{revocation_of("c", revoked::session)});
  auto longer = revocation_of("a");
  longer.until_ms += day_ms;
  CHECK(s.commit(revocation_put{longer}).count == 9);
  CHECK(s.revocations(revoked::user, {}, 1) == std::vector{longer});
}

TEMPLATE_LIST_TEST_CASE("store: a revocation is erased where it does not last longer than it was thought to",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  s.commit(revocation_put{revocation_of("ann")});
  CHECK(s.commit(revocation_erase{revoked::user, "ann", start_ms + day_ms - 1}).error == errc::not_found);
  CHECK(s.commit(revocation_erase{revoked::token, "ann"}).error == errc::not_found);
  CHECK(s.revocations(revoked::user, {}, any)->size() == 1);
  CHECK(s.commit(revocation_erase{revoked::user, "ann", start_ms + day_ms}).ok());
  CHECK(s.commit(revocation_erase{revoked::user, "ann"}).error == errc::not_found);
  CHECK(s.revocations(revoked::user, {}, any)->empty());
}

TEMPLATE_LIST_TEST_CASE("store: over the bound of all revocations a new one is refused", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  put_many(s, limits::revocations_max,
           [](std::size_t i) { return revocation_put{revocation_of(numbered("u", static_cast<int>(i)))}; });
  CHECK(s.commit(revocation_put{revocation_of("more")}).error == errc::unavailable);
  CHECK(s.commit(revocation_put{revocation_of("u5")}).ok());
  CHECK(s.commit(revocation_erase{revoked::user, "u5"}).count == limits::revocations_max - 1);
  CHECK(s.commit(revocation_put{revocation_of("more")}).ok());
}

TEST_CASE("sqlite store: API keys and revocations are there after a restart", "[sqlite]") {
  sqlite_backend backend;
  (*backend).commit(api_key_put{key_of("k1")});
  (*backend).commit(api_key_used{"k1", start_ms + 100});
  (*backend).commit(revocation_put{revocation_of("t", revoked::token)});
  backend.restart();
  auto expected = key_of("k1");
  expected.used_ms = start_ms + 100;
  CHECK((*backend).api_keys({}, any) == std::vector{expected});
  CHECK((*backend).revocations(revoked::token, {}, any) == std::vector{revocation_of("t", revoked::token)});
  CHECK((*backend).commit(api_key_put{key_of("k2")}).count == 2);
  CHECK((*backend).counters().damaged == 0);
}

TEST_CASE("sqlite restore: API keys and revocations are those of the backup, and a damaged one is noticed",
          "[sqlite]") {
  const temporary_directory directory;
  {
    const auto s = open_sqlite_store({.path = directory.file("a.db")});
    s->commit(api_key_put{key_of("k1")});
    s->commit(revocation_put{revocation_of("ann")});
    sqlite_backup backup{*s, directory.file("b.db")};
    while (!backup.step(100).done) {
    }
  }
  CHECK(restore(directory.file("b.db"), {.path = directory.file("c.db")}, damaged_rows::refuse).damaged == 0);
  const auto s = open_sqlite_store({.path = directory.file("c.db")});
  CHECK(s->api_keys({}, any) == std::vector{key_of("k1")});
  CHECK(s->revocations(revoked::user, {}, any) == std::vector{revocation_of("ann")});

  connection{directory.file("b.db"), {}, connection::role::writer}.script("UPDATE revocations SET at_ms = 0");
  CHECK_THROWS_AS(restore(directory.file("b.db"), {.path = directory.file("d.db")}, damaged_rows::refuse),
                  backup_error);
  CHECK(restore(directory.file("b.db"), {.path = directory.file("e.db")}, damaged_rows::accept).damaged == 1);
}

TEST_CASE("sqlite store: a database of the first version gets the tables of who may come", "[sqlite]") {
  const temporary_directory directory;
  const auto path = directory.file("a.db");
  {
    connection db{path, {}, connection::role::writer};
    db.script("PRAGMA journal_mode = WAL");
    migrate(db, migrations().first(1));
  }
  const auto s = open_sqlite_store({.path = path});
  CHECK(s->api_keys({}, any)->empty());
  CHECK(s->commit(api_key_put{key_of("k1")}).ok());
}

}  // namespace greenroom::storage::testing
