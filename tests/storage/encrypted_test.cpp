// Rows that lie encrypted: nothing of them is in the file, they come back where they were put and nowhere else, and a key
// that is missing loses nothing.
#include <ctime>
#include <fstream>

#include "storage/checksum.hpp"
#include "storage/sqlite_backup.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_doctor.hpp"
#include "storage/vault.hpp"
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

constexpr auto canary = "canary-7f3a91";

using vault_ptr = std::shared_ptr<const vault>;

vault_ptr vault_of(std::initializer_list<std::pair<const char*, char>> keys) {
  std::vector<vault::kek> all;
  for (const auto& [id, fill] : keys) all.push_back({id, *secret_key::of(std::string(key_bytes, fill))});
  return std::make_shared<const vault>(std::move(all));
}

/// A store whose keys may be others after each `open`, and what it has reported.
struct fixture {
  temporary_directory directory{};
  std::string path = directory.file("greenroom.db");
  std::unique_ptr<sqlite_store> owned{};
  strings said{};

  explicit fixture(vault_ptr keys = vault_of({{"a", 'a'}})) { open(std::move(keys)); }
  void open(vault_ptr keys) {
    owned.reset();
    owned = open_sqlite_store(
        {.path = path, .sync = synchronous::off, .keys = std::move(keys), .report = [this](const std::string& what) {
           said.push_back(what);
         }});
  }
  sqlite_store& operator*() { return *owned; }
  sqlite_store* operator->() { return owned.get(); }
  template <class Change>
  void change(Change what) {
    connection db{path, {}, connection::role::writer};
    what(db);
  }
  /// Whether any file of the directory holds the text.
  bool holds(std::string_view text) const {
    for (const auto& each : std::filesystem::directory_iterator{directory.path()}) {
      std::ifstream in{each.path(), std::ios::binary};
      const std::string all{std::istreambuf_iterator<char>{in}, {}};
      if (all.find(text) != std::string::npos) return true;
    }
    return false;
  }
};

append message(std::string log, std::string text, at_rest rest = at_rest::encrypted) {
  return {
      .log = std::move(log), .body = bytes(std::move(text)), .at_ms = start_ms, .keep = {.count = any}, .rest = rest};
}

/// The message numbered `seq`; "(lost)" without its body.
std::string text_at(store& s, const std::string& log, std::uint64_t seq) {
  const auto page = s.read(log, seq - 1, 1, any);
  if (page.error != errc::success || page.records.empty()) return "(none)";
  return page.records[0].body ? *page.records[0].body : "(lost)";
}

}  // namespace

TEST_CASE("encrypted rows: what is stored is not in the file, and comes back", "[sqlite][encrypted]") {
  fixture s;
  auto first = message("room", canary);
  first.snapshot = bytes(std::string{"state of "} + canary);
  first.once = once("ann", "id-1");
  CHECK(s->commit(first).at.seq == 1);
  CHECK(s->commit(dead_put{"room", bytes(std::string{"dead "} + canary), start_ms, once("ann", "id-2"),
                           identity::authenticated, at_rest::encrypted})
            .ok());
  CHECK_FALSE(s.holds(canary));  // the WAL among them
  sqlite_backup copy{*s, s.directory.file("backup.db")};
  while (!copy.step(100).done) {
  }
  CHECK_FALSE(s.holds(canary));
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    if (restarted) s.open(vault_of({{"a", 'a'}}));
    CHECK(text_at(*s, "room", 1) == canary);
    CHECK(*s->read_before("room", 2, 1, any).records.at(0).body == canary);
    CHECK(*s->snapshot("room") == std::string{"state of "} + canary);
    CHECK(*s->snapshots({}, any).at(0).snapshot == std::string{"state of "} + canary);
    CHECK(*s->dead_letters_of_room("room", 0, any).at(0).body == std::string{"dead "} + canary);
    CHECK(s->counters().damaged == 0);
  }
  s->commit(message("plain", canary, at_rest::plain));
  CHECK(s.holds(canary));  // so that the search itself is seen to find something
}

TEST_CASE("encrypted rows: a log counts the bytes of its messages as they are", "[sqlite][encrypted]") {
  fixture s;
  s->commit(message("room", "12345"));
  CHECK(s->head("room")->bytes == 5);
  CHECK(s->counters().record_bytes == 5);
  s->commit(append{.log = "room",
                   .body = bytes("67890"),
                   .at_ms = start_ms,
                   .keep = {.count = any, .bytes = 5},
                   .rest = at_rest::encrypted});
  CHECK(s->head("room")->first == 2);
  CHECK(text_at(*s, "room", 2) == "67890");
}

