#include <array>

#include "actors/endpoint.hpp"
#include "actors/gateway.hpp"
#include "actors/peer.hpp"
#include "codecs/codec.hpp"

namespace greenroom {
namespace {

using runtime::http_error;
using runtime::http_request;

struct subprotocol {
  std::string_view name;
  codecs::codec_id codec;
};
constexpr std::array subprotocols{subprotocol{"greenroom.json.1", codecs::codec_id::native_json},
                                  subprotocol{"greenroom.msgpack.1", codecs::codec_id::native_msgpack}};

/// JSON-RPC 2.0 as JSON text frames or MessagePack binary frames, by the subprotocol.
class native_endpoint final : public endpoint {
 public:
  explicit native_endpoint(const endpoint_place& at) : at_{at}, options_{websocket_options(at.ctx, at.how)} {}

  bool serves(std::string_view path) const override { return path == at_.how.path; }

  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override {
    const auto& method = exchange->request().method;
    exchange->respond(method == "GET" || method == "HEAD" ? runtime::http_upgrade_required()
                                                          : runtime::http_method_not_allowed("GET"));
  }

  answer_to_upgrade on_upgrade(const http_request& request) override {
    if (!origin_allowed(at_.ctx, request)) return http_error(403, "this origin is not allowed");
    auto shown = bearer_of(at_.ctx, request);
    if (auto* refused = std::get_if<runtime::http_response>(&shown)) return std::move(*refused);
    runtime::upgrade accepted{.subprotocol = {}, .options = options_, .opened = {}};
    auto codec = codecs::codec_id::native_json;
    if (!request.header("Sec-WebSocket-Protocol").empty()) {
      const subprotocol* chosen = nullptr;
      for (const auto& each : subprotocols)
        if (!chosen && request.lists("Sec-WebSocket-Protocol", each.name)) chosen = &each;
      if (!chosen) return http_error(400, "offer greenroom.json.1 or greenroom.msgpack.1, or no subprotocol for JSON");
      accepted.subprotocol = chosen->name;
      codec = chosen->codec;
    }
    accepted.opened = [this, codec, who = std::get<std::optional<principal>>(std::move(shown)),
                       from = origin_of(request)](runtime::transport_ptr transport) -> runtime::transport_events* {
      auto client = std::make_shared<peer>(at_.ctx, at_.shard, codecs::make_native_dialogue(codec));
      client->attach(std::move(transport));
      runtime::tell(at_.gateway, gateway::opened{.client = client, .from = from, .admitted = who});
      return client.get();  // the message holds it, then its connection; it detaches from the transport before it goes
    };
    return accepted;
  }

 private:
  endpoint_place at_;
  runtime::websocket_options options_;
};

}  // namespace

std::unique_ptr<endpoint> make_native_endpoint(const endpoint_place& at) {
  return std::make_unique<native_endpoint>(at);
}

}  // namespace greenroom
