// The plan of every statement that the durable store keeps prepared: none looks at all of what grows.
#include <sqlite3.h>

#include <algorithm>
#include <array>

#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_schema.hpp"
#include "storage/sqlite_statements.hpp"
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

/// What SQLite would do, a line a step.
strings plan_of(connection& db, std::string_view text) {
  const auto question = "EXPLAIN QUERY PLAN " + std::string{text};
  sqlite3_stmt* statement = nullptr;
  REQUIRE(sqlite3_prepare_v2(db.handle(), question.c_str(), -1, &statement, nullptr) == SQLITE_OK);
  strings steps;
  while (sqlite3_step(statement) == SQLITE_ROW)
    steps.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(statement, 3)));
  sqlite3_finalize(statement);
  return steps;
}

/// Searches nothing, or sorts what it found by itself. Only a session's own memberships may be sorted: 4,096 at most.
strings wrong_steps(connection& db, std::string_view text) {
  strings wrong;
  const bool may_sort = text == text_of(sql::memberships_of);
  for (const auto& step : plan_of(db, text)) {
    if (step.starts_with("SCAN")) wrong.push_back(step);
    if (step.starts_with("USE TEMP B-TREE") && !may_sort) wrong.push_back(step);
    if (step.find("AUTOMATIC") != std::string::npos) wrong.push_back(step);
  }
  return wrong;
}

}  // namespace

TEST_CASE("sqlite store: no statement looks at all of a table", "[sqlite]") {
  const temporary_directory directory;
  connection db{directory.file("plans.db"), {}, connection::role::writer};
  migrate(db);
  for (std::size_t i = 0; i < sql_count; ++i) {
    const auto text = text_of(static_cast<sql>(i));
    CAPTURE(text);
    CHECK(wrong_steps(db, text) == strings{});
  }
  CHECK_FALSE(wrong_steps(db, "SELECT count(*) FROM message").empty());
  CHECK_FALSE(wrong_steps(db, "SELECT id FROM inbox ORDER BY last").empty());
}

}  // namespace greenroom::storage::testing
