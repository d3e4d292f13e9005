/// PROCESS_MEMORY says how much memory the process has and how much it may have. Linux's /proc and control groups.
///
/// Threading: any; reads files, so no shard calls it. Failure: what cannot be read is 0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace greenroom::runtime {

/// What is resident, file pages included (VmRSS).
std::uint64_t resident_bytes();

/// The least of the limits of the control groups that the process is in (version 2: memory.max, 1: memory.limit_in_bytes),
/// and of the machine's memory.
std::uint64_t memory_limit_bytes();

/// Gives back to the system what is free inside the process. Holds every allocation for up to some ms.
void return_free_memory();

/// The same where files stand below `root`, for tests: `root`/proc/self/cgroup and `root`/sys/fs/cgroup. 0: no limit there.
std::uint64_t cgroup_limit_bytes(const std::string& root);
/// The paths of /proc/self/cgroup that may bound memory: of version 2 "" and of 1 "memory", each with its path.
std::uint64_t parse_limit(std::string_view text);  ///< "max", or what does not parse: 0

}  // namespace greenroom::runtime
