// WEB_SERVER is an http_server on a real shard and a free loopback port, with a handler that shows what it was asked:
//
//   GET|POST /anything   200, "METHOD path?query[body]"        /later   kept until answer_later()
//   /drop                dropped without an answer             /big     200, 4 MiB
//   /preflight           204 with fields, and a body that must not leave
//   /ws                  a WebSocket whose `socket_record` records, and echoes unless told otherwise
//
// With `options.tls` it speaks TLS. What happens on the shard is looked at with on_shard().
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "runtime/http_server.hpp"
#include "tests/support/raw_socket.hpp"
#include "tests/support/shard_loop.hpp"

namespace greenroom::tests {

/// What one WebSocket heard; lives as long as the handler.
struct socket_record final : runtime::transport_events {
  void on_message(runtime::frame_kind kind, std::string_view bytes) override {
    texts.emplace_back(bytes);
    kinds.push_back(kind);
    if (when_message) when_message(bytes);
    if (echo) wire->out().push_reply(server_frame(kind == runtime::frame_kind::text ? ws::text : ws::binary, bytes));
  }
  void on_pong(std::uint64_t ping) override { pongs.push_back(ping); }
  void on_drained() override { ++drained; }
  runtime::frame on_gap(const runtime::gap& lost) override {
    return server_frame(ws::text, "dropped " + std::to_string(lost.from) + "-" + std::to_string(lost.to));
  }
  void on_closed(const runtime::close_info& how) override {
    if (lets_go) wire.reset();  // first: what it hears is there all the same
    closes.push_back(how);
    closed_at = std::chrono::steady_clock::now();
  }

  static runtime::frame server_frame(ws::opcode op, std::string_view payload) {
    std::string bytes{static_cast<char>(0x80 | op)};
    bytes += ws::length(payload.size(), false);
    bytes += payload;
    return std::make_shared<const std::string>(std::move(bytes));
  }

  runtime::transport_ptr wire;
  bool echo = true;
  bool lets_go = false;  ///< of the wire, when that has closed
  std::function<void(std::string_view)> when_message;
  std::vector<std::string> texts;
  std::vector<runtime::frame_kind> kinds;
  std::vector<std::uint64_t> pongs;
  int drained = 0;
  std::vector<runtime::close_info> closes;
  std::chrono::steady_clock::time_point opened_at = std::chrono::steady_clock::now(), closed_at;
};

class web_server : public runtime::http_handler {
 public:
  static constexpr std::size_t big_bytes = 4U << 20;
  struct line {
    std::string method, path, peer;
    unsigned status;
    std::uint64_t bytes;
  };

  explicit web_server(runtime::http_server_options options = {}, runtime::websocket_options sockets = {},
                      std::string host = "127.0.0.1")
      : sockets_{sockets}, where_{runtime::probe({std::move(host), 0, options.tls != nullptr})} {
    loop.run([&] {
      server = std::make_unique<runtime::http_server>(loop.at(), *this, options);
      server->listen(where_);
    });
  }
  virtual ~web_server() {
    loop.run([&] {
      for (auto& each : records) {
        if (each->wire) each->wire->detach();  // the records die before the loop does
        each->wire.reset();
      }
      later.clear();
      server.reset();
    });
  }

  std::string address() const { return where_.text(); }
  template <class F>
  auto on_shard(F what) {
    return loop.run(std::move(what));
  }
  template <class F>
  bool eventually(F holds) {
    return loop.eventually(std::move(holds));
  }
  void answer_later(const std::string& body) {
    on_shard([&] {
      for (auto& each : later) each->respond({.content_type = "text/plain", .body = body});
      later.clear();
    });
  }
  runtime::http_server_stats stats() {
    return on_shard([&] { return server->stats(); });
  }
  std::vector<line> lines() {
    return on_shard([&] { return access; });
  }
  /// The newest WebSocket's record, once it is open.
  socket_record& newest() {
    socket_record* found = nullptr;
    eventually([&] { return !records.empty() && (found = records.back().get())->wire; });
    return *found;
  }

  void on_request(std::shared_ptr<runtime::http_exchange> exchange) override {
    const auto& asked = exchange->request();
    requests.push_back(asked);
    if (asked.path == "/later") return later.push_back(std::move(exchange));
    if (asked.path == "/drop") return;
    if (asked.path == "/preflight")
      return exchange->respond({.status = 204,
                                .body = "no",
                                .fields = {{"Access-Control-Allow-Origin", "https://page.test"},
                                           {"Vary", "Origin"},
                                           {"Vary", "Access-Control-Request-Headers"}}});
    if (asked.path == "/ws") return exchange->respond(runtime::http_upgrade_required());
    if (asked.path == "/big")
      return exchange->respond({.content_type = "text/plain", .body = std::string(big_bytes, 'b')});
    exchange->respond({.content_type = "text/plain",
                       .body = asked.method + ' ' + asked.path + '?' + asked.query + '[' + asked.body + ']'});
  }
  std::variant<runtime::http_response, runtime::upgrade> on_upgrade(const runtime::http_request& request) override {
    if (request.path != "/ws") return runtime::http_error(404, "no WebSocket here");
    auto record = records.emplace_back(std::make_unique<socket_record>()).get();
    record->echo = echo;
    const auto chosen = request.lists("Sec-WebSocket-Protocol", "greenroom.json.1") ? "greenroom.json.1" : "";
    return runtime::upgrade{chosen, sockets_, [record](runtime::transport_ptr wire) {
                              record->wire = std::move(wire);
                              record->opened_at = std::chrono::steady_clock::now();
                              return record;
                            }};
  }
  void on_handshake_failed(std::string_view, std::string_view why) override { failures.emplace_back(why); }
  void on_done(const runtime::http_access& l) override {
    access.push_back({std::string{l.method}, std::string{l.path}, std::string{l.peer}, l.status, l.bytes});
  }

  // --- of the shard's thread ---
  shard_loop loop;
  std::unique_ptr<runtime::http_server> server;
  std::vector<std::shared_ptr<runtime::http_exchange>> later;
  std::vector<runtime::http_request> requests;
  std::vector<line> access;
  std::vector<std::string> failures;  ///< of TLS handshakes
  std::vector<std::unique_ptr<socket_record>> records;
  bool echo = true;

 private:
  runtime::websocket_options sockets_;
  runtime::listen_address where_;
};

/// A client whose handshake is done.
inline raw_socket open_socket(web_server& server, int receive_buffer = 0) {
  raw_socket client{server.address(), receive_buffer};
  client.send(ws::handshake());
  client.read_until("\r\n\r\n");
  return client;
}

}  // namespace greenroom::tests
