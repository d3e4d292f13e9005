#include <filesystem>

#include "storage/sqlite_access.hpp"
#include "storage/sqlite_backup.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_database.hpp"
#include "storage/sqlite_file.hpp"
#include "storage/sqlite_writer.hpp"

namespace greenroom::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t page_count = 1'000;
constexpr std::size_t page_bytes = 16u << 20;
constexpr std::int64_t before_all = INT64_MIN;  // a time at which nothing has expired

/// Calls `each` with every name that the statement lists.
template <class Each>
void for_names(connection& db, sql statement, Each each) {
  std::string next;  // the least name that was not seen yet
  for (bool more = true; more;) {
    std::vector<std::string> names;
    {
      auto rows = db.ask(statement, next, page_count);
      while (rows.next()) names.push_back(rows.text(0));
    }
    more = names.size() == page_count;
    if (more) next = names.back() + '\0';
    for (const auto& name : names) each(name);
  }
}

void look_at_access(connection& db, sqlite_damage& damage) {
  for (std::string after;;) {
    const auto page = sqlite_access::keys(db, damage, after, page_count);
    if (page.empty()) break;
    after = page.back().id;
  }
  for (const auto kind : {revoked::user, revoked::session, revoked::token})
    for (std::string after;;) {
      const auto page = sqlite_access::revocations(db, damage, kind, after, page_count);
      if (page.empty()) break;
      after = page.back().name;
    }
}

/// Reads everything once, as a node would.
restored look_at_all(connection& db, sqlite_damage& damage, row_keys& keys) {
  restored found;
  for_names(db, sql::logs_from, [&](const std::string& log) {
    ++found.logs;
    for (std::uint64_t after = 0;;) {
      const auto page = sqlite_logs::read(db, damage, keys, log, after, page_count, page_bytes);
      if (page.records.empty()) break;
      found.messages += page.records.size();
      after = page.records.back().seq;
    }
    sqlite_logs::snapshot(db, damage, keys, log);
  });
  for_names(db, sql::inboxes_from, [&](const std::string& user) {
    ++found.inboxes;
    for (std::uint64_t after = 0;;) {
      const auto page = sqlite_inboxes::read(db, damage, user, after, page_count, page_bytes, before_all, 0);
      if (page.messages.empty()) break;
      found.letters += page.messages.size();
      after = page.messages.back().n;
    }
  });
  for (std::uint64_t after = 0;;) {
    const auto page = sqlite_dead::list(db, damage, keys, {}, after, page_count);
    if (page.empty()) break;
    found.dead += page.size();
    after = page.back().id;
  }
  for (std::string after;;) {
    const auto page = sqlite_secrets::list(db, damage, after, page_count);
    if (page.empty()) break;
    after = page.back().name;
  }
  look_at_access(db, damage);
  return found;
}

void remove_files(const std::string& path) {
  std::error_code ignored;
  for (const auto* end : {"", "-wal", "-shm"}) fs::remove(path + end, ignored);
}

restored check_and_renew(const sqlite_options& options, damaged_rows accepted) {
  sqlite_damage damage{options.report};
  row_keys keys{options.keys, damage};
  auto db = open_checked(options);
  auto found = look_at_all(*db, damage, keys);
  found.damaged = damage.rows();
  if (found.damaged > 0 && accepted == damaged_rows::refuse)
    throw backup_error{"The backup has " + std::to_string(found.damaged) + " damaged rows."};
  sqlite_writer writer{std::move(db), options, damage, keys};
  found.sessions_ended = writer.sums().seen.sessions;
  writer.renew();
  writer.db().answer("PRAGMA wal_checkpoint(TRUNCATE)");
  return found;
}

}  // namespace

restored restore(const std::string& backup, const sqlite_options& options, damaged_rows accepted) {
  auto there = options;
  there.path += ".restoring";
  try {
    const file_lock lock{options.path};
    if (fs::exists(options.path)) throw backup_error{"The file " + options.path + " is there already."};
    remove_files(there.path);
    fs::copy_file(backup, there.path);
    if (fs::exists(backup + "-wal")) fs::copy_file(backup + "-wal", there.path + "-wal");
    const auto found = check_and_renew(there, accepted);
    sync_file(there.path);
    fs::rename(there.path, options.path);
    remove_files(there.path);
    sync_directory_of(options.path);
    return found;
  } catch (const backup_error&) {
    remove_files(there.path);
    throw;
  } catch (const std::exception& e) {
    remove_files(there.path);
    throw backup_error{"The backup cannot be restored: " + std::string{e.what()}};
  }
}

}  // namespace greenroom::storage
