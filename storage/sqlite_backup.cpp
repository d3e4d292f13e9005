#include "storage/sqlite_backup.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_file.hpp"

namespace greenroom::storage {

namespace fs = std::filesystem;

namespace {

constexpr int sync_pages = 1'024;

bool belongs_to(sqlite_store& store, const std::string& file) try {
  std::string database;
  store.lend([&](connection& source) { database = sqlite3_db_filename(source.handle(), "main"); });
  return std::ranges::any_of(std::array{"", "-wal", "-shm", ".lock", ".suspect"}, [&](const char* end) {
    std::error_code none;
    return fs::equivalent(file, database + end, none) && !none;
  });
} catch (const sqlite_error& e) {
  throw backup_error{"The backup cannot begin: " + std::string{e.what()} + "."};
}

}  // namespace

sqlite_backup::sqlite_backup(sqlite_store& store, std::string target, existing_file old)
    : store_{store}, target_{std::move(target)} {
  if (fs::is_directory(target_)) throw backup_error{"There is a directory " + target_ + "."};
  if (old == existing_file::refuse && fs::exists(target_))
    throw backup_error{"The file " + target_ + " is there already."};
  if (belongs_to(store_, target_)) throw backup_error{"The file " + target_ + " belongs to the store itself."};
  std::error_code ignored;
  fs::remove(partial(), ignored);
  try {
    copy_ = std::make_unique<connection>(partial(), "", connection::role::writer);
    fs::permissions(partial(), fs::perms::owner_read | fs::perms::owner_write);
    copy_->script("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");  // it is synced here
    store_.lend([this](connection& source) {
      running_ = sqlite3_backup_init(copy_->handle(), "main", source.handle(), "main");
      source_ = source.handle();
    });
    if (!running_) throw backup_error{std::string{"The backup cannot begin: "} + sqlite3_errmsg(copy_->handle()) + "."};
  } catch (const backup_error&) {
    close();
    throw;
  } catch (const std::exception& e) {
    close();
    throw backup_error{"The backup cannot begin: " + std::string{e.what()} + "."};
  }
}

sqlite_backup::~sqlite_backup() { close(); }

void sqlite_backup::close() noexcept {
  try {
    // The source's connection is used here, too.
    if (running_) store_.lend([this](connection&) { sqlite3_backup_finish(std::exchange(running_, nullptr)); });
  } catch (...) {
    sqlite3_backup_finish(std::exchange(running_, nullptr));  // the store is broken: nobody uses that handle any more
  }
  copy_.reset();
  std::error_code ignored;
  fs::remove(partial(), ignored);
}

sqlite_backup::progress sqlite_backup::step(int pages) {
  if (now_.done) return now_;
  if (!running_) throw backup_error{"The backup has failed before."};
  int code = SQLITE_ABORT;
  try {
    store_.lend([&](connection& source) {
      if (source.handle() != source_) return;
      code = sqlite3_backup_step(running_, pages);
      now_.remaining = static_cast<std::uint64_t>(sqlite3_backup_remaining(running_));
      now_.total = static_cast<std::uint64_t>(sqlite3_backup_pagecount(running_));
      if (code == SQLITE_DONE) code = sqlite3_backup_finish(std::exchange(running_, nullptr)), now_.done = true;
    });
  } catch (const sqlite_error&) {
    // broken: as after a repair
  }
  if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    if (now_.done)
      finish();
    else
      sync_some(pages);
    return now_;
  }
  now_.done = false;
  close();
  throw backup_error{code == SQLITE_ABORT ? std::string{"The store has failed during the backup."}
                                          : std::string{"The backup failed: "} + sqlite3_errstr(code) + "."};
}

/// A large copy that is synced at its end alone would keep the disk, and with it the writer's commits, for that long.
void sqlite_backup::sync_some(int pages) {
  unsynced_pages_ += std::min(pages, sync_pages);
  if (unsynced_pages_ < sync_pages) return;
  unsynced_pages_ = 0;
  try {
    sync_file(partial());
  } catch (const std::exception& e) {
    close();
    throw backup_error{"The backup failed: " + std::string{e.what()}};
  }
}

void sqlite_backup::finish() {
  copy_.reset();
  try {
    sync_file(partial());
    fs::rename(partial(), target_);
    sync_directory_of(target_);
  } catch (const std::exception& e) {
    now_.done = false;
    close();
    throw backup_error{"The backup failed: " + std::string{e.what()}};
  }
}

}  // namespace greenroom::storage
