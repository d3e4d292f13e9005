#include <array>

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr value_range unbounded{};

// In the order of the enum.
constexpr std::array<std::string_view, 3> permission_words{"nobody", "authenticated", "anyone"};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }
#define GREENROOM_CHOICE(member, words) [](auto& c) -> place { return one_of(c.member, words); }

const config_key<config> table[]{
    {"access", "call", choice, unbounded, GREENROOM_CHOICE(access.call, permission_words),
     "Who may call every service's methods and open every channel that a service serves; for single ones there is "
     "`methods` of `[grant.NAME]`."},
    {"access", "send", choice, unbounded, GREENROOM_CHOICE(access.send, permission_words),
     "Who may send to every user's inbox (`user.send`); for single users there is `users` of `[grant.NAME]`."},
    {"access", "presence", choice, unbounded, GREENROOM_CHOICE(access.presence, permission_words),
     "Who may see of every user whether it is online (`presence.get`, `presence.watch`, `presence.online`); who is in "
     "a "
     "room is the namespace's `members`."},
    {"tokens", "grants_claim", text, unbounded, GREENROOM_AT(tokens.grants_claim),
     "The claim of a token that says what its user may, beside what the config allows: "
     "`{\"rooms\": [], \"actions\": [], \"methods\": [], \"users\": []}` or a list of such, as in `[grant.NAME]`. "
     "Empty: tokens allow nothing by themselves."},
    {"tokens", "roles_claim", text, unbounded, GREENROOM_AT(tokens.roles_claim),
     "The claim with the user's roles, for `to = [\"role:NAME\"]` of `[grant.NAME]`: a list, or a text with spaces "
     "between them. Empty: tokens name no roles."},
};

#undef GREENROOM_AT
#undef GREENROOM_CHOICE

}  // namespace

std::span<const config_key<config>> access_keys() { return table; }

}  // namespace greenroom::runtime
