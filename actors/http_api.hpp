/// HTTP_API answers one shard's HTTP requests: /ws (the upgrade), /rpc, /health, /ready, /status, /metrics, and the page
/// at / with its files.
///
/// Threading: its shard. Bounds: the HTTP server's; one call or batch of /rpc is answered at a time on a connection.
#pragma once
#include <caf/actor.hpp>
#include <memory>

#include "actors/context.hpp"
#include "runtime/http.hpp"

namespace greenroom {

class http_api final : public runtime::http_handler {
 public:
  /// `gateway` hears of the WebSockets that open on this shard.
  http_api(context& ctx, std::size_t shard, caf::actor gateway);

  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override;
  std::variant<runtime::http_response, runtime::upgrade> on_upgrade(const runtime::http_request& request) override;
  void on_done(const runtime::http_access& line) override;

 private:
  void rpc(const std::shared_ptr<runtime::http_exchange>& exchange);
  runtime::websocket_options websocket_options() const;

  context& ctx_;
  std::size_t shard_;
  caf::actor gateway_;
};

/// The node's figures as a JSON object: what /status and `greenroom status` say. Any thread.
std::string status_json(const context& ctx);

}  // namespace greenroom
