#include <array>

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t second = 1'000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr std::uint64_t kib = 1u << 10, mib = 1u << 20;
constexpr value_range unbounded{};

// In the order of the enums.
constexpr std::array<std::string_view, 6> protocol_words{"off",      "native",  "socketio",
                                                         "engineio", "phoenix", "websocket"};
constexpr std::array<std::string_view, 2> parser_words{"json", "msgpack"};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }
#define GREENROOM_CHOICE(member, words) [](auto& c) -> place { return one_of(c.member, words); }

const config_key<endpoint_config> table[]{
    {"endpoint", "path", text, unbounded, GREENROOM_AT(path),
     "Where it is: `/ws`, `/socket.io/`; of Phoenix without the last part, `/socket`."},
    {"endpoint", "protocol", choice, unbounded, GREENROOM_CHOICE(protocol, protocol_words),
     "What is spoken there: `native` (JSON-RPC as JSON or MessagePack), `socketio`, `phoenix`; `engineio` and "
     "`websocket` carry bare messages to the service of `channel`; `off`: nothing."},
    {"endpoint",
     "message_bytes_max",
     size,
     {0, 16 * mib},
     GREENROOM_AT(message_bytes_max),
     "The largest message, which Engine.IO calls `maxPayload`. 0: as `gateway.message_bytes_max`, of Engine.IO 1 MB."},
    {"endpoint",
     "fragments_max",
     count,
     {0, 65'536},
     GREENROOM_AT(fragments_max),
     "Frames of one message. 0: as `gateway.fragments_max`."},
    {"endpoint",
     "compression_window_bits",
     count,
     {0, 15},
     GREENROOM_AT(compression_window_bits),
     "The window of permessage-deflate, 9 to 15. 0: as the gateway's compression says."},
    {"endpoint",
     "ping_interval_ms",
     duration,
     {10, hour},
     GREENROOM_AT(ping_interval_ms),
     "Engine.IO: how often a client is asked for a sign of life (`pingInterval`)."},
    {"endpoint",
     "ping_timeout_ms",
     duration,
     {10, hour},
     GREENROOM_AT(ping_timeout_ms),
     "Engine.IO: a client that has not answered by then is gone (`pingTimeout`)."},
    {"endpoint",
     "connect_timeout_ms",
     duration,
     {10, hour},
     GREENROOM_AT(connect_timeout_ms),
     "Socket.IO: a client that has joined no namespace by then is sent away (`connectTimeout`)."},
    {"endpoint", "parser", choice, unbounded, GREENROOM_CHOICE(parser, parser_words),
     "Socket.IO: `json`, the clients' default, or `msgpack` for clients with socket.io-msgpack-parser."},
    {"endpoint", "recovery", toggle, unbounded, GREENROOM_AT(recovery),
     "Socket.IO: whether a client that comes back gets what it has missed (connection state recovery)."},
    {"endpoint",
     "recovery_window_ms",
     duration,
     {second, day},
     GREENROOM_AT(recovery_window_ms),
     "Socket.IO: how long it may have been away (`maxDisconnectionDuration`)."},
    {"endpoint",
     "poll_ms",
     duration,
     {10, minute},
     GREENROOM_AT(poll_ms),
     "Phoenix: how long a long poll waits for something to say."},
    {"endpoint",
     "namespaces",
     list,
     {0, 64},
     GREENROOM_AT(namespaces),
     "Socket.IO: the namespaces that clients may join, beside those that a service serves."},
    {"endpoint",
     "topics",
     list,
     {0, 64},
     GREENROOM_AT(topics),
     "Phoenix: the topics that clients may join; a `*` at the end stands for any rest."},
    {"endpoint", "channel", text, unbounded, GREENROOM_AT(channel),
     "`engineio` and `websocket`: the channel whose service gets the messages."},
};

bool carries_bare_messages(const endpoint_config& of) {
  return of.protocol == endpoint_protocol::engineio || of.protocol == endpoint_protocol::websocket;
}

const config_rule<endpoint_config> rules[]{
    {"path", [](const endpoint_config& e) { return e.path.starts_with('/'); }, "must begin with a /"},
    {"compression_window_bits",
     [](const endpoint_config& e) { return e.compression_window_bits == 0 || e.compression_window_bits >= 9; },
     "must be 0 or from 9 to 15"},
    {"message_bytes_max",
     [](const endpoint_config& e) { return e.message_bytes_max == 0 || e.message_bytes_max >= kib; },
     "must be 0 or at least 1KiB"},
    {"channel", [](const endpoint_config& e) { return !carries_bare_messages(e) || !e.channel.empty(); },
     "must name the channel of a service where the protocol is engineio or websocket"},
};

}  // namespace

std::span<const config_key<endpoint_config>> endpoint_keys() { return table; }
std::span<const config_rule<endpoint_config>> endpoint_rules() { return rules; }

}  // namespace greenroom::runtime
