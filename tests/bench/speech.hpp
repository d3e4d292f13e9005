#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// How the clients of a run speak: by which path they come, what they say to open a session, to join, to publish and to
/// call, and how many answers each of that has. What they hear is cut into messages by `next_message`.
///
/// Greenroom's protocols come first, then the servers that are measured beside it. Everything here is text or bytes of a
/// WebSocket message; only connections that never end early and servers on this machine are meant to be spoken to.
namespace greenroom::bench {

enum class speech : std::uint8_t {
  native,    ///< JSON-RPC as JSON
  msgpack,   ///< the same, pushes as MessagePack
  socketio,  ///< Socket.IO's default parser on a WebSocket
  phoenix,   ///< Phoenix Channels
  floor,     ///< the floor program: a connection's path is its part
  ws,        ///< ws_server.mjs
  npm,       ///< socketio_server.mjs, npm's socket.io
  nats,      ///< nats-server's protocol in WebSocket messages
  mqtt       ///< MQTT 3.1.1 in WebSocket messages
};

speech speech_named(std::string_view name);  ///< or std::invalid_argument

/// Greenroom's own, of which one publisher serves them all.
inline bool is_greenroom(speech how) { return how < speech::floor; }
/// Whether messages and WebSocket messages are cut at different places.
inline bool is_stream(speech how) { return how >= speech::nats; }

std::string member_path(speech how, std::uint32_t room);
std::string publisher_path(speech how);
std::string caller_path(speech how);
std::string_view subprotocol_of(speech how);  ///< empty: none is asked for

/// Messages that a client is sent before the one that says what it has asked for.
std::uint64_t greetings_of(speech how);
/// Opens a session, and is answered with one message.
std::string open_frame(speech how, const std::string& user);
/// Whether a session must be open before anything else may be said.
bool opens_first(speech how);
/// Whether members join by saying so.
inline bool joins(speech how) { return how != speech::floor; }
/// Joins the room of that number, and is answered with one message.
std::string join_frame(speech how, std::uint32_t room);
inline std::uint64_t messages_when_joined(speech how) { return greetings_of(how) + (opens_first(how) ? 2 : 1); }

/// A message into the room of that number. `payload` is a JSON string.
std::string publish_frame(speech how, std::uint32_t room, std::uint64_t id, const std::string& payload);
/// Answers of one publish.
inline std::uint64_t acks_of(speech how) { return is_stream(how) ? 0 : 1; }

/// What a caller says before its first call: it subscribes to a subject of its own where that is how a server echoes.
/// Empty: nothing. Answered with one message.
std::string before_calls_frame(speech how, std::uint32_t caller);
/// A call that is answered with its payload. To nats-server and MQTT it is a message to oneself.
std::string call_frame(speech how, std::uint32_t caller, std::uint64_t id, const std::string& payload);

/// One message of a stream.
struct cut {
  std::size_t bytes = 0;      ///< 0: it is not whole
  bool counts = true;         ///< not what keeps the connection alive
  std::string_view answer{};  ///< a ready frame that must be sent for it
};
cut next_message(speech how, std::string_view bytes);

}  // namespace greenroom::bench
