// What a connection has of its own: its outbox, its timers, its limits.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "actors/deadlines.hpp"
#include "runtime/outbox.hpp"
#include "runtime/timer_wheel.hpp"
#include "runtime/token_bucket.hpp"
#include "tests/bench/micro.hpp"

namespace greenroom::bench {
namespace {

using namespace runtime;
using namespace std::chrono_literals;

struct deaf_port final : outbox_port {
  void on_dirty() override {}
  frame on_gap(const gap&) override { return nullptr; }
};

/// range(0) frames are queued and then written at once, as in a connection's turn. An operation is a frame.
void outbox_push(benchmark::State& state) {
  deaf_port port;
  outbox_stats stats;
  outbox out{{}, port, stats};
  const auto bytes = std::make_shared<const std::string>(std::string(250, 'x'));
  std::array<iovec, 64> pieces;
  std::uint64_t seq = 0;
  const auto turn = [&] {
    for (std::int64_t i = 0; i != state.range(0); ++i, ++seq)
      out.push({.bytes = bytes, .room = 1, .first = seq, .last = seq});
    while (const auto count = out.gather(pieces)) out.consume(count * bytes->size());
  };
  turn();
  counted run{state, state.range(0)};
  for (auto _ : state) turn();
}
BENCHMARK(outbox_push)->Name("outbox/push")->ArgName("frames")->Arg(1)->Arg(8)->Arg(64);

struct bell final : timer {
  void on_timer() override { ++rung; }
  std::uint64_t rung = 0;
};

/// Armed again before it was due: a keep-alive whose client speaks.
void wheel_rearm(benchmark::State& state) {
  const timer_wheel::time_point origin{};
  timer_wheel wheel{origin};
  std::vector<bell> bells(10'000);
  std::size_t next = 0;
  auto now = origin;
  for (auto& each : bells) wheel.arm(each, now + 25s);
  counted run{state};
  for (auto _ : state) {
    wheel.arm(bells[next], now + 25s);
    next = next + 1 == bells.size() ? 0 : next + 1;
  }
}
BENCHMARK(wheel_rearm)->Name("timer_wheel/arm again");

/// 10,000 timers of 25 s that ring and are armed again. An operation is a timer that rings.
void wheel_expire(benchmark::State& state) {
  const timer_wheel::time_point origin{};
  timer_wheel wheel{origin};
  struct repeating final : timer {
    void on_timer() override {
      ++*rung;
      on->arm(*this, *now + 25s);
    }
    timer_wheel* on = nullptr;
    const timer_wheel::time_point* now = nullptr;
    std::int64_t* rung = nullptr;
  };
  std::vector<repeating> bells(10'000);
  auto now = origin;
  std::int64_t rung = 0;
  for (std::size_t i = 0; i != bells.size(); ++i) {
    bells[i].on = &wheel;
    bells[i].now = &now;
    bells[i].rung = &rung;
    wheel.arm(bells[i], now + std::chrono::microseconds{2'500 * i});
  }
  const auto before = allocations();
  for (auto _ : state) {
    now += 4ms;
    wheel.advance(now);
  }
  state.counters["allocs"] =
      static_cast<double>(allocations() - before) / static_cast<double>(std::max<std::int64_t>(rung, 1));
  state.SetItemsProcessed(rung);
}
BENCHMARK(wheel_expire)->Name("timer_wheel/ring");

/// What is owed to many: 1,000 wait, one comes and one is answered.
void deadlines_add_take(benchmark::State& state) {
  deadline_map<std::uint64_t, int> waiting;
  const deadline start{};
  std::uint64_t next = 0;
  for (; next != 1'000; ++next) waiting.add(next, start + std::chrono::milliseconds{next}, 0);
  counted run{state};
  for (auto _ : state) {
    waiting.add(next, start + std::chrono::milliseconds{next}, 0);
    benchmark::DoNotOptimize(waiting.take(next - 1'000));
    ++next;
  }
}
BENCHMARK(deadlines_add_take)->Name("deadline_map/add and take");

template <class Bucket>
void bucket_take(benchmark::State& state) {
  const token_rate rate{1'000'000, 1'000};
  Bucket bucket;
  bucket_time now{1h};
  counted run{state};
  for (auto _ : state) {
    now += 1us;
    benchmark::DoNotOptimize(bucket.take(rate, 1, now));
  }
}
BENCHMARK_TEMPLATE(bucket_take, token_bucket)->Name("token_bucket/take");
BENCHMARK_TEMPLATE(bucket_take, shared_token_bucket)->Name("token_bucket/take, shared");

}  // namespace
}  // namespace greenroom::bench