TEST_CASE("encrypted rows: a room may be switched both ways, and everything stays readable", "[sqlite][encrypted]") {
  fixture s;
  for (const auto rest : {at_rest::plain, at_rest::encrypted, at_rest::plain, at_rest::encrypted})
    s->commit(message("room", "one text", rest));
  const auto page = s->read("room", 0, any, any);
  CHECK(texts(page.records) == strings(4, "one text"));
  s.open(vault_of({{"a", 'a'}}));
  CHECK(texts(s->read("room", 0, any, any).records) == strings(4, "one text"));
}

TEST_CASE("encrypted rows: without their key a log is unavailable, nothing is lost, and the log says which",
          "[sqlite][encrypted]") {
  fixture s;
  auto first = message("room", "kept");
  first.snapshot = bytes("state");
  s->commit(first);
  s->commit(message("other", "plain", at_rest::plain));
  for (const auto& without : {vault_of({{"b", 'b'}}), vault_ptr{}}) {
    s.said.clear();
    s.open(without);
    for (const auto rest : {at_rest::plain, at_rest::encrypted})
      CHECK(s->commit(log_open{"room", {.count = any}, rest}).error == errc::unavailable);
    CHECK(s->commit(message("room", "more")).error == errc::unavailable);
    CHECK(s->read("room", 0, any, any).error == errc::unavailable);
    CHECK(s->read_before("room", 9, any, any).error == errc::unavailable);
    CHECK(s->snapshot("room") == nullptr);
    CHECK(s->head("room")->last == 1);
    CHECK(text_at(*s, "other", 1) == "plain");
    CHECK(s->commit(log_open{"other", {.count = any}}).ok());
    CHECK(s->counters().damaged == 0);
    REQUIRE(s.said.size() == 1);
    CHECK(s.said[0].find("\"a\"") != std::string::npos);
  }
  s.open(vault_of({{"b", 'b'}, {"a", 'a'}}));
  CHECK(s->commit(log_open{"room", {.count = any}, at_rest::encrypted}).ok());
  CHECK(text_at(*s, "room", 1) == "kept");
  CHECK(*s->snapshot("room") == "state");
  CHECK(s->commit(message("room", "more")).at.seq == 2);
}

TEST_CASE("encrypted rows: another key of the same id opens nothing, and that counts as damage",
          "[sqlite][encrypted]") {
  fixture s;
  s->commit(message("room", "kept"));
  s.open(vault_of({{"a", 'x'}}));
  CHECK(s->commit(log_open{"room", {.count = any}, at_rest::encrypted}).error == errc::unavailable);
  CHECK(s->counters().damaged > 0);
  s.open(vault_of({{"a", 'a'}}));
  CHECK(text_at(*s, "room", 1) == "kept");
}

TEST_CASE("encrypted rows: without any key nothing is accepted for encryption", "[sqlite][encrypted]") {
  fixture s{nullptr};
  CHECK(s->commit(log_open{"room", {.count = any}, at_rest::encrypted}).error == errc::unavailable);
  CHECK(s->commit(message("room", "text")).error == errc::unavailable);
  CHECK_FALSE(s->head("room"));
  CHECK(s->commit(
             dead_put{"room", bytes("dead"), start_ms, once("ann", "id"), identity::authenticated, at_rest::encrypted})
            .error == errc::unavailable);
}

