/// How an HTTP connection becomes a WebSocket. Private to runtime's sources.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "runtime/http.hpp"

namespace greenroom::runtime {

class corked;

/// What a handshake says beside what `upgrade` answers.
struct websocket_request {
  std::string key;         ///< Its Sec-WebSocket-Key, checked.
  std::string extensions;  ///< The extensions that it offers.
  std::chrono::milliseconds
      message_time;  ///< How long a message of the client may take, from its first byte to its last.
};

/// Answers the handshake with 101 and hands the new transport to `how.opened`. Bytes that the client sent behind its
/// handshake are the connection's input still.
void open_websocket(std::shared_ptr<corked> link, const websocket_request& asked, upgrade how, std::string peer);

}  // namespace greenroom::runtime
