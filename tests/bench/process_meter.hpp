#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>

/// What a measured process cost so far, read from /proc.
namespace greenroom::bench {

/// utime + stime of /proc/PID/stat, all threads; steps of 10 ms.
std::chrono::microseconds cpu_time(pid_t process);

/// VmRSS, in bytes.
std::uint64_t resident_bytes(pid_t process);

/// One round trip of a cache line between this thread's core and another's: the state that the machine is in. 0 where
/// there is one core only.
std::chrono::nanoseconds cache_line_round_trip();

}  // namespace greenroom::bench
