#include "storage/epoch.hpp"

#include <cstdint>
#include <random>

namespace greenroom::storage {

std::string new_epoch() {
  constexpr std::size_t length = 13;  // of 5 bits
  constexpr char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::random_device random;
  auto bits = (std::uint64_t{random()} << 32) | random();
  std::string epoch(length, 'a');
  for (auto& character : epoch) {
    character = alphabet[bits & 31];
    bits >>= 5;
  }
  return epoch;
}

}  // namespace greenroom::storage
