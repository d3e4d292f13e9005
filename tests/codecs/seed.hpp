#pragma once
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace greenroom::codecs {

/// A new seed for each run, printed; GREENROOM_TEST_SEED repeats one.
inline std::uint64_t announced_seed(const char* what) {
  const char* given = std::getenv("GREENROOM_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << what << ": seed " << seed << '\n';
  return seed;
}

}  // namespace greenroom::codecs
