// TLS: many connections: new certificates under traffic, a server that goes, what an idle one keeps.
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sanitized.hpp"
#include "tests/support/tls_server.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;

TEST_CASE("tls: certificates change under traffic and no connection notices", "[tls]") {
  tls_server server;
  auto stays = open_tls_socket(server);
  CHECK(stays.server_name() == "localhost");
  std::atomic<bool> done{false};
  std::atomic<int> right{0}, wrong{0};
  std::vector<std::thread> clients;
  for (int c = 0; c != 4; ++c)
    clients.emplace_back([&] {
      auto kept = open_tls_socket(server);
      while (!done) {
        kept.send(ws::frame(ws::text, "kept"));
        const auto got = ws::read_frame(kept);
        tls_socket fresh{server.address()};
        fresh.send(get("/"));
        got && got->payload == "kept" && read_answer(fresh).status == 200 ? ++right : ++wrong;
      }
    });
  for (int i = 0; i != 30; ++i) {
    server.files.config(
        server.ca.issue(i % 3 == 2 ? "late" : "new", i % 3 == 2 ? authority::span{-48h, -1h} : authority::span{}));
    CHECK(server.context->reload().has_value() == (i % 3 == 2));
    const auto before = right.load();
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (right < before + 4 && wrong == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  }
  done = true;
  for (auto& each : clients) each.join();
  CHECK(wrong == 0);
  CHECK(right >= 30 * 4);
  stays.send(ws::frame(ws::text, "still here"));
  CHECK(ws::read_frame(stays)->payload == "still here");
  CHECK(tls_socket{server.address()}.server_name() == "new");
}

TEST_CASE("tls: a server that goes takes its connections along, whatever they were doing", "[tls]") {
  std::vector<std::unique_ptr<tls_socket>> clients;
  std::vector<std::unique_ptr<raw_socket>> silent;
  {
    tls_server server;
    constexpr std::array starts{"", "GET /", "GET /later HTTP/1.1\r\nHost: t\r\n\r\n",
                                "GET /big HTTP/1.1\r\nHost: t\r\n\r\n",
                                "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nx"};
    for (std::size_t i = 0; i != 100; ++i) {
      clients.push_back(std::make_unique<tls_socket>(server.address()));
      clients.back()->send(starts[i % starts.size()]);
      silent.push_back(std::make_unique<raw_socket>(server.address()));
      silent.back()->send("\x16\x03");
    }
    CHECK(server.eventually([&] { return server.later.size() == 20 && server.server->stats().connections == 200; }));
  }
  CHECK(std::all_of(clients.begin(), clients.end(), [](auto& c) { return c->at_end(); }));
  CHECK(std::all_of(silent.begin(), silent.end(), [](auto& c) { return c->at_end(); }));
}

namespace {

/// Idle clients in another process, so that only the server's side is in this one's heap. Made before there are threads.
class other_process {
 public:
  other_process(int clients, int version) {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) == 0);
    child_ = ::fork();
    if (child_ == 0) ::_exit(run(clients, version));
  }
  ~other_process() {
    ::close(ends_[0]);
    ::close(ends_[1]);
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  /// How many of them have had an answer.
  int connect(const std::string& address) {
    if (::write(ends_[0], address.data(), address.size()) < 0) return -1;
    int opened = 0;
    return ::read(ends_[0], &opened, sizeof opened) == sizeof opened ? opened : -1;
  }

 private:
  int run(int clients, int version) {
    ::close(ends_[0]);
    std::array<char, 64> address{};
    const auto size = ::read(ends_[1], address.data(), address.size());
    if (size <= 0) return 1;
    std::vector<std::unique_ptr<tls_socket>> all;
    int opened = 0;
    for (int i = 0; i != clients; ++i) {
      auto& client = *all.emplace_back(std::make_unique<tls_socket>(
          std::string_view{address.data(), static_cast<std::size_t>(size)}, tls_choices{.version = version}));
      client.send(ws::handshake());
      client.read_until("\r\n\r\n");
      client.send(ws::frame(ws::text, std::string(3'000, 'm')) + ws::frame(ws::text, "short"));
      ws::read_frame(client);
      if (const auto got = ws::read_frame(client); got && got->payload == "short") ++opened;
    }
    const auto told = ::write(ends_[1], &opened, sizeof opened);
    return told > 0 && ::read(ends_[1], address.data(), 1) > 0 ? 1 : 0;  // until the test is over
  }

  int ends_[2] = {-1, -1};
  pid_t child_ = 0;
};

void allow_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

TEST_CASE("tls: an idle connection keeps at most 15 KiB of heap, of two thousand", "[tls]") {
  if (tests::sanitized) {
    WARN("left out: a sanitizer's heap is not the one that is measured");
    return;
  }
  constexpr int count = 2'000;
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  allow_descriptors();
  other_process first{1, version}, clients{count, version};
  tls_server server;
  CHECK(first.connect(server.address()) == 1);  // what a shard has once is there
  server.on_shard([&] {
    server.records.reserve(2 * count);
    server.access.reserve(2 * count);
  });
  const auto measure = [&] {
    return server.on_shard([&] {
      for (auto& each : server.records) {
        each->texts.clear(), each->texts.shrink_to_fit();
        each->kinds.clear(), each->kinds.shrink_to_fit();
      }
      server.access.clear();
      ::malloc_trim(0);
      return ::mallinfo2().uordblks;
    });
  };
  const auto before = measure();
  REQUIRE(clients.connect(server.address()) == count);
  const auto each = (measure() - before) / count - sizeof(socket_record) - 8;
  WARN("heap of an idle WebSocket over " << (version == TLS1_2_VERSION ? "TLS 1.2: " : "TLS 1.3: ") << each
                                         << " bytes");
  CHECK(each <= 15U << 10);
}

}  // namespace greenroom::runtime
