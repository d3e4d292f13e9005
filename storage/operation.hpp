/// Everything that changes the store, as data. Operations travel: a shard may execute them at once (memory), or send
/// them to the one writer that commits them in batches. Each is atomic in itself: either all of its effects happen, or
/// none and the outcome says why. Operations of a batch run in order, so a later one sees what an earlier one did.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>

#include "storage/api_key.hpp"
#include "storage/at_rest.hpp"
#include "storage/errc.hpp"
#include "storage/inbox.hpp"
#include "storage/limits.hpp"
#include "storage/log.hpp"
#include "storage/secret.hpp"
#include "storage/session.hpp"

namespace greenroom::storage {

/// A sender's own name for a message. The record is made in the step that stores the message; while it is kept, the
/// same id with the same content yields the original outcome with `duplicate`, and with other content `errc::conflict`.
struct idempotency {
  std::string sender{};                 ///< the user, or the session where the user is anonymous
  std::string id{};                     ///< at most `id_bytes_max` bytes
  std::array<std::byte, 16> content{};  ///< hash of method, target, event and canonical payload
};

// Logs

/// Makes the log with a fresh epoch where there is none, and sets what it keeps. Outcome: `at` is its head, `first`;
/// `errc::unavailable` where the key is missing that it is, was or shall be encrypted under.
struct log_open {
  std::string log{};
  retention keep{};
  at_rest rest = at_rest::plain;
};

/// Adds a message, and the log where there is none. Outcome: `at` is its position, `at_ms`, `first`.
struct append {
  std::string log{};
  bytes_ptr body{};
  std::int64_t at_ms = 0;
  retention keep{};                   ///< replaces what the log had
  std::optional<idempotency> once{};  ///< absent: no record is written
  bytes_ptr snapshot{};               ///< the behaviour's state after this message; null: unchanged
  at_rest rest = at_rest::plain;      ///< of the message and the snapshot
};

/// Keeps a behaviour's state that no message changed (a timer did). The log must exist.
struct snapshot_put {
  std::string log{};
  bytes_ptr snapshot{};
  at_rest rest = at_rest::plain;
};

/// History was lost: drops all messages and the snapshot, and starts at seq 1 of a new epoch. Outcome: `at` is the new
/// head.
struct epoch_reset {
  std::string log{};
};

/// Forgets the log, its epoch and its snapshot.
struct log_erase {
  std::string log{};
};

// Inboxes

/// Queues a message. A full inbox first moves its expired messages to the dead letters, then refuses
/// (`errc::queue_full`). Outcome: `n`.
struct inbox_append {
  std::string user{};
  bytes_ptr body{};
  std::int64_t at_ms = 0;
  std::int64_t expires_ms = 0;
  inbox_bounds bounds{};
  std::optional<idempotency> once{};
};

/// Removes every message up to `upto` and counts it as acknowledged. So whoever reads a page that passed over expired
/// messages commits `inbox_expire` before anything above them can be acknowledged. Outcome: `count` removed now,
/// `left`.
struct inbox_ack {
  std::string user{};
  std::uint64_t upto = 0;
};

/// Moves what has expired to the dead letters. Outcome: `count` moved, `left`.
struct inbox_expire {
  std::string user{};
  std::int64_t now_ms = 0;
};

/// A connection ended without acknowledging anything: counts against the oldest message, which becomes a dead letter at
/// `attempts_max`. Outcome: `n` of that message (0: the inbox is empty), `count` 1 when it moved, `left`.
struct inbox_attempt {
  std::string user{};
  std::int64_t now_ms = 0;
  std::uint32_t attempts_max = limits::delivery_attempts_max;
};

/// Drops all queued messages of a user, counted as purged. Outcome: `count`.
struct inbox_purge {
  std::string user{};
};

// Dead letters

/// Queues a user's dead letter again, at the tail of its inbox and with a new `n` and life. Outcome: `n`, `at_ms`;
/// `errc::not_found`, `errc::queue_full`.
struct dead_replay {
  std::uint64_t id = 0;
  std::int64_t now_ms = 0;
  std::int64_t expires_ms = 0;
  inbox_bounds bounds{};
};

/// Drops dead letters up to and including `upto`, of one user, of one room, or of all. Outcome: `count`.
struct dead_purge {
  std::uint64_t upto = 0;
  std::optional<std::string> user{};
  std::optional<std::string> room{};
};

/// Keeps a message that its room crashed on, as accepted and dead. There is one letter for each message: while it is
/// kept, a repeat (the same sender, id and content) counts as one more attempt. Outcome: `n` is the letter, `duplicate`.
struct dead_put {
  std::string room{};
  bytes_ptr body{};
  std::int64_t now_ms = 0;
  idempotency once{};  ///< what `append` takes when the message is published after all
  identity kind = identity::authenticated;
  at_rest rest = at_rest::plain;
};

/// A room's letter was published after all: it leaves, and counts as acknowledged and as replayed. Outcome:
/// `errc::not_found`.
struct dead_settle {
  std::uint64_t id = 0;
};

// Secrets

/// Writes the secret, in place of what stood under its name. Outcome: `errc::unavailable` over `secrets_max`.
struct secret_put {
  stored_secret secret{};
};

/// Outcome: `errc::not_found` where there is none. A name of the store's own is none.
struct secret_erase {
  std::string name{};
};

/// Wraps a data key again, where it still is what it was. Outcome: `errc::not_found` where it is not: it was put again,
/// or erased.
struct secret_rewrap {
  std::string name{};
  std::string was{};  ///< `stored_secret::wrapped`
  std::string kek{}, wrapped{};
};

// Sessions and upkeep

/// Writes the whole session, in place of what stood there. A membership without an epoch is one whose join is not over:
/// what is stored of that room stays as it is, and nothing is added.
struct session_put {
  stored_session session{};
};

/// Adds a membership to a stored session, or takes the place of the one that it has in that room. Outcome:
/// `errc::not_found` where the session is not stored.
struct membership_put {
  std::string session{};
  stored_membership member{};
};

/// Outcome: `errc::not_found` where there is none.
struct session_erase {
  std::string id{};
};

/// A node has started: sessions that were attached when the last one ended have a whole window from now on. Outcome:
/// `count` of them.
struct sessions_restart {
  std::int64_t now_ms = 0;
};

// Who may come

/// Adds a key, or takes the place of the one with its id. Outcome: `count` of all keys; `errc::unavailable` where there
/// are as many as there may be.
struct api_key_put {
  stored_key key{};
};

/// It was used; an earlier time changes nothing. Outcome: `errc::not_found`.
struct api_key_used {
  std::string id{};
  std::int64_t at_ms = 0;
};

/// Outcome: `count` of those that are left; `errc::not_found`.
struct api_key_erase {
  std::string id{};
};

/// Adds a revocation, or takes the place of the one of the same kind and name. Outcome: `count` of all of them;
/// `errc::unavailable` where there are as many as there may be.
struct revocation_put {
  stored_revocation what{};
};

/// Outcome: `count` of those that are left; `errc::not_found`, also where it lasts longer than `until_max_ms`.
struct revocation_erase {
  revoked kind = revoked::user;
  std::string name{};
  std::int64_t until_max_ms = std::numeric_limits<std::int64_t>::max();
};

/// Removes what its time has passed from one part of the store: messages over their log's age, expired inbox messages
/// (to the dead letters), dead letters, idempotency records, and sessions whose deadline passed `session_grace_ms` ago:
/// nobody has ended them, as their node ended first. Outcome: `count` removed, `left` the parts of this round
/// still to do; a part with more than `removals_max` takes several calls.
struct sweep {
  std::int64_t now_ms = 0;
  std::uint32_t removals_max = limits::sweep_removals_max;
};

using operation =
    std::variant<log_open, append, snapshot_put, epoch_reset, log_erase, inbox_append, inbox_ack, inbox_expire,
                 inbox_attempt, inbox_purge, dead_replay, dead_purge, dead_put, dead_settle, secret_put, secret_erase,
                 secret_rewrap, session_put, membership_put, session_erase, sessions_restart, sweep, api_key_put,
                 api_key_used, api_key_erase, revocation_put, revocation_erase>;

/// What became of an operation. Its comment above names the members that it fills.
struct outcome {
  errc error = errc::success;
  bool duplicate = false;  ///< stored before; `at`, `n` and `at_ms` are the original's
  position at{};
  std::uint64_t first = 0;  ///< the oldest position that the log keeps; `at.seq + 1` where it keeps none
  std::uint64_t n = 0;
  std::int64_t at_ms = 0;  ///< when the message was stored
  std::uint64_t count = 0;
  std::uint64_t left = 0;

  bool ok() const noexcept { return error == errc::success; }
  bool operator==(const outcome&) const = default;
};

/// Whether names, ids, bodies and snapshots are within their limits: `errc::success` or `errc::too_large`. Every
/// backend asks before it executes. A missing body is a broken invariant of the caller: std::invalid_argument.
errc check(const operation& op);

}  // namespace greenroom::storage
