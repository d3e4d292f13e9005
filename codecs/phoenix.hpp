#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "codecs/codec.hpp"

/// PHOENIX is the protocol of Phoenix Channels, serializer v2: what phoenix.js speaks. A topic is a room, or one of
/// three that the node has by itself: `greenroom` (the native methods and pushes under their names), `service:NAME` (event
/// E is the method NAME.E) and `inbox:USER`. docs/phoenix.md says it to users.
///
/// The dialogue keeps one socket's topics with their join_refs. It asks for what the client wants as calls: phx_join is a
/// `room_join`, a push a `room_publish`; what concerns nobody else (heartbeats, topics that were not joined) it settles
/// itself. A duplicate join leaves before it joins, as Phoenix ends the older channel's process.
///
/// Bounds: options::topics_max topics at a time, more are refused; a ref of 256 bytes. Failure: input that is no message
/// of the protocol ends the socket (1003), one that passes the limits, too (1007).
namespace greenroom::codecs {

struct phoenix_options {
  std::vector<std::string> topics{"*"};  ///< that may be joined: itself, or `room:*` for all that begin so
  std::size_t topics_max = 128;          ///< as many as a session may have rooms
};

/// `options` are shared by all sockets of an endpoint; never null.
std::unique_ptr<dialogue> make_phoenix_dialogue(std::shared_ptr<const phoenix_options> options);

}  // namespace greenroom::codecs
