#include "actors/http_api.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "actors/access.hpp"
#include "actors/api_keys.hpp"
#include "actors/audit_trail.hpp"
#include "actors/client_limits.hpp"
#include "actors/cors.hpp"
#include "actors/dispatch.hpp"
#include "actors/key_text.hpp"
#include "actors/page.hpp"
#include "actors/pressure.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/log.hpp"
#include "storage/store.hpp"

namespace greenroom {
namespace {

using runtime::http_error;
using runtime::http_exchange;
using runtime::http_request;
using runtime::http_response;

constexpr std::string_view json_type = "application/json";
constexpr std::array<std::string_view, 2> msgpack_types{"application/msgpack", "application/x-msgpack"};
constexpr std::chrono::seconds draining_retry{5};

http_response document(unsigned status, std::string_view type, std::string body) {
  http_response answer;
  answer.status = status;
  answer.content_type = type;
  answer.body = std::move(body);
  return answer;
}
http_response json(unsigned status, std::string body) { return document(status, json_type, std::move(body)); }

/// For a page whose origin was found allowed.
void add_cors(http_response& to, const http_request& request) {
  std::ranges::move(cors_fields(request, cors_credentials::omit), std::back_inserter(to.fields));
}

http_response too_many(const limit_refusal& why) {
  return runtime::http_too_many_requests(std::chrono::milliseconds{why.retry_after_ms()});
}

/// A request is one message of its address, whatever it is; but for those that ask how the node is.
std::optional<http_response> over_limits(context& ctx, const http_request& request) {
  if (!ctx.limits || request.path == "/health" || request.path == "/ready") return std::nullopt;
  const auto from = ctx.limits->of_address(request.peer);
  if (!from) return std::nullopt;
  const auto why = ctx.limits->take(std::array{rate_limits::holder{limit_scope::address, from.get()}},
                                    limited::messages, limit_now());
  return why ? std::optional{too_many(*why)} : std::nullopt;
}

/// One POST /rpc: collects the answers of its calls and responds when the last one is there.
class rpc_exchange final : public replier, public codecs::sink, public std::enable_shared_from_this<rpc_exchange> {
 public:
  rpc_exchange(context& ctx, std::shared_ptr<http_exchange> exchange, principal who, codecs::format in)
      : ctx_{ctx},
        exchange_{std::move(exchange)},
        in_{in},
        dialogue_{codecs::make_native_dialogue(in == codecs::format::json ? codecs::codec_id::native_json
                                                                          : codecs::codec_id::native_msgpack)} {
    caller_.who = std::move(who);
    caller_.address = exchange_->request().peer;
    if (!ctx.limits) return;
    by_ = limited_as(*ctx.limits, caller_.who);
    address_ = ctx.limits->of_address(caller_.address);
  }

  void run() {
    if (const auto why = take_bytes()) return respond(too_many(*why));
    auto kind = in_ == codecs::format::json ? codecs::frame_kind::text : codecs::frame_kind::binary;
    auto verdict = dialogue_->decode(kind, exchange_->request().body, *this);
    if (!verdict.go_on) respond(http_error(400, "the body is not acceptable: " + std::string{verdict.reason}));
    finish();
  }

  void reply(const codecs::reply_ref& to, codecs::outcome what) override {
    if (to.wants_answer()) bodies_.push_back(dialogue_->encode_reply(to, what, codecs::framing::bare));
    finish();
  }

 private:
  void on_call(codecs::reply_ref ref, codecs::call what) override {
    answer reply = expect(std::move(ref), codecs::method_of(what));
    if (const auto why = take(what_takes(what))) return reply(why->error());
    dispatch(ctx_, caller_, std::move(what), std::move(reply));
  }
  void on_bad_call(codecs::reply_ref ref, codecs::error why) override {
    const auto reply = expect(std::move(ref), "invalid");
    if (const auto much = take(limited::messages)) return reply(much->error());
    reply(std::move(why));
  }
  void on_answer(std::string, codecs::outcome) override {}
  void on_batch_begin(codecs::format) override { batch_ = true; }
  void on_batch_end() override {}

