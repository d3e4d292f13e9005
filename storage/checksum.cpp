#include "storage/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>

namespace greenroom::storage {

std::int64_t message_sum(std::uint64_t owner, std::uint64_t place, std::uint64_t message, std::int64_t at_ms,
                         std::string_view body) noexcept {
  const std::array<std::uint64_t, 4> identity{owner, place, message, static_cast<std::uint64_t>(at_ms)};
  const auto seed = XXH3_64bits(identity.data(), sizeof identity);
  return std::bit_cast<std::int64_t>(XXH3_64bits_withSeed(body.data(), body.size(), seed));
}

std::int64_t row_sum::value() const noexcept {
  return std::bit_cast<std::int64_t>(XXH3_64bits(fields_.data(), fields_.size()));
}

}  // namespace greenroom::storage
