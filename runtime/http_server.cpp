#include "runtime/http_server.hpp"

#include <chrono>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/corked_impl.hpp"
#include "runtime/http_connection_impl.hpp"

namespace greenroom::runtime {
namespace {

/// One answer at a time is under way, however large; `bytes_max` says from how much unsent output on the next request
/// waits.
constexpr outbox_bounds http_bounds{.bytes_max = 256U << 10,
                                    .frames_max = 1'000,
                                    .reply_bytes_max = std::numeric_limits<std::uint32_t>::max(),
                                    .reply_frames_max = std::numeric_limits<std::uint32_t>::max()};

}  // namespace

struct http_server::state final : http_connection::owner {
  state(shard& home, http_handler& handler, http_server_options options)
      : home{home}, handler{handler}, options{options}, counters{std::make_shared<connection_counters>()} {}

  void on_socket(unique_fd socket) {
    const auto over = counters->connections >= options.connections_max;
    if (over) ++refused;
    if (counters->connections >= std::uint64_t{options.connections_max} + options.refusals_max) return;
    auto link = std::make_shared<corked>(home, std::move(socket), http_bounds, counters);
    auto connection = http_connection::make(std::move(link), handler, options.limits, *this);
    if (over) return connection->turn_away(http_unavailable(std::chrono::milliseconds{options.retry_after_ms}));
    connections.emplace(connection.get(), connection);
    connection->start();
  }

  void on_gone(http_connection& which) override { connections.erase(&which); }

  shard& home;
  http_handler& handler;
  http_server_options options;
  std::shared_ptr<connection_counters> counters;
  std::uint64_t refused = 0;
  std::unordered_map<http_connection*, std::shared_ptr<http_connection>> connections;
  std::vector<std::unique_ptr<listener>> listeners;
};

http_server::http_server(shard& home, http_handler& handler, http_server_options options)
    : state_{std::make_unique<state>(home, handler, options)} {}

http_server::~http_server() {
  for (auto& [_, connection] : state_->connections) connection->abort();
}

void http_server::listen(const listen_address& where) {
  state_->listeners.push_back(std::make_unique<listener>(
      state_->home, where, [state = state_.get()](unique_fd socket) { state->on_socket(std::move(socket)); },
      state_->options.listener));
}

void http_server::drain() {
  for (auto& each : state_->listeners) each->close();
  const auto open = state_->connections;  // who rests leaves at once
  for (auto& [_, connection] : open) connection->drain();
}

http_server_stats http_server::stats() const {
  http_server_stats all{.connections = state_->counters->connections,
                        .websockets = state_->counters->websockets,
                        .refused = state_->refused,
                        .listening = {},
                        .out = state_->counters->out,
                        .bytes_in = state_->counters->bytes_in};
  for (const auto& each : state_->listeners) {
    all.listening.accepted += each->stats().accepted;
    all.listening.rests += each->stats().rests;
    all.listening.held += each->stats().held;
  }
  return all;
}

}  // namespace greenroom::runtime
