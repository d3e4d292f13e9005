// Backups of a store that is written to, and what a restored one says.
#include "storage/sqlite_backup.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

namespace fs = std::filesystem;

append message(std::string log, std::string text, std::string id) {
  return {.log = std::move(log),
          .body = bytes(std::move(text)),
          .at_ms = start_ms,
          .keep = {.count = any},
          .once = once("ann", std::move(id))};
}

inbox_append letter(std::string user, std::string text) {
  return {.user = std::move(user), .body = bytes(std::move(text)), .at_ms = start_ms, .expires_ms = start_ms + day_ms};
}

void back_up(sqlite_store& s, const std::string& to, int pages = 100) {
  sqlite_backup backup{s, to};
  while (!backup.step(pages).done) {
  }
}

template <class Work>
std::string failure_of(Work work) {
  try {
    work();
  } catch (const backup_error& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("sqlite backup: a copy holds what was committed when it was done", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db")});
  for (int i = 1; i <= 100; ++i) s->commit(message("r", numbered("m", i), numbered("id", i)));
  {
    sqlite_backup backup{*s, directory.file("b.db")};
    const auto first = backup.step(1);
    CHECK_FALSE(first.done);
    CHECK(first.remaining + 1 == first.total);
    s->commit(message("r", "meanwhile", "id"));
    CHECK_FALSE(fs::exists(directory.file("b.db")));
    while (!backup.step(10).done) {
    }
    CHECK(backup.step(10).done);
  }
  CHECK_FALSE(fs::exists(directory.file("b.db.partial")));
  const auto copy = open_sqlite_store({.path = directory.file("b.db")});
  CHECK(copy->read("r", 0, any, any).records.size() == 101);
  CHECK(*copy->read("r", 100, any, any).records.at(0).body == "meanwhile");
}

TEST_CASE("sqlite backup: under load a copy is a prefix of what was committed, with every id", "[sqlite][threads]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .sync = synchronous::off});
  for (int i = 1; i <= 2'000; ++i) s->commit(message("r", numbered("m", i), numbered("id", i)));
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> committed{2'000};
  std::thread writer{[&] {
    for (int i = 2'001; !done || i < 2'100; ++i) {
      s->commit(message("r", numbered("m", i), numbered("id", i)));
      committed = static_cast<std::uint64_t>(i);
      s->upkeep();
    }
  }};
  back_up(*s, directory.file("b.db"), 3);
  const auto at_most = committed + 1;
  done = true;
  writer.join();
  const auto copy = open_sqlite_store({.path = directory.file("b.db")});
  const auto page = copy->read("r", 0, any, any);
  CHECK(page.records.size() >= 2'000);
  CHECK(page.records.size() <= at_most);
  for (std::size_t i = 0; i < page.records.size(); ++i) {
    REQUIRE(page.records[i].body);
    REQUIRE(*page.records[i].body == numbered("m", static_cast<int>(i + 1)));
    REQUIRE(copy->recall(once("ann", numbered("id", static_cast<int>(i + 1))), start_ms));
  }
  CHECK(copy->counters().ids == page.records.size());
  CHECK(copy->counters().damaged == 0);
}

TEST_CASE("sqlite backup: one that is given up leaves nothing, and none replaces a file", "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db")});
  s->commit(message("r", "m", "id"));
  {
    sqlite_backup backup{*s, directory.file("b.db")};
    backup.step(1);
  }
  CHECK_FALSE(fs::exists(directory.file("b.db")));
  CHECK_FALSE(fs::exists(directory.file("b.db.partial")));
  back_up(*s, directory.file("b.db"));
  CHECK(failure_of([&] { sqlite_backup{*s, directory.file("b.db")}; }).find("already") != std::string::npos);
  CHECK(failure_of([&] { sqlite_backup{*s, directory.file("none/b.db")}; }).find("cannot begin") != std::string::npos);
  CHECK(s->commit(message("r", "m", "id 2")).ok());
}

TEST_CASE(
    "sqlite backup: a file is replaced where that was asked for, once the copy is whole, and never the store's own",
    "[sqlite]") {
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("a.db")});
  s->commit(message("r", "one", "id"));
  back_up(*s, directory.file("b.db"));
  const auto old = fs::file_size(directory.file("b.db"));
  for (int i = 1; i <= 100; ++i) s->commit(message("r", std::string(4'000, 'x'), numbered("id", i)));
  {
    sqlite_backup backup{*s, directory.file("b.db"), existing_file::replace};
    CHECK_FALSE(backup.step(1).done);
    CHECK(fs::file_size(directory.file("b.db")) == old);
    while (!backup.step(10).done) {
    }
  }
  CHECK(fs::file_size(directory.file("b.db")) > old);
  CHECK(open_sqlite_store({.path = directory.file("b.db")})->read("r", 0, any, any).records.size() == 101);
  fs::create_symlink(directory.file("a.db"), directory.file("link"));
  for (const auto* own : {"a.db", "a.db-wal", "a.db.lock", "link"})
    CHECK(failure_of([&] {
            sqlite_backup{*s, directory.file(own), existing_file::replace};
          }) == "The file " + directory.file(own) + " belongs to the store itself.");
  CHECK(s->read("r", 0, any, any).records.size() == 101);
}

TEST_CASE("sqlite restore: history stays, but epochs, numbers and sessions are not those of the backup", "[sqlite]") {
  const temporary_directory directory;
  position old;
  std::uint64_t last = 0;
  {
    const auto s = open_sqlite_store({.path = directory.file("a.db")});
    for (int i = 1; i <= 3; ++i) old = s->commit(message("r", numbered("m", i), numbered("id", i))).at;
    s->commit(snapshot_put{"r", bytes("board")});
    s->commit(message("", "of a log without a name", "x"));
    last = s->commit(letter("ann", "letter")).n;
    s->commit(session_put{{.id = "s1", .user = "ann"}});
    back_up(*s, directory.file("b.db"));
    s->commit(message("r", "after the backup", "id 4"));
  }
  const auto found = restore(directory.file("b.db"), {.path = directory.file("c.db")});
  CHECK(found.logs == 2);
  CHECK(found.messages == 4);
  CHECK(found.inboxes == 1);
  CHECK(found.letters == 1);
  CHECK(found.sessions_ended == 1);
  CHECK(found.damaged == 0);

  const auto s = open_sqlite_store({.path = directory.file("c.db")});
  const auto page = s->read("r", 0, any, any);
  CHECK(texts(page.records) == strings{"m1", "m2", "m3"});
  CHECK(page.head.epoch != old.epoch);
  CHECK(*s->snapshot("r") == "board");
  CHECK(texts(s->read_inbox("ann", 0, any, any, start_ms).messages) == strings{"letter"});
  CHECK(s->commit(letter("ann", "next")).n == last + 1'000'001);
  CHECK(s->commit(letter("new", "first")).n == 1'000'001);
  CHECK_FALSE(s->session("s1"));
  CHECK(s->counters().sessions == 0);
  CHECK(s->counters().balanced());
  CHECK(s->commit(message("r", "m2", "id2")).duplicate);
  CHECK(s->commit(message("r", "m4", "id4")).at == position{page.head.epoch, 4});
}

TEST_CASE("sqlite restore: a damaged backup, a taken place and a store in use are refused in words", "[sqlite]") {
  const temporary_directory directory;
  {
    const auto s = open_sqlite_store({.path = directory.file("a.db")});
    s->commit(message("r", std::string(300, 'm'), "id"));
    back_up(*s, directory.file("b.db"));
  }
  const auto into = [&](const std::string& backup, const std::string& to, damaged_rows rows = damaged_rows::refuse) {
    return failure_of([&] { restore(directory.file(backup), {.path = directory.file(to)}, rows); });
  };
  CHECK(into("b.db", "a.db").find("already") != std::string::npos);
  CHECK(into("none.db", "c.db").find("cannot be restored") != std::string::npos);
  std::ofstream{directory.file("text.db")} << std::string(5'000, 'x');
  CHECK(into("text.db", "c.db").find("cannot be restored") != std::string::npos);
  CHECK(fs::file_size(directory.file("text.db")) == 5'000);

  std::ifstream in{directory.file("b.db"), std::ios::binary};
  std::string all{std::istreambuf_iterator<char>{in}, {}};
  const auto place = all.find(std::string(300, 'm'));
  REQUIRE(place != std::string::npos);
  all[place + 7] = 'n';
  std::ofstream{directory.file("bad.db"), std::ios::binary} << all;
  CHECK(into("bad.db", "c.db").find("1 damaged rows") != std::string::npos);
  CHECK_FALSE(fs::exists(directory.file("c.db")));
  CHECK_FALSE(fs::exists(directory.file("c.db.restoring")));
  CHECK(into("bad.db", "c.db", damaged_rows::accept).empty());
  const auto s = open_sqlite_store({.path = directory.file("c.db")});
  const auto page = s->read("r", 0, any, any);
  REQUIRE(page.records.size() == 1);
  CHECK(page.records[0].body == nullptr);
  CHECK(s->counters().damaged == 1);
  CHECK(into("b.db", "c.db").find("in use") != std::string::npos);
}

}  // namespace greenroom::storage::testing
