#pragma once
#include <string>
#include <vector>

#include "tests/codecs/jwt_samples.hpp"

namespace greenroom::codecs::fuzz {

/// The tokens that were signed: one of each algorithm. What else is accepted was forged.
inline const std::vector<std::string>& signed_tokens() {
  static const std::vector<std::string> all = [] {
    const char* kids[]{"hs256", "hs384", "hs512", "rs256", "ps256", "es256", "eddsa"};
    std::vector<std::string> made;
    for (const auto alg : samples::algorithms)
      made.push_back(mint_jwt(samples::order(), samples::signer(alg, kids[static_cast<std::size_t>(alg)])));
    return made;
  }();
  return all;
}

}  // namespace greenroom::codecs::fuzz
