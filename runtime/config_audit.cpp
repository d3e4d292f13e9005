#include <array>

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t second = 1'000, hour = 3'600 * second;
constexpr std::uint64_t kib = 1u << 10, gib = 1u << 30;
constexpr value_range unbounded{};

// In the order of the enum.
constexpr std::array<std::string_view, 4> level_words{"off", "refusals", "sessions", "all"};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.audit.member; }

const config_key<config> table[]{
    {"audit", "level", choice, unbounded, [](auto& c) -> place { return one_of(c.audit.level, level_words); },
     "What is recorded: nothing (`off`), what was refused, also sessions that open and end and what operators do "
     "(`sessions`), or also every room joined, method called and worker registered (`all`)."},
    {"audit",
     "file_bytes_max",
     size,
     {64 * kib, 4 * gib},
     GREENROOM_AT(file_bytes_max),
     "How large a file of it gets before the next one begins."},
    {"audit",
     "files_max",
     count,
     {2, 100'000},
     GREENROOM_AT(files_max),
     "Files that are kept; over it the oldest is deleted, and a line says so."},
    {"audit",
     "queue_max",
     count,
     {64, 1'048'576},
     GREENROOM_AT(queue_max),
     "Entries that wait for the disk; over it they are lost, counted, and a line says how many."},
    {"audit",
     "checkpoint_interval_ms",
     duration,
     {second, hour},
     GREENROOM_AT(checkpoint_interval_ms),
     "How long a line waits at most for the signature that vouches for it."},
};

#undef GREENROOM_AT

}  // namespace

std::span<const config_key<config>> audit_keys() { return table; }

}  // namespace greenroom::runtime
