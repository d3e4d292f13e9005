#include <algorithm>
#include <array>

#include "runtime/config_keys.hpp"
#include "runtime/grant_pattern.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }

const config_key<grant_config> table[]{
    {"grant",
     "to",
     list,
     {1, 256},
     GREENROOM_AT(to),
     "Who gets it: `anyone`, `authenticated` (who has shown a token or a key), `user:NAME`, `role:NAME` (of the "
     "token's "
     "`tokens.roles_claim`), `scope:NAME` (of its `scope`)."},
    {"grant",
     "rooms",
     list,
     {0, 256},
     GREENROOM_AT(rooms),
     "Rooms in which `actions` are allowed. A pattern: `${user}` stands for the caller's own name and is a whole part "
     "between colons, like `inbox:${user}`; a `*` at the end stands for any rest."},
    {"grant",
     "actions",
     list,
     {0, 8},
     GREENROOM_AT(actions),
     "In `rooms`: `join`, `publish`, `read` (the history), `members` (who is there). To `users`: `send`, `presence` "
     "(see whether they are online); neither of them named: `send`."},
    {"grant",
     "methods",
     list,
     {0, 256},
     GREENROOM_AT(methods),
     "Methods of services, and channels that services serve, which may be called and opened. Patterns."},
    {"grant",
     "users",
     list,
     {0, 256},
     GREENROOM_AT(users),
     "Users whom the caller may send to, or see. Patterns; `*` with `presence` is the list of everybody, too."},
};

#undef GREENROOM_AT

bool names(const grant_config& of, std::span<const std::string_view> some) {
  return std::ranges::any_of(of.actions, [&](const auto& each) { return std::ranges::find(some, each) != some.end(); });
}

const config_rule<grant_config> rules[]{
    {"to", [](const grant_config& g) { return !g.to.empty(); }, "must say who gets the grant"},
    {"actions", [](const grant_config& g) { return g.rooms.empty() || names(g, grant_room_actions); },
     "must say what is allowed in the rooms: join, publish, read, members"},
    {"rooms", [](const grant_config& g) { return !g.rooms.empty() || !names(g, grant_room_actions); },
     "must say in which rooms the actions are allowed"},
    {"users", [](const grant_config& g) { return !g.users.empty() || !names(g, grant_user_actions); },
     "must say with which users the actions are allowed"},
    {"rooms", [](const grant_config& g) { return !g.rooms.empty() || !g.methods.empty() || !g.users.empty(); },
     "must hold something, or methods or users must: the grant allows nothing"},
};

bool is_receiver(std::string_view to) {
  if (to == "anyone" || to == "authenticated") return true;
  return std::ranges::any_of(std::array<std::string_view, 3>{"user:", "role:", "scope:"},
                             [&](auto prefix) { return to.starts_with(prefix) && to.size() > prefix.size(); });
}

}  // namespace

std::span<const config_key<grant_config>> grant_keys() { return table; }
std::span<const config_rule<grant_config>> grant_rules() { return rules; }

std::optional<std::string> grant_flaw(std::string_view key, const std::vector<std::string>& entries) {
  const auto quoted = [](const std::string& entry) { return '"' + entry + '"'; };
  for (const auto& each : entries) {
    if (key == "to") {
      if (!is_receiver(each))
        return "must hold anyone, authenticated, user:NAME, role:NAME or scope:NAME, not " + quoted(each);
    } else if (key == "actions") {
      if (std::ranges::find(grant_room_actions, each) == grant_room_actions.end() &&
          std::ranges::find(grant_user_actions, each) == grant_user_actions.end())
        return "must hold join, publish, read, members, send or presence, not " + quoted(each);
    } else {
      const auto read = grant_pattern::parse(each);
      if (const auto* why = std::get_if<std::string>(&read))
        return R"(must hold patterns, like "chat:*" or "inbox:${user}", not )" + quoted(each) + ": " + *why;
    }
  }
  return std::nullopt;
}

}  // namespace greenroom::runtime
