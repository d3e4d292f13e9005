// The durable store beyond the contract: what it keeps over a restart, its bounds, versions of its database, locks.
#include "storage/sqlite_store.hpp"

#include <sqlite3.h>

#include <fstream>
#include <map>

#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_sums.hpp"
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

namespace fs = std::filesystem;

append message(std::string log, std::string text, std::optional<idempotency> id = {}) {
  return {.log = std::move(log),
          .body = bytes(std::move(text)),
          .at_ms = start_ms,
          .keep = {.count = 3, .age_ms = day_ms},
          .once = std::move(id)};
}

inbox_append letter(std::string user, std::string text, std::int64_t ttl_ms = day_ms) {
  return {.user = std::move(user), .body = bytes(std::move(text)), .at_ms = start_ms, .expires_ms = start_ms + ttl_ms};
}

stored_membership member(std::string room, std::uint64_t seq) {
  stored_membership made;
  made.room = std::move(room);
  made.seen = {"epoch", seq};
  made.presence = "here";
  return made;
}

stored_session session_of(std::string id) {
  stored_session made{.id = std::move(id), .user = "ann", .created_ms = start_ms, .window_ms = 120'000};
  made.token.fill(std::byte{7});
  made.rooms = {member("lobby", 42), member("news", 1)};
  made.shown = {.status = "away", .location = "lobby", .meta = "{}", .stamp = 5};
  made.watched = {"bob", "", "cid"};
  return made;
}

/// Something of everything.
position fill(store& s) {
  for (int i = 1; i <= 5; ++i) s.commit(message("r", numbered("m", i), once("ann", numbered("id", i))));
  s.commit(snapshot_put{"r", bytes("board")});
  s.commit(message("erased", "m"));
  s.commit(log_erase{"erased"});
  s.commit(letter("ann", "one"));
  s.commit(letter("ann", "brief", 1));
  s.commit(inbox_ack{"ann", s.commit(letter("bob", "read")).n});
  s.commit(inbox_ack{"bob", 1});
  s.commit(letter("ann", "two"));
  s.commit(inbox_expire{"ann", start_ms + 1});
  s.commit(dead_put{.room = "r", .body = bytes("poison"), .now_ms = start_ms, .once = once("ann", "id7")});
  s.commit(session_put{session_of("s1")});
  s.commit(membership_put{"s1", member("chess", 7)});
  return s.commit(log_open{"r", {.count = 3, .age_ms = day_ms}}).at;
}

void require_filled(store& s, const position& at) {
  const auto page = s.read("r", 0, any, any);
  REQUIRE(page.error == errc::success);
  CHECK(page.head == log_head{at.epoch, 3, 5, 6});
  CHECK(texts(page.records) == strings{"m3", "m4", "m5"});
  CHECK(*s.snapshot("r") == "board");
  CHECK_FALSE(s.head("erased"));
  CHECK(texts(s.read_inbox("ann", 0, any, any, start_ms).messages) == strings{"two"});
  CHECK(s.inbox("bob") == inbox_state{.last = 1});
  CHECK(texts(s.dead_letters({}, 0, any)) == strings{"brief", "poison"});
  CHECK(texts(s.dead_letters_of_room("r", 0, any)) == strings{"poison"});
  auto expected = session_of("s1");
  expected.rooms.push_back(member("chess", 7));
  CHECK(s.session("s1") == expected);
  const auto known = s.recall(once("ann", "id2"), start_ms);
  REQUIRE(known);
  CHECK(known->at == position{at.epoch, 2});
  const auto sums = s.counters();
  CHECK(sums.logs == 1);
  CHECK(sums.records == 3);
  CHECK(sums.ids == 5);
  CHECK(sums.accepted == 5);
  CHECK(sums.acknowledged == 2);
  CHECK(sums.sessions == 1);
  CHECK(sums.damaged == 0);
  CHECK(sums.balanced());
}

/// The files as they are now, in another place: what a crash of the process leaves.
void copy_files(const std::string& from, const std::string& to) {
  for (const auto* end : {"", "-wal"})
    if (fs::exists(from + end)) fs::copy_file(from + end, to + end);
}

std::unique_ptr<sqlite_store> open(const std::string& path) { return open_sqlite_store({.path = path}); }

std::string failure_of(const sqlite_options& options) {
  try {
    open_sqlite_store(options);
  } catch (const open_error& e) {
    return e.what();
  }
  return {};
}

struct other_process {
  explicit other_process(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK); }
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;
  ~other_process() { sqlite3_close(db); }
  void run(const std::string& text) {
    CAPTURE(text);
    REQUIRE(sqlite3_exec(db, text.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  sqlite3* db = nullptr;
};

}  // namespace

TEST_CASE("sqlite store: an acknowledgement promises that it is on disk", "[sqlite]") {
  const temporary_directory directory;
  CHECK(open(directory.file("a.db"))->level() == durability::durable);
}

TEST_CASE("sqlite store: everything is there after it was closed and opened", "[sqlite]") {
  const temporary_directory directory;
  position at;
  {
    const auto s = open(directory.file("a.db"));
    at = fill(*s);
    require_filled(*s, at);
  }
  CHECK_FALSE(fs::exists(directory.file("a.db-wal")));
  const auto s = open(directory.file("a.db"));
  require_filled(*s, at);
  CHECK(s->commit(message("r", "m6")).at == position{at.epoch, 6});
  CHECK(s->commit(letter("bob", "next")).n > 1);
  CHECK(s->commit(message("r", "m2", once("ann", "id2"))).duplicate);
}

TEST_CASE("sqlite store: everything is there after a crash, whatever part of it is in the WAL", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open(directory.file("a.db"));
  const auto at = fill(*s);
  copy_files(directory.file("a.db"), directory.file("b.db"));
  REQUIRE(fs::file_size(directory.file("b.db-wal")) > 0);
  require_filled(*open(directory.file("b.db")), at);
}

TEST_CASE("sqlite store: upkeep moves the WAL over, so that it does not grow", "[sqlite]") {
  const temporary_directory directory;
  const auto s =
      open_sqlite_store({.path = directory.file("a.db"), .checkpoint_bytes = 256 << 10, .sync = synchronous::off});
  const std::string body(10'000, 'b');
  for (int i = 0; i < 1'000; ++i) {
    s->commit(message("r", body));
    s->upkeep();
  }
  CHECK(s->figures().checkpoints > 10);
  CHECK(fs::file_size(directory.file("a.db-wal")) < (1 << 20));
  CHECK(s->figures().batches == 1'000);
  CHECK(s->figures().operations == 1'000);
  CHECK(s->figures().database_bytes > 30'000);
  CHECK(s->figures().commit_ns_max > 0);
}

TEST_CASE("sqlite store: the sums that it keeps are those of its rows, also after a restart", "[sqlite]") {
  const temporary_directory directory;
  statistics kept;
  {
    const auto s = open(directory.file("a.db"));
    fill(*s);
    kept = s->counters();
  }
  connection db{directory.file("a.db"), {}, connection::role::reader};
  sqlite_sums counted;
  recount(db, counted);
  CHECK(counted.seen.logs == kept.logs);
  CHECK(counted.seen.records == kept.records);
  CHECK(counted.seen.record_bytes == kept.record_bytes);
  CHECK(counted.seen.inboxes == kept.inboxes);
  CHECK(counted.seen.queued == kept.queued);
  CHECK(counted.seen.queued_bytes == kept.queued_bytes);
  CHECK(counted.seen.dead == kept.dead);
  CHECK(counted.seen.dead_bytes == kept.dead_bytes);
  CHECK(counted.seen.ids == kept.ids);
  CHECK(counted.seen.ids_bytes == kept.ids_bytes);
  CHECK(counted.seen.sessions == kept.sessions);
}

TEST_CASE("sqlite store: erased and reset logs leave no message behind once a sweep has passed", "[sqlite]") {
  const temporary_directory directory;
  {
    const auto s = open(directory.file("a.db"));
    const std::vector<operation> batch(1'000, append{.log = "r", .body = bytes("m"), .keep = {.count = any}});
    for (int i = 0; i < 3; ++i) s->commit(batch);
    s->commit(epoch_reset{"r"});
    CHECK(s->counters().records == 0);
    s->commit(message("r", "kept"));
    CHECK(sweep_all(*s, start_ms) == 0);
  }
  connection db{directory.file("a.db"), {}, connection::role::reader};
  CHECK(db.answer("SELECT count(*) FROM message") == "1");
  CHECK(db.answer("SELECT count(*) FROM log_entry") == "1");
  CHECK(db.answer("SELECT count(*) FROM gone") == "0");
}

TEST_CASE("sqlite store: an append trims a part of what a smaller retention leaves, sweeps the rest", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open(directory.file("a.db"));
  std::vector<operation> batch(1'000, append{.log = "r", .body = bytes("m"), .keep = {.count = any}});
  s->commit(batch);
  const auto out = s->commit(append{.log = "r", .body = bytes("m"), .keep = {.count = 10}});
  CHECK(out.first > 10);
  CHECK(out.first < 100);
  sweep_all(*s, start_ms);
  CHECK(s->head("r")->first == 992);
}

TEST_CASE("sqlite store: over their bound the oldest dead letters are purged and counted", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .dead_bytes_max = 5'000});
  for (int i = 0; i < 10; ++i) {
    s->commit(letter("ann", std::string(1'000, 'l'), 1));
    s->commit(inbox_expire{"ann", start_ms + 1});
  }
  const auto sums = s->counters();
  CHECK(sums.dead == 4);
  CHECK(sums.dead_bytes <= 5'000);
  CHECK(sums.purged == 6);
  CHECK(sums.balanced());
  CHECK(s->dead_letters({}, 0, any).front().id == 7);
}

TEST_CASE("sqlite store: a sender's ids over its bound end early, oldest first, and are counted", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .ids_per_sender_max = 10});
  const auto publish = [&](std::string sender, int i) {
    return s->commit(message("r", "m", once(std::move(sender), numbered("id", i)))).duplicate;
  };
  for (int i = 0; i < 12; ++i) {
    publish("ann", i);
    if (i < 6) publish("bob", i);
  }
  CHECK(s->counters().ids == 16);
  CHECK(s->counters().ids_evicted == 2);
  CHECK(publish("ann", 11));
  CHECK(publish("ann", 2));
  CHECK(publish("bob", 0));
  CHECK_FALSE(publish("ann", 1));
}

TEST_CASE("sqlite store: over their number new logs and sessions are refused, the old ones go on", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .logs_max = 3, .sessions_max = 2});
  for (int i = 0; i < 5; ++i) {
    CHECK(s->commit(message(numbered("r", i), "m")).ok() == (i < 3));
    CHECK(s->commit(session_put{{.id = numbered("s", i)}}).ok() == (i < 2));
  }
  CHECK(s->counters().unavailable == 5);
  CHECK(s->commit(message("r0", "m")).at.seq == 2);
  CHECK(s->commit(session_put{{.id = "s0", .user = "ann"}}).ok());
}

TEST_CASE("sqlite store: forgotten empty inboxes make place, and no number comes twice", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .inboxes_max = 20, .sync = synchronous::off});
  std::map<std::string, std::uint64_t> highest;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 50; ++i) {
      const auto user = numbered("user", i);
      const auto out = s->commit(letter(user, "m"));
      REQUIRE(out.ok());
      REQUIRE(out.n > highest[user]);
      highest[user] = out.n;
      s->commit(inbox_ack{user, out.n});
      REQUIRE(s->inbox(user).last >= out.n);
    }
  int refused = 0;
  for (int i = 0; i < 50; ++i) refused += !s->commit(letter(numbered("user", i), "m")).ok();
  CHECK(refused == 30);
  CHECK(s->counters().balanced());
}

TEST_CASE("sqlite store: a second store on the same file is refused in words", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open(directory.file("a.db"));
  CHECK(failure_of({.path = directory.file("a.db")}).find("in use") != std::string::npos);
  CHECK(s->commit(message("r", "m")).ok());
}

TEST_CASE("sqlite store: while somebody else holds the database a batch is unavailable, and later works", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .busy_ms = 1});
  other_process other{directory.file("a.db")};
  other.run("BEGIN IMMEDIATE");
  CHECK(s->commit(message("r", "m")).error == errc::unavailable);
  CHECK(s->condition() == condition::good);
  CHECK_FALSE(s->head("r"));
  CHECK(s->counters().records == 0);
  other.run("ROLLBACK");
  CHECK(s->commit(message("r", "m")).at.seq == 1);
  CHECK(s->figures().failed == 1);
}

TEST_CASE("sqlite store: a place where no file can be is refused in words", "[sqlite]") {
  const temporary_directory directory;
  CHECK(failure_of({.path = directory.file("none/a.db")}).find("Cannot open") != std::string::npos);
  fs::create_directory(directory.file("a.db"));
  CHECK(failure_of({.path = directory.file("a.db")}).find("Cannot open") != std::string::npos);
}

TEST_CASE("sqlite store: a database of a newer build, or of another program, is refused and not changed", "[sqlite]") {
  const temporary_directory directory;
  const auto path = directory.file("a.db");
  open(path);
  other_process{path}.run("PRAGMA user_version = 99");
  CHECK(failure_of({.path = path}).find("newer") != std::string::npos);
  CHECK(fs::exists(path));
  other_process{directory.file("b.db")}.run("CREATE TABLE theirs (a)");
  CHECK(failure_of({.path = directory.file("b.db")}).find("another program") != std::string::npos);
  other_process{directory.file("b.db")}.run("INSERT INTO theirs VALUES (1)");
}

TEST_CASE("sqlite store: a database of an older version becomes one of today, step by step", "[sqlite]") {
  const temporary_directory directory;
  const auto path = directory.file("a.db");
  const std::array steps{"CREATE TABLE word (text TEXT); INSERT INTO word VALUES ('kept');",
                         "ALTER TABLE word ADD COLUMN length INTEGER; UPDATE word SET length = length(text);",
                         "CREATE INDEX word_length ON word (length);"};
  {
    connection db{path, {}, connection::role::writer};
    CHECK(migrate(db, std::span{steps}.first(1)) == 0);
  }
  connection db{path, {}, connection::role::writer};
  CHECK(migrate(db, steps) == 1);
  CHECK(db.answer("SELECT length FROM word INDEXED BY word_length WHERE length > 0") == "4");
  CHECK(db.answer("PRAGMA user_version") == "3");
  CHECK(migrate(db, steps) == 3);
  CHECK_THROWS_AS(migrate(db, std::span{steps}.first(2)), open_error);
}

TEST_CASE("sqlite store: a step between versions that fails changes nothing", "[sqlite]") {
  const temporary_directory directory;
  connection db{directory.file("a.db"), {}, connection::role::writer};
  const std::array steps{"CREATE TABLE word (text TEXT);", "DROP TABLE word; DROP TABLE none;"};
  CHECK_THROWS_AS(migrate(db, steps), open_error);
  CHECK(db.answer("PRAGMA user_version") == "1");
  CHECK(db.answer("SELECT count(*) FROM word") == "0");
}

TEST_CASE("sqlite store: a file that is no database is set aside and reported, and a fresh one begins", "[sqlite]") {
  const temporary_directory directory;
  const auto path = directory.file("a.db");
  strings said;
  for (int i = 1; i <= 2; ++i) {
    std::ofstream{path} << std::string(10'000, 'x');
    const auto s = open_sqlite_store({.path = path, .report = [&](const std::string& line) { said.push_back(line); }});
    CHECK(fs::file_size(path + numbered(".damaged-", i)) == 10'000);
    CHECK(s->commit(message("r", "m")).at.seq == 1);
  }
  REQUIRE(said.size() == 2);
  CHECK(said[1].find("damaged-2") != std::string::npos);
}

}  // namespace greenroom::storage::testing
