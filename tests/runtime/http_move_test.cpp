// Connections that move to the shard that serves their request: two servers on two shards, each with a port of its own.
#include <fcntl.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "tests/support/web_pair.hpp"

namespace greenroom::runtime {
namespace {

using namespace tests;
using namespace std::chrono_literals;

using lines = std::vector<std::pair<std::string, unsigned>>;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd != 4'096; ++fd) count += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
  return count;
}

}  // namespace

// --- what moves ---

TEST_CASE("http move: a request is served on the shard that its handler names, and the connection stays there") {
  web_pair node;
  auto client = node.client(0);
  client.send(get("/a", to_1));
  CHECK(read_answer(client).body == "1 GET /a[]");
  CHECK(node.has(0, 0));
  CHECK(node.stats(1).connections == 1);
  client.send(get("/b"));  // kept alive there; no shard is named
  CHECK(read_answer(client).body == "1 GET /b[]");
  client.send(get("/c", to_0));
  CHECK(read_answer(client).body == "0 GET /c[]");
  CHECK(node.has(1, 0));
  CHECK(node.stats(0).moved_out == 1);
  CHECK(node.stats(0).moved_in == 1);
  CHECK(node.stats(1).moved_out == 1);
  CHECK(node.stats(1).moved_in == 1);
  CHECK(node.access(0) == lines{{"/c", 200}});
  CHECK(node.access(1) == lines{{"/a", 200}, {"/b", 200}});
  CHECK(node.on(1, [&] { return node.sides[1].questions; }) == 2);  // /a was not asked about again
  CHECK(node.on(0, [&] { return node.sides[0].peers; }) ==
        std::vector<std::string>{node.on(1, [&] { return node.sides[1].peers.at(0); })});
}

