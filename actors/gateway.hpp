/// GATEWAY is one shard's door: its listeners, its HTTP server, and the dynamic supervisor of the connections that come
/// through it.
///
///   listening ──drain──▶ draining: no new connection; what is queued leaves; close 1012 in batches ──▶ drained
///
/// Parent: gateway supervisor, permanent, one a shard.
/// Crash: its connections close 1011 and their clients resume; it listens again.
/// Bounds: config gateway.connections_max; limits::closes_per_batch connections are closed at once while draining.
#pragma once
#include <caf/actor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "actors/access.hpp"
#include "codecs/call.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "runtime/listener.hpp"

namespace greenroom::runtime {
class http_shards;
}
namespace greenroom {
struct context;
class peer;
}  // namespace greenroom

namespace greenroom::gateway {

struct options {
  context& ctx;
  std::size_t shard = 0;
  std::vector<runtime::listen_address> listen;     ///< probed, ports resolved
  std::function<void()> on_listening;              ///< called once it accepts
  std::shared_ptr<runtime::http_shards> others{};  ///< the HTTP servers of all shards; null in tests without shards
};

struct opened {  ///< A WebSocket handshake has succeeded.
  std::shared_ptr<peer> client;
  access::origin from = access::origin::elsewhere;
  std::optional<principal> admitted{};                   ///< decided at the handshake; none: the client says who it is
  std::optional<codecs::calls::session_open> opening{};  ///< its session opens at once; none: when it asks
};
struct drain {     ///< No new connection; those that there are close with 1012 when what waits for them has left.
  caf::actor who;  ///< hears `drained` when the last one is gone
};
struct drained {};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::gateway

GREENROOM_MESSAGE(greenroom::gateway::opened)
GREENROOM_MESSAGE(greenroom::gateway::drain)
GREENROOM_MESSAGE(greenroom::gateway::drained)
