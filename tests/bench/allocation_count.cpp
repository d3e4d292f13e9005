#include "tests/bench/allocation_count.hpp"

#include <execinfo.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <new>
#include <utility>

namespace greenroom::bench {
namespace {

constexpr int depth = 24;  // frames that are kept of each way
constexpr std::size_t places_max = 512;

struct way {
  std::array<void*, depth> frames{};
  int length = 0;
  std::uint64_t count = 0, bytes = 0;
};

constinit thread_local std::uint64_t counted = 0;
constinit thread_local bool watched = false;
std::array<way, places_max> ways;
std::size_t ways_used = 0;

void keep_way(std::size_t bytes) {
  watched = false;  // what this needs itself is not counted
  way now;
  now.length = backtrace(now.frames.data(), depth);
  const auto end = ways.begin() + static_cast<std::ptrdiff_t>(ways_used);
  auto known = std::find_if(ways.begin(), end, [&](const way& each) {
    return each.length == now.length &&
           std::equal(each.frames.begin(), each.frames.begin() + each.length, now.frames.begin());
  });
  if (known == end) {
    if (ways_used == places_max)
      --known;
    else
      ways[ways_used++] = now;
  }
  ++known->count;
  known->bytes += bytes;
  watched = true;
}

void* take(std::size_t bytes) {
  ++counted;
  if (watched) keep_way(bytes);
  if (auto* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc{};
}

void* take(std::size_t bytes, std::align_val_t alignment) {
  ++counted;
  if (watched) keep_way(bytes);
  const auto unit = static_cast<std::size_t>(alignment);
  if (auto* memory = std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit)) return memory;
  throw std::bad_alloc{};
}

}  // namespace

std::uint64_t allocations() noexcept { return counted; }

void watch_allocations() {
  ways_used = 0;
  void* first[1];
  backtrace(first, 1);  // loads what it needs
  watched = true;
}

std::vector<allocation_place> allocation_places() {
  watched = false;
  std::vector<allocation_place> all;
  for (std::size_t i = 0; i != ways_used; ++i) {
    const auto& one = ways[i];
    allocation_place place{one.count, one.bytes, {}};
    char** names = backtrace_symbols(one.frames.data(), one.length);
    for (int n = 2; names != nullptr && n < one.length; ++n) place.frames.emplace_back(names[n]);  // 0 and 1 are ours
    std::free(names);
    all.push_back(std::move(place));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return all;
}

}  // namespace greenroom::bench

void* operator new(std::size_t bytes) { return greenroom::bench::take(bytes); }
void* operator new[](std::size_t bytes) { return greenroom::bench::take(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return greenroom::bench::take(bytes, alignment); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return greenroom::bench::take(bytes, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
