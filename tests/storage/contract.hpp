/// What every backend of the store must do is written as TEMPLATE_LIST_TEST_CASEs over `backends`: contract_*_test.cpp
/// and model_test.cpp. A backend joins by adding a type here whose objects own an empty store; each test gets a fresh
/// one.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "storage/memory_store.hpp"
#include "storage/sqlite_store.hpp"
#include "tests/storage/temporary_directory.hpp"

namespace greenroom::storage::testing {

struct memory_backend {
  std::unique_ptr<store> owned = make_memory_store();
  store& operator*() const { return *owned; }
};

/// In a directory of its own, without waiting for the disk: what a power cut does has tests of its own.
struct sqlite_backend {
  temporary_directory directory{};
  std::unique_ptr<store> owned = open_sqlite_store({.path = directory.file("greenroom.db"), .sync = synchronous::off});
  store& operator*() const { return *owned; }
  void restart() {
    owned.reset();
    owned = open_sqlite_store({.path = directory.file("greenroom.db"), .sync = synchronous::off});
  }
};

using backends = std::tuple<memory_backend, sqlite_backend>;

using strings = std::vector<std::string>;

inline constexpr std::int64_t start_ms = 1'800'000'000'000;  // 2027
inline constexpr std::int64_t hour_ms = 3'600'000;
inline constexpr std::int64_t day_ms = 24 * hour_ms;
inline constexpr std::size_t any = 1'000'000;  // a bound that does not matter here

inline bytes_ptr bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

inline std::string numbered(std::string prefix, int i) { return prefix += std::to_string(i); }

template <class Messages>
strings texts(const Messages& messages) {
  strings out;
  for (const auto& m : messages) out.push_back(*m.body);
  return out;
}

inline idempotency once(std::string sender, std::string id, std::uint8_t content = 1) {
  idempotency made{.sender = std::move(sender), .id = std::move(id)};
  made.content.fill(std::byte{content});
  return made;
}

/// One whole round.
inline std::uint64_t sweep_all(store& s, std::int64_t now_ms, std::uint32_t removals_max = limits::sweep_removals_max) {
  std::uint64_t removed = 0;
  for (;;) {
    const auto out = s.commit(sweep{now_ms, removals_max});
    removed += out.count;
    if (out.left == 0) return removed;
  }
}

/// The seed of a random test: a new one each time, or GREENROOM_TEST_SEED to see a failure again. Print it with CAPTURE.
inline std::uint64_t test_seed() {
  if (const auto* given = std::getenv("GREENROOM_TEST_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device{}();
}

}  // namespace greenroom::storage::testing
