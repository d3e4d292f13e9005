#include <fcntl.h>
#include <sys/resource.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "runtime/descriptors.hpp"
#include "runtime/edge_watch.hpp"
#include "tests/support/http_client.hpp"

/// The edge's bounds: what is slow, and what is too much.
namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;
using clock = std::chrono::steady_clock;

// --- descriptors ---

TEST_CASE("descriptors: connections get what the store, the logs and the refusals leave") {
  struct row {
    std::uint64_t limit;
    std::size_t shards;
    std::uint32_t wanted, connections, refusals;
  };
  for (const auto& [limit, shards, wanted, connections, refusals] : std::vector<row>{
           {1'048'576, 2, 20'000, 20'000, 64},  // as many as the config wants
           {1'024, 1, 20'000, 844, 64},
           {1'024, 2, 20'000, 389, 57},
           {256, 1, 20'000, 121, 19},
           {256, 1, 50, 50, 19},
           {120, 1, 20'000, 2, 2},
           {100, 1, 20'000, 1, 1},  // nothing is left: one, so that somebody can look
           {0, 8, 20'000, 1, 1},
           {UINT64_MAX, 64, 1'000'000, 1'000'000, 64},
       }) {
    CAPTURE(limit, shards);
    const auto share = share_descriptors(limit, shards, wanted);
    CHECK(share.connections_max == connections);
    CHECK(share.refusals_max == refusals);
    if (limit >= 256 && limit != UINT64_MAX)
      CHECK(shards * (share.connections_max + share.refusals_max) + descriptors_beside <= limit);
  }
}

TEST_CASE("edge watch: a reason has a line a minute, which says how many it speaks for") {
  edge::pace pace;
  const edge::pace::time_point start{1h};
  CHECK(pace.tick(start) == 1);
  for (int i = 0; i != 1'000; ++i) CHECK(pace.tick(start + i * 50ms) == 0);
  CHECK(pace.tick(start + 59'999ms) == 0);
  CHECK(pace.tick(start + 60s) == 1'002);
  CHECK(pace.tick(start + 60s) == 0);
  CHECK(pace.tick(start + 10min) == 2);
}

// --- slow messages ---

TEST_CASE("websocket: a message that drips is closed with 1008 after its time, whatever the pings") {
  struct row {
    const char* what;
    std::string begin, drip;
  };
  const auto long_frame = ws::frame(ws::binary, std::string(5'000, '\0'));
  const auto row = GENERATE_COPY(values<struct row>({
      {"a frame's header", "\x82", ""},
      {"a frame", long_frame.substr(0, 20), "x"},
      {"fragments", ws::frame(ws::text, "a", false), ws::frame(ws::continuation, "b", false)},
      {"pings between fragments", ws::frame(ws::text, "a", false), ws::frame(ws::ping, "p")},
      {"a control frame",
       "\x89\x85\x01\x02\x03\x04"
       "a",
       ""},
      {"after whole messages", ws::frame(ws::text, "whole") + ws::frame(ws::text, "part", false), ""},
  }));
  CAPTURE(row.what);
  const auto ping_ms = GENERATE(0U, 20U);
  web_server server{{.limits = {.body_ms = 120}},
                    {.ping_interval_ms = ping_ms, .pong_timeout_ms = 60'000, .close_timeout_ms = 100}};
  const auto before = edge::counted(edge::reason::slow_message);
  auto client = open_socket(server);
  auto& record = server.newest();
  client.send(row.begin);
  const auto began = clock::now();
  while (clock::now() - began < 3s && server.on_shard([&] { return record.closes.empty(); })) {
    if (!row.drip.empty()) client.send(row.drip);
    client.read_for(8ms);
  }
  CHECK(clock::now() - began < 2s);
  REQUIRE(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closes.front().code == 1008);
    CHECK(record.closes.front().reason == "slow_message");
    CHECK(record.closed_at - record.opened_at >= 120ms);
  });
  CHECK(edge::counted(edge::reason::slow_message) == before + 1);
  CHECK(client.at_end());
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
}

TEST_CASE("websocket: who sends without a pause is not slow, and who rests between messages neither") {
  web_server server{{.limits = {.body_ms = 100}}, {.ping_interval_ms = 0}};
  auto busy = open_socket(server);
  auto& record = server.newest();
  const auto one = ws::frame(ws::text, std::string(300, 'm'));
  // every read ends within a message, but each is whole in time
  std::string stream;
  for (int i = 0; i != 40; ++i) stream += one;
  for (std::size_t at = 0; at < stream.size(); at += 290) {
    busy.send(std::string_view{stream}.substr(at, 290));
    busy.read_for(8ms);
  }
  CHECK(server.eventually([&] { return record.texts.size() == 40; }));
  auto rests = open_socket(server);
  rests.send(one);
  rests.read_for(250ms);
  rests.send(one);
  CHECK(server.eventually([&] { return server.records.back()->texts.size() == 2; }));
  server.on_shard([&] {
    for (const auto& each : server.records) CHECK(each->closes.empty());
  });
}

TEST_CASE("websocket: a message whose reading the node has paused is not the peer's fault") {
  web_server server{{.limits = {.body_ms = 80}}, {.ping_interval_ms = 0, .close_timeout_ms = 50}};
  auto client = open_socket(server);
  auto& record = server.newest();
  const auto one = ws::frame(ws::text, "hello");
  client.send(one.substr(0, 4));
  server.on_shard([&] { record.wire->pause_reading(); });
  client.read_for(200ms);
  server.on_shard([&] {
    CHECK(record.closes.empty());
    record.wire->resume_reading();
  });
  client.send(one.substr(4));
  CHECK(server.eventually([&] { return record.texts.size() == 1; }));
  // and from then on its time counts again
  client.send(one.substr(0, 4));
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
}

TEST_CASE("edge: each slow client is counted under its reason") {
  using edge::counted;
  using edge::reason;
  web_server server{{.limits = {.header_ms = 50, .body_ms = 50, .write_ms = 50}}};
  const auto head = counted(reason::slow_header), body = counted(reason::slow_body),
             reader = counted(reason::slow_reader);
  raw_socket slow_head{server.address()}, slow_body{server.address()}, slow_reader{server.address(), 4'096};
  slow_head.send("GET / HT");
  slow_body.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  slow_reader.send(get("/big"));
  CHECK(read_answer(slow_head).status == 408);
  CHECK(read_answer(slow_body).status == 408);
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
  CHECK(counted(reason::slow_header) == head + 1);
  CHECK(counted(reason::slow_body) == body + 1);
  CHECK(counted(reason::slow_reader) == reader + 1);
}

TEST_CASE("http server: a request line and a chunked body that drip are cut off in time, and a slow last chunk too") {
  for (const auto& [begin, drip] : std::vector<std::pair<std::string, std::string>>{
           {"G", "E"},
           {"GET / HTTP/1.1\r\nX: ", "y"},
           {"GET / HTTP/1.1\r\nHost: t\r\n", "X: 1\r\n"},
           {"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n", "b"},
           {"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nb\r\n"},
           {"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", ""},
           {"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"}}) {
    CAPTURE(begin);
    web_server server{{.limits = {.header_ms = 80, .body_ms = 80}}};
    raw_socket client{server.address()};
    client.send(begin);
    const auto began = clock::now();
    std::string got;
    while (clock::now() - began < 2s && got.empty()) {
      if (!drip.empty()) client.send(drip);
      got = client.read_for(5ms);
    }
    CHECK(got.starts_with("HTTP/1.1 408"));
    CHECK(clock::now() - began < 1s);
  }
}

}  // namespace greenroom::runtime
