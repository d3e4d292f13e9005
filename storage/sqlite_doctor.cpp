#include "storage/sqlite_doctor.hpp"

#include <algorithm>
#include <filesystem>

#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_database.hpp"
#include "storage/sqlite_file.hpp"
#include "storage/sqlite_schema.hpp"
#include "storage/sqlite_secrets.hpp"

namespace greenroom::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t secrets_shown = 1'024;
constexpr std::uint64_t first_with_secrets = 2;  ///< version of the database

std::uint64_t size_of(const std::string& path) {
  std::error_code none;
  const auto bytes = fs::file_size(path, none);
  return none ? 0 : bytes;
}

std::vector<std::string> damaged_files_of(const fs::path& path) {
  std::vector<std::string> found;
  const auto prefix = path.filename().string() + ".damaged-";
  std::error_code none;
  for (const auto& each : fs::directory_iterator{path.parent_path().empty() ? "." : path.parent_path(), none}) {
    const auto name = each.path().filename().string();
    if (name.starts_with(prefix) && !name.ends_with("-wal")) found.push_back(each.path().string());
  }
  std::ranges::sort(found);
  return found;
}

std::int64_t number(connection& db, const std::string& question) {
  const auto text = db.answer(question);
  return text.empty() ? 0 : std::stoll(text);
}

void read_all(connection& db, sqlite_findings& into) {
  const auto id = number(db, "PRAGMA application_id");
  into.version = static_cast<std::uint64_t>(number(db, "PRAGMA user_version"));
  if (id != application_id) {
    into.trouble = "It is a database of another program.";
  } else if (into.version > into.version_of_build) {
    into.trouble = "It was written by a newer Greenroom.";
  } else if (const auto verdict = db.answer("PRAGMA quick_check(1)"); verdict != "ok") {
    into.trouble = "It is damaged: " + verdict + ".";
    into.damaged = true;
  } else {
    into.newest_ms = number(db, "SELECT coalesce(max(newest_ms), 0) FROM totals");
    if (into.version >= first_with_secrets) {
      sqlite_damage unreported{{}};
      into.keks = sqlite_secrets::keks(db);
      into.secrets = sqlite_secrets::list(db, unreported, {}, secrets_shown);
    }
  }
}

}  // namespace

sqlite_findings look_at(const std::string& path) {
  sqlite_findings found{.version_of_build = migrations().size()};
  found.set_aside = damaged_files_of(path);
  found.there = fs::exists(path);
  if (!found.there) return found;
  found.suspect = is_suspect(path);
  found.database_bytes = size_of(path);
  found.wal_bytes = size_of(path + "-wal");
  try {
    const auto db = open_reader({.path = path});
    read_all(*db, found);
  } catch (const sqlite_error& e) {
    found.damaged = e.damage();
    found.trouble = (found.damaged ? "It is damaged: " : "It cannot be read: ") + std::string{e.what()} + ".";
  }
  return found;
}

std::optional<stored_secret> look_up_secret(const std::string& path, std::string_view name) {
  try {
    sqlite_damage unreported{{}};
    const auto db = open_reader({.path = path});
    return sqlite_secrets::get(*db, unreported, name);
  } catch (const sqlite_error&) {
    return std::nullopt;
  }
}

}  // namespace greenroom::storage
