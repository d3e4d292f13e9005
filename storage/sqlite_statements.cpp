#include "storage/sqlite_statements.hpp"

#include <array>

namespace greenroom::storage {
namespace {

struct statement {
  sql id;
  std::string_view text;
};

constexpr std::array<statement, sql_count> statements{{
    {sql::begin_write, "BEGIN IMMEDIATE"},
    {sql::begin_read, "BEGIN"},
    {sql::commit, "COMMIT"},
    {sql::rollback, "ROLLBACK"},
    {sql::totals_get,
     "SELECT last_id, last_dead, inboxes_all, forgotten_upto, newest_ms, logs, records, record_bytes, inboxes, queued, "
     "queued_bytes, accepted, acknowledged, purged, dead, dead_bytes, ids, ids_bytes, sessions, sum FROM totals WHERE "
     "one = 1"},
    {sql::totals_put, "REPLACE INTO totals VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},

    {sql::message_put, "INSERT INTO message VALUES (?, ?, ?)"},
    {sql::message_get, "SELECT sum, body FROM message WHERE id = ?"},
    {sql::message_resum, "UPDATE message SET sum = ?2 WHERE id = ?1"},
    {sql::message_delete, "DELETE FROM message WHERE id = ?"},

    {sql::log_get,
     "SELECT id, epoch, first, last, bytes, keep_count, keep_bytes, keep_age_ms, due_ms, sum FROM log WHERE name = ?"},
    {sql::log_insert, "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {sql::log_update,
     "UPDATE log SET id = ?2, epoch = ?3, first = ?4, last = ?5, bytes = ?6, keep_count = ?7, keep_bytes = ?8, "
     "keep_age_ms = ?9, due_ms = ?10, sum = ?11 WHERE name = ?1"},
    {sql::log_delete, "DELETE FROM log WHERE name = ?"},
    {sql::log_due, "SELECT name FROM log WHERE due_ms <= ? ORDER BY due_ms LIMIT 1"},
    {sql::logs_from, "SELECT name FROM log WHERE name >= ? ORDER BY name LIMIT ?"},
    {sql::entry_put, "INSERT INTO log_entry VALUES (?, ?, ?, ?, ?)"},
    {sql::entry_get, "SELECT message, at_ms, size FROM log_entry WHERE log = ? AND seq = ?"},
    {sql::entry_delete, "DELETE FROM log_entry WHERE log = ? AND seq = ?"},
    {sql::entry_oldest, "SELECT seq, message, size FROM log_entry WHERE log = ? ORDER BY seq LIMIT 1"},
    {sql::entries_after,
     "SELECT e.seq, e.message, e.at_ms, e.size, m.sum, m.body FROM log_entry e LEFT JOIN message m ON m.id = e.message "
     "WHERE e.log = ? AND e.seq BETWEEN ? AND ? ORDER BY e.seq LIMIT ?"},
    {sql::entries_before,
     "SELECT e.seq, e.message, e.at_ms, e.size, m.sum, m.body FROM log_entry e LEFT JOIN message m ON m.id = e.message "
     "WHERE e.log = ? AND e.seq BETWEEN ? AND ? ORDER BY e.seq DESC LIMIT ?"},
    {sql::gone_put, "INSERT INTO gone VALUES (?)"},
    {sql::gone_next, "SELECT log FROM gone WHERE log > 0 ORDER BY log LIMIT 1"},
    {sql::gone_delete, "DELETE FROM gone WHERE log = ?"},
    {sql::snapshot_put, "REPLACE INTO snapshot VALUES (?, ?, ?, ?)"},
    {sql::snapshot_get, "SELECT log, sum, body FROM snapshot WHERE name = ?"},
    {sql::snapshot_delete, "DELETE FROM snapshot WHERE name = ?"},
    {sql::snapshots_after, "SELECT name, log, sum, body FROM snapshot WHERE name > ? ORDER BY name"},

    {sql::inbox_get, "SELECT id, count, bytes, first, last, due_ms, sum FROM inbox WHERE user = ?"},
    {sql::inbox_insert, "INSERT INTO inbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
    {sql::inbox_update,
     "UPDATE inbox SET id = ?2, count = ?3, bytes = ?4, first = ?5, last = ?6, due_ms = ?7, sum = ?8 WHERE user = ?1"},
    {sql::inbox_delete, "DELETE FROM inbox WHERE user = ?"},
    {sql::inbox_due, "SELECT user FROM inbox WHERE due_ms <= ? ORDER BY due_ms LIMIT 1"},
    {sql::inboxes_held, "SELECT user FROM inbox INDEXED BY inbox_held WHERE count > 0 AND user > ? ORDER BY user"},
    {sql::inboxes_from, "SELECT user, count, last FROM inbox WHERE user >= ? ORDER BY user LIMIT ?"},
    {sql::inbox_rows,
     "SELECT id, count, bytes, first, last, due_ms, sum, user FROM inbox WHERE user > ? ORDER BY user LIMIT ?"},
    {sql::letter_put, "INSERT INTO letter VALUES (?, ?, ?, ?, ?, ?, ?)"},
    {sql::letter_get, "SELECT message, at_ms, attempts, size FROM letter WHERE inbox = ? AND n = ?"},
    {sql::letter_attempt, "UPDATE letter SET attempts = attempts + 1 WHERE inbox = ? AND n = ?"},
    {sql::letter_delete, "DELETE FROM letter WHERE inbox = ? AND n = ?"},
    {sql::letter_oldest, "SELECT n FROM letter WHERE inbox = ? ORDER BY n LIMIT 1"},
    {sql::letter_sums, "SELECT count(*), coalesce(sum(size), 0), max(n) FROM letter WHERE inbox = ? AND n <= ?"},
    {sql::letter_first_expiry, "SELECT expires_ms FROM letter WHERE inbox = ? ORDER BY expires_ms LIMIT 1"},
    {sql::letters_after,
     "SELECT e.n, e.message, e.at_ms, e.expires_ms, e.attempts, e.size, m.sum, m.body FROM letter e LEFT JOIN message "
     "m ON m.id = e.message WHERE e.inbox = ? AND e.n > ? ORDER BY e.n"},
    {sql::letters_expired, "SELECT n FROM letter WHERE inbox = ? AND expires_ms <= ? ORDER BY expires_ms LIMIT ?"},
    {sql::letters_delete_upto, "DELETE FROM letter WHERE inbox = ? AND n <= ?"},
    {sql::letters_delete_messages,
     "DELETE FROM message WHERE id IN (SELECT message FROM letter WHERE inbox = ? AND n <= ?)"},

    {sql::dead_put, "INSERT INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {sql::dead_get,
     "SELECT id, inbox, user, n, at_ms, died_ms, reason, attempts, size, message, room, sender, kind, name, content, "
     "sum FROM dead WHERE id = ?"},
    {sql::dead_delete, "DELETE FROM dead WHERE id = ?"},
    {sql::dead_attempt, "UPDATE dead SET attempts = ?2, sum = ?3 WHERE id = ?1"},
    {sql::dead_after,
     "SELECT id, inbox, user, n, at_ms, died_ms, reason, attempts, size, message, room, sender, kind, name, content, "
     "sum FROM dead WHERE id > ? ORDER BY "
     "id LIMIT ?"},
    {sql::dead_of_user_after,
     "SELECT id, inbox, user, n, at_ms, died_ms, reason, attempts, size, message, room, sender, kind, name, content, "
     "sum FROM dead WHERE user = ? AND id "
     "> ? ORDER BY id LIMIT ?"},
    {sql::dead_of_room_after,
     "SELECT id, inbox, user, n, at_ms, died_ms, reason, attempts, size, message, room, sender, kind, name, content, "
     "sum FROM dead WHERE room = ? AND id > ? ORDER BY id LIMIT ?"},
    {sql::dead_of_message,
     "SELECT id, inbox, user, n, at_ms, died_ms, reason, attempts, size, message, room, sender, kind, name, content, "
     "sum FROM dead WHERE name = ? AND sender = ? AND content = ? LIMIT 1"},

    {sql::sender_get, "SELECT id, count, oldest, sum FROM sender WHERE name = ?"},
    {sql::sender_name, "SELECT name FROM sender WHERE id = ?"},
    {sql::sender_put, "INSERT INTO sender VALUES (?, ?, ?, ?, ?)"},
    {sql::sender_update, "UPDATE sender SET id = ?1, count = ?3, oldest = ?4, sum = ?5 WHERE name = ?2"},
    {sql::sender_delete, "DELETE FROM sender WHERE name = ?"},
    {sql::once_put, "INSERT INTO once VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {sql::once_find, "SELECT ordinal, content, epoch, seq, n, at_ms, sum FROM once WHERE id = ? AND sender = ?"},
    {sql::once_from,
     "SELECT ordinal, sender, length(id) + length(epoch), at_ms FROM once WHERE ordinal >= ? ORDER BY ordinal LIMIT ?"},
    {sql::once_delete, "DELETE FROM once WHERE ordinal = ?"},

    {sql::secret_put, "REPLACE INTO secrets VALUES (?, ?, ?, ?, ?, ?)"},
    {sql::secret_get, "SELECT name, kek, wrapped, sealed, changed_ms, sum FROM secrets WHERE name = ?"},
    {sql::secret_erase, "DELETE FROM secrets WHERE name = ?"},
    {sql::secret_rewrap, "UPDATE secrets SET kek = ?2, wrapped = ?3, sum = ?4 WHERE name = ?1"},
    {sql::secrets_after,
     "SELECT name, kek, wrapped, sealed, changed_ms, sum FROM secrets WHERE name > ? ORDER BY name LIMIT ?"},
    {sql::secrets_count, "SELECT count(*) FROM secrets WHERE name >= ?"},
    {sql::secrets_keks, "SELECT kek FROM secrets WHERE name >= ? ORDER BY name"},

    {sql::session_get,
     "SELECT key, id, user, kind, token, previous, created_ms, window_ms, deadline_ms, status, location, meta, stamp, "
     "watched, sum FROM session WHERE id = ?"},
    {sql::session_insert, "INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {sql::session_update,
     "UPDATE session SET user = ?3, kind = ?4, token = ?5, previous = ?6, created_ms = ?7, window_ms = ?8, "
     "deadline_ms = ?9, status = ?10, location = ?11, meta = ?12, stamp = ?13, watched = ?14, sum = ?15 WHERE key = ?1 "
     "AND id = ?2"},
    {sql::session_delete, "DELETE FROM session WHERE key = ?"},
    {sql::session_due,
     "SELECT key FROM session WHERE deadline_ms > 0 AND deadline_ms <= ? ORDER BY deadline_ms LIMIT 1"},
    {sql::sessions_after,
     "SELECT key, id, user, kind, token, previous, created_ms, window_ms, deadline_ms, status, location, meta, stamp, "
     "watched, sum FROM session WHERE id > ? ORDER BY id"},
    {sql::sessions_restart, "UPDATE session SET deadline_ms = ? + window_ms WHERE deadline_ms = 0"},
    {sql::membership_put,
     "INSERT INTO membership VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (session, room) DO UPDATE SET "
     "ordinal = ?3, epoch = ?4, seq = ?5, incarnation = ?6, since_ms = ?7, presence = ?8, sum = ?9"},
    {sql::membership_get, "SELECT ordinal FROM membership WHERE session = ? AND room = ?"},
    {sql::membership_count, "SELECT count(*) FROM membership WHERE session = ?"},
    {sql::memberships_of,
     "SELECT room, ordinal, epoch, seq, incarnation, since_ms, presence, sum FROM membership WHERE session = ? ORDER "
     "BY "
     "ordinal"},
    {sql::memberships_delete, "DELETE FROM membership WHERE session = ?"},

    {sql::api_key_get, "SELECT 1 FROM api_keys WHERE id = ?"},
    {sql::api_key_put, "REPLACE INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    {sql::api_key_used, "UPDATE api_keys SET used_ms = max(used_ms, ?2) WHERE id = ?1"},
    {sql::api_key_erase, "DELETE FROM api_keys WHERE id = ?"},
    {sql::api_keys_after,
     "SELECT id, hash, user, scopes, grants, note, created_ms, expires_ms, used_ms, sum FROM api_keys WHERE id > ? "
     "ORDER BY id"},
    {sql::revocation_get, "SELECT 1 FROM revocations WHERE kind = ? AND name = ?"},
    {sql::revocation_put, "REPLACE INTO revocations VALUES (?, ?, ?, ?, ?, ?)"},
    {sql::revocation_erase, "DELETE FROM revocations WHERE kind = ? AND name = ? AND until_ms <= ?"},
    {sql::revocations_after,
     "SELECT name, at_ms, until_ms, note, sum FROM revocations WHERE kind = ? AND name > ? ORDER BY name"},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < sql_count; ++i)
    if (statements[i].id != static_cast<sql>(i)) return false;
  return true;
}
static_assert(in_order());

}  // namespace

std::string_view text_of(sql id) noexcept { return statements[static_cast<std::size_t>(id)].text; }

}  // namespace greenroom::storage
