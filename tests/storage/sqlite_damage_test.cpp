// Damaged files: never a crash, never a wrong body. A row that came back other than it was stored has no body, or counts
// as absent; a file that cannot be opened is set aside.
#include <algorithm>
#include <fstream>
#include <limits>
#include <map>

#include "storage/sqlite_connection.hpp"
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

namespace fs = std::filesystem;

constexpr int messages = 300;

std::string text_of_message(int i) {
  return numbered("message ", i) + std::string(static_cast<std::size_t>(i % 40) * 20, 'm');
}
std::string text_of_letter(int i) { return numbered("letter ", i); }

void fill(store& s) {
  for (int i = 0; i < messages; ++i) {
    s.commit(append{.log = numbered("room", i % 4),
                    .body = bytes(text_of_message(i)),
                    .at_ms = start_ms,
                    .keep = {.count = any},
                    .once = once("ann", numbered("id", i)),
                    .snapshot = i % 10 == 0 ? bytes("state") : nullptr});
    s.commit(inbox_append{.user = numbered("user", i % 4),
                          .body = bytes(text_of_letter(i)),
                          .at_ms = start_ms,
                          .expires_ms = start_ms + (i % 5 == 0 ? 1 : day_ms)});
    stored_session session;
    session.id = numbered("s", i);
    session.user = "ann";
    s.commit(session_put{session});
  }
  for (int u = 0; u < 4; ++u) s.commit(inbox_expire{numbered("user", u), start_ms + 1});
  for (int i = 0; i < 20; ++i)
    s.commit(dead_put{.room = numbered("room", i % 4),
                      .body = bytes(text_of_letter(messages + i)),
                      .now_ms = start_ms + i,
                      .once = once("ann", numbered("crashed", i))});
}

std::string content_of(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write(const std::string& path, const std::string& content) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
}

template <class Change>
void change_row(const std::string& path, Change change) {
  connection db{path, {}, connection::role::writer};
  change(db);
}

/// Reads everything that can be read; a body that is there must be one that was stored in that place.
struct survey {
  std::uint64_t sound = 0, lost = 0, wrong = 0;
};

survey look(const store& s) {
  survey seen;
  const auto judge = [&seen](const bytes_ptr& body, const std::string& expected) {
    ++(!body ? seen.lost : *body == expected ? seen.sound : seen.wrong);
  };
  for (int r = 0; r < 4; ++r) {
    const auto page = s.read(numbered("room", r), 0, any, any);
    for (const auto& each : page.records) judge(each.body, text_of_message(static_cast<int>(each.seq - 1) * 4 + r));
    if (const auto state = s.snapshot(numbered("room", r))) seen.wrong += *state != "state";
    const auto letters = s.read_inbox(numbered("user", r), 0, any, any, start_ms);
    for (const auto& each : letters.messages) judge(each.body, text_of_letter(static_cast<int>(each.n - 1) * 4 + r));
    s.read_before(numbered("room", r), UINT64_MAX, 10, any);
  }
  for (const auto& dead : s.dead_letters({}, 0, any)) {
    if (!dead.body) continue;
    const auto which = dead.room.empty() ? static_cast<int>(dead.n - 1) * 4 + std::stoi("0" + dead.user.substr(4))
                                         : messages + static_cast<int>(dead.at_ms - start_ms);
    judge(dead.body, text_of_letter(which));
  }
  for (int r = 0; r < 4; ++r) s.dead_letters_of_room(numbered("room", r), 0, any);
  for (const auto& session : s.sessions({}, any)) seen.wrong += session.user != "ann";
  for (int i = 0; i < messages; ++i)
    if (const auto known = s.recall(once("ann", numbered("id", i)), start_ms); known && known->ok())
      seen.wrong += known->at.seq != static_cast<std::uint64_t>(i / 4) + 1;
  s.snapshots({}, any);
  s.inboxes({}, any);
  s.inbox_holders({}, any);
  s.counters();
  return seen;
}

