#include "actors/endpoint.hpp"
#include "actors/gateway.hpp"
#include "actors/peer.hpp"
#include "codecs/bare_dialogue.hpp"

namespace greenroom {
namespace {

/// Bare WebSocket messages for the service of a channel.
class websocket_endpoint final : public endpoint {
 public:
  explicit websocket_endpoint(const endpoint_place& at) : at_{at}, options_{websocket_options(at.ctx, at.how)} {}

  bool serves(std::string_view path) const override { return path == at_.how.path; }

  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override {
    const auto& method = exchange->request().method;
    exchange->respond(method == "GET" || method == "HEAD" ? runtime::http_upgrade_required()
                                                          : runtime::http_method_not_allowed("GET"));
  }

  answer_to_upgrade on_upgrade(const runtime::http_request& request) override {
    if (!origin_allowed(at_.ctx, request)) return runtime::http_error(403, "this origin is not allowed");
    const auto from = origin_of(request);
    auto who = caller_of(at_.ctx, request);
    if (auto* refused = std::get_if<runtime::http_response>(&who)) return std::move(*refused);
    runtime::upgrade accepted{.subprotocol = {}, .options = options_, .opened = {}};
    accepted.opened = [this, from, who = std::get<principal>(std::move(who))](
                          runtime::transport_ptr transport) -> runtime::transport_events* {
      auto client = std::make_shared<peer>(at_.ctx, at_.shard, codecs::make_bare_dialogue(at_.how.channel));
      client->attach(std::move(transport));
      codecs::calls::session_open opening;
      opening.window_ms = 0;
      opening.channel = at_.how.channel;
      runtime::tell(at_.gateway, gateway::opened{client, from, who, std::move(opening)});
      return client.get();
    };
    return accepted;
  }

 private:
  endpoint_place at_;
  runtime::websocket_options options_;
};

}  // namespace

std::unique_ptr<endpoint> make_websocket_endpoint(const endpoint_place& at) {
  return std::make_unique<websocket_endpoint>(at);
}

}  // namespace greenroom
