#pragma once
#include <cstdint>
#include <string>

#include "tests/bench/load_client.hpp"

/// How the clients of a run speak: by which path they come, and what they say to open a session, to join, to publish.
namespace greenroom::bench {

enum class speech : std::uint8_t {
  native,    ///< JSON-RPC as JSON
  socketio,  ///< Socket.IO's default parser on a WebSocket
  phoenix,   ///< Phoenix Channels
  npm        ///< as socketio, to the program socketio_server.mjs
};

inline std::string path_of(speech how) {
  switch (how) {
    case speech::native: return "/ws";
    case speech::phoenix: return "/socket/websocket?vsn=2.0.0";
    case speech::socketio:
    case speech::npm: break;
  }
  return "/socket.io/?EIO=4&transport=websocket";
}

/// Frames that a client is sent before the one that says what it has asked for.
inline std::uint64_t greetings_of(speech how) { return how == speech::socketio || how == speech::npm ? 1 : 0; }

/// Opens a session, and is answered with one frame.
inline std::string open_frame(speech how, const std::string& user) {
  switch (how) {
    case speech::native:
      return masked(R"({"jsonrpc":"2.0","id":0,"method":"session.open","params":{"user":")" + user + R"("}})");
    case speech::phoenix: return masked(R"([null,"1","phoenix","heartbeat",{}])");
    case speech::socketio:
    case speech::npm: break;
  }
  return masked("40");
}

/// Whether a session must be open before anything else may be said.
inline bool opens_first(speech how) { return how == speech::socketio || how == speech::npm; }

/// Joins, and is answered with one frame.
inline std::string join_frame(speech how, const std::string& room) {
  switch (how) {
    case speech::native:
      return masked(R"({"jsonrpc":"2.0","id":0,"method":"room.join","params":{"room":")" + room + R"("}})");
    case speech::phoenix: return masked(R"(["1","1",")" + room + R"(","phx_join",{}])");
    case speech::socketio: return masked(R"(420["room.join",{"room":")" + room + R"("}])");
    case speech::npm: break;
  }
  return masked(R"(420["join",")" + room + R"("])");
}
inline std::uint64_t frames_when_joined(speech how) { return greetings_of(how) + (opens_first(how) ? 2 : 1); }

/// Answered with one frame.
inline std::string publish_frame(speech how, const std::string& room, std::uint64_t id, const std::string& payload) {
  const auto number = std::to_string(id);
  switch (how) {
    case speech::native:
      return masked(R"({"jsonrpc":"2.0","id":)" + number + R"(,"method":"room.publish","params":{"room":")" + room +
                    R"(","event":"bench","payload":)" + payload + "}}");
    case speech::phoenix: return masked(R"(["1",")" + number + R"(",")" + room + R"(","bench",)" + payload + "]");
    case speech::socketio:
      return masked("42" + number + R"(["room.publish",{"room":")" + room + R"(","event":"bench","payload":)" +
                    payload + "}]");
    case speech::npm: break;
  }
  return masked("42" + number + R"(["publish",")" + room + R"(",)" + payload + "]");
}

}  // namespace greenroom::bench