  /// The request has taken one message of its address already, and its first call stands for that one. A refused one has
  /// cost it all the same; who shows a key pays with that alone.
  std::optional<limit_refusal> take(limited what) {
    if (!ctx_.limits) return std::nullopt;
    const std::array from{rate_limits::holder{by_.scope, by_.entry.get()},
                          rate_limits::holder{limit_scope::address, address_.get()}};
    const auto address = std::span{from}.last(1);
    const bool first = std::exchange(first_, false), by_key = by_.scope == limit_scope::key;
    if (first) ctx_.limits->give_back(address, limited::messages);
    auto why = ctx_.limits->take_call(std::span{from}.first(by_key ? 1 : 2), what, limit_now());
    if (first && why && address_)
      address_->of(limited::messages)
          .charge(ctx_.limits->rates(limit_scope::address).of(limited::messages), 1, limit_now());
    return why;
  }
  /// The body has come: who is over its bytes is refused, for there is no socket of its own to read later.
  std::optional<limit_refusal> take_bytes() {
    if (!by_.entry) return std::nullopt;
    const auto& rate = ctx_.limits->rates(by_.scope).of(limited::bytes);
    auto& bucket = by_.entry->of(limited::bytes);
    const auto now = limit_now();
    if (const auto wait = bucket.wait_for(rate, 1, now); wait.count() != 0)
      return ctx_.limits->count({by_.scope, limited::bytes, wait});
    bucket.charge(rate, exchange_->request().body.size(), now);
    return std::nullopt;
  }

  answer expect(codecs::reply_ref ref, std::string_view method) {
    ++open_;
    return {ctx_, shared_from_this(), std::move(ref), method};
  }
  void respond(http_response answer) {
    add_cors(answer, exchange_->request());
    exchange_->respond(std::move(answer));
  }
  void finish() {
    if (--open_ != 0) return;
    if (bodies_.empty()) return respond(document(204, {}, {}));
    auto body = batch_ ? dialogue_->encode_batch(in_, bodies_, codecs::framing::bare) : std::move(bodies_.front());
    respond(document(200, in_ == codecs::format::json ? json_type : msgpack_types[0], std::move(body)));
  }

