#include <array>

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t year = 365ull * 24 * 3600 * 1000;
constexpr value_range unbounded{};

// In the order of the enums.
constexpr std::array<std::string_view, 3> slow_words{"disconnect", "spill", "latest"};
constexpr std::array<std::string_view, 3> permission_words{"nobody", "authenticated", "anyone"};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }
#define GREENROOM_CHOICE(member, words) [](auto& c) -> place { return one_of(c.member, words); }

const config_key<namespace_config> table[]{
    {"namespace",
     "history_count",
     count,
     {0, 1'000'000'000},
     GREENROOM_AT(history_count),
     "Messages that a room keeps. 0: none, and only the position goes on."},
    {"namespace", "history_bytes", size, unbounded, GREENROOM_AT(history_bytes),
     "Bytes of messages that a room keeps. 0: as many as `history_count` allows."},
    {"namespace",
     "history_age_ms",
     duration,
     {0, 100 * year},
     GREENROOM_AT(history_age_ms),
     "How old kept messages get. 0: as old as the other bounds allow."},
    {"namespace", "durable", toggle, unbounded, GREENROOM_AT(durable),
     "Whether a message is on disk before it is acknowledged and seen."},
    {"namespace", "encrypted", toggle, unbounded, GREENROOM_AT(encrypted),
     "Whether the messages of durable rooms, the states of their behaviours and their dead letters lie encrypted on "
     "the "
     "disk, under `secrets.keys`. What was stored before stays as it is."},
    {"namespace", "slow_members", choice, unbounded, GREENROOM_CHOICE(slow_members, slow_words),
     "What happens when a member does not keep up: its connection is closed (`disconnect`), it reads the rest from the "
     "history (`spill`), or older messages of the same event give way to newer ones (`latest`)."},
    {"namespace",
     "members_max",
     count,
     {1, 10'000'000},
     GREENROOM_AT(members_max),
     "Members of one room; a join over it is refused."},
    {"namespace", "behaviour", text, unbounded, GREENROOM_AT(behaviour),
     "The code that runs inside these rooms, by the name under which the program or a plugin registers it. Empty: "
     "none."},
    {"namespace", "presence", toggle, unbounded, GREENROOM_AT(presence),
     "Whether members are told who comes and goes (`room.presence`)."},
    {"namespace",
     "presence_list_max",
     count,
     {1, 1'000},
     GREENROOM_AT(presence_list_max),
     "Users of a room up to which each coming and going is told; in a larger one members are told how many there are "
     "and who the first 50 are."},
    {"namespace",
     "presence_interval_ms",
     duration,
     {10, 1'000},
     GREENROOM_AT(presence_interval_ms),
     "How long comings and goings are gathered into one notice; in rooms over `presence_list_max` ten times as long."},
    {"namespace", "join", choice, unbounded, GREENROOM_CHOICE(join, permission_words), "Who may join."},
    {"namespace", "publish", choice, unbounded, GREENROOM_CHOICE(publish, permission_words),
     "Who may publish; membership is not needed."},
    {"namespace", "read", choice, unbounded, GREENROOM_CHOICE(read, permission_words),
     "Who may read the history; membership is not needed."},
    {"namespace", "members", choice, unbounded, GREENROOM_CHOICE(members, permission_words),
     "Who may see who is there: `room.members`, and as a member `room.presence`."},
    {"namespace",
     "schemas",
     list,
     {0, 1'000},
     GREENROOM_AT(schemas),
     "`EVENT=FILE`: the JSON Schema (draft 4) of what clients publish as that event; `FILE` alone: of all other "
     "events. "
     "A payload that does not match is refused with -32602. Empty: anything may be published."},
};

#undef GREENROOM_AT
#undef GREENROOM_CHOICE

const config_rule<namespace_config> rules[]{
    {"slow_members",
     [](const namespace_config& n) { return n.slow_members != slow_policy::spill || n.history_count != 0; },
     "must not be \"spill\" where history_count is 0: there is nothing to read from"},
    {"encrypted", [](const namespace_config& n) { return !n.encrypted || n.durable; },
     "must not be true where durable is false: such rooms are in memory only"},
};

}  // namespace

std::span<const config_key<namespace_config>> namespace_keys() { return table; }
std::span<const config_rule<namespace_config>> namespace_rules() { return rules; }

}  // namespace greenroom::runtime
