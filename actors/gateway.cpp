#include "actors/gateway.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "actors/connection.hpp"
#include "actors/context.hpp"
#include "actors/door.hpp"
#include "actors/http_api.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "actors/pressure.hpp"
#include "runtime/descriptors.hpp"
#include "runtime/dynamic_children.hpp"
#include "runtime/forwarded.hpp"
#include "runtime/http_server.hpp"
#include "runtime/log.hpp"

namespace greenroom::gateway {
namespace {

struct close_batch {};     ///< To itself: the next connections are told that the node restarts.
struct note_figures {};    ///< To itself: a scrape may want to know.
struct look_at_memory {};  ///< To itself: is memory short?

constexpr std::chrono::seconds between_notes{1};

runtime::http_server_options server_options(const runtime::gateway_config& from,
                                            std::shared_ptr<runtime::http_shards> others, context& ctx) {
  runtime::http_server_options to;
  to.tls = ctx.tls;
  to.hsts_seconds = static_cast<std::uint64_t>(ctx.config.tls.hsts_ms) / 1'000;
  to.limits.handshake_ms = ctx.config.tls.handshake_timeout_ms;
  to.shards = std::move(others);
  const auto share = runtime::share_descriptors(runtime::descriptor_limit(), ctx.shards.size(), from.connections_max);
  to.connections_max = share.connections_max;
  to.refusals_max = share.refusals_max;
  to.proxies = std::make_shared<const runtime::proxy_rules>(
      runtime::proxy_rules{runtime::ip_networks{from.proxies}, from.proxy_protocol});
  if (ctx.limits || ctx.pressure) to.door = std::make_shared<door>(ctx, to.proxies);
  to.listener.accepts_per_second = from.accepts_per_second;
  to.limits.request_line_bytes_max = from.request_line_bytes_max;
  to.limits.header_bytes_max = from.header_bytes_max;
  to.limits.fields_max = from.header_fields_max;
  to.limits.header_ms = from.header_timeout_ms;
  to.limits.body_bytes_max = from.body_bytes_max;
  to.limits.body_ms = from.body_timeout_ms;
  to.limits.idle_ms = from.idle_timeout_ms;
  to.limits.write_ms = from.write_timeout_ms;
  return to;
}

void log_descriptors(const context& ctx) {
  const auto limit = runtime::descriptor_limit();
  const auto wanted = ctx.config.gateway.connections_max;
  const auto share = runtime::share_descriptors(limit, ctx.shards.size(), wanted);
  if (share.connections_max >= wanted) return;
  runtime::log::warn("the process may have fewer descriptors than gateway.connections_max wants",
                     {{"descriptors", limit}, {"connections_a_shard", share.connections_max}, {"wanted", wanted}});
}

}  // namespace
}  // namespace greenroom::gateway

GREENROOM_MESSAGE(greenroom::gateway::close_batch)
GREENROOM_MESSAGE(greenroom::gateway::note_figures)
GREENROOM_MESSAGE(greenroom::gateway::look_at_memory)

