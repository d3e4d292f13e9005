// Appending: to a room's log and to an inbox in memory, and to both on the disk's write side, a batch at a time.
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/memory_store.hpp"
#include "storage/sqlite_store.hpp"
#include "tests/bench/micro.hpp"

namespace greenroom::bench {
namespace {

using namespace storage;

constexpr std::int64_t now_ms = 1'767'225'600'000;
constexpr std::int64_t week_ms = 7ll * 24 * 3'600 * 1'000;

bytes_ptr body() { return std::make_shared<const std::string>(std::string(171, 'x')); }

operation room_append(const bytes_ptr& what) {
  return append{.log = "lobby", .body = what, .at_ms = now_ms, .keep = {.count = 1'000}};
}
operation inbox_put(const bytes_ptr& what) {
  return inbox_append{.user = "ann", .body = what, .at_ms = now_ms, .expires_ms = now_ms + week_ms};
}

void memory_log_append(benchmark::State& state) {
  const auto store = make_memory_store();
  const auto what = body();
  for (int i = 0; i != 2'000; ++i) store->commit(room_append(what));
  counted run{state};
  for (auto _ : state)
    if (!store->commit(room_append(what)).ok()) state.SkipWithError("it was refused");
}
BENCHMARK(memory_log_append)->Name("append/memory log");

void memory_inbox_append(benchmark::State& state) {
  const auto store = make_memory_store();
  const auto what = body();
  counted run{state};
  for (auto _ : state) {
    const auto queued = store->commit(inbox_put(what));
    if (!queued.ok() || !store->commit(inbox_ack{"ann", queued.n}).ok()) state.SkipWithError("it was refused");
  }
}
BENCHMARK(memory_inbox_append)->Name("append/memory inbox, and ack");

/// range(0) messages a transaction, without fdatasync: what the processor does of it. An operation is a message.
void sqlite_append(benchmark::State& state, operation (*make)(const bytes_ptr&)) {
  const auto path = std::filesystem::temp_directory_path() / ("greenroom-micro-" + std::to_string(::getpid()));
  std::filesystem::create_directories(path);
  {
    const auto store = open_sqlite_store({.path = path / "store.db", .sync = synchronous::off});
    const std::vector<operation> batch(static_cast<std::size_t>(state.range(0)), make(body()));
    std::uint64_t newest = 0;
    const auto commit = [&] {
      for (const auto& each : store->commit(batch)) {
        if (!each.ok()) state.SkipWithError("it was refused");
        newest = each.n;
      }
      if (newest != 0) store->commit(inbox_ack{"ann", newest});  // an inbox has a bound
      store->upkeep();
    };
    commit();
    counted run{state, state.range(0)};
    for (auto _ : state) commit();
  }
  std::filesystem::remove_all(path);
}
BENCHMARK_CAPTURE(sqlite_append, log, room_append)->Name("append/sqlite log")->ArgName("batch")->Arg(1)->Arg(64);
BENCHMARK_CAPTURE(sqlite_append, inbox, inbox_put)
    ->Name("append/sqlite inbox, and ack")
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(64);

}  // namespace
}  // namespace greenroom::bench

BENCHMARK_MAIN();
