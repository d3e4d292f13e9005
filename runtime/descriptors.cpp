#include "runtime/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace greenroom::runtime {
namespace {

constexpr std::uint64_t of_a_shard = 16;  // its loop's, its listeners' and their reserves
constexpr std::uint64_t refusals_most = 64, connections_per_refusal = 8;

}  // namespace

descriptor_share share_descriptors(std::uint64_t limit, std::size_t shards, std::uint32_t connections_max) noexcept {
  const auto spare = limit > descriptors_beside ? limit - descriptors_beside : 0;
  const auto each = spare / std::max<std::size_t>(shards, 1);
  const auto refusals = std::clamp<std::uint64_t>(each / connections_per_refusal, 1, refusals_most);
  const auto taken = refusals + of_a_shard;
  const auto left = each > taken ? each - taken : 1;
  return {static_cast<std::uint32_t>(std::min<std::uint64_t>(left, connections_max)),
          static_cast<std::uint32_t>(refusals)};
}

std::uint64_t descriptor_limit() noexcept {
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0) return std::numeric_limits<std::uint64_t>::max();
  return now.rlim_cur;  // RLIM_INFINITY is the largest number there is
}

void raise_descriptor_limit() noexcept {
  rlimit now{};
  if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_cur == now.rlim_max) return;
  now.rlim_cur = now.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &now);  // what it does not give, the shares go by
}

}  // namespace greenroom::runtime
