/// HTTP_API answers one shard's HTTP requests: the endpoints' (endpoint.hpp), /rpc, /health, /ready, /status, /metrics, and the page
/// at / with its files.
///
/// Threading: its shard. Bounds: the HTTP server's; one call or batch of /rpc is answered at a time on a connection.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/context.hpp"
#include "actors/endpoint.hpp"
#include "runtime/http.hpp"
#include "runtime/ip_network.hpp"

namespace greenroom {

class http_api final : public runtime::http_handler {
 public:
  /// `gateway` hears of the WebSockets that open on this shard.
  http_api(context& ctx, std::size_t shard, const caf::actor& gateway);

  std::optional<std::size_t> shard_of(const runtime::http_request& request) override;
  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override;
  std::variant<runtime::http_response, runtime::upgrade> on_upgrade(const runtime::http_request& request) override;
  void on_done(const runtime::http_access& line) override;
  void on_handshake_failed(std::string_view peer, std::string_view why) override;

 private:
  void rpc(const std::shared_ptr<runtime::http_exchange>& exchange);
  void tell_figures(const std::shared_ptr<runtime::http_exchange>& exchange);
  endpoint* endpoint_of(std::string_view path) const;

  context& ctx_;
  const runtime::ip_networks operations_;  ///< who may read /status and /metrics
  std::vector<std::unique_ptr<endpoint>> endpoints_;
};

/// The node's figures as a JSON object: what /status and `greenroom status` say. Any thread.
std::string status_json(const context& ctx);

}  // namespace greenroom
