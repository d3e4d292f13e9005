#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>

/// What a measured process cost so far.
namespace greenroom::bench {

/// User and system time of all threads: what /proc/PID/stat shows in steps of 10 ms, from the process's CPU clock.
std::chrono::nanoseconds cpu_time(pid_t process);

/// VmRSS, in bytes.
std::uint64_t resident_bytes(pid_t process);

/// One round trip of a cache line between this thread's core and another's: the state that the machine is in. 0 where
/// there is one core only.
std::chrono::nanoseconds cache_line_round_trip();

}  // namespace greenroom::bench