namespace greenroom::gateway {

struct state {
  static inline const char* name = "gateway";
  state(runtime::actor_base* s, const options& o);
  ~state() { ctx.meters.connections -= connections.size(); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  caf::behavior start();
  void open(const opened& m);
  void close_some();
  void note();
  void look_at_memory();
  void shed_outboxes();
  void finish_drain();

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  runtime::dynamic_children children;
  http_api api;
  std::unique_ptr<runtime::http_server> server;  ///< null in tests without shards
  struct client {
    caf::actor connection;
    std::weak_ptr<peer> who;
  };
  std::unordered_map<caf::actor_id, client> connections;
  std::vector<caf::actor> to_close;
  caf::actor drain_waits;
};

state::state(runtime::actor_base* s, const options& o)
    : self{s},
      opts{o},
      ctx{o.ctx},
      children{s,
               {.id = "connections",
                .restart = runtime::restart::temporary,
                .gave_up =
                    [this](const caf::actor& who, const caf::error&) {
                      ctx.meters.connections -= connections.erase(who.id());
                      finish_drain();
                    },
                .ended =
                    [this](const caf::actor_addr& who, const caf::error&) {
                      ctx.meters.connections -= connections.erase(who.id());
                      finish_drain();
                    }}},
      api{o.ctx, o.shard, caf::actor{s}} {
  if (!self->home()) return;
  if (opts.shard == 0 && self->life() == 0) log_descriptors(ctx);
  server =
      std::make_unique<runtime::http_server>(*self->home(), api, server_options(ctx.config.gateway, opts.others, ctx));
  for (const auto& each : opts.listen) server->listen(each);
}

caf::behavior state::start() {
  if (server) self->later(between_notes, note_figures{});
  if (ctx.pressure) self->later(limits::between_pressure_looks, gateway::look_at_memory{});
  if (opts.on_listening && self->life() == 0) opts.on_listening();
  return children.handlers().or_else([this](const opened& m) { open(m); },
                                     [this](const drain& m) {
                                       if (server) server->drain();
                                       drain_waits = m.who;
                                       for (const auto& [id, each] : connections) to_close.push_back(each.connection);
                                       close_some();
                                       finish_drain();
                                     },
                                     [this](const close_batch&) { close_some(); },
                                     [this](const note_figures&) { note(); },
                                     [this](const gateway::look_at_memory&) { look_at_memory(); });
}

void state::open(const opened& m) {
  std::shared_ptr<const connection::arrival> came;
  if (m.admitted || m.opening)
    came = std::make_shared<const connection::arrival>(connection::arrival{m.admitted, m.opening});
  auto who = children.start([&](const runtime::place& p) {
    return connection::spawn(p, {.ctx = ctx, .client = m.client, .from = m.from, .came = came});
  });
  if (!who) return;
  connections.emplace(who.id(), client{who, m.client});
  ++ctx.meters.connections;
  if (drain_waits) runtime::tell(self, who, connection::close{codecs::close_codes::restart});
}

void state::close_some() {
  for (std::size_t i = 0; i < limits::closes_per_batch && !to_close.empty(); ++i) {
    runtime::tell(self, to_close.back(), connection::close{codecs::close_codes::restart});
    to_close.pop_back();
  }
  if (!to_close.empty()) self->later(limits::between_close_batches, close_batch{});
}

void state::note() {
  self->later(between_notes, note_figures{});
  const auto now = server->stats();
  auto& to = *ctx.shards[opts.shard].sockets;
  to.accepted = now.listening.accepted;
  to.rests = now.listening.rests;
  to.held = now.listening.held;
  to.refused = now.refused + now.turned_away;
  to.bytes_in = now.bytes_in;
  to.bytes_out = now.out.bytes;
  to.dropped_removed = now.out.dropped_removed;
  to.dropped_closed = now.out.dropped_closed;
  to.handshakes = now.handshakes;
  to.handshakes_failed = now.handshakes_failed;
}

/// What this shard gives up at the step that memory has reached.
void state::look_at_memory() {
  self->later(limits::between_pressure_looks, gateway::look_at_memory{});
  const bool rests_less = ctx.pressure->at_least(pressure_level::idle);
  if (server)
    server->set_idle_time(rests_less ? std::min(pressure::idle_ms, ctx.config.gateway.idle_timeout_ms)
                                     : ctx.config.gateway.idle_timeout_ms);
  if (ctx.pressure->at_least(pressure_level::outboxes)) shed_outboxes();
}

/// The connections with most unsent, some at a time, so that the next look sees what that was good for.
void state::shed_outboxes() {
  std::vector<std::pair<std::size_t, std::shared_ptr<peer>>> heaviest;
  for (const auto& [id, each] : connections) {
    auto who = each.who.lock();
    const auto* box = who ? who->out() : nullptr;
    if (box && !box->closed() && box->bytes() >= limits::outbox_shed_bytes_min)
      heaviest.emplace_back(box->bytes(), std::move(who));
  }
  const auto count = std::min(heaviest.size(), limits::outboxes_shed_max);
  std::ranges::partial_sort(heaviest, heaviest.begin() + static_cast<std::ptrdiff_t>(count), std::greater{},
                            [](const auto& each) { return each.first; });
  for (std::size_t i = 0; i != count; ++i)
    heaviest[i].second->close(codecs::close_codes::overloaded, runtime::unsent::drop);
  ctx.pressure->gave_up(shed::outboxes, count);
}

void state::finish_drain() {
  if (!drain_waits || !connections.empty()) return;
  runtime::tell(self, std::exchange(drain_waits, nullptr), drained{});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::gateway
