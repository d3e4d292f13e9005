/// One connection to the database: the handle, its prepared statements, and errors as exceptions. A disk that fails is
/// an exception here, because it ends whatever was under way; whoever owns the connection decides what it means.
///
/// Threading: one thread at a time. Lifecycle: statements are prepared once and kept; a query resets its own.
/// Failure: sqlite_error.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/sqlite_statements.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace greenroom::storage {

class sqlite_error : public std::runtime_error {
 public:
  sqlite_error(int code, const std::string& what, int system_error = 0)
      : std::runtime_error{what}, code_{code}, system_error_{system_error} {}

  int code() const noexcept { return code_; }  ///< SQLite's extended code
  bool is(int primary) const noexcept { return (code_ & 0xff) == primary; }
  int system_error() const noexcept { return system_error_; }  ///< an errno, or 0
  bool damage() const noexcept;                                ///< the content of the file is not what it ought to be

 private:
  int code_;
  int system_error_;
};

/// One execution of a statement. What it was given must live until it ends.
class query {
 public:
  template <class... Values>
  query(sqlite3* db, sqlite3_stmt* statement, const Values&... values) : db_{db}, statement_{statement} {
    [[maybe_unused]] int index = 0;
    (bind(++index, values), ...);
  }
  query(const query&) = delete;
  query& operator=(const query&) = delete;
  ~query();

  bool next();  ///< false: no more rows

  bool null(int column) const;
  std::int64_t i64(int column) const;
  std::uint64_t u64(int column) const { return static_cast<std::uint64_t>(i64(column)); }
  std::string_view bytes(int column) const;  ///< valid until the next call of `next`
  std::string text(int column) const { return std::string{bytes(column)}; }

 private:
  template <std::integral Number>
  void bind(int index, Number value) {
    if constexpr (std::unsigned_integral<Number>) {
      constexpr std::uint64_t most = INT64_MAX;
      bind_number(index, value > most ? INT64_MAX : static_cast<std::int64_t>(value));
    } else {
      bind_number(index, value);
    }
  }
  void bind(int index, std::optional<std::int64_t> value);
  void bind(int index, std::string_view value);
  void bind(int index, std::nullopt_t);
  template <std::size_t Size>
  void bind(int index, const std::array<std::byte, Size>& value) {
    bind(index, std::string_view{reinterpret_cast<const char*>(value.data()), Size});
  }
  void bind_number(int index, std::int64_t value);

  sqlite3* db_;
  sqlite3_stmt* statement_;
};

class connection {
 public:
  enum class role : std::uint8_t { writer, reader };

  /// Opens the file; a writer makes it where there is none. `vfs` empty: the system's.
  connection(const std::string& path, const std::string& vfs, role as);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection();

  template <class... Values>
  query ask(sql id, const Values&... values) {
    return {db_, prepared(id), values...};
  }
  /// Runs it to its end; answers how many rows it changed.
  template <class... Values>
  std::uint64_t change(sql id, const Values&... values) {
    {
      auto run = ask(id, values...);
      run.next();
    }
    return changed();
  }

  void script(const std::string& text);         ///< any number of statements without results that matter
  std::string answer(const std::string& text);  ///< the first column of the first row; empty: none
  void prepare_all();                           ///< finds out whether the schema is the one that the statements want

  void wait_for_locks(int ms);
  bool in_transaction() const noexcept;
  void abandon() noexcept;                                         ///< it will be closed without writing anything more
  std::uint64_t wal_pages() const noexcept { return wal_pages_; }  ///< in the WAL, after this connection's last commit
  sqlite3* handle() const noexcept { return db_; }

 private:
  sqlite3_stmt* prepared(sql id);
  std::uint64_t changed() const noexcept;

  sqlite3* db_ = nullptr;
  std::array<sqlite3_stmt*, sql_count> statements_{};
  std::uint64_t wal_pages_ = 0;
};

}  // namespace greenroom::storage
