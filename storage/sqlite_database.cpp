#include "storage/sqlite_database.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_file.hpp"
#include "storage/sqlite_schema.hpp"
#include "storage/sqlite_writer.hpp"

namespace greenroom::storage {
namespace {

constexpr int reader_waits_ms = 1'000;
constexpr std::uint64_t reader_cache_bytes_max = 8u << 20;

const char* name_of(synchronous level) noexcept {
  switch (level) {
    case synchronous::full: return "FULL";
    case synchronous::normal: return "NORMAL";
    case synchronous::off: return "OFF";
  }
  return "FULL";
}

std::string cache_size(std::uint64_t bytes) { return "PRAGMA cache_size = -" + std::to_string(bytes / 1024 + 1) + ";"; }

void set_up(connection& db, const sqlite_options& options) {
  db.wait_for_locks(options.busy_ms);
  // Debian's SQLite overwrites what it frees unless it is told not to.
  db.script("PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY; PRAGMA cell_size_check = ON;" +
            cache_size(options.cache_bytes));
  if (const auto mode = db.answer("PRAGMA journal_mode = WAL"); mode != "wal")
    throw open_error{"The database cannot keep a WAL where it is: its journal mode is " + mode + "."};
  db.script(std::string{"PRAGMA synchronous = "} + name_of(options.sync) +
            "; PRAGMA journal_size_limit = " + std::to_string(options.wal_bytes_max));
}

/// A log whose entries go further than its head, and what only a look at everything tells.
void look_at_all(connection& db) {
  const auto verdict = db.answer("PRAGMA quick_check(1)");
  if (verdict != "ok") throw sqlite_error{SQLITE_CORRUPT, "quick_check: " + verdict};
  db.script(
      "UPDATE log SET sum = ~sum WHERE EXISTS (SELECT 1 FROM log_entry e WHERE e.log = log.id AND e.seq > log.last);"
      "UPDATE totals SET sum = ~sum");
}

std::unique_ptr<connection> try_to_open(const sqlite_options& options, bool suspect) {
  auto db = std::make_unique<connection>(options.path, options.vfs, connection::role::writer);
  try {
    set_up(*db, options);
    migrate(*db);
    db->prepare_all();
    if (suspect) look_at_all(*db);
  } catch (...) {
    db->abandon();
    throw;
  }
  return db;
}

}  // namespace

std::unique_ptr<connection> open_reader(const sqlite_options& options) {
  auto db = std::make_unique<connection>(options.path, options.vfs, connection::role::reader);
  db->wait_for_locks(reader_waits_ms);
  db->script("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY;" +
             cache_size(std::min(options.cache_bytes, reader_cache_bytes_max)));
  return db;
}

std::unique_ptr<connection> open_checked(const sqlite_options& options) {
  auto db = try_to_open(options, false);
  if (const auto verdict = db->answer("PRAGMA integrity_check(1)"); verdict != "ok")
    throw sqlite_error{SQLITE_CORRUPT, "integrity_check: " + verdict};
  return db;
}

std::unique_ptr<sqlite_writer> open_writer(const sqlite_options& options, sqlite_damage& damage, row_keys& keys) {
  const bool suspect = is_suspect(options.path);
  for (bool again = false;; again = true) {
    try {
      auto writer = std::make_unique<sqlite_writer>(try_to_open(options, suspect && !again), options, damage, keys);
      clear_suspect(options.path);
      sync_directory_of(options.path);
      return writer;
    } catch (const sqlite_error& e) {
      if (again || !e.damage()) throw open_error{"Cannot open the database: " + std::string{e.what()} + "."};
      damage.say("The database " + options.path + " is damaged (" + e.what() + "). It was set aside as " +
                 set_aside(options.path) + ", and a fresh one begins.");
    }
  }
}

}  // namespace greenroom::storage
