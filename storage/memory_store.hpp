/// The store in memory: real, bounded, and gone with the process. It carries ephemeral rooms, and everything else where
/// no database is configured.
///
/// Threading: each table (logs, inboxes, sessions, idempotency) is cut into stripes by the hash of its key, each with a
/// lock of its own, so that shards that work on different rooms and users do not meet. Where an operation needs several
/// locks it takes them in the order ids, then log or inbox, then dead letters.
/// Bounds: `memory_options`.
/// Failure: none of its own. A std::bad_alloc that leaves `commit` may leave an operation half done: it is the end of
/// the process.
#pragma once

#include <memory>

#include "storage/limits.hpp"
#include "storage/store.hpp"

namespace greenroom::storage {

struct memory_options {
  std::uint64_t history_bytes_max = limits::memory_history_bytes_max;  ///< all logs; over it a log sheds its own oldest
  std::uint64_t inbox_bytes_max = limits::memory_inbox_bytes_max;      ///< all inboxes; over it: unavailable
  std::uint64_t dead_bytes_max = limits::dead_bytes_max;               ///< over it the oldest letters are purged
  std::int64_t dead_age_ms = limits::dead_age_ms;
  std::uint64_t ids_bytes_max = limits::memory_ids_bytes_max;  ///< over it the oldest records go early
  std::size_t ids_per_sender_max = limits::ids_per_sender_max;
  std::int64_t id_age_ms = limits::id_age_ms;
  std::size_t logs_max = limits::memory_logs_max;          ///< over it: unavailable
  std::size_t inboxes_max = limits::memory_inboxes_max;    ///< over it empty ones are forgotten, then: unavailable
  std::size_t sessions_max = limits::memory_sessions_max;  ///< over it: unavailable
};

std::unique_ptr<store> make_memory_store(memory_options options = {});

}  // namespace greenroom::storage