TEST_CASE("http move: a body goes along, however it came") {
  web_pair node;
  auto client = node.client(0);
  const std::string large(700'000, 'x');
  client.send(post(large, to_1));
  CHECK(read_answer(client).body == "1 POST /echo[" + large + "]");
  client.send("POST /chunks HTTP/1.1\r\nHost: t\r\nShard: 0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\n\r\n");
  CHECK(read_answer(client).body == "0 POST /chunks[abcde]");
  client.send("POST /wait HTTP/1.1\r\nHost: t\r\nShard: 1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  CHECK(read_answer(client).body == "1 POST /wait[ok]");
}

TEST_CASE("http move: pipelined requests are answered in their order, each on its shard") {
  web_pair node;
  auto client = node.client(0);
  client.send(get("/1") + post("two", to_1) + get("/3", to_1) + get("/4", to_0) + get("/5") + get("/6", to_1));
  CHECK(read_answer(client).body == "0 GET /1[]");
  CHECK(read_answer(client).body == "1 POST /echo[two]");
  CHECK(read_answer(client).body == "1 GET /3[]");
  CHECK(read_answer(client).body == "0 GET /4[]");
  CHECK(read_answer(client).body == "0 GET /5[]");
  CHECK(read_answer(client).body == "1 GET /6[]");
}

TEST_CASE("http move: an answer that the client has not read yet arrives whole before the one from elsewhere") {
  web_pair node;
  auto client = node.client(0, 4'096);
  constexpr std::size_t size = 100'000, answers = 80;  // more than the kernel takes, each less than half an outbox
  std::string asked;
  for (std::size_t i = 0; i != answers; ++i) asked += get("/big?100000", i % 2 == 0 ? to_1 : to_0);
  client.send(asked + get("/next", to_1));
  CHECK(node.eventually(1, [&] { return node.sides[1].server->stats().out.bytes > size; }));
  for (std::size_t i = 0; i != answers; ++i) REQUIRE(read_answer(client).body == std::string(size, 'b'));
  CHECK(read_answer(client).body == "1 GET /next[]");
  const auto written = node.stats(0).out.bytes + node.stats(1).out.bytes;
  CHECK(written > answers * size);
  CHECK(written < answers * (size + 500));  // counted where it was written, once
}

TEST_CASE("http move: a WebSocket handshake opens on the shard that its handler names, with what follows it") {
  web_pair node;
  auto client = node.client(0);
  client.send(ws::handshake("/ws", to_1) + ws::frame(ws::text, "early"));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(ws::read_frame(client)->payload == "early");
  client.send(ws::frame(ws::text, "one") + ws::frame(ws::ping, "p"));
  CHECK(ws::read_frame(client)->op == ws::pong);  // ahead of the echo
  CHECK(ws::read_frame(client)->payload == "one");
  CHECK(node.stats(0).websockets == 0);
  CHECK(node.stats(0).connections == 0);
  CHECK(node.stats(1).websockets == 1);
  CHECK(node.stats(1).connections == 1);
  CHECK(node.access(0).empty());
  CHECK(node.access(1) == lines{{"/ws", 101}});
  node.on(1, [&] { node.sides[1].records.at(0)->wire->close(4'000, "enough"); });
  CHECK(ws::read_frame(client)->code() == 4'000);
  client.send(ws::frame(ws::close, ws::close_payload(4'000)));
  CHECK(client.at_end());
  client.close();
  CHECK(node.has(1, 0));
}

TEST_CASE("http move: two shards upgrade with settings of their own") {
  web_pair node;
  node.on(0, [&] { node.sides[0].sockets.deflate_window_bits = 12; });
  constexpr const char* offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  auto compressed = node.client(1), plain = node.client(0);
  compressed.send(ws::handshake("/ws", std::string{to_0} + offer));
  plain.send(ws::handshake("/ws", std::string{to_1} + offer));
  CHECK(compressed.read_until("\r\n\r\n").find("server_max_window_bits=12") != std::string::npos);
  CHECK(plain.read_until("\r\n\r\n").find("Extensions") == std::string::npos);
}

TEST_CASE("http move: what a handshake lacks is refused where it came, without a move") {
  web_pair node;
  auto old = node.client(0), keyless = node.client(0);
  old.send("GET /ws HTTP/1.1\r\nHost: t\r\nShard: 1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  CHECK(read_answer(old).status == 426);
  keyless.send(
      "GET /ws HTTP/1.1\r\nHost: t\r\nShard: 1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n");
  CHECK(read_answer(keyless).status == 400);
  CHECK(node.stats(0).moved_out == 0);
}

TEST_CASE("http move: Connection: close and deadlines hold where the connection has moved") {
  web_pair node{{.limits = {.header_ms = 60, .idle_ms = 60}}};
  auto closes = node.client(0);
  closes.send(get("/", std::string{to_1} + "Connection: close\r\n"));
  CHECK(read_answer(closes).header("Connection") == "close");
  CHECK(closes.at_end());
  auto rests = node.client(0);
  rests.send(get("/", to_1));
  CHECK(read_answer(rests).status == 200);
  CHECK(rests.read_to_end().empty());
  CHECK(rests.ended());
  auto stalls = node.client(0);
  stalls.send(get("/", to_1) + "GET / HTTP");
  CHECK(read_answer(stalls).status == 200);
  CHECK(read_answer(stalls).status == 408);
  for (auto* each : {&closes, &rests, &stalls}) each->close();
  CHECK(node.has(1, 0));
}

TEST_CASE("http move: a client that leaves while it is served elsewhere is logged there, once") {
  web_pair node;
  auto client = node.client(0);
  client.send(get("/later", to_1));
  CHECK(node.eventually(1, [&] { return node.sides[1].later.size() == 1; }));
  client.close_with_reset();
  node.on(1, [&] {
    node.sides[1].later.at(0)->respond({.body = "late"});
    node.sides[1].later.clear();
  });
  CHECK(node.has(1, 0));
  CHECK(node.access(0).empty());
  CHECK(node.access(1).size() == 1);
}

// --- what does not ---

TEST_CASE("http move: where the other shard has no server the client hears 503 and may come again") {
  web_pair node;
  node.stop(1);
  auto client = node.client(0);
  client.send(get("/a", to_1) + get("/b"));
  const auto refused = read_answer(client);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "5");
  CHECK(refused.header("Connection") == "keep-alive");
  CHECK(read_answer(client).body == "0 GET /b[]");
  node.start(1);
  client.send(get("/c", to_1));
  CHECK(read_answer(client).body == "1 GET /c[]");
  CHECK(node.access(0) == lines{{"/a", 503}, {"/b", 200}});
  CHECK(node.has(0, 0));
}

TEST_CASE("http move: a handshake for a shard without a server, or for one that there is not, hears 503") {
  web_pair node;
  node.stop(1);
  auto one = node.client(0), nine = node.client(0);
  one.send(ws::handshake("/ws", to_1));
  CHECK(read_answer(one).status == 503);
  nine.send(ws::handshake("/ws", "Shard: 9\r\n"));
  CHECK(read_answer(nine).status == 503);
  CHECK(node.access(0) == lines{{"/ws", 503}, {"/ws", 503}});
  node.start(1);
}

TEST_CASE("http move: a server without others answers another shard's request with 503") {
  web_pair node;
  node.options.shards = nullptr;
  node.stop(0);
  node.start(0);
  auto client = node.client(0);
  client.send(get("/", to_1) + get("/"));
  CHECK(read_answer(client).status == 503);
  CHECK(read_answer(client).body == "0 GET /[]");
}

TEST_CASE("http move: when both ends lose their servers meanwhile the client still hears 503") {
  web_pair node;
  auto client = node.client(0);
  std::atomic<bool> held{false}, go{false};
  node.loop.at(1).post([&] {  // what arrives waits behind this
    held = true;
    while (!go) std::this_thread::yield();
    node.sides[1].server.reset();
  });
  while (!held) std::this_thread::yield();
  client.send(get("/a", to_1));
  CHECK(node.eventually(0, [&] { return node.sides[0].server->stats().moved_out == 1; }));
  node.stop(0);
  go = true;
  const auto refused = read_answer(client);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(client.at_end());
  node.start(0);
  node.start(1);
}

TEST_CASE("http move: a server that drains answers what comes from elsewhere with 503, and closes it") {
  web_pair node;
  auto client = node.client(0), socket = node.client(0);
  node.on(1, [&] { node.sides[1].server->drain(); });
  client.send(get("/a", to_1));
  const auto refused = read_answer(client);
  CHECK(refused.status == 503);
  CHECK(refused.header("Retry-After") == "5");
  CHECK(refused.header("Connection") == "close");
  CHECK(client.at_end());
  socket.send(ws::handshake("/ws", to_1));
  CHECK(read_answer(socket).status == 503);
  client.close();
  socket.close();
  CHECK(node.has(1, 0));
  CHECK(node.access(0).empty());
  CHECK(node.access(1) == lines{{"/a", 503}, {"/ws", 503}});
}

TEST_CASE("http move: a request that is complete after its own shard began to drain is served where it belongs") {
  web_pair node;
  auto client = node.client(0);
  client.send("POST /a HTTP/1.1\r\nHost: t\r\nShard: 1\r\nContent-Length: 2\r\n\r\n1");
  CHECK(node.eventually(0, [&] { return node.sides[0].server->stats().bytes_in > 0; }));
  node.on(0, [&] { node.sides[0].server->drain(); });
  client.send("2");
  CHECK(read_answer(client).body == "1 POST /a[12]");
  CHECK(node.stats(0).connections == 0);
}

TEST_CASE("http move: a full server refuses who comes from elsewhere like who comes anew") {
  web_pair node{{.connections_max = 1, .refusals_max = 1, .retry_after_ms = 1'500}};
  auto stays = node.client(1), refused = node.client(0);
  stays.send(get("/"));
  CHECK(read_answer(stays).status == 200);
  refused.send(get("/a", to_1));
  const auto answer = read_answer(refused);
  CHECK(answer.status == 503);
  CHECK(answer.header("Retry-After") == "2");
  auto dropped = node.client(0);
  dropped.send(get("/b", to_1));  // the one before has not gone yet
  CHECK(dropped.read_to_end().empty());
  CHECK(dropped.ended());
  CHECK(node.stats(1).refused == 2);
  CHECK(node.access(1) == lines{{"/", 200}, {"/a", 503}, {"/b", 503}});
  refused.close();
  stays.close();
  CHECK(node.has(1, 0));
}

TEST_CASE("http move: no more than a bounded number is on its way to a shard that does not come to take them") {
  web_pair node{{.connections_max = 5'000}};
  std::vector<raw_socket> clients;
  constexpr auto more = 3U;
  for (auto i = 0U; i != http_shards::underway_max + more; ++i) clients.push_back(node.client(0));
  std::atomic<bool> held{false}, go{false};
  node.loop.at(1).post([&] {
    held = true;
    while (!go) std::this_thread::yield();
  });
  while (!held) std::this_thread::yield();
  for (auto& each : clients) each.send(get("/a", to_1));
  CHECK(node.eventually(0, [&] { return node.sides[0].access.size() == more; }));
  CHECK(node.stats(0).moved_out == http_shards::underway_max);
  CHECK(node.has(0, more));
  go = true;
  std::size_t served = 0, refused = 0;
  for (auto& each : clients) ++(read_answer(each).status == 200 ? served : refused);
  CHECK(served == http_shards::underway_max);
  CHECK(refused == more);
}

// --- many ---

TEST_CASE("http move: connections that move with every request lose none, and every counter ends where it began") {
  const auto before = open_descriptors();
  {
    web_pair node;
    constexpr std::size_t threads = 2, clients = 8, rounds = 60;
    std::atomic<std::size_t> wrong{0};
    const auto drive = [&](std::size_t seed) {
      std::vector<raw_socket> all;
      for (std::size_t i = 0; i != clients; ++i) all.push_back(node.client(i % 2));
      for (std::size_t round = 0; round != rounds; ++round) {
        const auto shard = [&](std::size_t i) { return (round + i + seed) % 2; };
        for (std::size_t i = 0; i != clients; ++i) {
          all[i].send(get("/x", shard(i) == 0 ? to_0 : to_1) + post("body", shard(i) == 0 ? to_1 : to_0));
        }
        for (std::size_t i = 0; i != clients; ++i) {
          wrong += read_answer(all[i]).body != std::to_string(shard(i)) + " GET /x[]";
          wrong += read_answer(all[i]).body != std::to_string(1 - shard(i)) + " POST /echo[body]";
        }
      }
    };
    std::vector<std::thread> running;
    for (std::size_t i = 0; i != threads; ++i) running.emplace_back(drive, i);
    for (auto& each : running) each.join();
    CHECK(wrong == 0);
    CHECK(node.has(0, 0));
    CHECK(node.has(1, 0));
    const auto a = node.stats(0), b = node.stats(1);
    CHECK(a.moved_out == b.moved_in);
    CHECK(b.moved_out == a.moved_in);
    CHECK(a.moved_out + b.moved_out >= threads * clients * rounds);
    CHECK(node.access(0).size() + node.access(1).size() == threads * clients * rounds * 2);
    CHECK(a.websockets + b.websockets == 0);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("http move: servers that restart while connections move leave no descriptor and no client without an end") {
  const auto before = open_descriptors();
  {
    web_pair node;
    std::atomic<bool> done{false};
    std::thread restarts{[&] {
      while (!done) {
        for (const auto i : {1U, 0U}) {
          node.stop(i);
          node.start(i);
        }
      }
    }};
    std::size_t answered = 0, ended = 0, silent = 0;
    for (std::size_t i = 0; i != 300; ++i) {
      try {
        auto client = node.client(i % 2);
        client.send(get("/a", to_1) + get("/b", to_0) + get("/c", std::string{to_1} + "Connection: close\r\n"));
        const auto got = client.read_to_end();
        ++(!client.ended() ? silent : got.empty() ? ended : answered);
      } catch (const std::system_error&) {
        ++ended;  // nobody listened just then
      }
    }
    done = true;
    restarts.join();
    CHECK(silent == 0);
    CHECK(answered + ended == 300);
    CHECK(node.has(0, 0));
    CHECK(node.has(1, 0));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("http move: what is on its way when the shards stop is closed with them") {
  const auto before = open_descriptors();
  std::vector<raw_socket> clients;
  {
    auto node = std::make_unique<web_pair>();
    for (std::size_t i = 0; i != 50; ++i) clients.push_back(node->client(i % 2));
    for (std::size_t i = 0; i != clients.size(); ++i) clients[i].send(get("/later", i % 2 == 0 ? to_1 : to_0));
    node.reset();
  }
  for (auto& each : clients) CHECK(each.at_end());
  clients.clear();
  CHECK(open_descriptors() == before);
}

}  // namespace greenroom::runtime