TEST_CASE("encrypted rows: one that was touched, or stands where another belongs, is lost and counted",
          "[sqlite][encrypted]") {
  fixture s;
  for (const auto* log : {"one", "two"})
    for (int i = 1; i <= 3; ++i) s->commit(message(log, numbered(log, i)));
  s.owned.reset();
  // Whoever writes to the file can compute the sums; so these rows are sound as rows, and the seal alone says no.
  s.change([](connection& db) {
    const auto resum = [&](std::uint64_t log, std::uint64_t seq, const std::function<void(std::string&)>& change,
                           std::uint64_t body_of) {
      const auto number = [&](const std::string& what, std::uint64_t at) {
        return std::stoull(db.answer("SELECT " + what + " FROM log_entry WHERE log = " + std::to_string(log) +
                                     " AND seq = " + std::to_string(at)));
      };
      const auto message = number("message", seq);
      const auto at_ms = static_cast<std::int64_t>(number("at_ms", seq));
      std::string body;
      {
        auto row = db.ask(sql::message_get, body_of == 0 ? message : body_of);
        REQUIRE(row.next());
        body = row.text(1);
      }
      change(body);
      db.change(sql::message_delete, message);
      db.change(sql::message_put, message, encrypted_form(message_sum(log, seq, message, at_ms, body)), body);
    };
    const auto message_of = [&](std::uint64_t log, std::uint64_t seq) {
      return std::stoull(db.answer("SELECT message FROM log_entry WHERE log = " + std::to_string(log) +
                                   " AND seq = " + std::to_string(seq)));
    };
    const auto id_of = [&](const std::string& name) {
      return std::stoull(db.answer("SELECT id FROM log WHERE name = CAST('" + name + "' AS BLOB)"));
    };
    const auto one = id_of("one"), two = id_of("two");
    resum(
        one, 1, [](std::string& body) { body.back() = static_cast<char>(body.back() ^ 1); }, 0);
    resum(
        one, 2, [](std::string&) {}, message_of(one, 3));  // of the same log, another place
    resum(
        two, 1, [](std::string&) {}, message_of(one, 3));  // of another log
    resum(
        two, 2, [](std::string& body) { body.resize(body.size() / 2); }, 0);
  });
  s.open(vault_of({{"a", 'a'}}));
  CHECK(text_at(*s, "one", 1) == "(lost)");
  CHECK(text_at(*s, "one", 2) == "(lost)");
  CHECK(text_at(*s, "one", 3) == "one3");
  CHECK(text_at(*s, "two", 1) == "(lost)");
  CHECK(text_at(*s, "two", 2) == "(lost)");
  CHECK(text_at(*s, "two", 3) == "two3");
  CHECK(s->counters().damaged == 4);
}

TEST_CASE("encrypted rows: an erased log takes its data key along, and a new one of that name has another",
          "[sqlite][encrypted]") {
  fixture s;
  s->commit(message("room", "old"));
  CHECK(s->keks() == std::vector<kek_use>{{"a", 1}});
  s->commit(log_erase{"room"});
  CHECK(s->keks().empty());
  s->commit(message("room", "new"));
  s->commit(epoch_reset{"room"});
  CHECK(s->keks().empty());
  s->commit(message("room", "newer"));
  CHECK(s->keks() == std::vector<kek_use>{{"a", 1}});
  s.open(vault_of({{"a", 'a'}}));
  CHECK(text_at(*s, "room", 1) == "newer");
}

TEST_CASE("encrypted rows: data keys are wrapped anew while their logs are written to and read",
          "[sqlite][encrypted]") {
  fixture s;
  for (int i = 0; i < 10; ++i) s->commit(message(numbered("room", i), "before"));
  const auto both = vault_of({{"b", 'b'}, {"a", 'a'}});
  s.open(both);
  CHECK(s->keks() == std::vector<kek_use>{{"a", 10}});
  for (const auto& each : s->secrets({}, any)) {
    auto why = unsealed::well;
    const auto again = both->rewrap(each, why);
    REQUIRE(again);
    CHECK(s->commit(secret_rewrap{each.name, each.wrapped, again->kek, again->wrapped}).ok());
    for (int i = 0; i < 10; ++i) s->commit(message(numbered("room", i), "meanwhile"));
  }
  CHECK(s->keks() == std::vector<kek_use>{{"b", 10}});
  s.open(vault_of({{"b", 'b'}}));
  for (int i = 0; i < 10; ++i) {
    CHECK(text_at(*s, numbered("room", i), 1) == "before");
    CHECK(text_at(*s, numbered("room", i), 11) == "meanwhile");
  }
  CHECK(look_at(s.path).keks == std::vector<kek_use>{{"b", 10}});
}