  context& ctx_;
  std::shared_ptr<http_exchange> exchange_;
  caller caller_;
  limited_caller by_{};
  limit_entry_ptr address_{};  ///< null: it has no bounds
  bool first_ = true;          ///< No call has been read.
  codecs::format in_;
  std::unique_ptr<codecs::dialogue> dialogue_;
  std::size_t open_ = 1;  ///< answers to come, and one for the end of the body
  bool batch_ = false;
  std::vector<std::string> bodies_;
};

std::optional<codecs::format> format_of(const http_request& request) {
  auto type = request.header("Content-Type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  if (type == json_type) return codecs::format::json;
  if (type == msgpack_types[0] || type == msgpack_types[1]) return codecs::format::msgpack;
  return std::nullopt;
}

/// A key in a URL is known to every proxy on its way: it is not looked at, wherever in the URL it stands.
std::optional<http_response> refuse_key_in_url(context& ctx, const http_request& request) {
  const auto key = key_text::id_in(request.target);
  if (key.empty()) return std::nullopt;
  if (ctx.keys) ctx.keys->refuse_in_url();
  ctx.meters.token_refused();
  runtime::log::warn("a token is not accepted",
                     {{"reason", sentence_of(key_refusal::in_url)}, {"key", key}, {"peer", request.peer}});
  audit_trail::stranger(ctx, "authenticate", request.peer, request.path, sentence_of(key_refusal::in_url), key);
  return http_error(403,
                    "an API key is not taken from a URL, and is to be revoked: Authorization: Bearer is its place");
}

std::string_view word(stage at) {
  switch (at) {
    case stage::starting: return "starting";
    case stage::ready: return "ready";
    case stage::draining: return "draining";
  }
  return "";
}

void write_workers(codecs::json_writer& json, const std::vector<std::shared_ptr<const worker_figures>>& rows) {
  json.begin_array(rows.size());
  for (const auto& each : rows) {
    auto number = [&json](std::string_view name, std::uint64_t value) {
      json.key(name);
      json.natural(value);
    };
    json.item();
    json.begin_object();
    json.key("worker");
    json.text(each->session);
    json.key("user");
    json.text(each->user);
    json.key("methods");
    const auto methods = each->methods();
    json.begin_array(methods.size());
    for (const auto& method : methods) json.item(), json.text(method);
    json.end_array();
    number("capacity", each->capacity);
    number("in_flight", each->in_flight);
    number("answered", each->answered);
    number("failed", each->failed);
    number("lost", each->lost);
    number("overdue", each->overdue);
    number("latency_us", each->latency_us);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

http_api::http_api(context& ctx, std::size_t shard, const caf::actor& gateway)
    : ctx_{ctx}, operations_{ctx.config.access.operations} {
  for (const auto& [name, how] : ctx.config.endpoints)
    if (auto one = make_endpoint({ctx, shard, gateway, how})) endpoints_.push_back(std::move(one));
}

endpoint* http_api::endpoint_of(std::string_view path) const {
  const auto found = std::ranges::find_if(endpoints_, [path](const auto& each) { return each->serves(path); });
  return found == endpoints_.end() ? nullptr : found->get();
}

std::optional<std::size_t> http_api::shard_of(const http_request& request) {
  auto* one = endpoint_of(request.path);
  return one ? one->shard_of(request) : std::nullopt;
}

void http_api::on_request(std::shared_ptr<http_exchange> exchange) {
  const auto& request = exchange->request();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (auto refused = over_limits(ctx_, request)) return exchange->respond(std::move(*refused));
  if (auto refused = refuse_key_in_url(ctx_, request)) return exchange->respond(std::move(*refused));
  if (auto* one = endpoint_of(request.path)) return one->on_request(std::move(exchange));
  if (request.path == "/rpc") return rpc(exchange);
  const auto* file = find_page_file(request.path);
  const bool known = file || request.path == "/health" || request.path == "/ready" || request.path == "/status" ||
                     request.path == "/metrics";
  if (!known) return exchange->respond(http_error(404, "there is nothing at this path"));
  if (!reads) return exchange->respond(runtime::http_method_not_allowed("GET, HEAD"));
  if (file) {
    auto answer = page_answer(*file, request);
    if (origin_allowed(ctx_, request)) add_cors(answer, request);
    return exchange->respond(std::move(answer));
  }
  const auto at = ctx_.at.load(std::memory_order_relaxed);
  if (request.path == "/health") return exchange->respond(json(200, R"({"status":"ok"})"));
  if (request.path == "/ready") {
    const bool stores = ctx_.disk.condition() == storage::condition::good;
    const bool roomy = !ctx_.pressure || !ctx_.pressure->at_least(pressure_level::doors);
    const auto said = at != stage::ready || (stores && roomy) ? word(at) : stores ? "memory" : "store";
    return exchange->respond(
        json(at == stage::ready && stores && roomy ? 200 : 503, R"({"status":")" + std::string{said} + R"("})"));
  }
  tell_figures(exchange);
}

/// What a node says of itself is for its operators: it names users and counts what they do.
void http_api::tell_figures(const std::shared_ptr<http_exchange>& exchange) {
  const auto& request = exchange->request();
  const auto from = runtime::ip_and_port::parse(request.peer);
  const bool hidden = from && from->address.is_loopback() && !request.is_loopback;  // a proxy that nobody has listed
  if (!from || hidden || !operations_.holds(from->address)) {
    constexpr std::string_view why = "access.operations does not hold the client's address";
    runtime::log::info("a caller is not let in", {{"reason", why}, {"peer", request.peer}, {"target", request.path}});
    audit_trail::stranger(ctx_, "operations", request.peer, request.path, why);
    return exchange->respond(http_error(403, "this is for the node's operators"));
  }
  if (request.path == "/status") return exchange->respond(json(200, status_json(ctx_)));
  exchange->respond(document(200, runtime::metrics::content_type, ctx_.meters.scrape()));
}

void http_api::rpc(const std::shared_ptr<http_exchange>& exchange) {
  const auto& request = exchange->request();
  const bool is_preflight = request.method == "OPTIONS" && !request.header("Origin").empty();
  if (request.method != "POST" && !is_preflight) return exchange->respond(runtime::http_method_not_allowed("POST"));
  if (!origin_allowed(ctx_, request))
    return exchange->respond(http_error(403, "this origin is not allowed", {{"Vary", "Origin"}}));
  if (is_preflight) return exchange->respond(cors_preflight(request, "POST", cors_credentials::omit));
  const auto refuse = [&](http_response answer) {
    add_cors(answer, request);
    exchange->respond(std::move(answer));
  };
  auto in = format_of(request);
  if (!in) return refuse(runtime::http_unsupported_media_type("application/json, application/msgpack"));
  auto who = caller_of(ctx_, request);
  if (auto* refused = std::get_if<http_response>(&who)) return refuse(std::move(*refused));
  std::make_shared<rpc_exchange>(ctx_, exchange, std::get<principal>(std::move(who)), *in)->run();
}

std::variant<http_response, runtime::upgrade> http_api::on_upgrade(const http_request& request) {
  if (auto refused = refuse_key_in_url(ctx_, request)) return std::move(*refused);
  auto* one = endpoint_of(request.path);
  if (auto refused = over_limits(ctx_, request)) return std::move(*refused);
  if (!one) return http_error(404, "there is no WebSocket at this path");
  if (ctx_.at.load(std::memory_order_relaxed) == stage::draining) return runtime::http_unavailable(draining_retry);
  return one->on_upgrade(request);
}

void http_api::on_done(const runtime::http_access& line) {
  const auto path = key_text::without_secrets(line.path);
  runtime::log::access({.peer = line.peer,
                        .method = line.method,
                        .target = path,
                        .status = static_cast<int>(line.status),
                        .bytes = line.bytes,
                        .duration_us = static_cast<std::uint64_t>(line.duration.count()),
                        .trace = line.trace});
}

void http_api::on_handshake_failed(std::string_view peer, std::string_view why) {
  if (ctx_.config.log.access) runtime::log::info("a TLS handshake failed", {{"peer", peer}, {"reason", why}});
  audit_trail::stranger(ctx_, "tls.handshake", peer, {}, why);
}

namespace {

void write_services(codecs::json_writer& json, const service_board& board) {
  const auto rows = board.rows();
  json.begin_array(rows.size());
  for (const auto& each : rows) {
    json.item();
    json.begin_object();
    json.key("service");
    json.text(each->service);
    json.key("instance");
    json.text(each->instance);
    json.key("away");
    json.boolean(each->away);
    for (const auto& figure : service_figures::all) {
      json.key(figure.word);
      json.natural((*each.*figure.value).load(std::memory_order_relaxed));
    }
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string status_json(const context& ctx) {
  const auto totals = ctx.meters.totals();
  const auto at = ctx.at.load(std::memory_order_relaxed);
  std::string out;
  codecs::json_writer json{out};
  auto number = [&json](std::string_view name, std::uint64_t value) {
    json.key(name);
    json.natural(value);
  };
  json.begin_object();
  json.key("version");
  json.text(ctx.version);
  json.key("state");
  json.text(word(at));
  number("uptime_s",
         static_cast<std::uint64_t>(
             std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - ctx.started).count()));
  number("shards", ctx.shards.size());
  number("connections", totals.connections);
  number("sessions", totals.sessions);
  number("users_online", totals.users_online);
  number("rooms", totals.rooms);
  number("messages_in", totals.messages_in);
  number("messages_out", totals.messages_out);
  number("calls_waiting_for_workers", ctx.workers_now.waiting);
  json.key("workers");
  write_workers(json, ctx.workers_now.rows());
  json.key("services");
  write_services(json, ctx.board);
  json.end_object();
  return out;
}

}  // namespace greenroom
