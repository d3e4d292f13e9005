/// Every statement that the store keeps prepared, in one table, so that a test can look at the plan of each.
///
/// Threading: constants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace greenroom::storage {

enum class sql : std::uint8_t {
  // transactions, sums
  begin_write,
  begin_read,
  commit,
  rollback,
  totals_get,
  totals_put,
  // messages
  message_put,
  message_get,
  message_resum,
  message_delete,
  // logs
  log_get,
  log_insert,
  log_update,
  log_delete,
  log_due,
  logs_from,
  entry_put,
  entry_get,
  entry_delete,
  entry_oldest,
  entries_after,
  entries_before,
  gone_put,
  gone_next,
  gone_delete,
  snapshot_put,
  snapshot_get,
  snapshot_delete,
  snapshots_after,
  // inboxes
  inbox_get,
  inbox_insert,
  inbox_update,
  inbox_delete,
  inbox_due,
  inboxes_held,
  inboxes_from,
  inbox_rows,
  letter_put,
  letter_get,
  letter_attempt,
  letter_delete,
  letter_oldest,
  letter_sums,
  letter_first_expiry,
  letters_after,
  letters_expired,
  letters_delete_upto,
  letters_delete_messages,
  // dead letters
  dead_put,
  dead_get,
  dead_delete,
  dead_attempt,
  dead_after,
  dead_of_user_after,
  dead_of_room_after,
  dead_of_message,
  // idempotency records
  sender_get,
  sender_name,
  sender_put,
  sender_update,
  sender_delete,
  once_put,
  once_find,
  once_from,
  once_delete,
  // secrets
  secret_put,
  secret_get,
  secret_erase,
  secret_rewrap,
  secrets_after,
  secrets_count,
  secrets_keks,
  // sessions
  session_get,
  session_insert,
  session_update,
  session_delete,
  session_due,
  sessions_after,
  sessions_restart,
  membership_put,
  membership_get,
  membership_count,
  memberships_of,
  memberships_delete,
  // who may come
  api_key_get,
  api_key_put,
  api_key_used,
  api_key_erase,
  api_keys_after,
  revocation_get,
  revocation_put,
  revocation_erase,
  revocations_after,
  end
};

inline constexpr auto sql_count = static_cast<std::size_t>(sql::end);

std::string_view text_of(sql id) noexcept;

}  // namespace greenroom::storage