/// Writes of every kind; what they answer is theirs.
void use(sqlite_store& s) {
  for (int i = 0; i < 4; ++i) {
    s.commit(append{.log = numbered("room", i), .body = bytes("new"), .at_ms = start_ms, .keep = {.count = 10}});
    s.commit(
        inbox_append{.user = numbered("user", i), .body = bytes("new"), .at_ms = start_ms, .expires_ms = start_ms + 1});
    s.commit(inbox_ack{numbered("user", i), 20});
    s.commit(inbox_attempt{numbered("user", i), start_ms, 1});
    s.commit(dead_replay{.id = static_cast<std::uint64_t>(i) + 1, .now_ms = start_ms, .expires_ms = start_ms + day_ms});
    s.commit(dead_put{.room = numbered("room", i), .body = bytes("new"), .once = once("ann", numbered("crashed", i))});
    s.commit(dead_settle{s.dead_letters_of_room(numbered("room", i), 0, 1).empty()
                             ? 0
                             : s.dead_letters_of_room(numbered("room", i), 0, 1)[0].id});
    s.commit(session_erase{numbered("s", i)});
    s.commit(sweep{start_ms + 40 * day_ms, 500});
    s.upkeep();
    if (s.condition() == condition::broken) s.repair();
  }
}

struct filled {
  filled() {
    fill(*open_sqlite_store({.path = directory.file("a.db"), .sync = synchronous::off}));
    content = content_of(directory.file("a.db"));
  }
  const temporary_directory directory{temporary_directory::place::in_memory};
  std::string content;
};

}  // namespace

TEST_CASE("sqlite damage: a garbled body comes back as none, in its place, and is counted", "[sqlite]") {
  filled f;
  const auto path = f.directory.file("a.db");
  const auto at = f.content.find("message 117");
  REQUIRE(at != std::string::npos);
  f.content[at + 30] ^= 1;
  write(path, f.content);
  const auto s = open_sqlite_store({.path = path});
  const auto page = s->read("room1", 28, 3, any);
  REQUIRE(page.records.size() == 3);
  CHECK(*page.records[0].body == text_of_message(113));
  CHECK(page.records[1].seq == 30);
  CHECK(page.records[1].body == nullptr);
  CHECK(*page.records[2].body == text_of_message(121));
  CHECK(s->counters().damaged == 1);
  CHECK(s->figures().damaged == 1);
  CHECK(s->condition() == condition::good);
}

TEST_CASE("sqlite damage: a message that stands where another one belongs, or nowhere, is noticed", "[sqlite]") {
  filled f;
  const auto path = f.directory.file("a.db");
  change_row(path, [](connection& db) {
    db.script(
        "UPDATE log_entry SET message = (SELECT message FROM log_entry WHERE seq = 5 LIMIT 1) WHERE seq = 4;"
        "DELETE FROM message WHERE id IN (SELECT message FROM log_entry WHERE seq = 7);"
        "DELETE FROM log_entry WHERE seq = 9");
  });
  const auto s = open_sqlite_store({.path = path});
  for (int r = 0; r < 4; ++r) {
    const auto page = s->read(numbered("room", r), 2, 8, any);
    REQUIRE(page.records.size() == 8);
    for (const auto& each : page.records)
      CHECK((each.body == nullptr) == (each.seq == 4 || each.seq == 7 || each.seq == 9));
    CHECK(s->read_before(numbered("room", r), 11, 8, any).records.size() == 8);
  }
}

TEST_CASE("sqlite damage: damaged snapshots, sessions and ids count as absent", "[sqlite]") {
  filled f;
  const auto path = f.directory.file("a.db");
  change_row(path, [](connection& db) {
    db.script(
        "UPDATE snapshot SET body = x'00' WHERE name = CAST('room0' AS BLOB);"
        "UPDATE session SET user = x'00' WHERE id = CAST('s7' AS BLOB);"
        "UPDATE once SET seq = seq + 1 WHERE id = CAST('id9' AS BLOB)");
  });
  const auto s = open_sqlite_store({.path = path});
  CHECK(s->snapshot("room0") == nullptr);
  CHECK(s->snapshot("room2") != nullptr);
  CHECK_FALSE(s->session("s7"));
  CHECK(s->sessions({}, any).size() == messages - 1);
  CHECK_FALSE(s->recall(once("ann", "id9"), start_ms));
  CHECK(s->counters().damaged == 4);
  stored_session again;
  again.id = "s7";
  CHECK(s->commit(session_put{again}).ok());
  CHECK(s->session("s7") == again);
  const auto repeat =
      append{.log = "room1", .body = bytes("m"), .at_ms = start_ms, .keep = {.count = any}, .once = once("ann", "id9")};
  CHECK_FALSE(s->commit(repeat).duplicate);
  CHECK(s->commit(repeat).duplicate);
}

