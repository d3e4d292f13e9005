#include "runtime/http_server.hpp"

#include <chrono>
#include <limits>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/admission.hpp"
#include "runtime/corked_impl.hpp"
#include "runtime/forwarded.hpp"
#include "runtime/http_connection_impl.hpp"
#include "runtime/http_impl.hpp"
#include "runtime/moved_connection_impl.hpp"
#include "runtime/tls.hpp"

namespace greenroom::runtime {
namespace {

/// One answer at a time is under way, however large; `bytes_max` says from how much unsent output on the next request
/// waits.
constexpr outbox_bounds http_bounds{.bytes_max = 256U << 10,
                                    .frames_max = 1'000,
                                    .reply_bytes_max = std::numeric_limits<std::uint32_t>::max(),
                                    .reply_frames_max = std::numeric_limits<std::uint32_t>::max()};

}  // namespace

struct http_server::state final : http_connection::owner, http_shards::server {
  state(shard& home, http_handler& handler, http_server_options options)
      : home{home}, handler{handler}, options{std::move(options)}, counters{std::make_shared<connection_counters>()} {
    if (this->options.shards) this->options.shards->enter(home.id(), *this);
    if (!this->options.proxies) this->options.proxies = std::make_shared<const proxy_rules>();
    if (const auto seconds = this->options.hsts_seconds; seconds != 0)
      hsts = "Strict-Transport-Security: max-age=" + std::to_string(seconds) + "\r\n";
  }
  ~state() {
    if (options.shards) options.shards->leave(home.id(), *this);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  bool is_full() const { return counters->connections >= options.connections_max; }
  bool is_overrun() const {
    return counters->connections >= std::uint64_t{options.connections_max} + options.refusals_max;
  }
  http_response unavailable() const { return http_unavailable(std::chrono::milliseconds{options.retry_after_ms}); }

  void on_socket(unique_fd socket, bool tls) {
    admission::verdict door;
    if (options.door) door = options.door->admit(peer_of(socket.get()), home.now());
    if (door.what != admission::way::enter) return turn_away(std::move(socket), tls, door);
    const auto over = is_full();
    if (over) ++refused;
    if (is_overrun()) return;
    auto wire = tls ? options.tls->accept(socket.get()) : plain_wire();
    if (!wire) return;
    auto link = std::make_shared<corked>(home, corked::parts{.socket = std::move(socket), .wire = std::move(wire)},
                                         http_bounds, counters);
    link->limit_reads(std::move(door.reads));
    auto connection = http_connection::make(std::move(link), handler, options.limits, *this);
    if (over) return connection->turn_away(unavailable());
    connections.emplace(connection.get(), connection);
    connection->start();
  }

  /// Nobody shakes hands with those who speak TLS: that is most of what a connection costs.
  void turn_away(unique_fd socket, bool tls, const admission::verdict& why) {
    ++turned;
    if (tls || static_cast<std::uint32_t>(told.use_count()) > options.refusals_max) return;
    auto link = std::make_shared<corked>(home, corked::parts{.socket = std::move(socket), .wire = plain_wire()},
                                         http_bounds, counters);
    link->limit_reads(told);
    const auto answer = why.what == admission::way::too_many ? http_too_many_requests(why.retry_after)
                                                             : http_unavailable(why.retry_after);
    http_connection::make(std::move(link), handler, options.limits, *this)->turn_away(answer);
  }

  /// Held by the socket of each who is told that it may not come in.
  struct refusal final : read_limiter {
    time_point on_bytes(std::size_t, time_point) override { return {}; }
    time_point on_frames(std::uint32_t, time_point) override { return {}; }
  };

  void on_gone(http_connection& which) override { connections.erase(&which); }
  std::string_view secure_fields() const override { return hsts; }
  const proxy_rules& proxies() const override { return *options.proxies; }

  void on_move(std::size_t to, moved_connection_ptr what) override {
    if (options.shards && options.shards->send(to, what)) {
      ++moved_out;
      return;
    }
    what->returned = true;
    on_arrival(std::move(what));
  }

  void on_arrival(moved_connection_ptr what) override {
    const auto over = is_full();
    if (over) ++refused;
    if (is_overrun()) return log_dropped(*what);
    auto link = std::make_shared<corked>(home, std::move(what->link), http_bounds, counters);
    auto connection = http_connection::make(std::move(link), handler, options.limits, *this);
    connection->take_over(*what);
    if (over) return connection->turn_away(unavailable());
    connections.emplace(connection.get(), connection);
    if (draining) connection->drain();
    if (draining || what->returned) return connection->answer_instead(unavailable());
    ++moved_in;
    connection->resume();
  }

  /// Its socket closes without a word; the request was one all the same.
  void log_dropped(const moved_connection& what) {
    const auto took = std::chrono::steady_clock::now() - what.began;
    handler.on_done({what.request.method, what.request.path, what.request.peer, make_trace(), 503, 0,
                     std::chrono::duration_cast<std::chrono::microseconds>(took)});
  }

  shard& home;
  http_handler& handler;
  http_server_options options;
  std::shared_ptr<connection_counters> counters;
  std::uint64_t refused = 0, turned = 0, moved_out = 0, moved_in = 0;
  const std::shared_ptr<refusal> told = std::make_shared<refusal>();
  bool draining = false;
  std::string hsts;
  std::unordered_map<http_connection*, std::shared_ptr<http_connection>> connections;
  std::vector<std::unique_ptr<listener>> listeners;
};

http_server::http_server(shard& home, http_handler& handler, http_server_options options)
    : state_{std::make_unique<state>(home, handler, std::move(options))} {}

http_server::~http_server() {
  for (auto& [_, connection] : state_->connections) connection->abort();
}

void http_server::listen(const listen_address& where) {
  if (where.tls && !state_->options.tls) throw std::logic_error{"there is no certificate for " + where.url()};
  auto how = state_->options.listener;
  if (!where.tls)
    how.farewell = [state = state_.get()] {
      return write_response(state->unavailable(), make_trace(), connection_after::close, body_of_answer::send);
    };
  state_->listeners.push_back(std::make_unique<listener>(
      state_->home, where,
      [state = state_.get(), tls = where.tls](unique_fd socket) { state->on_socket(std::move(socket), tls); },
      std::move(how)));
}

void http_server::drain() {
  state_->draining = true;
  for (auto& each : state_->listeners) each->close();
  const auto open = state_->connections;  // who rests leaves at once
  for (auto& [_, connection] : open) connection->drain();
}

void http_server::set_idle_time(std::uint32_t ms) {
  if (std::exchange(state_->options.limits.idle_ms, ms) == ms) return;
  for (auto& [_, connection] : state_->connections) connection->idle_time_changed();
}

http_server_stats http_server::stats() const {
  http_server_stats all{.connections = state_->counters->connections,
                        .websockets = state_->counters->websockets,
                        .refused = state_->refused,
                        .turned_away = state_->turned,
                        .moved_out = state_->moved_out,
                        .moved_in = state_->moved_in,
                        .listening = {},
                        .out = state_->counters->out,
                        .bytes_in = state_->counters->bytes_in,
                        .handshakes = state_->counters->handshakes,
                        .handshakes_failed = state_->counters->handshakes_failed};
  for (const auto& each : state_->listeners) {
    all.listening.accepted += each->stats().accepted;
    all.listening.rests += each->stats().rests;
    all.listening.held += each->stats().held;
    all.listening.turned_away += each->stats().turned_away;
  }
  return all;
}

}  // namespace greenroom::runtime
