#include "storage/sqlite_schema.hpp"

#include <sqlite3.h>

#include <array>
#include <string>

#include "storage/sqlite_connection.hpp"

namespace greenroom::storage {
namespace {

// A message's bytes stand once, in `message`; entries of logs, letters of inboxes and dead letters point at them. Names
// are any bytes, so they are blobs. `due_ms` is a lower bound of when a sweep finds something to do: it is written
// rarely, and corrected by the sweep. All numbers that name something come from totals.last_id and are never used
// twice. Ids of messages come first in their index: those that begin with the time, as UUIDv7 does, then share pages,
// whoever sent them. A dead letter is a user's, or it has a room and the id (`name`) that its message would have had there.
constexpr auto version_1 = R"(
CREATE TABLE totals (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  last_id INTEGER NOT NULL, last_dead INTEGER NOT NULL, inboxes_all INTEGER NOT NULL, forgotten_upto INTEGER NOT NULL,
  newest_ms INTEGER NOT NULL,
  logs INTEGER NOT NULL, records INTEGER NOT NULL, record_bytes INTEGER NOT NULL,
  inboxes INTEGER NOT NULL, queued INTEGER NOT NULL, queued_bytes INTEGER NOT NULL,
  accepted INTEGER NOT NULL, acknowledged INTEGER NOT NULL, purged INTEGER NOT NULL,
  dead INTEGER NOT NULL, dead_bytes INTEGER NOT NULL, ids INTEGER NOT NULL, ids_bytes INTEGER NOT NULL,
  sessions INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;

CREATE TABLE message (id INTEGER PRIMARY KEY, sum INTEGER NOT NULL, body BLOB NOT NULL) STRICT;

CREATE TABLE log (
  name BLOB PRIMARY KEY, id INTEGER NOT NULL, epoch BLOB NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, bytes INTEGER NOT NULL,
  keep_count INTEGER NOT NULL, keep_bytes INTEGER NOT NULL, keep_age_ms INTEGER NOT NULL,
  due_ms INTEGER, sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX log_due ON log (due_ms) WHERE due_ms IS NOT NULL;
CREATE TABLE log_entry (
  log INTEGER NOT NULL, seq INTEGER NOT NULL, message INTEGER NOT NULL, at_ms INTEGER NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE gone (log INTEGER PRIMARY KEY) STRICT;
CREATE TABLE snapshot (
  log INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, sum INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;

CREATE TABLE inbox (
  user BLOB PRIMARY KEY, id INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, due_ms INTEGER, sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_due ON inbox (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX inbox_held ON inbox (user) WHERE count > 0;
CREATE TABLE letter (
  inbox INTEGER NOT NULL, n INTEGER NOT NULL, message INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, size INTEGER NOT NULL,
  PRIMARY KEY (inbox, n)
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_expiry ON letter (inbox, expires_ms);
CREATE TABLE dead (
  id INTEGER PRIMARY KEY, inbox INTEGER NOT NULL, user BLOB NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  died_ms INTEGER NOT NULL, reason INTEGER NOT NULL, attempts INTEGER NOT NULL, size INTEGER NOT NULL,
  message INTEGER NOT NULL, room BLOB, sender BLOB, kind INTEGER, name BLOB, content BLOB, sum INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_user ON dead (user, id);
CREATE INDEX dead_room ON dead (room, id) WHERE room IS NOT NULL;
CREATE INDEX dead_message ON dead (name, sender, content) WHERE name IS NOT NULL;

CREATE TABLE sender (
  id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, count INTEGER NOT NULL, oldest INTEGER NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE TABLE once (
  ordinal INTEGER PRIMARY KEY, sender INTEGER NOT NULL, id BLOB NOT NULL, content BLOB NOT NULL, epoch BLOB NOT NULL,
  seq INTEGER NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX once_id ON once (id, sender);

CREATE TABLE session (
  key INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, user BLOB NOT NULL, kind INTEGER NOT NULL, token BLOB NOT NULL,
  previous BLOB, created_ms INTEGER NOT NULL, window_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
  status BLOB NOT NULL, location BLOB NOT NULL, meta BLOB NOT NULL, stamp INTEGER NOT NULL, watched BLOB NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE INDEX session_deadline ON session (deadline_ms);
CREATE TABLE membership (
  session INTEGER NOT NULL, room BLOB NOT NULL, ordinal INTEGER NOT NULL, epoch BLOB NOT NULL, seq INTEGER NOT NULL,
  incarnation INTEGER NOT NULL, since_ms INTEGER NOT NULL, presence BLOB NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY (session, room)
) STRICT, WITHOUT ROWID;
)";

// Who may come, beside what tokens say: keys (the SHA-256 of each one's secret only; scopes and grants packed), what was
// taken back, and secrets (sealed under a key of their own, which is wrapped under the key that `kek` names). A key's
// `used_ms` changes alone, so its sum leaves it out.
constexpr auto version_2 = R"(
CREATE TABLE api_keys (
  id BLOB PRIMARY KEY NOT NULL, hash BLOB NOT NULL, user BLOB NOT NULL, scopes BLOB NOT NULL, grants BLOB NOT NULL,
  note BLOB NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL,
  sum INTEGER NOT NULL
) STRICT;
CREATE TABLE revocations (
  kind INTEGER NOT NULL, name BLOB NOT NULL, at_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, note BLOB NOT NULL,
  sum INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE secrets (
  name BLOB PRIMARY KEY NOT NULL, kek BLOB NOT NULL, wrapped BLOB NOT NULL, sealed BLOB NOT NULL,
  changed_ms INTEGER NOT NULL, sum INTEGER NOT NULL
) STRICT;
)";

constexpr std::array steps{version_1, version_2};

std::uint64_t number(connection& db, const char* question) { return std::stoull(db.answer(question)); }

}  // namespace

std::span<const char* const> migrations() noexcept { return steps; }

std::size_t migrate(connection& db, std::span<const char* const> to) {
  const auto id = number(db, "PRAGMA application_id");
  const auto found = number(db, "PRAGMA user_version");
  const bool empty = number(db, "SELECT count(*) FROM sqlite_master") == 0;
  if (id != application_id && !(id == 0 && found == 0 && empty))
    throw open_error{"The file is a database of another program, not of Greenroom."};
  if (found > to.size())
    throw open_error{"The database has version " + std::to_string(found) + ", but this build knows versions up to " +
                     std::to_string(to.size()) + ": it was written by a newer Greenroom."};
  for (auto version = found; version < to.size(); ++version) {
    try {
      db.script("BEGIN IMMEDIATE;" + std::string{to[version]} + "PRAGMA application_id = " +
                std::to_string(application_id) + ";PRAGMA user_version = " + std::to_string(version + 1) + ";COMMIT;");
    } catch (const sqlite_error& e) {
      if (db.in_transaction()) db.script("ROLLBACK");
      if (e.is(SQLITE_CORRUPT) || e.is(SQLITE_NOTADB)) throw;
      throw open_error{"The database cannot be taken from version " + std::to_string(version) + " to " +
                       std::to_string(version + 1) + ": " + e.what() + "."};
    }
  }
  return found;
}

}  // namespace greenroom::storage
