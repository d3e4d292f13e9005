// The bounds of the runtime's core: what a turn of the loop, a restart and a stop may take.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace greenroom::runtime::limits {

using namespace std::chrono_literals;

// --- a turn of the loop ---
inline constexpr auto turn_time_max = 300us;                ///< for the sockets' part and for the actors' part, each
inline constexpr std::size_t turn_handlers_max = 8'192;     ///< socket handlers a turn
inline constexpr std::size_t clock_check_every = 32;        ///< handlers or jobs between two looks at the clock
inline constexpr std::size_t messages_per_resume_max = 64;  ///< CAF's scheduler.max-throughput
inline constexpr auto shard_leave_grace = 500ms;            ///< for actors that talk to themselves for ever
inline constexpr std::size_t shards_max = 256;

// --- reading sockets ---
inline constexpr std::uint16_t read_block_first = 4U << 10;  ///< of a socket that is new or has to rest, …
inline constexpr std::uint16_t read_block_max = 16U << 10;   ///< … and of one that has filled two
inline constexpr std::uint8_t new_reads = 1;         ///< of a new socket, which stands back for it: the handshake
inline constexpr std::size_t slow_reads_a_turn = 4;  ///< of all that stand back

// --- the log ---
inline constexpr auto log_rest = 2ms;                      ///< after all lines were written, before the next ones are
inline constexpr std::size_t log_write_bytes = 64U << 10;  ///< at which they are, whatever waits

// --- the watchdog ---
inline constexpr auto watchdog_interval = 25ms;
inline constexpr auto watchdog_idle_interval = 100ms;  ///< where every shard slept at the last look
inline constexpr auto watchdog_hold_max = 100ms;

// --- supervision ---
inline constexpr std::uint32_t restarts_max = 5;  ///< in restart_period, then the supervisor escalates
inline constexpr auto restart_period = 30s;
inline constexpr auto backoff_first = 100ms;
inline constexpr auto backoff_longest = 30s;
inline constexpr auto backoff_healthy_after = 60s;
inline constexpr double backoff_jitter = 0.2;
inline constexpr auto child_shutdown = 5s;
inline constexpr std::size_t children_stopped_at_once = 256;  ///< of a dynamic supervisor

inline constexpr std::size_t children_described_max = 1'000;  ///< of a dynamic supervisor

}  // namespace greenroom::runtime::limits
