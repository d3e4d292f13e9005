#pragma once
#include <cstdint>
#include <vector>

/// The quiet side of `./dev attack`, a process of its own, as the attackers are. Both allocate little and have no collector: what
/// the kernel does for a process that gives memory back holds a core for milliseconds, and would be in the figures.
namespace greenroom::bench {

/// 20 users, each with a room, until standard input ends. For each line on it one JSON object: how long what was sent since the
/// last one took. `floors`: ports of servers that nobody attacks; may be empty.
void stay_quiet(std::uint16_t port, const std::vector<std::uint16_t>& floors);

}  // namespace greenroom::bench
