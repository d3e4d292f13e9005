// The keys of [limits.*], the same few for each scope, and their defaults.

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t kib = 1u << 10, mib = 1u << 20, gib = 1u << 30;
constexpr value_range rates{0, 10'000'000}, bursts{0, 100'000'000}, opens{0, 10'000'000};
constexpr value_range byte_rates{0, 4 * gib - 1}, byte_bursts{0, 4 * gib - 1};
constexpr std::uint64_t bytes_per_second_min = 16 * kib;  // about what one read brings

#define GREENROOM_AT(scope, member) [](auto& c) -> place { return &c.limits.scope.member; }

// What one who is connected does. 0 everywhere: without a bound; a burst of 0 is what comes in a second.
#define GREENROOM_TRAFFIC(section, scope)                                                                       \
  {section,                                                                                                     \
   "messages_per_second",                                                                                       \
   count,                                                                                                       \
   rates,                                                                                                       \
   GREENROOM_AT(scope, messages_per_second),                                                                    \
   "Messages in a second in the long run: calls, answers and, of a connection, pings and fragments. More are "  \
   "refused (-32003). 0: without a bound."},                                                                    \
      {section,                                                                                                 \
       "messages_burst",                                                                                        \
       count,                                                                                                   \
       bursts,                                                                                                  \
       GREENROOM_AT(scope, messages_burst),                                                                     \
       "Messages at once. 0: as many as in a second."},                                                         \
      {section,                                                                                                 \
       "bytes_per_second",                                                                                      \
       size,                                                                                                    \
       byte_rates,                                                                                              \
       GREENROOM_AT(scope, bytes_per_second),                                                                   \
       "Bytes in a second in the long run; of more the socket is read later, and nothing is refused. At least " \
       "16 KiB. 0: without a bound."},                                                                          \
      {section,                                                                                                 \
       "bytes_burst",                                                                                           \
       size,                                                                                                    \
       byte_bursts,                                                                                             \
       GREENROOM_AT(scope, bytes_burst),                                                                        \
       "Bytes at once. 0: as many as in a second."},                                                            \
      {section,                                                                                                 \
       "joins_per_second",                                                                                      \
       count,                                                                                                   \
       rates,                                                                                                   \
       GREENROOM_AT(scope, joins_per_second),                                                                   \
       "Calls of `room.join` in a second in the long run; more are refused (-32003). 0: without a bound."},     \
      {section,                                                                                                 \
       "joins_burst",                                                                                           \
       count,                                                                                                   \
       bursts,                                                                                                  \
       GREENROOM_AT(scope, joins_burst),                                                                        \
       "Joins at once. 0: as many as in a second."},                                                            \
      {section,                                                                                                 \
       "reads_per_second",                                                                                      \
       count,                                                                                                   \
       rates,                                                                                                   \
       GREENROOM_AT(scope, reads_per_second),                                                                   \
       "Calls of `room.history` in a second in the long run; more are refused (-32003). 0: without a bound."},  \
  {                                                                                                             \
    section, "reads_burst", count, bursts, GREENROOM_AT(scope, reads_burst),                                    \
        "Reads of the history at once. 0: as many as in a second."                                              \
  }

#define GREENROOM_CONNECTIONS(section, scope, are, refused)                                         \
  {section,                                                                                         \
   "connections_per_second",                                                                        \
   count,                                                                                           \
   rates,                                                                                           \
   GREENROOM_AT(scope, connections_per_second),                                                     \
   "New " are " in a second in the long run; more are refused (" refused "). 0: without a bound."}, \
      {section,                                                                                     \
       "connections_burst",                                                                         \
       count,                                                                                       \
       bursts,                                                                                      \
       GREENROOM_AT(scope, connections_burst),                                                      \
       "New " are " at once. 0: as many as in a second."},                                          \
  {                                                                                                 \
    section, "connections_max", count, opens, GREENROOM_AT(scope, connections_max),                 \
        "Open " are "; more are refused (" refused "). 0: without a bound."                         \
  }

const config_key<config> table[]{
    GREENROOM_TRAFFIC("limits.connection", connection),
    GREENROOM_TRAFFIC("limits.session", session),
    GREENROOM_CONNECTIONS("limits.user", user, "connections with a session", "-32003"),
    GREENROOM_TRAFFIC("limits.user", user),
    GREENROOM_CONNECTIONS("limits.address", address, "connections", "429, of TLS closed"),
    GREENROOM_TRAFFIC("limits.address", address),
    GREENROOM_CONNECTIONS("limits.key", key, "connections with a session", "-32003"),
    GREENROOM_TRAFFIC("limits.key", key),
};

#undef GREENROOM_AT
#undef GREENROOM_TRAFFIC
#undef GREENROOM_CONNECTIONS

bool readable(const limit_config& c) { return c.bytes_per_second == 0 || c.bytes_per_second >= bytes_per_second_min; }

#define GREENROOM_RULE(scope)                                                                       \
  {                                                                                                 \
    "limits." #scope ".bytes_per_second", [](const config& c) { return readable(c.limits.scope); }, \
        "must be 0 or at least 16 KiB"                                                              \
  }

const config_rule<config> rules[]{
    GREENROOM_RULE(connection), GREENROOM_RULE(session), GREENROOM_RULE(user),
    GREENROOM_RULE(address),    GREENROOM_RULE(key),
};

#undef GREENROOM_RULE

}  // namespace

std::span<const config_key<config>> limits_keys() { return table; }
std::span<const config_rule<config>> limits_rules() { return rules; }

/// People do not meet them: a client that comes back joins its 128 rooms at once, a pointer that is drawn sends 60 messages a
/// second, and an office shares an address. Whoever floods does.
limits_config default_limits() {
  limits_config made;
  made.connection = {.messages_per_second = 100,
                     .messages_burst = 200,
                     .bytes_per_second = mib,
                     .bytes_burst = 4 * mib,
                     .joins_per_second = 20,
                     .joins_burst = 150,
                     .reads_per_second = 20,
                     .reads_burst = 150};
  made.session = made.connection;
  made.session.bytes_per_second = made.session.bytes_burst = 0;  // it has one connection at a time
  made.user = {.connections_per_second = 5,
               .connections_burst = 50,
               .connections_max = 50,
               .messages_per_second = 200,
               .messages_burst = 500,
               .bytes_per_second = 2 * mib,
               .bytes_burst = 8 * mib,
               .joins_per_second = 40,
               .joins_burst = 300,
               .reads_per_second = 40,
               .reads_burst = 300};
  made.address = {.connections_per_second = 20,
                  .connections_burst = 100,
                  .connections_max = 2'000,
                  .messages_per_second = 1'000,
                  .messages_burst = 4'000,
                  .bytes_per_second = 8 * mib,
                  .bytes_burst = 64 * mib,
                  .joins_per_second = 200,
                  .joins_burst = 2'000,
                  .reads_per_second = 200,
                  .reads_burst = 2'000};
  made.key = {.connections_per_second = 20,
              .connections_burst = 200,
              .connections_max = 1'000,
              .messages_per_second = 5'000,
              .messages_burst = 20'000,
              .bytes_per_second = 32 * mib,
              .bytes_burst = 128 * mib,
              .joins_per_second = 500,
              .joins_burst = 10'000,
              .reads_per_second = 500,
              .reads_burst = 10'000};
  return made;
}

}  // namespace greenroom::runtime
