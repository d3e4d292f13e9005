// Which sockets stand back, how much of each is read at once, and that nobody waits behind a flood: pure, on a shard, on sockets.
#include "runtime/slow_lane.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <latch>
#include <memory>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/tls_server.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;

TEST_CASE("slow lane: a socket's block is small at first, grows as it is filled, and is small again after a rest") {
  constexpr std::size_t rests = SIZE_MAX;
  struct row {
    const char* what;
    std::vector<std::size_t> reads;
    std::size_t block;
    bool back;
  };
  const auto all = std::to_array<row>({
      {"a new one", {}, 4'096, true},
      {"a new one that has said something", {10}, 4'096, false},
      {"little", {10, 4'095}, 4'096, false},
      {"a full block", {10, 10, 4'096}, 8'192, true},
      {"two", {4'096, 8'192}, 16'384, true},
      {"three", {4'096, 8'192, 16'384}, 16'384, true},
      {"then little: it keeps its block", {4'096, 8'192, 100}, 16'384, false},
      {"a rest", {4'096, 8'192, rests}, 4'096, true},
      {"a rest after little", {10, 10, rests}, 4'096, true},
      {"little after a rest", {10, 10, rests, 10}, 4'096, false},
      {"as much as its block after a rest", {10, 10, rests, 4'096}, 8'192, true},
      {"more than its block, as of one that ends", {10, 10, 16'384}, 8'192, true},
  });
  for (const auto& [what, reads, block, back] : all) {
    INFO(what);
    read_conduct of;
    for (const auto bytes : reads) bytes == rests ? of.rests() : of.came(bytes);
    CHECK(of.block() == block);
    CHECK(of.stands_back() == back);
  }
}

namespace {

struct waiter final : slow_lane::place {
  waiter(shard& home, std::vector<std::pair<int, std::uint64_t>>& diary, int number)
      : home{home}, diary{diary}, number{number} {}
  void on_turn() override { diary.emplace_back(number, home.counters().turns.get()); }
  shard& home;
  std::vector<std::pair<int, std::uint64_t>>& diary;
  int number;
};

}  // namespace

TEST_CASE("slow lane: a few a turn, in the order in which they came; who is gone is left out") {
  constexpr auto few = limits::slow_reads_a_turn;
  shard_loop loop;
  slow_lane lane;
  std::vector<std::pair<int, std::uint64_t>> diary;
  std::vector<std::unique_ptr<waiter>> all;
  const auto stood_before = slow_lane::stood();
  loop.run([&] {
    for (std::size_t i = 0; i != 2 * few + 2; ++i) {
      all.push_back(std::make_unique<waiter>(loop.at(), diary, static_cast<int>(i)));
      lane.stand(loop.at(), *all.back());
    }
    CHECK_FALSE(lane.passes(loop.at()));
    all[1].reset();
  });
  REQUIRE(loop.eventually([&] { return diary.size() == 2 * few + 1; }));
  loop.run([&] {
    CHECK(diary[0].first == 0);
    for (std::size_t i = 1; i != diary.size(); ++i) {
      INFO(i);
      CHECK(diary[i].first == static_cast<int>(i) + 1);
      CHECK((diary[i].second > diary[i - 1].second) == (i % few == 0));
    }
    CHECK(slow_lane::stood() - stood_before == 2 * few + 2);
  });
  loop.run([&] {
    for (std::size_t i = 0; i != few; ++i) CHECK(lane.passes(loop.at()));  // it is empty again
    CHECK_FALSE(lane.passes(loop.at()));
    all.clear();
  });
}

namespace {

/// What a flood of `sockets` has brought when the message of a socket that says little came, which was sent last of all.
std::size_t before_the_quiet_one(web_server& server, std::size_t sockets, std::size_t bytes_each) {
  std::vector<raw_socket> floods;
  auto quiet = open_socket(server);
  auto& heard = server.newest();
  for (std::size_t i = 0; i != sockets; ++i) floods.push_back(open_socket(server));
  std::size_t came = 0, before = 0;
  server.on_shard([&] {
    for (auto& each : server.records) {
      each->echo = false;
      each->when_message = [&](std::string_view text) { came += text.size(); };
    }
    heard.when_message = [&](std::string_view) { before = came; };
  });
  std::latch held{1}, sent{1};
  server.loop.at().post([&] {  // nothing is read until everything has been sent
    held.count_down();
    sent.wait();
  });
  held.wait();
  const std::string kib(1'016, 'x');  // with its header
  std::string all;
  while (all.size() < bytes_each) all += ws::frame(ws::text, kib);
  for (auto& each : floods) each.send(all);
  quiet.send(ws::frame(ws::text, "?"));
  sent.count_down();
  CHECK(server.eventually([&] { return came >= sockets * bytes_each / 1'024 * 1'016; }));
  return server.on_shard([&] { return before; });
}

}  // namespace

TEST_CASE("slow lane: a message of who says little waits for a block of each of the others at most", "[limits]") {
  constexpr std::size_t sockets = 8, each = 64U << 10;
  web_server server;
  const auto stood_before = slow_lane::stood();
  const auto before = before_the_quiet_one(server, sockets, each);
  CHECK(before <= (sockets + 16) *
                      limits::read_block_first);  // with what the lane lets in, should a slow machine need more turns
  CHECK(slow_lane::stood() > stood_before);
}

TEST_CASE("slow lane: who stands there when its client, its owner or its server goes is gone, too", "[limits]") {
  auto server = std::make_unique<web_server>();
  std::vector<raw_socket> floods;
  for (int i = 0; i != 8; ++i) floods.push_back(open_socket(*server));
  auto& aborted = server->newest();
  std::latch held{1}, sent{1};
  server->loop.at().post([&] {
    held.count_down();
    sent.wait();
  });
  held.wait();
  const std::string kib(1'016, 'x');
  std::string all;
  for (int i = 0; i != 64; ++i) all += ws::frame(ws::text, kib);
  for (auto& each : floods) each.send(all);
  floods[0].close();
  sent.count_down();
  server->on_shard([&] { aborted.wire->abort(); });
  CHECK(server->eventually([&] { return aborted.closes.size() == 1; }));
  CHECK(server->eventually([&] { return server->records.front()->closes.size() == 1; }));
  server.reset();
  for (std::size_t i = 1; i != floods.size(); ++i) {
    floods[i].read_to_end();
    CHECK(floods[i].ended());
  }
}

}  // namespace greenroom::runtime
