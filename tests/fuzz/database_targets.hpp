#pragma once
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/sqlite_store.hpp"

/// What the fuzz target of the database does with one input: it changes a good database as the input says, and then reads
/// and writes everything. Besides crashes and sanitizer reports it looks for one broken promise: what is not as it was
/// stored is not served.
///
/// An input is a list of changes, a byte that says which and then its fields (numbers are one byte, or three where they are
/// an offset):
///
///   0  table, row, column, length, bytes   the column of that row becomes these bytes
///   1  table, row, column, number          … becomes that number
///   2  table, row                          the row goes
///   3  offset, length, bytes               so in the file, whatever stands there
namespace greenroom::storage::fuzz {

inline constexpr std::int64_t start_ms = 1'800'000'000'000;
inline constexpr int rooms = 2, messages = 6, letters = 4;

inline std::string text(const char* what, int a, int b = 0) {
  return std::string{what} + ' ' + std::to_string(a) + ' ' + std::to_string(b);
}
inline bytes_ptr bytes(std::string of) { return std::make_shared<const std::string>(std::move(of)); }
inline idempotency once(const std::string& id) { return {.sender = "ann", .id = id}; }

/// A directory of the process's own, in memory where the system has a place for that.
inline const std::filesystem::path& place() {
  static const struct owned {
    owned() {
      const std::filesystem::path memory{"/dev/shm"};
      auto name = ((std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
                   "greenroom-rows-XXXXXX")
                      .string();
      if (!::mkdtemp(name.data())) std::abort();
      path = name;
    }
    ~owned() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
  } one;
  return one.path;
}

inline void fill(store& s) {
  for (int r = 0; r < rooms; ++r)
    for (int i = 1; i <= messages; ++i)
      s.commit(append{.log = text("room", r),
                      .body = bytes(text("message", r, i)),
                      .at_ms = start_ms,
                      .keep = {.count = 100},
                      .once = once(text("id", r, i)),
                      .snapshot = i == messages ? bytes("state") : nullptr});
  for (int i = 1; i <= letters; ++i)
    s.commit(inbox_append{.user = "bob",
                          .body = bytes(text("letter", i)),
                          .at_ms = start_ms,
                          .expires_ms = start_ms + (i % 2 == 0 ? 1 : 1'000'000)});
  s.commit(inbox_expire{"bob", start_ms + 2});
  s.commit(dead_put{.room = text("room", 0), .body = bytes("crashed"), .now_ms = start_ms, .once = once("dead")});
  stored_session session;
  session.id = "session";
  session.user = "ann";
  stored_membership member;
  member.room = text("room", 0);
  member.seen = {"e", 1};
  member.presence = "p";
  session.rooms.push_back(std::move(member));
  session.watched = {"bob"};
  s.commit(session_put{session});
}

/// The good database, as bytes.
inline const std::string& good() {
  static const std::string all = [] {
    const auto path = (place() / "good.db").string();
    {
      auto s = open_sqlite_store({.path = path, .sync = synchronous::off});
      fill(*s);
      s->upkeep();
    }
    std::ifstream in{path, std::ios::binary};
    return std::string{std::istreambuf_iterator<char>{in}, {}};
  }();
  return all;
}

/// The input from its begin on; zeros when it is used up.
class changes {
 public:
  explicit changes(std::string_view input) : left_{input} {}
  bool done() const { return left_.empty(); }
  std::size_t number(int size = 1) {
    std::size_t value = 0;
    for (; size > 0; --size) {
      value = value << 8 | (left_.empty() ? 0u : static_cast<unsigned char>(left_[0]));
      left_.remove_prefix(left_.empty() ? 0 : 1);
    }
    return value;
  }
  std::string_view bytes() {
    const auto taken = left_.substr(0, number());
    left_.remove_prefix(std::min(taken.size(), left_.size()));
    return taken;
  }

 private:
  std::string_view left_;
};

class rows {
 public:
  explicit rows(const std::string& path) {
    if (sqlite3_open(path.c_str(), &db_) != SQLITE_OK) std::abort();
    for (const auto& name : column("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", 0))
      tables_.push_back({name, column("SELECT * FROM pragma_table_info('" + name + "')", 1),
                         column("SELECT * FROM pragma_table_info('" + name + "') WHERE pk > 0 ORDER BY pk", 1)});
  }
  rows(const rows&) = delete;
  rows& operator=(const rows&) = delete;
  ~rows() { sqlite3_close(db_); }

  /// A statement that cannot be is none: the schema has types.
  void change(std::size_t kind, changes& by) {
    const auto& in = tables_[by.number() % tables_.size()];
    const auto which = " WHERE (" + listed(in.key) + ") IN (SELECT " + listed(in.key) + " FROM " + in.name +
                       " LIMIT 1 OFFSET " + std::to_string(by.number() % 16) + ")";
    if (kind == 2) return run("DELETE FROM " + in.name + which, nullptr);
    const auto set = "UPDATE " + in.name + " SET " + in.columns[by.number() % in.columns.size()] + " = ?" + which;
    if (kind == 0) {
      const auto value = by.bytes();
      run(set, [&](sqlite3_stmt* s) {
        sqlite3_bind_blob(s, 1, value.data(), static_cast<int>(value.size()), SQLITE_TRANSIENT);
      });
    } else {
      const auto small = static_cast<std::int64_t>(by.number());
      run(set, [&](sqlite3_stmt* s) { sqlite3_bind_int64(s, 1, small < 250 ? small - 2 : INT64_MAX - (255 - small)); });
    }
  }

 private:
  struct table {
    std::string name;
    std::vector<std::string> columns, key;
  };

  static std::string listed(const std::vector<std::string>& names) {
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : ",") + name;
    return all;
  }
  std::vector<std::string> column(const std::string& of, int which) {
    std::vector<std::string> all;
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db_, of.c_str(), -1, &s, nullptr) != SQLITE_OK) std::abort();
    while (sqlite3_step(s) == SQLITE_ROW)
      all.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(s, which)));
    sqlite3_finalize(s);
    return all;
  }
  template <class Bind>
  void run(const std::string& text, Bind bind) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db_, text.c_str(), -1, &s, nullptr) != SQLITE_OK) return;
    if constexpr (!std::is_null_pointer_v<Bind>) bind(s);
    sqlite3_step(s);
    sqlite3_finalize(s);
  }

  sqlite3* db_ = nullptr;
  std::vector<table> tables_;
};

inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

inline void read_all(const store& s) {
  constexpr std::size_t any = 1'000;
  for (int r = 0; r < rooms; ++r) {
    for (const auto& page :
         {s.read(text("room", r), 0, any, any), s.read_before(text("room", r), UINT64_MAX, any, any)})
      for (const auto& each : page.records)
        promise(!each.body || *each.body == text("message", r, static_cast<int>(each.seq)),
                "a message is the stored one");
    if (const auto state = s.snapshot(text("room", r))) promise(*state == "state", "a snapshot is the stored one");
    for (int i = 1; i <= messages; ++i)
      if (const auto known = s.recall(once(text("id", r, i)), start_ms); known && known->ok())
        promise(known->at.seq == static_cast<std::uint64_t>(i), "an id has its own position");
    s.head(text("room", r));
    s.dead_letters_of_room(text("room", r), 0, any);
  }
  for (const auto& each : s.read_inbox("bob", 0, any, any, start_ms).messages)
    promise(!each.body || *each.body == text("letter", static_cast<int>(each.n)), "a letter is the stored one");
  for (const auto& dead : s.dead_letters({}, 0, any))
    promise(!dead.body || *dead.body == "crashed" || *dead.body == text("letter", static_cast<int>(dead.n)),
            "a dead letter is the stored one");
  for (const auto& session : s.sessions({}, any)) promise(session.user == "ann", "a session is the stored one");
  s.snapshots({}, any);
  s.inboxes({}, any);
  s.inbox_holders({}, any);
  s.inbox("bob");
  s.counters();
}

inline void write_all(sqlite_store& s) {
  for (int r = 0; r < rooms; ++r) {
    s.commit(append{.log = text("room", r), .body = bytes("new"), .at_ms = start_ms, .keep = {.count = 3}});
    s.commit(snapshot_put{text("room", r), bytes("state")});
  }
  s.commit(inbox_append{.user = "bob", .body = bytes("new"), .at_ms = start_ms, .expires_ms = start_ms + 9});
  s.commit(inbox_ack{"bob", 2});
  s.commit(inbox_attempt{"bob", start_ms, 1});
  s.commit(dead_replay{.id = 1, .now_ms = start_ms, .expires_ms = start_ms + 9});
  s.commit(dead_settle{2});
  stored_membership member;
  member.room = text("room", 1);
  member.seen = {"e", 1};
  s.commit(membership_put{"session", std::move(member)});
  s.commit(sessions_restart{start_ms});
  s.commit(sweep{start_ms + 90 * 86'400'000ll, 500});
  s.commit(session_erase{"session"});
  s.upkeep();
  if (s.condition() == condition::broken) s.repair();
}

/// A database after those changes.
inline void database_rows(std::string_view input) {
  const auto path = (place() / "changed.db").string();
  std::error_code ignored;
  for (const auto& each : std::filesystem::directory_iterator{place()})
    if (each.path().filename().string().starts_with("changed")) std::filesystem::remove(each.path(), ignored);
  auto content = good();
  changes by{input}, raw{input};
  std::ofstream{path, std::ios::binary} << content;
  {
    rows db{path};
    while (!by.done())
      if (const auto kind = by.number() % 4; kind < 3)
        db.change(kind, by);
      else
        by.number(3), by.bytes();
  }
  {
    std::ifstream in{path, std::ios::binary};
    content.assign(std::istreambuf_iterator<char>{in}, {});
  }
  for (bool any = false; !raw.done();) {
    const auto kind = raw.number() % 4;
    if (kind == 0) raw.number(3), raw.bytes();
    if (kind == 1) raw.number(4);
    if (kind == 2) raw.number(2);
    if (kind == 3) {
      const auto at = raw.number(3) % content.size();
      const auto with = raw.bytes().substr(0, content.size() - at);
      content.replace(at, with.size(), with);
      any = true;
    }
    if (raw.done() && any) std::ofstream{path, std::ios::binary | std::ios::trunc} << content;
  }
  try {
    const auto s = open_sqlite_store({.path = path, .sync = synchronous::off});
    read_all(*s);
    write_all(*s);
  } catch (const open_error&) {
    // said to the operator: it is not ours, or of another version
  }
}

}  // namespace greenroom::storage::fuzz