TEST_CASE("sqlite damage: a damaged API key opens nothing, a damaged revocation holds for ever", "[sqlite]") {
  const temporary_directory directory;
  const auto path = directory.file("a.db");
  constexpr auto for_ever = std::numeric_limits<std::int64_t>::max();
  const stored_key sound{.id = "sound", .user = "ann", .created_ms = start_ms};
  auto damaged = sound;
  damaged.id = "damaged";
  {
    const auto s = open_sqlite_store({.path = path});
    s->commit(api_key_put{sound});
    s->commit(api_key_put{damaged});
    s->commit(revocation_put{{revoked::user, "ann", start_ms, start_ms + 1, ""}});
    s->commit(revocation_put{{revoked::user, "bob", start_ms, start_ms + 1, ""}});
  }
  change_row(path, [](connection& db) {
    db.script(
        "UPDATE api_keys SET user = CAST('root' AS BLOB) WHERE id = CAST('damaged' AS BLOB);"
        "UPDATE revocations SET until_ms = 0 WHERE name = CAST('ann' AS BLOB)");
  });
  strings said;
  const auto s = open_sqlite_store({.path = path, .report = [&](const std::string& line) { said.push_back(line); }});
  CHECK(s->api_keys({}, any) == std::vector{sound});
  const auto all = s->revocations(revoked::user, {}, any);
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK((*all)[0] == stored_revocation{revoked::user, "ann", for_ever, for_ever, ""});
  CHECK((*all)[1].until_ms == start_ms + 1);
  CHECK(s->counters().damaged == 2);
  CHECK(said.size() == 2);
  CHECK(s->commit(revocation_erase{revoked::user, "ann"}).ok());
  CHECK(s->commit(api_key_erase{"damaged"}).ok());
  CHECK(s->revocations(revoked::user, {}, any)->size() == 1);
}

TEST_CASE("sqlite damage: a damaged head ends its epoch, since nobody knows its last position", "[sqlite]") {
  filled f;
  const auto path = f.directory.file("a.db");
  change_row(path, [](connection& db) { db.script("UPDATE log SET last = 3 WHERE name = CAST('room1' AS BLOB)"); });
  strings said;
  const auto s = open_sqlite_store({.path = path, .report = [&](const std::string& line) { said.push_back(line); }});
  const auto old = s->head("room2")->epoch;
  CHECK(s->read("room1", 0, any, any).error == errc::unavailable);
  const auto out = s->commit(append{.log = "room1", .body = bytes("m"), .at_ms = start_ms, .keep = {.count = any}});
  CHECK(out.at.seq == 1);
  CHECK(s->read("room1", 0, any, any).records.size() == 1);
  CHECK(s->snapshot("room1") == nullptr);
  CHECK(s->head("room2")->epoch == old);
  CHECK(s->counters().records == messages / 4 * 3 + 1);
  REQUIRE_FALSE(said.empty());
  CHECK(said[0].find("room1") != std::string::npos);
}

TEST_CASE("sqlite damage: a damaged inbox is made anew from its messages, with numbers above all it can have given",
          "[sqlite]") {
  filled f;
  const auto path = f.directory.file("a.db");
  change_row(path, [](connection& db) {
    db.script("UPDATE inbox SET count = 1, last = 2 WHERE user = CAST('user1' AS BLOB)");
  });
  const auto s = open_sqlite_store({.path = path});
  const auto out =
      s->commit(inbox_append{.user = "user1", .body = bytes("m"), .at_ms = start_ms, .expires_ms = start_ms + day_ms});
  CHECK(out.n > 1'000'000);
  CHECK(s->read_inbox("user1", 0, any, any, start_ms).messages.size() == messages / 5 + 1);
  CHECK(s->inbox("user1").count == messages / 5 + 1);
  CHECK(s->counters().queued == messages / 5 * 4 + 1);
  CHECK(s->counters().balanced());
}

