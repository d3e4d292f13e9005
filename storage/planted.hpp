/// PLANTED bugs show that the chaos oracle would find real ones. Only the program that is built to be caught has them
/// (GREENROOM_PLANTS; tests/chaos/README.md lists them): there GREENROOM_PLANT names the one that acts. Everywhere else
/// the answer is a constant, and nothing of them is compiled.
#pragma once
#include <string_view>

#ifdef GREENROOM_PLANTS
#include <cstdlib>
#endif

namespace greenroom::storage {

#ifdef GREENROOM_PLANTS
[[maybe_unused]] static bool planted(std::string_view name) {
  static const char* const chosen = std::getenv("GREENROOM_PLANT");
  return chosen && name == chosen;
}
#else
constexpr bool planted(std::string_view) { return false; }
#endif

}  // namespace greenroom::storage
