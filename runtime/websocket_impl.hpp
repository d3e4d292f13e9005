/// How an HTTP connection becomes a WebSocket. Private to runtime's sources.
#pragma once

#include <memory>
#include <string>

#include "runtime/http.hpp"

namespace greenroom::runtime {

class corked;

/// Answers the handshake with 101 and hands the new transport to `how.opened`. `key` is a checked Sec-WebSocket-Key;
/// bytes that the client sent behind its handshake are the connection's input still.
void open_websocket(std::shared_ptr<corked> link, const std::string& key, upgrade how, std::string peer);

}  // namespace greenroom::runtime
