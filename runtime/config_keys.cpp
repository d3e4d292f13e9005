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
constexpr std::array<std::string_view, 2> compression_words{"off", "deflate"};
constexpr std::array<std::string_view, 2> anonymous_words{"off", "loopback"};
constexpr std::array<std::string_view, 6> level_words{"trace", "debug", "info", "warning", "error", "off"};
constexpr std::array<std::string_view, 2> format_words{"text", "json"};
constexpr std::array<std::string_view, 3> permission_words{"nobody", "authenticated", "anyone"};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }
#define GREENROOM_CHOICE(member, words) [](auto& c) -> place { return one_of(c.member, words); }

constexpr config_section sections[]{
    {"node", "The process, its threads and its directory."},
    {"gateway", "Sockets, HTTP and WebSocket."},
    {"tls",
     "Encryption of the addresses that begin with `tls://`: TLS 1.2 and 1.3. The files are read again on SIGHUP and "
     "when they change; "
     "connections go on with what they have."},
    {"outbox", "What waits to be written to one connection."},
    {"sessions", "Sessions, which outlive their connections."},
    {"access", "Who may call at all, and what every caller may; what some callers may is in the grants."},
    {"tokens",
     "How users prove who they are: JSON Web Tokens (JWT) that somebody else has signed. Files of keys are read again "
     "on SIGHUP and when they change."},
    {"secrets", "What is kept secret in the database: secrets for integrations, and rooms that are encrypted at rest."},
    {"schemas", "JSON Schemas of services' methods; those of events are in the namespaces."},
    {"audit",
     "The audit log: who did what, from where, and what was refused, as a signed chain in the data directory."},
    {"log", "The node's own log."},
    {"rooms", "All rooms; what differs from room to room is in the namespaces."},
    {"presence", "Who is online; what rooms tell of their members is in the namespaces."},
    {"inbox", "Directed messages that wait for their user."},
    {"idempotency", "How long a repeated message is recognised."},
    {"memory", "Bounds of what the node keeps in memory only."},
    {"store", "The database in the data directory: durable rooms, inboxes, sessions, message ids."},
    {"plugins", "Code of others that runs in the node: room behaviours and services."},
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
    {"node", "rehearsals", toggle, unbounded, GREENROOM_AT(node.rehearsals),
     "Whether extensions may make the node's own actors fail on purpose, to see supervision at work. Not for "
     "production."},

    {"gateway",
     "listen",
     list,
     {1, 16},
     GREENROOM_AT(gateway.listen),
     "Addresses with ports; IPv6 in brackets. Port 0 takes any free one. With `tls://` before it an address speaks "
     "HTTPS "
     "and WSS, with what `[tls]` says."},
    {"gateway",
     "connections_max",
     count,
     {1, 1'000'000},
     GREENROOM_AT(gateway.connections_max),
     "Open connections of one shard; more are answered 503. Fewer where the process may not have that many "
     "descriptors; "
     "it says so at its start."},
    {"gateway",
     "accepts_per_second",
     count,
     {0, 1'000'000},
     GREENROOM_AT(gateway.accepts_per_second),
     "New connections of one shard in a second; of a crowd that comes at once, the others wait in the backlog. 0: as "
     "they come."},
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
     "From the end of a request's header to the end of its body; then 408. A WebSocket message may take as long, from "
     "its "
     "first byte to its last; then its connection is closed with 1008 (`slow_message`)."},
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
    {"gateway", "compression", choice, unbounded, GREENROOM_CHOICE(gateway.compression, compression_words),
     "Whether WebSocket clients that offer permessage-deflate get it (`deflate`)."},
    {"gateway",
     "compression_bytes_min",
     size,
     {0, 16 * mib},
     GREENROOM_AT(gateway.compression_bytes_min),
     "A shorter message leaves uncompressed."},
    {"gateway",
     "compression_bytes_max",
     size,
     {kib, 16 * mib},
     GREENROOM_AT(gateway.compression_bytes_max),
     "Of one answer, or of what a room published in one turn, at most so many bytes are compressed; messages beyond it "
     "leave uncompressed. Compressing holds a shard: 10 to 30 ms a MiB."},
    {"gateway",
     "compression_window_bits",
     count,
     {9, 15},
     GREENROOM_AT(gateway.compression_window_bits),
     "The largest window of what the node compresses, a power of two: 12 is 4 KiB. A client may ask for a smaller one; "
     "each window that clients ask for costs its shards a compressor and a second compression of what they get."},
    {"gateway",
     "compression_level",
     count,
     {1, 9},
     GREENROOM_AT(gateway.compression_level),
     "From 1, the fastest, to 9, the smallest."},

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
     "Origins of web pages that may connect beside the node's own, as browsers send them: \"https://example.org\"; "
     "\"https://*.example.org\" for exactly one label in place of the star; \"null\" for sandboxed frames and files."},
    {"access", "workers", choice, unbounded, GREENROOM_CHOICE(access.workers, permission_words),
     "Who may register methods and answer them: nobody, users with a token, or anyone who has a session."},

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

    {"presence",
     "interval_ms",
     duration,
     {10, second},
     GREENROOM_AT(presence.interval_ms),
     "How long changes of watched users are gathered before their watchers are told."},
    {"presence",
     "watches_max",
     count,
     {1, 100'000},
     GREENROOM_AT(presence.watches_max),
     "Users that one session may watch; more are refused."},
    {"presence",
     "watchers_max",
     count,
     {1, 1'000'000},
     GREENROOM_AT(presence.watchers_max),
     "Sessions that may watch one user; more are refused."},
    {"presence",
     "offline_max",
     count,
     {1, 100'000'000},
     GREENROOM_AT(presence.offline_max),
     "Users who are gone and of whom the node remembers when they were last online; over it those who went first are "
     "forgotten and counted."},

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
     "logs_max",
     count,
     {64, 100'000'000},
     GREENROOM_AT(memory.logs_max),
     "Rooms whose position is remembered; over it a new room is refused (`unavailable`)."},

    {"store",
     "readers",
     count,
     {1, 64},
     GREENROOM_AT(store.readers),
     "Threads that read from the database; one more writes to it."},
    {"store",
     "cache_bytes",
     size,
     {mib, 64 * gib},
     GREENROOM_AT(store.cache_bytes),
     "Memory for pages of the database, the writer's; each reader has an eighth of it."},
    {"store",
     "wal_bytes_max",
     size,
     {mib, 64 * gib},
     GREENROOM_AT(store.wal_bytes_max),
     "How large the write-ahead log gets before the writer waits for a whole checkpoint."},
    {"store",
     "logs_max",
     count,
     {64, 100'000'000},
     GREENROOM_AT(store.logs_max),
     "Durable rooms; over it a new one is refused (`unavailable`)."},
    {"store",
     "sessions_max",
     count,
     {64, 100'000'000},
     GREENROOM_AT(store.sessions_max),
     "Sessions that can be resumed; over it a new one cannot."},

    {"plugins",
     "load",
     list,
     {0, 64},
     GREENROOM_AT(plugins.load),
     "Shared libraries that are loaded at start, by their paths. `greenroom plugin reload NAME` loads a newer build."},
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
     "must hold numeric addresses with ports, like \"127.0.0.1:8080\" or \"tls://[::1]:8443\""},
    {"node.data_dir", [](const config& c) { return !c.node.data_dir.empty(); }, "must name a directory"},
    {"node.stop_timeout_ms", [](const config& c) { return c.node.stop_timeout_ms >= c.node.drain_timeout_ms; },
     "must be at least node.drain_timeout_ms"},
    {"inbox.bytes_max", [](const config& c) { return c.inbox.bytes_max >= c.gateway.message_bytes_max; },
     "must be at least gateway.message_bytes_max"},
};

template <class Row>
std::vector<Row> joined(std::initializer_list<std::span<const Row>> tables) {
  std::vector<Row> all;
  for (const auto& each : tables) all.insert(all.end(), each.begin(), each.end());
  return all;
}

}  // namespace

std::span<const config_section> config_sections() { return sections; }
std::span<const config_key<config>> node_keys() {
  static const auto all = joined<config_key<config>>({node_table, edge_keys(), tls_keys(), access_keys(), tokens_keys(),
                                                      secrets_keys(), schemas_keys(), audit_keys()});
  return all;
}
std::span<const config_rule<config>> node_rules() {
  static const auto all =
      joined<config_rule<config>>({node_rule_table, edge_rules(), tls_rules(), tokens_rules(), secrets_rules()});
  return all;
}

}  // namespace greenroom::runtime
