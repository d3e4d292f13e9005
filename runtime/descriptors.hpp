/// DESCRIPTORS: how many of the process' descriptors its connections may have, so that the store, the logs and the plugins
/// never lack one. Pure but for the two that ask the kernel.
#pragma once

#include <cstddef>
#include <cstdint>

namespace greenroom::runtime {

/// What a node needs beside its connections: the database and its readers, logs, plugins, the administration socket.
inline constexpr std::uint64_t descriptors_beside = 100;

struct descriptor_share {
  std::uint32_t connections_max = 1;  ///< of one shard
  std::uint32_t refusals_max = 1;     ///< of those over it that hear 503
};

/// What one of `shards` may have of `limit` descriptors, where the config wants `connections_max` each.
descriptor_share share_descriptors(std::uint64_t limit, std::size_t shards, std::uint32_t connections_max) noexcept;

/// The process' limit (RLIMIT_NOFILE).
std::uint64_t descriptor_limit() noexcept;
/// Takes what the process may take: the soft limit becomes the hard one. For programs, at their start.
void raise_descriptor_limit() noexcept;

}  // namespace greenroom::runtime
