#include "runtime/config_keys.hpp"

#include <algorithm>
#include <array>

#include "runtime/address.hpp"
#include "runtime/limits.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t second = 1'000, minute = 60 * second, hour = 60 * minute, day = 24 * hour, year = 365 * day;
constexpr std::uint64_t kib = 1u << 10, mib = 1u << 20, gib = 1u << 30;
constexpr value_range unbounded{};

// In the order of the enums.
constexpr std::array<std::string_view, 2> anonymous_words{"off", "loopback"};
constexpr std::array<std::string_view, 6> level_words{"trace", "debug", "info", "warning", "error", "off"};
constexpr std::array<std::string_view, 2> format_words{"text", "json"};
constexpr std::array<std::string_view, 3> slow_words{"disconnect", "spill", "latest"};
constexpr std::array<std::string_view, 3> permission_words{"nobody", "authenticated", "anyone"};

template <class Enum>
place one_of(Enum& value, std::span<const std::string_view> words) {
  static_assert(sizeof value == sizeof(std::uint8_t));
  return word_choice{reinterpret_cast<std::uint8_t*>(&value), words};  // an unsigned char may alias anything
}

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }
#define GREENROOM_CHOICE(member, words) [](auto& c) -> place { return one_of(c.member, words); }

constexpr config_section sections[]{
    {"node", "The process, its threads and its directory."},
    {"gateway", "Sockets, HTTP and WebSocket."},
    {"outbox", "What waits to be written to one connection."},
    {"sessions", "Sessions, which outlive their connections."},
    {"access", "Who may call at all."},
    {"log", "The node's own log."},
    {"rooms", "All rooms; what differs from room to room is in the namespaces."},
    {"inbox", "Directed messages that wait for their user."},
    {"idempotency", "How long a repeated message is recognised."},
    {"memory", "Bounds of everything that the node keeps in memory."},
};

