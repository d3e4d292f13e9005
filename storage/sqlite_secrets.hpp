/// The secrets of a database: sealed values and wrapped data keys, none of which it can open.
///
/// Threading: an object belongs to the writer; the static functions read through any connection.
/// Bounds: `limits::secrets_max` that others have put; those of the store are as many as there are encrypted logs.
/// Failure: sqlite_error ends the batch. A damaged row is as good as none, and stays where it is: a backup may have it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "storage/operation.hpp"

namespace greenroom::storage {

class connection;
class sqlite_damage;
struct sqlite_sums;

class sqlite_secrets {
 public:
  sqlite_secrets(connection& db, sqlite_sums& sums, sqlite_damage& damage) : db_{db}, sums_{sums}, damage_{damage} {}

  outcome execute(const secret_put& op);
  outcome execute(const secret_erase& op);
  outcome execute(const secret_rewrap& op);

  static void put(connection& db, const stored_secret& what);
  static std::optional<stored_secret> get(connection& db, sqlite_damage& damage, std::string_view name);
  /// Whether there is a row, damaged or not.
  static bool has(connection& db, std::string_view name);
  static std::vector<stored_secret> list(connection& db, sqlite_damage& damage, std::string_view after,
                                         std::size_t count_max);
  static std::vector<kek_use> keks(connection& db);

 private:
  connection& db_;
  sqlite_sums& sums_;
  sqlite_damage& damage_;
};

}  // namespace greenroom::storage
