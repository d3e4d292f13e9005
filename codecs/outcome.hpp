#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "codecs/call.hpp"
#include "codecs/envelope.hpp"

/// What a node answers and what it says unasked, whatever protocol carries it.
namespace greenroom::codecs {

/// The error numbers of docs/protocol.md; other protocols carry the same numbers in their own error place.
enum class error_code : std::int32_t {
  parse = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal = -32603,
  unauthenticated = -32001,
  forbidden = -32002,
  rate_limited = -32003,
  not_found = -32004,
  conflict = -32005,
  too_large = -32006,
  queue_full = -32007,
  unavailable = -32008,
  timed_out = -32009,
  draining = -32010,
};

struct error {
  error_code code = error_code::internal;
  std::string message;  ///< a sentence for the developer at the other end; nothing of the inside
  std::string path;     ///< data.path: the bad member of the params, as `params.room`
  std::string reason;   ///< data.reason: one word that programs test
  std::string trace;    ///< data.trace: finds the log line
  std::optional<std::uint32_t> retry_after_ms;  ///< data.retry_after_ms
  payload_ptr data{};                           ///< an extension's own, in place of all that; null: none
};

/// The usual sentence for a code, where the caller has nothing better to say.
error make_error(error_code code, std::string message = {});

namespace results {

struct nothing {};  ///< {}
struct room_state {
  std::string room, epoch;
  std::uint64_t seq = 0;
  bool recovered = false;
  std::string reason;
};
struct session_limits {
  std::uint64_t message_bytes_max = 0;
  std::uint32_t rooms_max = 0, in_flight_max = 0;
};
struct heartbeat {
  std::uint32_t interval_ms = 0, timeout_ms = 0;
};
struct session_opened {
  std::string session, user, resume_token;
  bool resumed = false;
  std::string reason;  ///< why not resumed; absent when empty
  std::vector<room_state> rooms;
  session_limits limits;
  codecs::results::heartbeat heartbeat;
  std::int64_t time_ms = 0;
};
struct refreshed {
  std::int64_t expires_at_ms = 0;
};
struct joined {
  std::string room, epoch;
  std::uint64_t seq = 0;
  std::uint64_t members = 0;
  std::optional<bool> recovered;     ///< only when `since` was given
  std::string reason;                ///< absent when empty
  std::vector<envelope_ptr> missed;  ///< stands in the answer when recovered
  payload_ptr reply{};               ///< what the room's behaviour says to it; null: nothing
};
struct published {
  std::string id, epoch;
  std::uint64_t seq = 0;
  ack_level ack = ack_level::accepted;
  bool duplicate = false;
};
struct history {
  std::string epoch;
  std::uint64_t first = 0, last = 0;
  std::vector<envelope_ptr> messages;
};
struct presence_entry {
  std::string session;
  payload_ptr meta;                     ///< null when absent
  std::uint64_t ref = 0, ref_prev = 0;  ///< of what it shows now, and showed before (0: nothing); for Phoenix
};
struct member {
  std::string user;
  std::int64_t since_ms = 0;
  std::vector<presence_entry> entries;
};
struct members {
  std::uint64_t total = 0;
  std::vector<member> list;
  std::string next;
};  ///< next: absent when empty
struct sent {
  std::string id;
  ack_level ack = ack_level::accepted;
  bool duplicate = false;
};
struct inbox_acked {
  std::uint64_t upto = 0, left = 0;
};
struct presence_state {
  bool online = false;
  std::string status, location;              ///< absent when empty
  payload_ptr meta;                          ///< null when absent
  std::optional<std::int64_t> last_seen_ms;  ///< absent for a user of whom the node knows nothing
};
struct presence_states {
  std::vector<std::pair<std::string, presence_state>> users;  ///< an object by name: each name once
};
struct online {
  std::uint64_t total = 0;
  std::vector<std::string> users;
  std::string next;
};  ///< next: absent when empty
struct registered {
  std::string worker;                ///< its session
  std::vector<std::string> methods;  ///< what it answers now
};
struct document {
  payload_ptr body;  ///< null: the result is null
  payload_shape shape = payload_shape::single;
};                     ///< a service's own answer, rpc.discover
struct unanswered {};  ///< Whoever decided wants no answer: a protocol that must give one says null.

}  // namespace results

using result =
    std::variant<results::nothing, results::session_opened, results::refreshed, results::joined, results::published,
                 results::history, results::members, results::sent, results::inbox_acked, results::presence_states,
                 results::online, results::registered, results::document, results::unanswered>;
using outcome = std::variant<result, error>;

/// Whose call a request of the server's carries on. The session is absent when empty.
struct on_behalf {
  std::string user, session;
};

/// What the server says unasked, to one connection.
namespace pushes {

struct room_notice {
  std::string room, code;
  std::optional<std::uint64_t> from, to;
  std::string epoch;
  std::string text{};
};  ///< empty, absent: left out
struct room_push {
  std::string room, event;
  payload_ptr payload;
  payload_shape shape = payload_shape::single;
};  ///< what a room's behaviour says to one member: no message of the room, no position; payload never null
enum class urgency : std::uint8_t {
  sure,      ///< it waits in the outbox until it can leave
  droppable  ///< it is worth nothing later: dropped, and counted, where it could not leave at once
};
struct notification {
  std::string method;
  payload_ptr params;     ///< null when absent
  std::string channel{};  ///< Phoenix: the topic; empty: none
  urgency how = urgency::sure;
};  ///< a behaviour's own
/// What has changed in a room since the notice before; lists that are empty are left out.
struct room_changes {
  std::string room;
  std::vector<results::member> joined;
  std::vector<std::string> left;
  std::vector<results::member> updated;
  std::uint64_t total = 0;               ///< users in the room
  std::vector<results::member> gone{};   ///< entries of any user that are no more, left or replaced; for Phoenix
  std::vector<results::member> fresh{};  ///< entries of any user that were not there before; for Phoenix
};
/// Who is in a room, in place of whatever the client knew: everybody, or the first in the order of names.
struct room_people {
  std::string room;
  std::vector<results::member> users;
  std::uint64_t total = 0;
};
struct presence_changed {
  std::string user;
  results::presence_state now;
};
struct inbox_message {
  envelope_ptr message;
};
struct inbox_acked {
  std::uint64_t upto = 0;
};
struct session_notice {
  std::string code, text;
};

}  // namespace pushes
using push = std::variant<pushes::room_notice, pushes::room_push, pushes::room_changes, pushes::room_people,
                          pushes::presence_changed, pushes::inbox_message, pushes::inbox_acked, pushes::session_notice,
                          pushes::notification>;

}  // namespace greenroom::codecs
