#include <algorithm>

#include "runtime/config_keys.hpp"
#include "runtime/ip_network.hpp"
#include "runtime/web_origin.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr value_range unbounded{};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.member; }

const config_key<config> table[]{
    {"gateway",
     "proxies",
     list,
     {0, 256},
     GREENROOM_AT(gateway.proxies),
     "Addresses and networks of the proxies in front of the node, like \"10.0.0.0/8\" or \"::1\". What they say of a "
     "client counts: `X-Forwarded-For` (from the right, the first address that is no listed proxy's) and "
     "`X-Forwarded-Proto`. Nobody else is believed."},
    {"gateway", "proxy_protocol", toggle, unbounded, GREENROOM_AT(gateway.proxy_protocol),
     "The listed proxies begin each connection with the PROXY protocol, version 2, and their fields are not read; one "
     "that does not is cut off."},
    {"access",
     "operations",
     list,
     {0, 256},
     GREENROOM_AT(access.operations),
     "Addresses and networks that may read `/status` and `/metrics`. A client behind a proxy has the address that a "
     "listed proxy (`gateway.proxies`) says; one that came through another proxy may not. Empty: nobody may."},
};

#undef GREENROOM_AT

bool are_networks(const std::vector<std::string>& texts) {
  return std::ranges::all_of(texts, [](const auto& each) { return ip_network::parse(each).has_value(); });
}

constexpr std::string_view networks_wanted =
    "must hold addresses and networks with no bit set behind their prefix, like \"192.0.2.7\", \"10.0.0.0/8\" or "
    "\"2001:db8::/32\"";

const config_rule<config> rules[]{
    {"gateway.proxies", [](const config& c) { return are_networks(c.gateway.proxies); }, networks_wanted},
    {"access.operations", [](const config& c) { return are_networks(c.access.operations); }, networks_wanted},
    {"gateway.proxy_protocol", [](const config& c) { return !c.gateway.proxy_protocol || !c.gateway.proxies.empty(); },
     "must be false where gateway.proxies lists nobody"},
    {"access.allowed_origins",
     [](const config& c) {
       return std::ranges::all_of(c.access.allowed_origins, [](const auto& each) { return is_origin_entry(each); });
     },
     "must hold origins as browsers send them (lower case, no path, no default port, Punycode), like "
     "\"https://example.org\", \"http://[::1]:8080\", \"https://*.example.org\" or \"null\""},
};

}  // namespace

std::span<const config_key<config>> edge_keys() { return table; }
std::span<const config_rule<config>> edge_rules() { return rules; }

}  // namespace greenroom::runtime