TEST_CASE("encrypted rows: a repeat is known, and the file keeps only a keyed hash of its content",
          "[sqlite][encrypted]") {
  fixture s;
  const auto with_id = [](std::string text, std::uint8_t content, at_rest rest) {
    auto made = message("room", std::move(text), rest);
    made.once = once("ann", "id-1", content);
    return made;
  };
  const std::string hash(16, '\x42');
  CHECK(s->commit(with_id("text", 0x42, at_rest::encrypted)).at.seq == 1);
  CHECK_FALSE(s.holds(hash));
  for (const auto rest : {at_rest::encrypted, at_rest::plain}) {
    const auto again = s->commit(with_id("text", 0x42, rest));
    CHECK(again.duplicate);
    CHECK(again.at.seq == 1);
    CHECK(s->commit(with_id("other", 0x43, rest)).error == errc::conflict);
  }
  CHECK(s->recall(once("ann", "id-1", 0x42), start_ms)->duplicate);
  CHECK(s->recall(once("ann", "id-1", 0x43), start_ms)->error == errc::conflict);
  s.open(vault_of({{"b", 'b'}, {"a", 'a'}}));
  CHECK(s->recall(once("ann", "id-1", 0x42), start_ms)->duplicate);
}

TEST_CASE("encrypted rows: a batch that fails leaves no key behind that a later log would take for its own",
          "[sqlite][encrypted]") {
  fixture s;
  s.change([](connection& db) {
    db.script("CREATE TRIGGER fail BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'as the test wants'); END");
  });
  const std::vector<operation> batch{
      message("first", "lost"),
      inbox_append{.user = "bob", .body = bytes("x"), .at_ms = start_ms, .expires_ms = start_ms + day_ms}};
  for (const auto& each : s->commit(batch)) CHECK_FALSE(each.ok());
  s.change([](connection& db) { db.script("DROP TRIGGER fail"); });
  CHECK(s->repair().empty());
  CHECK(s->commit(message("second", "kept")).ok());
  s.open(vault_of({{"a", 'a'}}));
  CHECK(text_at(*s, "second", 1) == "kept");
}

TEST_CASE("encrypted rows: a restored backup needs the same keys, and can be restored without them",
          "[sqlite][encrypted]") {
  fixture s;
  s->commit(message("room", "kept"));
  sqlite_backup copy{*s, s.directory.file("backup.db")};
  while (!copy.step(100).done) {
  }
  for (const auto& keys : {vault_of({{"a", 'a'}}), vault_ptr{}}) {
    const temporary_directory other;
    const sqlite_options there{.path = other.file("greenroom.db"), .sync = synchronous::off, .keys = keys};
    CHECK(restore(s.directory.file("backup.db"), there).damaged == 0);
    const auto restored =
        open_sqlite_store({.path = there.path, .sync = synchronous::off, .keys = vault_of({{"b", 'b'}, {"a", 'a'}})});
    CHECK(text_at(*restored, "room", 1) == "kept");
  }
}

TEST_CASE("encrypted rows: what encryption costs a message", "[.figures]") {
  const auto cpu_us = [] {  // of this thread: the rest of the machine does not matter
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  };
  const auto us_since = [&](double began, int count) { return (cpu_us() - began) / count; };
  constexpr int count = 20'000;
  for (const auto size : std::initializer_list<std::size_t>{100, 1'000, 10'000}) {
    const auto key = secret_key::random();
    const std::string body(size, 'b');
    auto began = cpu_us();
    std::string sealed;
    for (int i = 0; i < count; ++i) sealed = seal(key, "place", body);
    const auto seal_us = us_since(began, count);
    began = cpu_us();
    for (int i = 0; i < count; ++i) open(key, "place", sealed);
    const auto open_us = us_since(began, count);
    double stored_us[2] = {}, read_us[2] = {};
    for (const auto rest : {at_rest::plain, at_rest::encrypted}) {
      const auto which = static_cast<std::size_t>(rest);
      fixture s;
      began = cpu_us();
      for (int i = 0; i < count; i += 500) {
        std::vector<operation> batch;
        for (int j = 0; j < 500; ++j) batch.emplace_back(message(numbered("room", (i + j) % 16), body, rest));
        s->commit(batch);
      }
      stored_us[which] = us_since(began, count);
      began = cpu_us();
      for (int r = 0; r < 16; ++r) REQUIRE(s->read(numbered("room", r), 0, any, 1u << 30).records.size() == count / 16);
      read_us[which] = us_since(began, count);
    }
    WARN(size << " bytes, CPU a message: seal " << seal_us << " us, open " << open_us << " us; stored plain "
              << stored_us[0] << " us, encrypted " << stored_us[1] << " us; read plain " << read_us[0]
              << " us, encrypted " << read_us[1] << " us");
  }
}

}  // namespace greenroom::storage::testing
