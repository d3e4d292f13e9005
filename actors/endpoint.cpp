#include "actors/endpoint.hpp"

#include <algorithm>
#include <string>

#include "runtime/edge_watch.hpp"
#include "runtime/web_origin.hpp"

#include "actors/audit_trail.hpp"
#include "runtime/log.hpp"

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

namespace {

/// The token of the field; nothing: another scheme, or no token.
std::optional<std::string_view> bearer_token(std::string_view field) {
  constexpr std::string_view scheme = "bearer ";
  const auto is_same = [](char lower, char c) { return c == lower || (lower != ' ' && c == lower - 'a' + 'A'); };
  if (field.size() <= scheme.size() || !std::equal(scheme.begin(), scheme.end(), field.begin(), is_same))
    return std::nullopt;
  field.remove_prefix(std::min(field.find_first_not_of(' ', scheme.size()), field.size()));
  return field.empty() ? std::nullopt : std::optional{field};
}

bool is_same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// The node's owner is told what was missing; the stranger is not.
void note_stranger(const context& ctx, const runtime::http_request& request, std::string_view action,
                   std::string_view reason, std::string_view detail = {}) {
  const auto origin = request.header("Origin");
  runtime::log::info("a caller is not let in",
                     {{"reason", reason}, {"peer", request.peer}, {"target", request.path}, {"origin", origin}});
  audit_trail::stranger(ctx, action, request.peer, request.path, reason, detail);
}

runtime::http_response unauthorized(std::string_view sentence, std::string_view challenge) {
  return runtime::http_error(401, sentence, {{"WWW-Authenticate", std::string{challenge}}});
}

}  // namespace

std::variant<std::optional<principal>, runtime::http_response> bearer_of(const context& ctx,
                                                                         const runtime::http_request& request) {
  constexpr std::string_view name = "Authorization";
  const auto field = request.header(name);
  if (field.empty()) return std::nullopt;
  const auto same = [name](const runtime::http_field& each) { return is_same_name(each.name, name); };
  if (std::ranges::count_if(request.fields, same) > 1)
    return unauthorized("Authorization stands there more than once", "Bearer");
  const auto token = bearer_token(field);
  if (!token) {
    note_stranger(ctx, request, "authenticate", "Authorization holds no bearer token");
    return unauthorized("Authorization must be a bearer token", "Bearer");
  }
  codecs::calls::session_open claim;
  claim.token = *token;
  auto who = access::authenticate(ctx, claim, {origin_of(request), request.peer});
  if (auto* known = std::get_if<principal>(&who)) return std::optional{std::move(*known)};
  return unauthorized("the token is not accepted", R"(Bearer error="invalid_token")");
}

std::variant<principal, runtime::http_response> caller_of(const context& ctx, const runtime::http_request& request) {
  auto shown = bearer_of(ctx, request);
  if (auto* refused = std::get_if<runtime::http_response>(&shown)) return std::move(*refused);
  auto known = std::get<std::optional<principal>>(std::move(shown));
  if (!known) known = access::anonymous(ctx, origin_of(request));
  if (!known) {
    note_stranger(ctx, request, "authenticate",
                  "no token was shown, and access.anonymous lets nobody in from there without one");
    return unauthorized("a bearer token is needed", "Bearer");
  }
  return std::move(*known);
}

namespace {

/// The origin of this node's own pages, as the request's client reaches them; empty: there is none that counts.
std::string own_origin(const context& ctx, const runtime::http_request& request) {
  using enum runtime::web_scheme;
  auto own = runtime::origin_of_site(request.secure ? https : http, request.header("Host"));
  // Whoever owns a name can make it lead here. Where guests of this machine may do everything, a name must be listed.
  const bool guest = ctx.config.access.anonymous == runtime::anonymous_access::loopback && request.is_loopback;
  return guest && !runtime::has_own_address(own) ? std::string{} : own;
}

bool is_origin_field(const runtime::http_field& field) {
  constexpr std::string_view name = "origin";
  return std::ranges::equal(field.name, name, [](char c, char lower) { return c == lower || c == lower - 'a' + 'A'; });
}

}  // namespace

bool origin_allowed(const context& ctx, const runtime::http_request& request) {
  const auto count = std::ranges::count_if(request.fields, is_origin_field);
  if (count == 0) return true;  // no browser
  const auto origin = request.header("Origin");
  if (count == 1 && !origin.empty() && access::origin_allowed(ctx, origin, own_origin(ctx, request))) return true;
  runtime::edge::count(runtime::edge::reason::foreign_origin, request.peer, origin);
  note_stranger(ctx, request, "origin", "access.allowed_origins does not name the page's origin", origin);
  return false;
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
