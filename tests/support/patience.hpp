// PATIENCE: how long a test waits for what ought to come soon before it says that it did not come.
//
// Where programs run slower (sanitizers, fuzzers beside each other) GREENROOM_TEST_PATIENCE says how many times as long; the
// end-to-end tests' harness.mjs reads the same variable. Only what must happen is waited for so: a test that passes never
// takes longer for it.
#pragma once

#include <chrono>
#include <cstdlib>

namespace greenroom::tests {

/// How many times as long as usual; 1 where nobody said.
inline int patience_factor() {
  static const int factor = [] {
    const char* given = std::getenv("GREENROOM_TEST_PATIENCE");
    const int said = given != nullptr ? std::atoi(given) : 1;
    return said < 1 ? 1 : said > 100 ? 100 : said;
  }();
  return factor;
}

inline std::chrono::seconds patience() { return std::chrono::seconds{5} * patience_factor(); }

}  // namespace greenroom::tests