const config_key<config> node_table[]{
    {"node", "data_dir", text, unbounded, GREENROOM_AT(node.data_dir),
     "The directory that the node owns: its lock, its administration socket, its database. Made with mode 0700."},
    {"node",
     "shards",
     count,
     {0, limits::shards_max},
     GREENROOM_AT(node.shards),
     "Threads that run sockets and actors. 0: as many as the machine has cores."},
    {"node",
     "drain_timeout_ms",
     duration,
     {0, 10 * minute},
     GREENROOM_AT(node.drain_timeout_ms),
     "How long a connection may take at a stop to receive its last answers."},
    {"node",
     "stop_timeout_ms",
     duration,
     {second, 10 * minute},
     GREENROOM_AT(node.stop_timeout_ms),
     "A stop that takes longer than this ends without the rest."},

    {"gateway",
     "listen",
     list,
     {1, 16},
     GREENROOM_AT(gateway.listen),
     "Addresses with ports; IPv6 in brackets. Port 0 takes any free one."},
    {"gateway",
     "connections_max",
     count,
     {1, 1'000'000},
     GREENROOM_AT(gateway.connections_max),
     "Open connections of one shard; more are answered 503."},
    {"gateway",
     "ping_interval_ms",
     duration,
     {0, hour},
     GREENROOM_AT(gateway.ping_interval_ms),
     "How often a connection is asked for a sign of life. 0: never."},
    {"gateway",
     "pong_timeout_ms",
     duration,
     {1, hour},
     GREENROOM_AT(gateway.pong_timeout_ms),
     "A peer that stays silent this long after a ping is gone."},
    {"gateway",
     "message_bytes_max",
     size,
     {kib, 16 * mib},
     GREENROOM_AT(gateway.message_bytes_max),
     "The largest message; a larger one closes its connection with 1009."},
    {"gateway",
     "fragments_max",
     count,
     {1, 65'536},
     GREENROOM_AT(gateway.fragments_max),
     "Frames of one message; more close the connection with 1009."},
    {"gateway",
     "close_timeout_ms",
     duration,
     {1, minute},
     GREENROOM_AT(gateway.close_timeout_ms),
     "From the node's close frame to the end of the socket, whatever the peer does."},
    {"gateway",
     "request_line_bytes_max",
     size,
     {256, mib},
     GREENROOM_AT(gateway.request_line_bytes_max),
     "The first line of an HTTP request; a longer one is answered 414."},
    {"gateway",
     "header_bytes_max",
     size,
     {kib, mib},
     GREENROOM_AT(gateway.header_bytes_max),
     "All header fields of an HTTP request; more are answered 431."},
    {"gateway",
     "header_fields_max",
     count,
     {8, 1'000},
     GREENROOM_AT(gateway.header_fields_max),
     "Header fields of an HTTP request; more are answered 431."},
    {"gateway",
     "header_timeout_ms",
     duration,
     {1, 10 * minute},
     GREENROOM_AT(gateway.header_timeout_ms),
     "From the first byte of an HTTP request to the end of its header; then 408."},
    {"gateway",
     "body_bytes_max",
     size,
     {0, gib},
     GREENROOM_AT(gateway.body_bytes_max),
     "The body of an HTTP request; a larger one is answered 413."},
    {"gateway",
     "body_timeout_ms",
     duration,
     {1, hour},
     GREENROOM_AT(gateway.body_timeout_ms),
     "From the end of a request's header to the end of its body; then 408."},
    {"gateway",
     "idle_timeout_ms",
     duration,
     {1, day},
     GREENROOM_AT(gateway.idle_timeout_ms),
     "An HTTP connection without a request is closed after this time."},
    {"gateway",
     "write_timeout_ms",
     duration,
     {1, hour},
     GREENROOM_AT(gateway.write_timeout_ms),
     "An HTTP client that does not read its answer is closed after this time."},

    {"outbox",
     "bytes_max",
     size,
     {4 * kib, gib},
     GREENROOM_AT(outbox.bytes_max),
     "Bytes that wait for one connection; then the slow-member policy of the room decides. At least four times "
     "`gateway.message_bytes_max`."},
    {"outbox",
     "frames_max",
     count,
     {4, 1'000'000},
     GREENROOM_AT(outbox.frames_max),
     "Frames that wait for one connection; then the slow-member policy of the room decides."},

    {"sessions",
     "resume_window_ms",
     duration,
     {0, day},
     GREENROOM_AT(sessions.resume_window_ms),
     "How long a session waits for its client after its connection ended. 0: it ends with the connection."},
    {"sessions",
     "detached_per_user_max",
     count,
     {1, 10'000},
     GREENROOM_AT(sessions.detached_per_user_max),
     "Waiting sessions of one user; the oldest end first."},
    {"sessions",
     "detached_max",
     count,
     {1, 10'000'000},
     GREENROOM_AT(sessions.detached_max),
     "Waiting sessions of the node; the oldest end first."},
    {"sessions",
     "rooms_max",
     count,
     {1, 4'096},
     GREENROOM_AT(sessions.rooms_max),
     "Rooms that one session may be in; a join over it is refused."},

    {"access", "anonymous", choice, unbounded, GREENROOM_CHOICE(access.anonymous, anonymous_words),
     "Callers without a token: none (`off`), or those of this machine (`loopback`)."},
    {"access",
     "allowed_origins",
     list,
     {0, 1'000},
     GREENROOM_AT(access.allowed_origins),
     "Origins of web pages that may connect, like \"https://example.org\". Empty: only pages of the node's own host."},

    {"log", "level", choice, unbounded, GREENROOM_CHOICE(log.level, level_words), "The least level that is written."},
    {"log", "format", choice, unbounded, GREENROOM_CHOICE(log.format, format_words),
     "Lines for people, or one JSON object a line for machines."},
    {"log", "file", text, unbounded, GREENROOM_AT(log.file), "Where the log goes. Empty: standard error."},
    {"log",
     "queue_max",
     count,
     {16, 1'048'576},
     GREENROOM_AT(log.queue_max),
     "Lines that wait for the disk; over it the oldest is dropped and counted."},
    {"log", "access", toggle, unbounded, GREENROOM_AT(log.access),
     "Whether each HTTP request and each refused call gets a line."},

    {"rooms",
     "idle_ttl_ms",
     duration,
     {second, 30 * day},
     GREENROOM_AT(rooms.idle_ttl_ms),
     "A room without members leaves memory after this time. Its history and its order stay in the store."},

    {"inbox",
     "messages_max",
     count,
     {1, 1'000'000},
     GREENROOM_AT(inbox.messages_max),
     "Messages that wait for one user; more are refused to their senders (`queue_full`)."},
    {"inbox",
     "bytes_max",
     size,
     {kib, gib},
     GREENROOM_AT(inbox.bytes_max),
     "Bytes that wait for one user; more are refused to their senders (`queue_full`)."},
    {"inbox",
     "ttl_ms",
     duration,
     {second, 30 * day},
     GREENROOM_AT(inbox.ttl_ms),
     "How long a message waits unless its sender says otherwise; then it is a dead letter."},
    {"inbox",
     "delivery_attempts_max",
     count,
     {1, 1'000},
     GREENROOM_AT(inbox.delivery_attempts_max),
     "Connections that may end on a message before it is a dead letter."},
    {"inbox",
     "dead_bytes_max",
     size,
     {mib, 64 * gib},
     GREENROOM_AT(inbox.dead_bytes_max),
     "Bytes of all dead letters; over it the oldest are purged and counted."},
    {"inbox",
     "dead_age_ms",
     duration,
     {hour, year},
     GREENROOM_AT(inbox.dead_age_ms),
     "How long dead letters are kept."},

    {"idempotency",
     "per_sender_max",
     count,
     {1'000, 10'000'000},
     GREENROOM_AT(idempotency.per_sender_max),
     "Message ids that are remembered for one sender; older ones end early and are counted."},
    {"idempotency",
     "age_ms",
     duration,
     {minute, 30 * day},
     GREENROOM_AT(idempotency.age_ms),
     "How long a message id is remembered: a repeat within this time has no second effect."},
    {"idempotency",
     "bytes_max",
     size,
     {mib, 64 * gib},
     GREENROOM_AT(idempotency.bytes_max),
     "Memory for all message ids, about 250 bytes each; over it the oldest end early and are counted."},

    {"memory",
     "history_bytes_max",
     size,
     {mib, 1'024 * gib},
     GREENROOM_AT(memory.history_bytes_max),
     "History of all rooms; over it rooms keep less of their own."},
    {"memory",
     "inbox_bytes_max",
     size,
     {mib, 1'024 * gib},
     GREENROOM_AT(memory.inbox_bytes_max),
     "Messages of all inboxes; over it senders are refused (`unavailable`)."},
    {"memory",
     "logs_max",
     count,
     {64, 100'000'000},
     GREENROOM_AT(memory.logs_max),
     "Rooms whose position is remembered; over it a new room is refused (`unavailable`)."},
    {"memory",
     "sessions_max",
     count,
     {64, 100'000'000},
     GREENROOM_AT(memory.sessions_max),
     "Sessions that are remembered; over it a new one is refused (`unavailable`)."},
};

const config_key<namespace_config> namespace_table[]{
    {"namespace",
     "history_count",
     count,
     {0, 1'000'000'000},
     GREENROOM_AT(history_count),
     "Messages that a room keeps. 0: none, and only the position goes on."},
    {"namespace", "history_bytes", size, unbounded, GREENROOM_AT(history_bytes),
     "Bytes of messages that a room keeps. 0: as many as `history_count` allows."},
    {"namespace",
     "history_age_ms",
     duration,
     {0, 100 * year},
     GREENROOM_AT(history_age_ms),
     "How old kept messages get. 0: as old as the other bounds allow."},
    {"namespace", "durable", toggle, unbounded, GREENROOM_AT(durable),
     "Whether a message is on disk before it is acknowledged and seen."},
    {"namespace", "slow_members", choice, unbounded, GREENROOM_CHOICE(slow_members, slow_words),
     "What happens when a member does not keep up: its connection is closed (`disconnect`), it reads the rest from the "
     "history (`spill`), or older messages of the same event give way to newer ones (`latest`)."},
    {"namespace",
     "members_max",
     count,
     {1, 10'000'000},
     GREENROOM_AT(members_max),
     "Members of one room; a join over it is refused."},
    {"namespace", "behaviour", text, unbounded, GREENROOM_AT(behaviour),
     "The code that runs inside these rooms, by the name under which the program or a plugin registers it. Empty: "
     "none."},
    {"namespace", "join", choice, unbounded, GREENROOM_CHOICE(join, permission_words), "Who may join."},
    {"namespace", "publish", choice, unbounded, GREENROOM_CHOICE(publish, permission_words),
     "Who may publish; membership is not needed."},
    {"namespace", "read", choice, unbounded, GREENROOM_CHOICE(read, permission_words),
     "Who may read the history and the list of members; membership is not needed."},
};

#undef GREENROOM_AT
#undef GREENROOM_CHOICE

constexpr std::uint64_t outbox_messages_min = 4;  // an outbox takes at least so many of the largest messages

const config_rule<config> node_rule_table[]{
    {"outbox.bytes_max",
     [](const config& c) { return c.outbox.bytes_max >= outbox_messages_min * c.gateway.message_bytes_max; },
     "must be at least four times gateway.message_bytes_max"},
    {"gateway.listen",
     [](const config& c) {
       return std::ranges::all_of(c.gateway.listen, [](const auto& a) { return listen_address::parse(a).has_value(); });
     },
     "must hold numeric addresses with ports, like \"127.0.0.1:8080\" or \"[::1]:8080\""},
    {"node.data_dir", [](const config& c) { return !c.node.data_dir.empty(); }, "must name a directory"},
    {"node.stop_timeout_ms", [](const config& c) { return c.node.stop_timeout_ms >= c.node.drain_timeout_ms; },
     "must be at least node.drain_timeout_ms"},
    {"inbox.bytes_max", [](const config& c) { return c.inbox.bytes_max >= c.gateway.message_bytes_max; },
     "must be at least gateway.message_bytes_max"},
};

const config_rule<namespace_config> namespace_rule_table[]{
    {"slow_members",
     [](const namespace_config& n) { return n.slow_members != slow_policy::spill || n.history_count != 0; },
     "must not be \"spill\" where history_count is 0: there is nothing to read from"},
};

}  // namespace

std::span<const config_section> config_sections() { return sections; }
std::span<const config_key<config>> node_keys() { return node_table; }
std::span<const config_key<namespace_config>> namespace_keys() { return namespace_table; }
std::span<const config_rule<config>> node_rules() { return node_rule_table; }
std::span<const config_rule<namespace_config>> namespace_rules() { return namespace_rule_table; }

}  // namespace greenroom::runtime
