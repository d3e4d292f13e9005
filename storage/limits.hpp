/// The bounds of everything that the storage keeps. A figure that the config may change is the default of its key.
#pragma once

#include <cstddef>
#include <cstdint>

namespace greenroom::storage::limits {

// One batch, one operation.
inline constexpr std::size_t batch_operations_max = 1024;  ///< what one transaction of a durable backend commits
inline constexpr std::size_t name_bytes_max = 512;         ///< a log's, user's, sender's or session's name
inline constexpr std::size_t id_bytes_max = 64;            ///< the id that a sender gives a message
inline constexpr std::size_t body_bytes_max = 17u << 20;   ///< 16 MiB of message and its envelope
inline constexpr std::size_t snapshot_bytes_max = 64u << 10;
inline constexpr std::size_t session_rooms_max = 4096;
inline constexpr std::size_t presence_bytes_max = 64u << 10;  ///< what a member shows to others

inline constexpr std::int64_t session_grace_ms = 10'000;  ///< its actor ends it at its deadline, a sweep only later

// Secrets.
inline constexpr std::size_t secrets_max = 10'000;  ///< beside the data keys of logs; over it: unavailable
inline constexpr std::size_t secret_name_bytes_max = 128;
inline constexpr std::size_t secret_bytes_max = 32u << 10;
inline constexpr std::size_t secret_overhead_bytes = 128;    ///< what sealing may add; a wrapped data key is no longer
inline constexpr std::size_t data_keys_cached_max = 16'384;  ///< of logs that are encrypted; 512 KiB of locked memory

// Inboxes and dead letters.
inline constexpr std::uint64_t inbox_messages_max = 10'000;    ///< a user
inline constexpr std::uint64_t inbox_bytes_max = 16ull << 20;  ///< a user
inline constexpr std::uint32_t delivery_attempts_max = 20;     ///< then the message is a dead letter
inline constexpr std::uint64_t dead_bytes_max = 100ull << 20;  ///< all dead letters; over it the oldest are purged
inline constexpr std::int64_t dead_age_ms = 30ll * 24 * 3600 * 1000;

// Idempotency.
inline constexpr std::size_t ids_per_sender_max = 100'000;
inline constexpr std::int64_t id_age_ms = 24ll * 3600 * 1000;

// Who may come.
inline constexpr std::size_t api_keys_max = 10'000;
inline constexpr std::size_t api_key_bytes_max = 16u << 10;     ///< scopes, grants and note of one
inline constexpr std::size_t api_key_text_overhead_bytes = 16;  ///< what each of those texts counts beside its own
inline constexpr std::size_t revocations_max = 100'000;         ///< over either: unavailable

// The memory backend.
inline constexpr std::size_t stripes = 64;                           ///< locks a table; a power of two
inline constexpr std::uint64_t memory_ids_bytes_max = 128ull << 20;  ///< all idempotency records
inline constexpr std::uint64_t memory_history_bytes_max = 1ull << 30;
inline constexpr std::uint64_t memory_inbox_bytes_max = 1ull << 30;
inline constexpr std::size_t memory_logs_max = 1'000'000;
inline constexpr std::size_t memory_inboxes_max = 1'000'000;
inline constexpr std::size_t memory_sessions_max = 1'000'000;
inline constexpr std::uint32_t sweep_removals_max = 10'000;  ///< one call of sweep holds a lock for about a millisecond
inline constexpr std::uint64_t message_overhead_bytes = 128;  ///< what a kept message costs beside its body

// The SQLite backend.
inline constexpr std::uint64_t sqlite_cache_bytes = 64ull << 20;
inline constexpr std::uint64_t sqlite_checkpoint_bytes = 4ull << 20;
inline constexpr std::uint64_t sqlite_wal_bytes_max = 64ull << 20;
inline constexpr std::size_t sqlite_logs_max = 10'000'000;
inline constexpr std::size_t sqlite_inboxes_max = 10'000'000;
inline constexpr std::size_t sqlite_sessions_max = 1'000'000;

}  // namespace greenroom::storage::limits
