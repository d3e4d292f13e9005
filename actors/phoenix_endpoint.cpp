#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_map>

#include "actors/cors.hpp"
#include "actors/endpoint.hpp"
#include "actors/gateway.hpp"
#include "actors/key_text.hpp"
#include "actors/peer.hpp"
#include "actors/phoenix_poll.hpp"
#include "codecs/base64.hpp"
#include "codecs/phoenix.hpp"
#include "runtime/secret.hpp"

namespace greenroom {
namespace {

using runtime::http_error;
using runtime::http_exchange;
using runtime::http_request;
using runtime::http_response;

constexpr std::string_view websocket_part = "/websocket", longpoll_part = "/longpoll";
constexpr std::string_view subprotocol = "phoenix", token_prefix = "base64url.bearer.phx.";
constexpr std::size_t token_random_bytes = 16;
constexpr unsigned forbidden = 403, gone = 410, unable = 500;
constexpr std::chrono::seconds retry_later{5};

std::string_view without_space(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// phoenix.js' btoa() without padding; base64url where somebody means its name.
std::string decoded_token(std::string_view coded) {
  constexpr std::size_t group = 4;
  std::string padded{coded};
  for (auto& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  while (padded.size() % group != 0) padded += '=';
  return codecs::from_base64(padded).value_or(std::string{});
}

/// The token among the subprotocols that a browser offers.
std::string offered_token(const http_request& request) {
  auto list = request.header("Sec-WebSocket-Protocol");
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    const auto one = without_space(list.substr(0, end));
    if (one.starts_with(token_prefix)) return decoded_token(one.substr(token_prefix.size()));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return {};
}

/// The session's token in a poll's URL: the last parameter of that name, for what a client's own params have stands in
/// front. Empty where the last is no token of ours.
std::string_view session_token(const http_request& request) {
  constexpr std::string_view name = "token=";
  constexpr std::size_t random_characters = 22;
  std::string_view last, rest = request.query;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    if (const auto one = rest.substr(0, end); one.starts_with(name)) last = one.substr(name.size());
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto point = last.find('.');
  const bool ours = point != std::string_view::npos && last.size() == point + 1 + random_characters &&
                    std::ranges::all_of(last.substr(0, point), [](char c) { return c >= '0' && c <= '9'; });
  return ours ? last : std::string_view{};
}

/// Phoenix' "~> 2.0": 2 and whatever follows a point.
bool is_spoken(std::string_view version) { return version.starts_with("2."); }

/// Phoenix Channels, serializer v2: /websocket, and /longpoll for clients that have no WebSocket.
class phoenix_endpoint final : public endpoint {
 public:
  explicit phoenix_endpoint(const endpoint_place& at)
      : at_{at},
        options_{websocket_options(at.ctx, at.how)},
        topics_{std::make_shared<const codecs::phoenix_options>(
            codecs::phoenix_options{at.how.topics, at.ctx.config.sessions.rooms_max})} {}
  ~phoenix_endpoint() override {
    const auto polls = std::exchange(polls_, {});
    for (const auto& [token, each] : polls) {
      each->when_over(nullptr);
      each->abort();
    }
  }

  bool serves(std::string_view path) const override {
    if (!path.starts_with(at_.how.path)) return false;
    path.remove_prefix(at_.how.path.size());
    return path == websocket_part || path == longpoll_part;
  }

  void on_request(std::shared_ptr<http_exchange> exchange) override {
    const auto& request = exchange->request();
    if (request.path.ends_with(longpoll_part)) return longpoll(std::move(exchange));
    exchange->respond(request.method == "GET" || request.method == "HEAD" ? runtime::http_upgrade_required()
                                                                          : runtime::http_method_not_allowed("GET"));
  }

  answer_to_upgrade on_upgrade(const http_request& request) override {
    if (request.path.ends_with(longpoll_part)) return http_error(400, "long polling needs no upgrade");
    if (!origin_allowed(at_.ctx, request)) return http_error(forbidden, "this origin is not allowed");
    auto who = admit(request, offered_token(request));
    if (!who) return http_error(forbidden, "the socket is refused: its token or its vsn is not accepted");
    runtime::upgrade accepted{.subprotocol = {}, .options = options_, .opened = {}};
    if (request.lists("Sec-WebSocket-Protocol", subprotocol)) accepted.subprotocol = subprotocol;
    accepted.opened = [this, who = std::move(*who),
                       from = origin_of(request)](runtime::transport_ptr transport) -> runtime::transport_events* {
      return open(std::move(transport), who, from);
    };
    return accepted;
  }

  std::optional<std::size_t> shard_of(const http_request& request) override {
    if (!request.path.ends_with(longpoll_part)) return std::nullopt;
    const auto token = session_token(request);
    std::size_t shard = 0;
    const auto failed = std::from_chars(token.data(), token.data() + token.size(), shard).ec;
    if (failed != std::errc{} || shard >= at_.ctx.shards.size()) return std::nullopt;
    return shard;
  }

 private:
  using exchange_ptr = std::shared_ptr<http_exchange>;

  /// Who the client is; nothing: the socket is refused.
  std::optional<principal> admit(const http_request& request, std::string offered) const {
    if (!is_spoken(request.parameter("vsn"))) return std::nullopt;
    codecs::calls::session_open claim;
    const bool in_url = offered.empty();
    claim.token = in_url ? request.parameter("token") : std::move(offered);
    if (in_url && key_text::is_meant(claim.token)) return std::nullopt;  // and nothing that only begins like a key
    claim.user = request.parameter("user");
    auto who = access::authenticate(at_.ctx, claim, {origin_of(request), request.peer});
    auto* known = std::get_if<principal>(&who);
    return known ? std::optional{std::move(*known)} : std::nullopt;
  }

  runtime::transport_events* open(runtime::transport_ptr transport, const principal& who, access::origin from) {
    auto client = std::make_shared<peer>(at_.ctx, at_.shard, codecs::make_phoenix_dialogue(topics_));
    client->attach(std::move(transport));
    codecs::calls::session_open opening;
    opening.window_ms = 0;
    opening.takes_inbox = false;  // before topic inbox:USER is joined
    runtime::tell(at_.gateway, gateway::opened{client, from, who, std::move(opening)});
    return client.get();  // the message holds it, then its connection; it detaches from the transport before it goes
  }

  // --- long polling

  void longpoll(exchange_ptr exchange) {
    const auto& request = exchange->request();
    if (!origin_allowed(at_.ctx, request)) return exchange->respond(unreadable(status_of(forbidden)));
    if (request.method == "OPTIONS")
      return exchange->respond(cors_preflight(request, "GET, POST, OPTIONS", cors_credentials::omit));
    if (request.method != "GET" && request.method != "POST")
      return exchange->respond(runtime::http_method_not_allowed("GET, POST, OPTIONS"));
    const auto token = session_token(request);
    if (token.empty() && request.method == "GET") return begin(exchange);
    const auto known = polls_.find(std::string{token});
    if (known == polls_.end()) return say(exchange, gone);  // the client begins anew
    const auto session = known->second;                     // may be over before the call ends
    request.method == "POST" ? session->take(std::move(exchange)) : session->poll(std::move(exchange));
  }

  /// A new session: 410 with its token.
  void begin(const exchange_ptr& exchange) {
    const auto& request = exchange->request();
    const bool draining = at_.ctx.at.load(std::memory_order_relaxed) == stage::draining;
    if (draining || polls_.size() >= at_.ctx.config.gateway.connections_max) return refuse_for_now(exchange);
    auto who = admit(request, std::string{request.header("X-Phoenix-AuthToken")});
    if (!who) return say(exchange, forbidden);
    auto token = std::to_string(at_.shard) + '.' + runtime::random_text(token_random_bytes);
    auto poll = std::make_shared<phoenix_poll>(
        *at_.ctx.shards[at_.shard].home, request.peer,
        phoenix_poll::settings{
            .token = token,
            .wait = std::chrono::milliseconds{at_.how.poll_ms},
            .message_bytes_max = options_.message_bytes_max,
            .outbox = options_.outbox,
            .answer = [](const exchange_ptr& to, std::string json) { respond(to, std::move(json)); }});
    poll->when_over([this, token] { polls_.erase(token); });
    polls_.emplace(token, poll);
    poll->heard_by(open(poll, *who, origin_of(request)));
    poll->begin();
    respond(exchange, R"({"status":410,"token":")" + token + R"(","messages":[]})");
  }

  static std::string status_of(unsigned status) { return R"({"status":)" + std::to_string(status) + '}'; }
  static void say(const exchange_ptr& to, unsigned status) { respond(to, status_of(status)); }
  static void refuse_for_now(const exchange_ptr& to) {
    auto answer = document(to, status_of(unable));
    const auto later = runtime::http_unavailable(retry_later);
    answer.status = later.status;
    answer.fields.insert(answer.fields.end(), later.fields.begin(), later.fields.end());
    to->respond(std::move(answer));
  }
  static void respond(const exchange_ptr& to, std::string json) { to->respond(document(to, std::move(json))); }
  static http_response document(const exchange_ptr& to, std::string json) {
    auto answer = unreadable(std::move(json));
    answer.fields = cors_fields(to->request(), cors_credentials::omit);
    answer.fields.push_back({"Cache-Control", "no-store"});
    return answer;
  }
  /// By a page of another origin: its browser keeps the answer from it.
  static http_response unreadable(std::string json) {
    http_response answer;
    answer.content_type = "application/json; charset=utf-8";
    answer.body = std::move(json);
    answer.fields = {{"Cache-Control", "no-store"}, {"Vary", "Origin"}};
    return answer;
  }

  endpoint_place at_;
  runtime::websocket_options options_;
  std::shared_ptr<const codecs::phoenix_options> topics_;
  std::unordered_map<std::string, std::shared_ptr<phoenix_poll>> polls_;  ///< by token
};

}  // namespace

std::unique_ptr<endpoint> make_phoenix_endpoint(const endpoint_place& at) {
  return std::make_unique<phoenix_endpoint>(at);
}

}  // namespace greenroom
