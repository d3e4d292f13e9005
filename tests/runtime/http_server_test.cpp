#include "runtime/http_server.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <vector>

#include "tests/support/http_client.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;
using clock = std::chrono::steady_clock;

// --- time ---

TEST_CASE("http server: slow headers and slow bodies are answered with 408, silence with nothing") {
  web_server server{{.limits = {.header_ms = 60, .body_ms = 60, .idle_ms = 60}}};
  raw_socket silent{server.address()}, head{server.address()}, body{server.address()};
  head.send("GET / HTTP/1.1\r\nHo");
  body.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nab");
  CHECK(read_answer(head).status == 408);
  CHECK(read_answer(body).status == 408);
  CHECK(head.at_end());
  CHECK(silent.read_to_end().empty());
  CHECK(silent.ended());
}

TEST_CASE("http server: a header that drips does not move its deadline") {
  web_server server{{.limits = {.header_ms = 100}}};
  raw_socket client{server.address()};
  const auto began = clock::now();
  while (clock::now() - began < 1s) {
    client.send("G");
    if (!client.read_for(5ms).empty()) break;
  }
  CHECK(clock::now() - began < 300ms);
}

TEST_CASE("http server: a kept connection that rests is closed without a word") {
  web_server server{{.limits = {.idle_ms = 60}}};
  raw_socket client{server.address()};
  client.send(get("/"));
  CHECK(read_answer(client).status == 200);
  CHECK(client.read_to_end().empty());
  CHECK(client.ended());
}

TEST_CASE("http server: a client that does not read its answer is cut off") {
  web_server server{{.limits = {.write_ms = 80}}};
  raw_socket client{server.address(), 4'096};
  client.send(get("/big"));
  CHECK(server.eventually([&] { return server.requests.size() == 1 && server.server->stats().connections == 0; }));
}

// --- many ---

TEST_CASE("http server: over the connection limit a client hears 503 and when to come back") {
  web_server server{{.connections_max = 2, .refusals_max = 1, .retry_after_ms = 1'500}};
  raw_socket one{server.address()}, two = open_socket(server);
  one.send(get("/"));
  CHECK(read_answer(one).status == 200);
  raw_socket three{server.address()};
  const auto refused = read_answer(three);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "2");
  raw_socket four{server.address()};
  CHECK(four.read_to_end().empty());  // three has not gone yet
  CHECK(server.stats().refused == 2);
  three.close();
  two.close();
  CHECK(server.eventually([&] { return server.server->stats().connections == 1; }));
  CHECK(ask(server, get("/")).status == 200);
}

TEST_CASE("http server: a server that drains closes who rests, and the others with their answer") {
  web_server server;
  raw_socket rests{server.address()}, asks{server.address()};
  auto socket = open_socket(server);
  rests.send(get("/"));
  CHECK(read_answer(rests).status == 200);
  asks.send(get("/later"));
  CHECK(server.eventually([&] { return server.later.size() == 1; }));
  server.on_shard([&] { server.server->drain(); });
  CHECK(rests.at_end());
  CHECK_THROWS(raw_socket{server.address()});
  server.answer_later("done");
  CHECK(read_answer(asks).header("Connection") == "close");
  CHECK(asks.at_end());
  socket.send(ws::frame(ws::text, "still here"));
  CHECK(ws::read_frame(socket)->payload == "still here");
}

TEST_CASE("http server: a server that goes takes its connections along, whatever they were doing") {
  std::vector<raw_socket> clients;
  {
    web_server server;
    for (int i = 0; i != 200; ++i) {
      auto& client = clients.emplace_back(server.address());
      constexpr std::array starts{"", "GET /", "GET /later HTTP/1.1\r\nHost: t\r\n\r\n",
                                  "GET /big HTTP/1.1\r\nHost: t\r\n\r\n",
                                  "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nx"};
      client.send(starts[static_cast<std::size_t>(i) % starts.size()]);
    }
    CHECK(server.eventually([&] { return server.later.size() == 40 && server.server->stats().connections == 200; }));
  }
  for (auto& each : clients) each.read_to_end();
  CHECK(std::all_of(clients.begin(), clients.end(), [](auto& c) { return c.ended(); }));
}

TEST_CASE("http server: an answer that comes after the server is gone does nothing") {
  web_server server;
  raw_socket client{server.address()};
  client.send(get("/later"));
  CHECK(server.eventually([&] { return server.later.size() == 1; }));
  server.on_shard([&] {
    server.server.reset();
    server.later[0]->respond({.body = "too late"});
    server.later.clear();
    server.server = std::make_unique<http_server>(server.loop.at(), server, http_server_options{});
  });
  CHECK(client.read_to_end().empty());
}

TEST_CASE("http server: each request is one line of the access log") {
  web_server server;
  raw_socket client{server.address()};
  client.send(get("/a") + "HEAD /b HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto first = read_answer(client);
  client.read_until("\r\n\r\n");
  auto socket = open_socket(server);
  ask(server, get("/%"));
  const auto lines = server.lines();
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].method + ' ' + lines[0].path == "GET /a");
  CHECK(lines[0].status == 200);
  CHECK(lines[0].bytes == first.head.size() + first.body.size());
  CHECK(lines[0].peer.starts_with("127.0.0.1:"));
  CHECK(lines[1].method + ' ' + lines[1].path == "HEAD /b");
  CHECK(lines[2].path == "/ws");
  CHECK(lines[2].status == 101);
  CHECK(lines[3].status == 400);
}

TEST_CASE("http server: random bytes never disturb the server", "[fuzz]") {
  web_server server;
  const auto seed = 4'711U;
  CAPTURE(seed);
  std::mt19937 random{seed};
  const std::vector<std::string> seeds{
      get("/a?b"), post("body"), ws::handshake(),
      "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
  for (int round = 0; round != 500; ++round) {
    auto bytes = seeds[random() % seeds.size()] + seeds[random() % seeds.size()];
    for (auto n = 1 + random() % 4; n != 0; --n) bytes[random() % bytes.size()] = static_cast<char>(random());
    raw_socket client{server.address()};
    client.send(bytes);
    client.finish();
  }
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
  CHECK(ask(server, get("/")).status == 200);
}

}  // namespace greenroom::runtime
