#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t second = 1'000, minute = 60 * second, day = 24 * 60 * minute;

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.tokens.member; }

const config_key<config> table[]{
    {"tokens",
     "keys",
     list,
     {0, 64},
     GREENROOM_AT(keys),
     "What tokens are checked with. `ALGORITHM:FILE`, or `KEY_ID=ALGORITHM:FILE` where tokens name their key (`kid`): "
     "of "
     "HS256, HS384 and HS512 a file with a secret of 32 bytes at least, of RS256, PS256, ES256 and EdDSA a public key "
     "or "
     "a "
     "certificate as PEM. `jwks:FILE`: a JSON Web Key Set. `jwks:URL`: one that is fetched, by https://, or by http:// "
     "from this machine alone. Empty: no token is accepted."},
    {"tokens",
     "issuers",
     list,
     {0, 64},
     GREENROOM_AT(issuers),
     "`iss` must be one of these. Empty: anybody whom the keys vouch for."},
    {"tokens",
     "audiences",
     list,
     {0, 64},
     GREENROOM_AT(audiences),
     "`aud` must hold one of these. Empty: a token that has an `aud` is for others."},
    {"tokens",
     "reload_interval_ms",
     duration,
     {0, day},
     GREENROOM_AT(reload_interval_ms),
     "How often the node looks whether files of keys have changed. 0: it reads them on SIGHUP only."},
    {"tokens",
     "fetch_timeout_ms",
     duration,
     {100, minute},
     GREENROOM_AT(fetch_timeout_ms),
     "How long the fetch of a set of keys may take, from its beginning to its last byte."},
    {"tokens",
     "fetch_interval_ms",
     duration,
     {second, day},
     GREENROOM_AT(fetch_interval_ms),
     "How often a set of keys with a URL is fetched; more often where its server's `Cache-Control` says so, but not "
     "more "
     "than once a minute. A token with an unknown key has it fetched at once, at most once a minute."},
    {"tokens",
     "keep_ms",
     duration,
     {0, 30 * day},
     GREENROOM_AT(keep_ms),
     "How long the keys of a set count that cannot be fetched any more, across restarts, too. At least "
     "`fetch_interval_ms`."},
};

#undef GREENROOM_AT

const config_rule<config> rules[]{
    {"tokens.keep_ms",
     [](const config& c) { return c.tokens.keep_ms >= static_cast<std::int64_t>(c.tokens.fetch_interval_ms); },
     "must be at least tokens.fetch_interval_ms"},
};

}  // namespace

std::span<const config_key<config>> tokens_keys() { return table; }
std::span<const config_rule<config>> tokens_rules() { return rules; }

}  // namespace greenroom::runtime
