/// ALLOCATION_COUNT says how often this thread has allocated: a program that links allocation_count.cpp has its own operator
/// new, which counts and then calls malloc. Memory that a library takes from malloc itself (SQLite, zlib) is not seen.
///
/// Threading: each thread counts for itself; where they come from is kept for one thread at a time.
/// Bounds: `places_max` places, what comes from others is put under the last.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace greenroom::bench {

/// Calls of operator new by this thread, since it began.
std::uint64_t allocations() noexcept;

/// Where allocations come from.
struct allocation_place {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> frames;  ///< innermost first, as `binary(function+offset)`
};

/// From now on this thread's allocations are kept with the way that led there.
void watch_allocations();
/// Ends it; the most frequent first.
std::vector<allocation_place> allocation_places();

}  // namespace greenroom::bench
