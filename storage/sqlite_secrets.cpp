#include "storage/sqlite_secrets.hpp"

#include <map>
#include <string>

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {
namespace {

std::int64_t sum_of(const stored_secret& s) {
  return (row_sum{} << s.name << s.kek << s.wrapped << s.sealed << s.changed_ms).value();
}

std::string shown(const stored_secret& s) {
  return s.reserved() ? "a data key of the store, " + s.name.substr(1) : "the secret \"" + s.name + "\"";
}

std::optional<stored_secret> read(const query& row, sqlite_damage& damage) {
  stored_secret found{
      .name = row.text(0), .kek = row.text(1), .wrapped = row.text(2), .sealed = row.text(3), .changed_ms = row.i64(4)};
  if (row.i64(5) == sum_of(found)) return found;
  damage.found(shown(found));
  return std::nullopt;
}

/// Behind every reserved name.
const std::string& first_of_others() {
  static const std::string name(1, static_cast<char>(reserved_names + 1));
  return name;
}

}  // namespace

void sqlite_secrets::put(connection& db, const stored_secret& what) {
  db.change(sql::secret_put, what.name, what.kek, what.wrapped, what.sealed, what.changed_ms, sum_of(what));
}

bool sqlite_secrets::has(connection& db, std::string_view name) { return db.ask(sql::secret_get, name).next(); }

outcome sqlite_secrets::execute(const secret_put& op) {
  if (!has(db_, op.secret.name)) {
    auto others = db_.ask(sql::secrets_count, first_of_others());
    if (others.next() && others.u64(0) >= limits::secrets_max) {
      ++sums_.seen.unavailable;
      return {.error = errc::unavailable};
    }
  }
  put(db_, op.secret);
  return {};
}

outcome sqlite_secrets::execute(const secret_erase& op) {
  if (op.name.starts_with(reserved_names) || db_.change(sql::secret_erase, op.name) == 0)
    return {.error = errc::not_found};
  return {};
}

outcome sqlite_secrets::execute(const secret_rewrap& op) {
  auto found = get(db_, damage_, op.name);
  if (!found || found->wrapped != op.was) return {.error = errc::not_found};
  found->kek = op.kek;
  found->wrapped = op.wrapped;
  db_.change(sql::secret_rewrap, found->name, found->kek, found->wrapped, sum_of(*found));
  return {};
}

std::optional<stored_secret> sqlite_secrets::get(connection& db, sqlite_damage& damage, std::string_view name) {
  auto row = db.ask(sql::secret_get, name);
  if (!row.next()) return std::nullopt;
  return read(row, damage);
}

std::vector<stored_secret> sqlite_secrets::list(connection& db, sqlite_damage& damage, std::string_view after,
                                                std::size_t count_max) {
  std::vector<stored_secret> all;
  std::string from{after};
  // A page whose rows are all damaged is not the last one.
  for (bool more = true; more && all.size() < count_max;) {
    const auto wanted = count_max - all.size();
    std::size_t seen = 0;
    auto row = db.ask(sql::secrets_after, from, wanted);
    for (; row.next(); ++seen) {
      from = row.text(0);
      if (auto found = read(row, damage)) all.push_back(std::move(*found));
    }
    more = seen == wanted;
  }
  return all;
}

std::vector<kek_use> sqlite_secrets::keks(connection& db) {
  std::map<std::string, std::uint64_t> counted;
  auto row = db.ask(sql::secrets_keks, std::string_view{});
  while (row.next()) ++counted[row.text(0)];
  std::vector<kek_use> all;
  for (auto& [kek, count] : counted) all.push_back({kek, count});
  return all;
}

}  // namespace greenroom::storage
