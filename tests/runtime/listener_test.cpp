#include "runtime/listener.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <system_error>

#include "tests/support/sanitized.hpp"
#include "tests/support/web_server.hpp"

namespace greenroom::runtime {
namespace {

using namespace std::chrono_literals;
using namespace tests;

}  // namespace

TEST_CASE("listen address: numeric addresses are read and written, everything else is refused") {
  for (const auto* good : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:8080", "[::]:65535", "[2001:db8::1]:1"}) {
    CAPTURE(good);
    const auto parsed = listen_address::parse(good);
    REQUIRE(parsed);
    CHECK(parsed->text() == good);
  }
  const auto secured = listen_address::parse("tls://[::1]:8443");
  REQUIRE(secured);
  CHECK(secured->tls);
  CHECK(secured->text() == "[::1]:8443");
  CHECK(secured->url() == "https://[::1]:8443");
  CHECK(listen_address::parse("127.0.0.1:80")->url() == "http://127.0.0.1:80");
  for (const auto* bad : {"tls://", "tls:127.0.0.1:80", "TLS://127.0.0.1:80", "http://127.0.0.1:80", "", ":", "8080",
                          "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1x", "::1:8080",
                          "[::1]", "[127.0.0.1]:80", "localhost:80", "1.2.3:80", "[::1]8080"}) {
    CAPTURE(bad);
    CHECK_FALSE(listen_address::parse(bad));
  }
}

TEST_CASE("listener: a probe finds a free port and says clearly when an address is taken") {
  web_server server;
  const auto taken = *listen_address::parse(server.address());
  CHECK(taken.port != 0);
  CHECK_THROWS_WITH(probe(taken), Catch::Matchers::Contains(taken.text()) && Catch::Matchers::Contains("in use"));
  CHECK_THROWS_AS(probe({"192.0.2.1", 0}), std::system_error);
  CHECK_THROWS_AS(probe({"not an address", 0}), std::system_error);
}

TEST_CASE("listener: a port is free again at once when its server is gone") {
  std::string address;
  {
    web_server server;
    address = server.address();
    raw_socket client{address};
    client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    client.read_to_end();
  }
  CHECK(probe(*listen_address::parse(address)).text() == address);
}

TEST_CASE("listener: IPv6 is served beside IPv4, each on its own") {
  web_server server{{}, {}, "::1"};
  raw_socket client{server.address()};
  client.send("GET /six HTTP/1.1\r\nHost: [::1]\r\n\r\n");
  CHECK(client.read_until("[]").find("GET /six?[]") != std::string::npos);
  server.on_shard([&] {
    CHECK(server.requests[0].is_loopback);
    CHECK(server.requests[0].peer.starts_with("[::1]:"));
  });
  const auto port = listen_address::parse(server.address())->port;
  CHECK_NOTHROW(probe({"127.0.0.1", port}));
}

TEST_CASE("listener: shards share one port and the kernel spreads connections over them") {
  constexpr std::size_t shards = 2;
  constexpr int count = 200;
  shard_loop loop{shards};
  const auto where = probe({"127.0.0.1", 0});
  std::vector<std::unique_ptr<listener>> listeners(shards);
  std::vector<std::vector<unique_fd>> sockets(shards);
  for (std::size_t i = 0; i != shards; ++i) {
    loop.run(
        [&, i] {
          listeners[i] = std::make_unique<listener>(loop.at(i), where,
                                                    [&, i](unique_fd s) { sockets[i].push_back(std::move(s)); });
        },
        i);
  }
  std::vector<raw_socket> clients;
  for (int i = 0; i != count; ++i) clients.emplace_back(where.text());
  const auto accepted = [&](std::size_t i) { return loop.run([&] { return listeners[i]->stats().accepted; }, i); };
  CHECK(loop.eventually([&] { return accepted(1) + listeners[0]->stats().accepted == count; }));
  for (std::size_t i = 0; i != shards; ++i) CHECK(accepted(i) > count / 10);
  for (std::size_t i = 0; i != shards; ++i) loop.run([&, i] { listeners[i].reset(); }, i);
}

TEST_CASE(
    "listener: without descriptors a client hears 503, accepting rests instead of spinning, and goes on by itself") {
  if (tests::sanitized) {  // UBSan takes the failure of its pipes for a bug of ours
    WARN("left out: a sanitizer opens descriptors of its own to look at memory");
    return;
  }
  web_server server{{.listener = {.retry_ms = 20}}};
  raw_socket before{server.address()};
  before.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(before.read_until("[]").starts_with("HTTP/1.1 200"));
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  std::vector<unique_fd> hoard;
  for (unique_fd each{::open("/dev/null", O_RDONLY)}; each && hoard.size() != 64;
       each.reset(::open("/dev/null", O_RDONLY))) {
    hoard.push_back(std::move(each));
  }
  const auto lowest = hoard.front().get();
  const rlimit one{static_cast<rlim_t>(lowest) + 1, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &one) == 0);
  hoard.front().reset();
  raw_socket waiting{server.address()};  // takes the last descriptor; the server's end has none
  waiting.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto refused = waiting.read_until("\r\n\r\n");
  const bool rested = server.eventually([&] { return server.server->stats().listening.rests > 0; });
  const auto begin = server.on_shard([&] { return server.loop.at().counters().turns.get(); });
  before.read_for(100ms);
  const auto end = server.on_shard([&] { return server.loop.at().counters().turns.get(); });
  ::setrlimit(RLIMIT_NOFILE, &old);
  CHECK(rested);
  CHECK(end - begin < 100);
  CHECK(server.stats().listening.rests < 20);
  CHECK(server.stats().listening.turned_away == 1);
  CHECK(refused.starts_with("HTTP/1.1 503"));
  CHECK(refused.find("\r\nRetry-After: 5\r\n") != std::string::npos);
  CHECK(waiting.at_end());
  before.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");  // who was in stays
  CHECK(before.read_until("\r\n").starts_with("HTTP/1.1 200"));
  raw_socket after{server.address()};
  after.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  CHECK(after.read_until("\r\n").starts_with("HTTP/1.1 200"));
}

TEST_CASE("listener: a crowd that comes at once is let in at its pace, and nobody is lost") {
  constexpr int count = 30;
  web_server server{{.listener = {.accepts_per_second = 100}}};  // one in 10 ms
  std::vector<raw_socket> crowd;
  for (int i = 0; i != count; ++i) crowd.emplace_back(server.address());
  CHECK(server.eventually([&] { return server.server->stats().listening.accepted == count; }));
  CHECK(server.stats().listening.held > 0);
}

TEST_CASE("listener: a closed one accepts nobody") {
  web_server server;
  const auto address = server.address();
  server.on_shard([&] { server.server->drain(); });
  CHECK_THROWS(raw_socket{address});
}

}  // namespace greenroom::runtime