TEST_CASE("sqlite damage: damaged sums are counted again", "[sqlite]") {
  filled f;
  const auto path = f.directory.file("a.db");
  const auto before = open_sqlite_store({.path = path})->counters();
  change_row(path, [](connection& db) { db.script("UPDATE totals SET records = 1, last_id = 1, queued = 0"); });
  const auto s = open_sqlite_store({.path = path});
  CHECK(s->counters().records == before.records);
  CHECK(s->counters().queued == before.queued);
  CHECK(s->counters().balanced());
  CHECK(s->commit(append{.log = "room1", .body = bytes("m"), .at_ms = start_ms, .keep = {.count = any}}).ok());
  CHECK(look(*s).wrong == 1);  // the one that was added
}

TEST_CASE("sqlite damage: after damage at run time the next one who opens looks at everything first", "[sqlite]") {
  const temporary_directory directory;
  const auto path = directory.file("a.db");
  const append one{.log = "r", .body = bytes("m"), .at_ms = start_ms, .keep = {.count = any}};
  open_sqlite_store({.path = path})->commit(one);
  std::string old;
  change_row(path, [&](connection& db) {
    for (const std::string column :
         {"one",     "last_id",      "last_dead",  "inboxes_all", "forgotten_upto", "newest_ms", "logs",
          "records", "record_bytes", "inboxes",    "queued",      "queued_bytes",   "accepted",  "acknowledged",
          "purged",  "dead",         "dead_bytes", "ids",         "ids_bytes",      "sessions",  "sum"})
      old += (old.empty() ? "" : ",") + db.answer("SELECT " + column + " FROM totals");
  });
  open_sqlite_store({.path = path})->commit(one);
  // As by a disk that lost a write: the sums are older than the rows, and agree with themselves.
  change_row(path, [&](connection& db) { db.script("REPLACE INTO totals VALUES (" + old + ")"); });

  const auto s = open_sqlite_store({.path = path});
  CHECK(s->commit(one).error == errc::unavailable);
  CHECK(s->condition() == condition::broken);
  CHECK(fs::exists(path + ".suspect"));
  CHECK(s->repair().empty());
  CHECK_FALSE(fs::exists(path + ".suspect"));
  CHECK(s->counters().records == 2);
  CHECK(s->commit(one).at.seq == 3);
}

TEST_CASE("sqlite damage: whatever bytes of a file are changed or missing, nothing crashes and no body is wrong",
          "[sqlite][damage]") {
  const auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const filled f;
  const auto before = look(*open_sqlite_store({.path = f.directory.file("a.db")}));
  CHECK(before.wrong == 0);
  std::map<std::string, int> ends;
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    const temporary_directory directory{temporary_directory::place::in_memory};
    const auto path = directory.file("a.db");
    auto content = f.content;
    if (round % 10 == 0) content.resize(random() % content.size());
    const auto flips = round % 10 == 0 ? 0 : 1 + random() % (round % 2 == 0 ? 4 : 200);
    for (std::uint64_t i = 0; i < flips; ++i) {
      const auto page = round % 7 == 0 ? 0 : random() % (content.size() / 4096);  // the first one more often
      content[page * 4096 + random() % 4096] = static_cast<char>(random());
    }
    write(path, content);
    try {
      const auto s = open_sqlite_store({.path = path, .sync = synchronous::off});
      const auto seen = look(*s);
      REQUIRE(seen.wrong == 0);
      use(*s);
      ++ends[fs::exists(path + ".damaged-1") ? "set aside" : seen.sound == before.sound ? "whole" : "partly"];
    } catch (const open_error& e) {
      ++ends["refused"];
      CHECK_FALSE(std::string{e.what()}.empty());
    }
  }
  CAPTURE(ends);
  CHECK(ends["set aside"] > 0);
  CHECK(ends["partly"] > 0);
}

}  // namespace greenroom::storage::testing
