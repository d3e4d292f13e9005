/// What the microbenchmarks have in common: a loop whose allocations are counted beside its time.
///
///   void outbox_push(benchmark::State& state) {
///     counted run{state};                       one operation an iteration; counted run{state, 32}: 32
///     for (auto _ : state) …
///   }
///
/// micro.mjs makes the table: nanoseconds and allocations of one operation.
#pragma once
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "tests/bench/allocation_count.hpp"

namespace greenroom::bench {

/// To be made right before the loop, and to end right behind it.
class counted {
 public:
  explicit counted(benchmark::State& state, std::int64_t operations = 1)
      : state_{state}, operations_{operations}, before_{allocations()} {}
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  ~counted() {
    const auto done = static_cast<double>(state_.iterations() * operations_);
    state_.counters["allocs"] = static_cast<double>(allocations() - before_) / done;
    state_.SetItemsProcessed(state_.iterations() * operations_);
  }

 private:
  benchmark::State& state_;
  std::int64_t operations_;
  std::uint64_t before_;
};

/// A JSON document of 128 bytes, as clients publish it.
inline std::string payload_128() { return R"({"text":")" + std::string(117, 'x') + R"("})"; }

}  // namespace greenroom::bench
