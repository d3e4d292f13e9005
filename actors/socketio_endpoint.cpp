#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "actors/context.hpp"
#include "actors/cors.hpp"
#include "actors/endpoint.hpp"
#include "actors/engineio_channel.hpp"
#include "actors/engineio_session.hpp"
#include "actors/gateway.hpp"
#include "actors/peer.hpp"
#include "actors/socketio_link.hpp"
#include "codecs/bare_dialogue.hpp"
#include "runtime/secret.hpp"

namespace greenroom {
namespace {

using codecs::engineio_refusal;
using runtime::http_request;
using runtime::http_response;

constexpr std::string_view version = "4", polling = "polling", websocket = "websocket";
constexpr std::size_t sid_random_bytes = 16;
constexpr std::chrono::seconds draining_retry{5};

/// `<shard>.<random>`: any shard sees whose it is.
std::string make_sid(std::size_t shard) { return std::to_string(shard) + '.' + runtime::random_text(sid_random_bytes); }
std::optional<std::size_t> shard_in(std::string_view sid) {
  std::size_t shard = 0;
  const auto parsed = std::from_chars(sid.data(), sid.data() + sid.size(), shard);
  const bool good = parsed.ec == std::errc{} && parsed.ptr != sid.data() + sid.size() && *parsed.ptr == '.';
  return good ? std::optional{shard} : std::nullopt;
}

std::string_view without_last_slash(std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

/// Namespaces that are known by name have their codec from the start: those that clients make up under a service's
/// pattern cannot take the last one.
void reserve_codecs(const endpoint_place& at) {
  const auto reserve = [&at](const std::string& nsp) {
    if (nsp.starts_with('/') && !nsp.ends_with('*')) socketio_codec_of(at.how, nsp);
  };
  std::ranges::for_each(at.how.namespaces, reserve);
  std::ranges::for_each(at.ctx.extensions.channels(), reserve);
}

/// Engine.IO's door on one shard: it makes sessions, finds them again, and refuses as the protocol says.
class socketio_endpoint final : public endpoint, private engineio_keeper {
 public:
  explicit socketio_endpoint(const endpoint_place& at)
      : at_{at}, options_{websocket_options(at.ctx, at.how)}, home_{at.ctx.shards[at.shard].home} {
    options_.ping_interval_ms = 0;  // Engine.IO has its own
    options_.message_bytes_max = engineio_payload_bytes_max(at.how);
    if (at.how.protocol == runtime::endpoint_protocol::socketio) reserve_codecs(at);
  }
  ~socketio_endpoint() override {
    for (const auto& [sid, each] : std::exchange(sessions_, {})) each->orphan();
  }

  bool serves(std::string_view path) const override {
    return without_last_slash(path) == without_last_slash(at_.how.path);
  }

  std::optional<std::size_t> shard_of(const http_request& request) override {
    const auto shard = shard_in(request.parameter("sid"));
    return shard && *shard < at_.ctx.shards.size() ? shard : std::nullopt;
  }

  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override {
    const auto& request = exchange->request();
    if (!origin_allowed(at_.ctx, request)) return refuse(*exchange, engineio_refusal::forbidden);
    if (request.method == "OPTIONS")
      return exchange->respond(cors_preflight(request, "GET, POST, OPTIONS", cors_credentials::allow));
    const auto transport = request.parameter("transport");
    if (transport != polling && transport != websocket) return refuse(*exchange, engineio_refusal::unknown_transport);
    const auto sid = request.parameter("sid");
    if (sid.empty()) return handshake(*exchange, transport);
    const auto session = find(sid);
    if (!session) return refuse(*exchange, engineio_refusal::unknown_sid);
    if (transport != polling || !session->polls()) return refuse(*exchange, engineio_refusal::bad_request);
    if (request.method == "GET") return session->on_get(std::move(exchange));
    if (request.method == "POST") return session->on_post(std::move(exchange));
    refuse(*exchange, engineio_refusal::bad_request);
  }

  answer_to_upgrade on_upgrade(const http_request& request) override {
    if (!origin_allowed(at_.ctx, request)) return refused(request, engineio_refusal::forbidden);
    const auto transport = request.parameter("transport");
    if (transport != websocket)
      return refused(request,
                     transport == polling ? engineio_refusal::bad_request : engineio_refusal::unknown_transport);
    const auto sid = request.parameter("sid");
    runtime::upgrade accepted{.subprotocol = {}, .options = options_, .opened = {}};
    if (sid.empty()) {
      if (request.parameter("EIO") != version) return refused(request, engineio_refusal::unsupported_version);
      auto who = admit(request);
      if (!who) return refused(request, engineio_refusal::forbidden);
      accepted.opened = [this, who = std::move(*who),
                         from = origin_of(request)](runtime::transport_ptr socket) -> runtime::transport_events* {
        const auto peer = socket->peer();
        const auto session = make(peer);
        if (!session) return nullptr;
        auto* heard = session->begin_websocket(std::move(socket));
        begin(session, from, who);
        at_.ctx.meters.engineio(engineio_event::opened_websocket);
        return heard;
      };
      return accepted;
    }
    const auto session = find(sid);
    if (!session) return refused(request, engineio_refusal::unknown_sid);
    if (!session->may_upgrade()) return refused(request, engineio_refusal::bad_request);
    accepted.opened = [weak = std::weak_ptr{session}](runtime::transport_ptr socket) -> runtime::transport_events* {
      const auto there = weak.lock();
      return there ? there->begin_probe(std::move(socket)) : nullptr;
    };
    return accepted;
  }

 private:
  using session_ptr = std::shared_ptr<engineio_session>;

  http_response refused(const http_request& request, engineio_refusal why) {
    at_.ctx.meters.engineio(engineio_event::refused);
    return engineio_refused(request, why);
  }
  void refuse(runtime::http_exchange& to, engineio_refusal why) { to.respond(refused(to.request(), why)); }

  void handshake(runtime::http_exchange& to, std::string_view transport) {
    const auto& request = to.request();
    if (request.method != "GET") return refuse(to, engineio_refusal::bad_handshake_method);
    if (transport != polling) return refuse(to, engineio_refusal::bad_request);  // no WebSocket handshake
    if (request.parameter("EIO") != version) return refuse(to, engineio_refusal::unsupported_version);
    auto who = admit(request);
    if (!who) return refuse(to, engineio_refusal::forbidden);
    if (at_.ctx.at.load(std::memory_order_relaxed) == stage::draining)
      return to.respond(runtime::http_unavailable(draining_retry));
    const auto session = make(request.peer);
    if (!session) return to.respond(runtime::http_unavailable(draining_retry));
    begin(session, origin_of(request), *who);
    at_.ctx.meters.engineio(engineio_event::opened_polling);
    answer_packets(to, session->open_packet(true));
  }

  /// Who comes; nothing: it may not. Of Socket.IO, whose clients say who they are later, nobody. Bare sessions have no
  /// other place than the handshake's fields.
  std::optional<std::optional<principal>> admit(const http_request& request) const {
    if (at_.how.protocol == runtime::endpoint_protocol::socketio) return std::optional<principal>{};
    auto who = caller_of(at_.ctx, request);
    auto* known = std::get_if<principal>(&who);
    if (!known) return std::nullopt;
    return std::optional<principal>{std::move(*known)};  // optional{optional{…}} would be but one
  }

  /// Null where this shard has as many as it may.
  session_ptr make(const std::string& peer) {
    if (sessions_.size() >= at_.ctx.config.gateway.connections_max) return nullptr;
    engineio_options how{.sid = make_sid(at_.shard), .peer = peer};
    how.ping_interval_ms = at_.how.ping_interval_ms;
    how.ping_timeout_ms = at_.how.ping_timeout_ms;
    how.close_timeout_ms = options_.close_timeout_ms;
    how.payload_bytes_max = options_.message_bytes_max;
    how.outbox = options_.outbox;
    auto session =
        std::make_shared<engineio_session>(*home_, static_cast<engineio_keeper&>(*this), stats_, std::move(how));
    sessions_.emplace(session->sid(), session);
    return session;
  }

  void begin(const session_ptr& session, access::origin from, const std::optional<principal>& who) {
    if (at_.how.protocol == runtime::endpoint_protocol::socketio)
      return session->start(std::make_unique<socketio_link>(*session, at_, from));
    const auto channel = std::make_shared<engineio_channel>(session);
    session->start(std::make_unique<bare_engineio_user>(channel));
    const auto client = std::make_shared<peer>(
        at_.ctx, at_.shard, codecs::make_bare_dialogue(at_.how.channel, codecs::bare_frames::engineio));
    client->attach(channel);
    channel->heard_by(client.get());
    codecs::calls::session_open opening;
    opening.window_ms = 0;
    opening.channel = at_.how.channel;
    runtime::tell(at_.gateway, gateway::opened{client, from, who, std::move(opening)});
  }

  session_ptr find(const std::string& sid) {
    const auto found = sessions_.find(sid);
    if (found == sessions_.end()) return nullptr;
    const auto session = found->second;
    return session->end_if_overdue() ? nullptr : session;
  }

  void on_event(engineio_session& of, event what) override {
    switch (what) {
      case event::upgraded: return at_.ctx.meters.engineio(engineio_event::upgraded);
      case event::timed_out: return at_.ctx.meters.engineio(engineio_event::timed_out);
      case event::closed: sessions_.erase(of.sid()); return;
    }
  }

  endpoint_place at_;
  runtime::websocket_options options_;
  runtime::shard* home_;
  runtime::outbox_stats stats_;
  std::unordered_map<std::string, session_ptr> sessions_;
};

}  // namespace

std::uint32_t engineio_payload_bytes_max(const runtime::endpoint_config& how) noexcept {
  constexpr std::uint32_t protocols_own = 1'000'000;
  return how.message_bytes_max != 0 ? how.message_bytes_max : protocols_own;
}

std::unique_ptr<endpoint> make_socketio_endpoint(const endpoint_place& at) {
  return std::make_unique<socketio_endpoint>(at);
}

}  // namespace greenroom
