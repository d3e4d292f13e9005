#include "storage/sqlite_connection.hpp"

#include <sqlite3.h>

#include <utility>

namespace greenroom::storage {
namespace {

[[noreturn]] void fail(sqlite3* db, const std::string& doing) {
  throw sqlite_error{sqlite3_extended_errcode(db), doing + ": " + sqlite3_errmsg(db), sqlite3_system_errno(db)};
}

void check(sqlite3* db, int code, const char* doing) {
  if (code != SQLITE_OK) fail(db, doing);
}

int keep_wal_pages(void* into, sqlite3*, const char*, int pages) {
  *static_cast<std::uint64_t*>(into) = static_cast<std::uint64_t>(pages);
  return SQLITE_OK;
}

}  // namespace

bool sqlite_error::damage() const noexcept {
  switch (code_ & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:  // keys are given by the store and never twice
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: return true;  // a schema that does not know the store's own statements
    default: return false;
  }
}

query::~query() { sqlite3_reset(statement_); }

bool query::next() {
  switch (sqlite3_step(statement_)) {
    case SQLITE_ROW: return true;
    case SQLITE_DONE: return false;
    default: fail(db_, "a statement of the store");
  }
}

bool query::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::int64_t query::i64(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view query::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (!data) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void query::bind_number(int index, std::int64_t value) {
  check(db_, sqlite3_bind_int64(statement_, index, value), "a number of a statement");
}

void query::bind(int index, std::optional<std::int64_t> value) {
  if (value) return bind_number(index, *value);
  bind(index, std::nullopt);
}

void query::bind(int index, std::nullopt_t) { check(db_, sqlite3_bind_null(statement_, index), "a null"); }

void query::bind(int index, std::string_view value) {
  const auto* data = value.data() ? value.data() : "";  // a null pointer would bind NULL
  check(db_, sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_STATIC), "bytes of a statement");
}

connection::connection(const std::string& path, const std::string& vfs, role as) {
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  if (as == role::writer) flags |= SQLITE_OPEN_CREATE;
  const auto code = sqlite3_open_v2(path.c_str(), &db_, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const std::string why = db_ ? sqlite3_errmsg(db_) : "no memory";
    const auto system_error = db_ ? sqlite3_system_errno(db_) : 0;
    sqlite3_close(std::exchange(db_, nullptr));
    throw sqlite_error{code, "opening " + path + ": " + why, system_error};
  }
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (as == role::reader) sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_wal_hook(db_, keep_wal_pages, &wal_pages_);  // instead of SQLite's own checkpoint in the middle of a commit
}

connection::~connection() {
  for (auto* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);  // a backup that runs on it keeps it until it ends
}

void connection::abandon() noexcept { sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

sqlite3_stmt* connection::prepared(sql id) {
  auto*& kept = statements_[static_cast<std::size_t>(id)];
  if (!kept) {
    const auto text = text_of(id);
    check(
        db_,
        sqlite3_prepare_v3(db_, text.data(), static_cast<int>(text.size()), SQLITE_PREPARE_PERSISTENT, &kept, nullptr),
        "preparing a statement");
  } else if (sqlite3_stmt_busy(kept)) {
    throw std::logic_error{"storage: a statement is used inside itself"};
  }
  return kept;
}

void connection::prepare_all() {
  for (std::size_t i = 0; i < sql_count; ++i) prepared(static_cast<sql>(i));
}

std::uint64_t connection::changed() const noexcept { return static_cast<std::uint64_t>(sqlite3_changes64(db_)); }

void connection::script(const std::string& text) {
  check(db_, sqlite3_exec(db_, text.c_str(), nullptr, nullptr, nullptr), "a script of the store");
}

std::string connection::answer(const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  check(db_, sqlite3_prepare_v2(db_, text.c_str(), -1, &statement, nullptr), "preparing a question");
  const auto code = sqlite3_step(statement);
  std::string found;
  if (code == SQLITE_ROW)
    if (const auto* value = sqlite3_column_text(statement, 0)) found = reinterpret_cast<const char*>(value);
  const auto end = sqlite3_finalize(statement);
  if (code != SQLITE_ROW && code != SQLITE_DONE) check(db_, end, "a question of the store");
  return found;
}

void connection::wait_for_locks(int ms) { sqlite3_busy_timeout(db_, ms); }

bool connection::in_transaction() const noexcept { return sqlite3_get_autocommit(db_) == 0; }

}  // namespace greenroom::storage
