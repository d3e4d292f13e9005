/// ENDPOINT is a path of this node and the protocol that is spoken there, on one shard: it answers the HTTP requests that
/// belong to that protocol and makes a client (`peer`) out of each connection.
///
///   http_server ─▶ http_api ─▶ endpoint ─▶ gateway::opened{peer} ─▶ connection
///
/// Lifecycle: one for each entry of the config's `[endpoint.NAME]` and each shard, made and gone with the shard's
///   gateway. Threading: its shard's. Bounds: those of its entry in the config.
#pragma once
#include <caf/actor.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "actors/access.hpp"
#include "actors/context.hpp"
#include "runtime/http.hpp"

namespace greenroom {

class endpoint {
 public:
  using answer_to_upgrade = std::variant<runtime::http_response, runtime::upgrade>;

  virtual ~endpoint() = default;
  endpoint(const endpoint&) = delete;
  endpoint& operator=(const endpoint&) = delete;

  virtual bool serves(std::string_view path) const = 0;
  virtual void on_request(std::shared_ptr<runtime::http_exchange> exchange) = 0;
  /// The node is not draining; the origin is still to be looked at.
  virtual answer_to_upgrade on_upgrade(const runtime::http_request& request) = 0;
  /// The shard whose business this request is; none: this one's.
  virtual std::optional<std::size_t> shard_of(const runtime::http_request& /*request*/) { return std::nullopt; }

 protected:
  endpoint() = default;
};

/// What an endpoint is made of. Lives as long as the node.
struct endpoint_place {
  context& ctx;
  std::size_t shard = 0;
  caf::actor gateway;  ///< hears `gateway::opened`
  const runtime::endpoint_config& how;
};

std::unique_ptr<endpoint> make_native_endpoint(const endpoint_place& at);
std::unique_ptr<endpoint> make_websocket_endpoint(const endpoint_place& at);  ///< bare messages
std::unique_ptr<endpoint> make_socketio_endpoint(
    const endpoint_place& at);  ///< on Engine.IO, or that with bare messages
std::unique_ptr<endpoint> make_phoenix_endpoint(const endpoint_place& at);

/// Of that entry; null: its protocol is off.
std::unique_ptr<endpoint> make_endpoint(const endpoint_place& at);

// --- what endpoints share

access::origin origin_of(const runtime::http_request& request);
/// Who the request says it is in `Authorization: Bearer TOKEN` (RFC 6750 section 2.1): nobody, where it has no such
/// field; 401, where that is not accepted.
std::variant<std::optional<principal>, runtime::http_response> bearer_of(const context& ctx,
                                                                         const runtime::http_request& request);
/// The same, or the guest that it may be; 401 where it may not.
std::variant<principal, runtime::http_response> caller_of(const context& ctx, const runtime::http_request& request);
/// Whether the page that the request comes from may talk to this node.
bool origin_allowed(const context& ctx, const runtime::http_request& request);
/// A WebSocket's settings by that entry and the gateway's. The outbox takes four of the largest messages.
runtime::websocket_options websocket_options(const context& ctx, const runtime::endpoint_config& how);
/// Engine.IO's `maxPayload`.
std::uint32_t engineio_payload_bytes_max(const runtime::endpoint_config& how) noexcept;

}  // namespace greenroom
