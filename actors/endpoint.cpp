#include "actors/endpoint.hpp"

#include <algorithm>

namespace greenroom {

std::unique_ptr<endpoint> make_endpoint(const endpoint_place& at) {
  using enum runtime::endpoint_protocol;
  switch (at.how.protocol) {
    case native: return make_native_endpoint(at);
    case websocket: return make_websocket_endpoint(at);
    case phoenix: return make_phoenix_endpoint(at);
    case socketio:
    case engineio: return make_socketio_endpoint(at);
    case off: break;
  }
  return nullptr;
}

access::origin origin_of(const runtime::http_request& request) {
  return request.is_loopback ? access::origin::loopback : access::origin::elsewhere;
}

bool origin_allowed(const context& ctx, const runtime::http_request& request) {
  return access::origin_allowed(ctx, request.header("Origin"), request.header("Host"));
}

runtime::websocket_options websocket_options(const context& ctx, const runtime::endpoint_config& how) {
  constexpr std::uint32_t messages_min = 4;
  const auto& from = ctx.config.gateway;
  const auto or_else = [](std::uint32_t own, std::uint32_t otherwise) { return own != 0 ? own : otherwise; };
  runtime::websocket_options to;
  to.message_bytes_max = or_else(how.message_bytes_max, from.message_bytes_max);
  to.fragments_max = or_else(how.fragments_max, from.fragments_max);
  to.ping_interval_ms = from.ping_interval_ms;
  to.pong_timeout_ms = from.pong_timeout_ms;
  to.close_timeout_ms = from.close_timeout_ms;
  const auto window = from.compression == runtime::compression_mode::deflate ? from.compression_window_bits : 0;
  to.deflate_window_bits = static_cast<std::uint8_t>(or_else(how.compression_window_bits, window));
  to.outbox.bytes_max = std::max(ctx.config.outbox.bytes_max, messages_min * to.message_bytes_max);
  to.outbox.frames_max = ctx.config.outbox.frames_max;
  to.outbox.reply_bytes_max = std::max(to.outbox.reply_bytes_max, messages_min * to.message_bytes_max);
  return to;
}

}  // namespace greenroom
