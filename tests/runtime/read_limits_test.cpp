// Who may come in, and how fast a socket is read: the door and the limiter on real sockets.
#include <catch2/catch.hpp>

#include <atomic>

#include "runtime/admission.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/tls_server.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;

namespace {

/// Stops reading for a time after each so many bytes or loose frames, and counts both.
struct slow_reader final : read_limiter {
  time_point on_bytes(std::size_t n, time_point now) override {
    bytes += n;
    ++reads;
    return now + (n >= rest_from ? rest : 0ms);
  }
  time_point on_frames(std::uint32_t n, time_point now) override {
    frames += n;
    return now + (frames >= frames_max ? rest : 0ms);
  }
  std::atomic<std::size_t> bytes{0}, reads{0}, frames{0};
  std::chrono::milliseconds rest{0};
  std::size_t rest_from = 1;
  std::uint32_t frames_max = UINT32_MAX;
};

struct test_door final : admission {
  verdict admit(const socket_end& peer, std::chrono::steady_clock::time_point) override {
    peers.push_back(peer.text);
    if (++asked > let_in) return {.what = how, .retry_after = 1'500ms};
    return {.reads = reads};
  }
  std::vector<std::string> peers;
  int asked = 0, let_in = 1'000;
  way how = way::too_many;
  std::shared_ptr<slow_reader> reads = std::make_shared<slow_reader>();
};

http_server_options with(std::shared_ptr<admission> door, std::uint32_t refusals_max = 64) {
  http_server_options all;
  all.door = std::move(door);
  all.refusals_max = refusals_max;
  return all;
}

}  // namespace

TEST_CASE("door: whom it turns away hears so before anything is read of it", "[limits]") {
  struct row {
    admission::way how;
    unsigned status;
  };
  for (const auto& [how, status] : {row{admission::way::too_many, 429}, row{admission::way::unavailable, 503}}) {
    const auto door = std::make_shared<test_door>();
    door->let_in = 1;
    door->how = how;
    web_server server{with(door)};
    raw_socket first{server.address()}, second{server.address()};
    first.send(get("/"));
    CHECK(read_answer(first).status == 200);
    const auto refused = read_answer(second);  // it has said nothing
    CHECK(refused.status == status);
    CHECK(refused.header("Retry-After") == "2");
    CHECK(second.at_end());
    CHECK(server.stats().turned_away == 1);
    CHECK(door->peers.front().starts_with("127.0.0.1:"));
  }
}

TEST_CASE("door: only so many are told; the others are closed without a word", "[limits]") {
  const auto door = std::make_shared<test_door>();
  door->let_in = 0;
  web_server server{with(door, 1)};
  raw_socket one{server.address()};
  CHECK(read_answer(one).status == 429);  // and it stays, with its half of the socket open
  raw_socket two{server.address()};
  CHECK(two.read_to_end().empty());
  one.close();
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
  CHECK(ask(server, get("/")).status == 429);
}

TEST_CASE("door: what it gives a socket lives as long as that", "[limits]") {
  const auto door = std::make_shared<test_door>();
  web_server server{with(door)};
  {
    auto client = open_socket(server);
    CHECK(server.on_shard([&] { return door->reads.use_count(); }) == 2);
    server.on_shard([&] { server.records.back()->wire->limit_reads(std::make_shared<slow_reader>()); });
    CHECK(server.on_shard([&] { return door->reads.use_count(); }) == 2);  // a place is kept, though another one reads
    client.close();
  }
  CHECK(server.eventually([&] { return door->reads.use_count() == 1; }));
}

TEST_CASE("read limits: who sends too much is read later, and loses nothing", "[limits]") {
  const auto door = std::make_shared<test_door>();
  door->reads->rest = 30ms;
  web_server server{with(door)};
  const auto began = std::chrono::steady_clock::now();  // before the handshake, which is a read, too
  auto client = open_socket(server);
  std::string all;
  for (int i = 0; i != 5; ++i) {
    client.send(ws::frame(ws::text, std::to_string(i)));
    all += ws::read_frame(client)->payload;
  }
  CHECK(all == "01234");
  CHECK(std::chrono::steady_clock::now() - began >= 5 * 30ms);  // each was read 30 ms after the one before
}

TEST_CASE("read limits: a socket that rests ends when its client, its owner or its server goes", "[limits]") {
  const auto door = std::make_shared<test_door>();
  door->reads->rest = 1h;
  auto server = std::make_unique<web_server>(http_server_options{.limits = {.idle_ms = 60}, .door = door});
  raw_socket asks{server->address()};
  asks.send(get("/"));
  CHECK(read_answer(asks).status == 200);
  CHECK(asks.read_to_end().empty());  // idle: its deadline does not wait for a read
  auto aborted = open_socket(*server), left = open_socket(*server);
  auto& record = server->newest();
  server->on_shard([&] { record.wire->abort(); });
  CHECK(left.read_to_end().empty());
  CHECK(server->eventually([&] { return record.closes.size() == 1; }));
  server.reset();
  aborted.read_to_end();
  CHECK(aborted.ended());
  CHECK(door->reads.use_count() == 1);  // no socket has leaked
}

TEST_CASE("read limits: pings and fragments count, messages do not", "[limits]") {
  const auto door = std::make_shared<test_door>();
  web_server server{with(door)};
  auto client = open_socket(server);
  const auto last = [&] {
    client.send(ws::frame(ws::text, "last"));
    while (ws::read_frame(client)->payload != "last") {
    }
    return door->reads->frames.exchange(0);
  };
  CHECK(last() == 0);
  for (int i = 0; i != 7; ++i) client.send(ws::frame(ws::ping, "p"));
  CHECK(last() == 7);
  client.send(ws::frame(ws::text, "a", false));
  client.send(ws::frame(ws::continuation, "", false));
  client.send(ws::frame(ws::continuation, "b"));
  CHECK(last() == 2);
}

TEST_CASE("door: of TLS it shakes hands with those alone who come in", "[limits]") {
  const auto door = std::make_shared<test_door>();
  door->let_in = 0;
  tls_server server{{.door = door}};
  raw_socket client{server.address()};
  CHECK(client.read_to_end().empty());
  CHECK(server.stats().turned_away == 1);
  CHECK(server.stats().handshakes_failed == 0);
}

}  // namespace greenroom::runtime
