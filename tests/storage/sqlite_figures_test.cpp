// What durable appends, an opening and sweeps cost on this machine's disk. Hidden: `storage_test "[.figures]"` prints it.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

constexpr int rooms = 16;
constexpr int senders = 64;

struct figure {
  double per_second, batch_ms, batch_ms_max, cpu_us;
};

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The floor: the median of a hundred times 64 KiB written over a file's own bytes, and fdatasync.
double sync_ms() {
  using clock = std::chrono::steady_clock;
  const temporary_directory directory;
  const int file = ::open(directory.file("floor").c_str(), O_RDWR | O_CREAT, 0600);
  const std::string bytes(64 << 10, 'f');
  std::vector<double> took;
  for (int i = 0; i < 100; ++i) {
    const auto began = clock::now();
    const bool written = ::pwrite(file, bytes.data(), bytes.size(), 0) > 0 && ::fdatasync(file) == 0;
    if (!written) return 0;
    took.push_back(std::chrono::duration<double, std::milli>{clock::now() - began}.count());
  }
  ::close(file);
  std::ranges::sort(took);
  return took[50];
}

figure appends(std::size_t batch_size, retention keep, double seconds) {
  using clock = std::chrono::steady_clock;
  const temporary_directory directory;
  const auto s = open_sqlite_store({.path = directory.file("greenroom.db")});
  const auto body = bytes(std::string(256, 'b'));
  std::uint64_t count = 0;
  const auto began = clock::now();
  const auto cpu_began = cpu_seconds();
  std::chrono::duration<double> took{};
  std::vector<operation> batch;
  while (took.count() < seconds) {
    batch.clear();
    for (std::size_t i = 0; i < batch_size; ++i, ++count) {
      char id[37];
      std::snprintf(id, sizeof id, "0193f7a1-%04x-7000-8000-%012x", static_cast<unsigned>(count >> 16) & 0xffffu,
                    static_cast<unsigned>(count));
      batch.push_back(append{.log = numbered("durable:room", static_cast<int>(count % rooms)),
                             .body = body,
                             .at_ms = start_ms + static_cast<std::int64_t>(count / 50),
                             .keep = keep,
                             .once = once(numbered("user", static_cast<int>(count % senders)), id)});
    }
    for (const auto& out : s->commit(batch)) REQUIRE(out.ok());
    s->upkeep();
    took = clock::now() - began;
  }
  const auto f = s->figures();
  return {static_cast<double>(count) / took.count(),
          static_cast<double>(f.commit_ns) / 1e6 / static_cast<double>(f.batches),
          static_cast<double>(f.commit_ns_max) / 1e6, (cpu_seconds() - cpu_began) * 1e6 / static_cast<double>(count)};
}

double ms_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double, std::milli>{std::chrono::steady_clock::now() - began}.count();
}

}  // namespace

TEST_CASE("sqlite store: what durable appends cost", "[.figures]") {
  for (const auto& [name, keep] :
       {std::pair{"all kept", retention{.count = any}}, std::pair{"1,000 a room kept", retention{.count = 1'000}}})
    for (const auto batch : std::initializer_list<std::size_t>{1, 64, 256, 1024}) {
      const auto f = appends(batch, keep, 2);
      WARN(name << ", batches of " << batch << ": " << static_cast<long>(f.per_second) << " appends a second, "
                << f.batch_ms << " ms a batch, " << f.batch_ms_max << " at most, " << f.cpu_us
                << " us CPU an append; fdatasync alone " << sync_ms() << " ms");
    }
}

TEST_CASE("sqlite store: what opening a gibibyte and sweeping it cost", "[.figures]") {
  using clock = std::chrono::steady_clock;
  const temporary_directory directory;
  sqlite_options options{.path = directory.file("greenroom.db"), .sync = synchronous::off};
  std::uint64_t count = 0;
  {
    const auto s = open_sqlite_store(options);
    const auto body = bytes(std::string(1'500, 'b'));
    while (s->figures().database_bytes < 1ull << 30) {
      std::vector<operation> batch;
      for (int i = 0; i < 1'000; ++i, ++count)
        batch.push_back(append{.log = numbered("room", static_cast<int>(count % 10'000)),
                               .body = body,
                               .at_ms = start_ms,
                               .keep = {.count = any, .age_ms = day_ms},
                               .once = once(numbered("user", static_cast<int>(count % 5'000)), std::to_string(count))});
      s->commit(batch);
      s->upkeep();
    }
  }
  const auto began = clock::now();
  options.sync = synchronous::full;
  const auto s = open_sqlite_store(options);
  const auto opened = ms_since(began);
  CHECK(s->counters().records == count);
  double longest = 0;
  for (int i = 0; i < 200; ++i) {
    const auto swept = clock::now();
    REQUIRE(s->commit(sweep{start_ms + 2 * day_ms}).count > 0);
    longest = std::max(longest, ms_since(swept));
    s->upkeep();
  }
  WARN(count << " messages, " << s->figures().database_bytes << " bytes: opened in " << opened
             << " ms; the longest of 200 sweeps " << longest << " ms; the longest checkpoint "
             << static_cast<double>(s->figures().checkpoint_ns_max) / 1e6 << " ms");
}

}  // namespace greenroom::storage::testing
