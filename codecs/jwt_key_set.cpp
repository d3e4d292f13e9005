#include "codecs/jwt_key_set.hpp"

namespace greenroom::codecs {

std::variant<key_set::hit, key_set::miss> key_set::find(std::string_view kid, jwt_algorithm alg) const noexcept {
  const jwt_key* fits = nullptr;
  std::size_t fitting = 0;
  for (const auto& each : keys_) {
    if (!kid.empty() && each.kid() == kid) {
      if (each.algorithm() != alg) return miss::wrong_algorithm;
      return hit{&each, true};
    }
    if (each.algorithm() != alg || (!kid.empty() && !each.kid().empty())) continue;
    fits = &each;
    ++fitting;
  }
  if (fitting == 1) return hit{fits, kid.empty()};
  if (fitting > 1) return miss::ambiguous;
  return kid.empty() ? miss::wrong_algorithm : miss::unknown;
}

key_set_ptr make_key_set(std::vector<jwt_key> keys, std::string& why) {
  why.clear();
  if (keys.size() > limits::jwt_keys_max)
    why = "There are more than " + std::to_string(limits::jwt_keys_max) + " keys.";
  const auto place = [&](auto key) { return std::to_string(key - keys.begin() + 1) + ". one"; };
  for (auto a = keys.begin(); a != keys.end() && why.empty(); ++a) {
    for (auto b = keys.begin(); b != a && why.empty(); ++b) {
      if (a->kid() != b->kid()) continue;
      if (!a->kid().empty())
        why = "Two keys have the same id: the " + place(b) + " and the " + place(a) + '.';
      else if (a->algorithm() == b->algorithm())
        why = "Two keys without an id hold the algorithm " + std::string{name_of(a->algorithm())} + '.';
    }
  }
  if (!why.empty()) return nullptr;
  return key_set_ptr{new key_set{std::move(keys)}};
}

}  // namespace greenroom::codecs
