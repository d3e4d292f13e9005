// WEB_PAIR is two http_servers on two shards, each with a port of its own, between which connections move: a request says by
// its field `Shard` where it belongs. With `options.tls` they speak TLS.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/http_shards.hpp"
#include "tests/support/http_client.hpp"

namespace greenroom::tests {

inline constexpr const char* to_0 = "Shard: 0\r\n";
inline constexpr const char* to_1 = "Shard: 1\r\n";

/// Serves one shard; a request says by its field `Shard` where it belongs. Answers "SHARD METHOD path[body]".
struct side final : runtime::http_handler {
  std::optional<std::size_t> shard_of(const runtime::http_request& asked) override {
    ++questions;
    const auto where = asked.header("Shard");
    return where.empty() ? std::nullopt : std::optional{static_cast<std::size_t>(std::stoul(std::string{where}))};
  }
  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override {
    const auto& asked = exchange->request();
    peers.push_back(asked.peer);
    if (asked.path == "/later") return later.push_back(std::move(exchange));
    exchange->respond(
        {.content_type = "text/plain",
         .body = asked.path == "/big"
                     ? std::string(asked.query.empty() ? 4U << 20 : std::stoul(asked.query), 'b')
                     : std::to_string(id) + ' ' + asked.method + ' ' + asked.path + '[' + asked.body + ']'});
  }
  std::variant<runtime::http_response, runtime::upgrade> on_upgrade(const runtime::http_request&) override {
    auto record = records.emplace_back(std::make_unique<socket_record>()).get();
    return runtime::upgrade{{}, sockets, [record](runtime::transport_ptr wire) {
                              record->wire = std::move(wire);
                              return record;
                            }};
  }
  void on_done(const runtime::http_access& line) override { access.push_back({std::string{line.path}, line.status}); }

  std::size_t id = 0;
  runtime::websocket_options sockets{};
  std::unique_ptr<runtime::http_server> server;
  std::vector<std::shared_ptr<runtime::http_exchange>> later;
  std::vector<std::string> peers;
  std::vector<std::pair<std::string, unsigned>> access;
  std::vector<std::unique_ptr<socket_record>> records;
  int questions = 0;
};

struct web_pair {
  explicit web_pair(runtime::http_server_options options = {}) : options{options} {
    this->options.shards =
        std::make_shared<runtime::http_shards>(std::vector<runtime::shard*>{&loop.at(0), &loop.at(1)});
    for (std::size_t i = 0; i != 2; ++i) {
      sides[i].id = i;
      where[i] = runtime::probe({"127.0.0.1", 0, options.tls != nullptr});
      start(i);
    }
  }
  ~web_pair() {
    for (std::size_t i = 0; i != 2; ++i) {
      on(i, [&] {
        for (auto& each : sides[i].records) {
          if (each->wire) each->wire->detach();
          each->wire.reset();
        }
        sides[i].later.clear();
        sides[i].server.reset();
      });
    }
  }

  void start(std::size_t i) {
    on(i, [&, i] {
      sides[i].server = std::make_unique<runtime::http_server>(loop.at(i), sides[i], options);
      sides[i].server->listen(where[i]);
    });
  }
  void stop(std::size_t i) {
    on(i, [&, i] { sides[i].server.reset(); });
  }
  template <class F>
  auto on(std::size_t shard, F what) -> std::invoke_result_t<F&> {
    return loop.run(std::move(what), shard);
  }
  template <class F>
  bool eventually(std::size_t shard, F holds) {
    return loop.eventually(std::move(holds), shard);
  }
  runtime::http_server_stats stats(std::size_t i) {
    return on(i, [&, i] { return sides[i].server->stats(); });
  }
  /// Whether a server has that many connections, at the latest in five seconds.
  bool has(std::size_t i, std::uint64_t connections) {
    return eventually(i, [&, i] { return sides[i].server->stats().connections == connections; });
  }
  auto access(std::size_t i) {
    return on(i, [&, i] { return sides[i].access; });
  }
  raw_socket client(std::size_t i, int receive_buffer = 0) { return raw_socket{where[i].text(), receive_buffer}; }

  std::array<side, 2> sides;
  std::array<runtime::listen_address, 2> where;
  runtime::http_server_options options;
  shard_loop loop{2};
};

}  // namespace greenroom::tests
