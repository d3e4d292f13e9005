#include "actors/node_metrics.hpp"

#include <vector>

#include "actors/access_metrics.hpp"
#include "actors/context.hpp"
#include "runtime/actor_base.hpp"
#include "runtime/edge_watch.hpp"
#include "runtime/log.hpp"
#include "runtime/metrics.hpp"
#include "runtime/shard.hpp"
#include "runtime/slow_lane.hpp"
#include "runtime/supervisor.hpp"
#include "runtime/tls.hpp"
#include "storage/sqlite_store.hpp"

namespace greenroom {
namespace {

using runtime::family;
using runtime::metrics;
using runtime::sample;
using samples = std::vector<sample>;

constexpr double ns_per_s = 1e9;

double number(std::uint64_t n) { return static_cast<double>(n); }

runtime::histogram_shape turn_shape() {
  runtime::histogram_shape shape{.upper_bounds = {}, .ticks_per_unit = 1e6};  // µs to s
  for (std::size_t i = 0; i + 1 < runtime::shard_counters::turn_buckets; ++i)
    shape.upper_bounds.push_back(std::uint64_t{1} << i);
  return shape;
}

void collect_shards(metrics& into, context& ctx) {
  into.collect({"greenroom_turn_seconds", "Length of a turn of a shard's loop.", {"shard"}}, turn_shape(), [&ctx] {
    std::vector<runtime::histogram_sample> all;
    for (const auto& each : ctx.shards) {
      if (!each.home) continue;
      const auto& from = each.home->counters();
      runtime::histogram_sample one{
          .labels = {std::to_string(each.home->id())}, .buckets = {}, .sum = number(from.turn_ns_sum.get()) / ns_per_s};
      for (const auto& bucket : from.turn_us) one.buckets.push_back(bucket.get());
      all.push_back(std::move(one));
    }
    return all;
  });
  into.collect({"greenroom_mailbox_depth", "Messages that wait for an actor that is always there.", {"actor"}},
               metrics::kind::gauge, [&ctx] {
                 samples all;
                 auto add = [&all](std::string name, const caf::actor& who) {
                   all.push_back({{std::move(name)}, number(runtime::supervisor::depth_of(who))});
                 };
                 for (std::size_t i = 0; i < ctx.shards.size(); ++i) {
                   const auto& here = ctx.shards[i];
                   const auto shard = " " + std::to_string(i);
                   add("relay" + shard, here.relay);
                   add("room_directory" + shard, here.rooms);
                   add("offline_queue" + shard, here.queue);
                   add("presence" + shard, here.presence);
                   add("gateway" + shard, here.gateway);
                 }
                 add("session_directory", ctx.sessions);
                 add("worker_pool", ctx.workers);
                 add("store_writer", ctx.writer);
                 return all;
               });
  into.collect({"greenroom_restarts_total", "Restarts in place, by actor.", {"actor"}}, metrics::kind::counter, [] {
    samples all;
    for (const auto& [name, count] : runtime::restarts_by_actor()) all.push_back({{name}, number(count)});
    return all;
  });
  into.collect({"greenroom_stray_messages_total", "Messages, errors and downs that no handler wanted.", {"kind"}},
               metrics::kind::counter, [] {
                 const auto& from = runtime::strays();
                 return samples{{{"unexpected"}, number(from.unexpected)},
                                {{"error"}, number(from.errors)},
                                {{"down"}, number(from.downs)},
                                {{"crash"}, number(from.crashes)}};
               });
  into.collect({"greenroom_log_dropped_total", "Log lines that found the queue full, or could not be written."},
               metrics::kind::counter, [] { return number(runtime::log::dropped()); });
}

void collect_sockets(metrics& into, context& ctx) {
  using figures = context::socket_figures;
  auto add = [&](std::string name, std::string help, std::atomic<std::uint64_t> figures::*which) {
    into.collect({std::move(name), std::move(help)}, metrics::kind::counter, [&ctx, which] {
      std::uint64_t sum = 0;
      for (const auto& each : ctx.shards) sum += (*each.sockets.*which).load(std::memory_order_relaxed);
      return number(sum);
    });
  };
  add("greenroom_accepted_total", "TCP connections accepted.", &figures::accepted);
  add("greenroom_accepts_held_total", "Times that accepting paused because a crowd came at once.", &figures::held);
  add("greenroom_accept_rests_total", "Times that accepting paused for lack of descriptors or memory.",
      &figures::rests);
  add("greenroom_refused_connections_total", "Connections over gateway.connections_max.", &figures::refused);
  add("greenroom_socket_bytes_in_total", "Bytes read from sockets.", &figures::bytes_in);
  add("greenroom_socket_bytes_out_total", "Bytes written to sockets.", &figures::bytes_out);
  add("greenroom_outbox_removed_messages_total",
      "Unsent messages taken out again, to be read from the log or not at all.", &figures::dropped_removed);
  add("greenroom_outbox_closed_messages_total", "Messages unsent when their connection ended.",
      &figures::dropped_closed);
  add("greenroom_tls_handshakes_total", "TLS handshakes that succeeded.", &figures::handshakes);
  add("greenroom_tls_handshakes_failed_total", "TLS handshakes that failed, those that took too long included.",
      &figures::handshakes_failed);
  into.collect({"greenroom_reads_stood_back_total", "Times that a socket was not read at once: new, or much to say."},
               metrics::kind::counter, [] { return number(runtime::slow_lane::stood()); });
  into.collect(
      {"greenroom_edge_refused_total", "Clients cut off, and what they sent refused, at the node's edge.", {"reason"}},
      metrics::kind::counter, [] {
        samples all;
        for (std::size_t i = 0; i != runtime::edge::words.size(); ++i)
          all.push_back({{std::string{runtime::edge::words[i]}},
                         number(runtime::edge::counted(static_cast<runtime::edge::reason>(i)))});
        return all;
      });
  into.collect(
      {"greenroom_tls_certificate_expires_seconds", "When the gateway's certificate expires, Unix time."},
      metrics::kind::gauge, [&ctx] {
        if (!ctx.tls) return samples{};
        return samples{
            {{}, number(static_cast<std::uint64_t>(ctx.tls->certificate().not_after.time_since_epoch().count()))}};
      });
}

void collect_workers(metrics& into, context& ctx) {
  auto add = [&](std::string name, std::string help, auto figure) {
    into.collect({std::move(name), std::move(help)}, metrics::kind::gauge, [&ctx, figure] {
      std::uint64_t sum = 0;
      for (const auto& each : ctx.workers_now.rows()) sum += figure(*each);
      return number(sum);
    });
  };
  add("greenroom_workers", "Remote workers.", [](const worker_figures&) { return 1u; });
  add("greenroom_worker_capacity", "Requests that all of them take at a time.",
      [](const worker_figures& f) { return f.capacity.load(); });
  add("greenroom_worker_in_flight", "Requests that they have.",
      [](const worker_figures& f) { return f.in_flight.load(); });
  into.collect({"greenroom_worker_waiting", "Calls that no worker has room for."}, metrics::kind::gauge,
               [&ctx] { return number(ctx.workers_now.waiting); });
}

void collect_store(metrics& into, context& ctx) {
  auto add = [&](metrics::kind kind, std::string name, std::string help, std::uint64_t storage::statistics::*which) {
    into.collect({std::move(name), std::move(help)}, kind,
                 [&ctx, which] { return number(ctx.memory.counters().*which + ctx.disk.counters().*which); });
  };
  using s = storage::statistics;
  add(metrics::kind::gauge, "greenroom_store_logs", "Room logs that the store holds.", &s::logs);
  add(metrics::kind::gauge, "greenroom_store_messages", "Room messages that the store holds.", &s::records);
  add(metrics::kind::gauge, "greenroom_store_message_bytes", "Bytes of them.", &s::record_bytes);
  add(metrics::kind::counter, "greenroom_store_shed_total", "Room messages dropped early, for the bound of all logs.",
      &s::shed);
  add(metrics::kind::gauge, "greenroom_inbox_queued", "Directed messages that are not acknowledged.", &s::queued);
  add(metrics::kind::counter, "greenroom_inbox_accepted_total",
      "Directed messages stored, and rooms' messages that became dead letters.", &s::accepted);
  add(metrics::kind::counter, "greenroom_inbox_acknowledged_total",
      "Directed messages acknowledged, and rooms' dead letters published.", &s::acknowledged);
  add(metrics::kind::counter, "greenroom_inbox_refused_total", "Directed messages refused because the inbox was full.",
      &s::refused_full);
  add(metrics::kind::counter, "greenroom_inbox_purged_total", "Directed messages and dead letters that were dropped.",
      &s::purged);
  add(metrics::kind::gauge, "greenroom_dead_letters", "Dead letters kept.", &s::dead);
  add(metrics::kind::gauge, "greenroom_dead_letter_bytes", "Bytes of them.", &s::dead_bytes);
  add(metrics::kind::counter, "greenroom_dead_replayed_total", "Dead letters that were queued or published again.",
      &s::replayed);
  into.collect({"greenroom_dead_total", "Messages that became dead letters.", {"reason"}}, metrics::kind::counter,
               [&ctx] {
                 const auto now = ctx.disk.counters();
                 return samples{{{"expired"}, number(now.dead_expired)},
                                {{"undeliverable"}, number(now.dead_undeliverable)},
                                {{"crashed"}, number(now.dead_crashed)}};
               });
  add(metrics::kind::counter, "greenroom_ids_evicted_total", "Idempotency records that went before their time.",
      &s::ids_evicted);
  add(metrics::kind::counter, "greenroom_duplicates_total", "Messages recognised as repeats.", &s::duplicates);
  add(metrics::kind::counter, "greenroom_store_unavailable_total", "Operations refused for a bound of the store.",
      &s::unavailable);
}

void collect_database(metrics& into, context& ctx) {
  into.collect({"greenroom_store_uncommitted_bytes", "Messages on their way to the disk."}, metrics::kind::gauge,
               [&ctx] { return number(ctx.uncommitted_bytes.load(std::memory_order_relaxed)); });
  into.collect({"greenroom_store_condition", "1 at what the disk lets the store do.", {"condition"}},
               metrics::kind::gauge, [&ctx] {
                 using storage::condition;
                 const auto now = ctx.disk.condition();
                 samples all;
                 for (const auto& [name, which] :
                      {std::pair{"good", condition::good}, {"full", condition::full}, {"broken", condition::broken}})
                   all.push_back({{name}, now == which ? 1.0 : 0.0});
                 return all;
               });
  auto add = [&](metrics::kind kind, std::string name, std::string help, std::uint64_t storage::sqlite_figures::*which,
                 double unit = 1) {
    into.collect({std::move(name), std::move(help)}, kind,
                 [&ctx, which, unit] { return ctx.database ? number(ctx.database->figures().*which) / unit : 0; });
  };
  using f = storage::sqlite_figures;
  using enum metrics::kind;
  add(counter, "greenroom_store_batches_total", "Transactions committed.", &f::batches);
  add(counter, "greenroom_store_operations_total", "Operations committed in them.", &f::operations);
  add(counter, "greenroom_store_failed_batches_total", "Transactions that were not committed.", &f::failed);
  add(counter, "greenroom_store_commit_seconds_total", "Time that transactions took, with their fsync.", &f::commit_ns,
      ns_per_s);
  add(gauge, "greenroom_store_commit_seconds_max", "The longest transaction.", &f::commit_ns_max, ns_per_s);
  add(counter, "greenroom_store_checkpoints_total", "Checkpoints.", &f::checkpoints);
  add(counter, "greenroom_store_checkpoint_seconds_total", "Time that they took.", &f::checkpoint_ns, ns_per_s);
  add(gauge, "greenroom_store_checkpoint_seconds_max", "The longest one.", &f::checkpoint_ns_max, ns_per_s);
  add(gauge, "greenroom_store_database_bytes", "Size of the database.", &f::database_bytes);
  add(gauge, "greenroom_store_wal_bytes", "Size of its write-ahead log.", &f::wal_bytes);
  add(counter, "greenroom_store_damaged_rows_total", "Rows met other than they were stored.", &f::damaged);
  add(counter, "greenroom_store_reopened_total", "Times that the database was opened anew after the disk had failed.",
      &f::reopened);
}

void collect_services(metrics& into, context& ctx) {
  for (const auto& figure : service_figures::all) {
    into.collect({std::string{figure.name}, std::string{figure.help}, {"service", "instance"}},
                 figure.grows ? metrics::kind::counter : metrics::kind::gauge, [&ctx, value = figure.value] {
                   samples all;
                   for (const auto& each : ctx.board.rows())
                     all.push_back({{each->service, each->instance}, number((*each.*value).load())});
                   return all;
                 });
  }
}

}  // namespace

void collect_node_metrics(metrics& into, context& ctx) {
  collect_shards(into, ctx);
  collect_sockets(into, ctx);
  collect_access_metrics(into, ctx);
  collect_workers(into, ctx);
  collect_store(into, ctx);
  collect_database(into, ctx);
  collect_services(into, ctx);
}

}  // namespace greenroom
