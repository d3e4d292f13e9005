/// HTTP_SERVER serves HTTP/1.1 and WebSocket handshakes on one shard: its listeners, its connections, their limits.
///
///   listening ──drain()──▶ draining ──▶ no connections ──▶ destroyed          destructor: at once
///
/// Lifecycle: made on its shard; `listen` once per probed address, which says whether TLS is spoken there. `drain` stops accepting, closes connections that
/// rest between requests and answers the others with `Connection: close`. The destructor aborts what is left;
/// transports belong to their owners and are not its business any more. A connection that comes from another shard counts
/// here from its arrival on, and there no more; while draining it is answered with 503. Threading: its shard's thread.
/// Bounds:
/// `connections_max` (HTTP and WebSocket together; over it 503 with Retry-After, and over `refusals_max` of those at
/// once the socket is closed without a word; the same for those whom the door turns away), `http_limits` for each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/http.hpp"
#include "runtime/http_shards.hpp"
#include "runtime/listener.hpp"

namespace greenroom::runtime {

class admission;
struct proxy_rules;
class tls_context;

struct http_server_options {
  http_limits limits{};
  listener_options listener{};
  std::uint32_t connections_max = 20'000;
  std::uint32_t refusals_max = 64;
  std::uint32_t retry_after_ms = 5'000;
  std::shared_ptr<tls_context> tls{};  ///< Of the addresses with TLS; null: they are not listened to.
  std::uint64_t hsts_seconds = 0;      ///< What answers by TLS say in `Strict-Transport-Security`; 0: nothing.
  std::shared_ptr<const proxy_rules> proxies{};  ///< Whose word on where a client is counts; null: nobody's.
  std::shared_ptr<admission> door{};             ///< Asked about each new connection; null: all come in.
  std::shared_ptr<http_shards> shards{};         ///< Where connections move to and come from; null: none does.
};

/// Counters of one shard; only its thread writes them.
struct http_server_stats {
  std::uint64_t connections = 0;  ///< Open now: HTTP and WebSocket.
  std::uint64_t websockets = 0;   ///< Open now.
  std::uint64_t refused = 0;      ///< Over `connections_max`.
  std::uint64_t turned_away = 0;  ///< At the door.
  std::uint64_t moved_out = 0;    ///< To the shard that serves their request.
  std::uint64_t moved_in = 0;     ///< From another one; those that came back unserved are not counted.
  listener_stats listening;
  outbox_stats out;
  std::uint64_t bytes_in = 0;
  std::uint64_t handshakes = 0, handshakes_failed = 0;  ///< Of TLS.
};

class http_server {
 public:
  http_server(shard& home, http_handler& handler, http_server_options options);
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  void listen(const listen_address& where);
  void drain();
  /// In place of `http_limits::idle_ms`, from now on; connections that rest have that time from now.
  void set_idle_time(std::uint32_t ms);
  http_server_stats stats() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace greenroom::runtime
