#include <algorithm>
#include <array>

#include "runtime/address.hpp"
#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::uint64_t second = 1'000, minute = 60 * second, day = 24 * 60 * minute;
constexpr value_range unbounded{};

// In the order of the enum.
constexpr std::array<std::string_view, 3> client_words{"off", "optional", "required"};

#define GREENROOM_AT(member) [](auto& c) -> place { return &c.tls.member; }

const config_key<config> table[]{
    {"tls", "certificate", text, unbounded, GREENROOM_AT(certificate),
     "The file with the certificate and those that lead from it to its authority, in PEM, the node's own first."},
    {"tls", "key", text, unbounded, GREENROOM_AT(key),
     "The file with the certificate's private key, in PEM, without a passphrase."},
    {"tls", "client_ca", text, unbounded, GREENROOM_AT(client_ca),
     "The file with the certificates, in PEM, of the authorities whose client certificates are accepted."},
    {"tls", "client_certificates", choice, unbounded,
     [](auto& c) -> place { return one_of(c.tls.clients, client_words); },
     "Whether clients are asked for a certificate: not (`off`), asked, and a wrong one is refused (`optional`), or let "
     "in "
     "with one alone (`required`)."},
    {"tls",
     "handshake_timeout_ms",
     duration,
     {1, 10 * minute},
     GREENROOM_AT(handshake_timeout_ms),
     "From the connection to the end of the handshake; a slower client is cut off."},
    {"tls",
     "reload_interval_ms",
     duration,
     {0, day},
     GREENROOM_AT(reload_interval_ms),
     "How often the node looks whether the files have changed. 0: it reads them on SIGHUP only."},
    {"tls",
     "hsts_ms",
     duration,
     {0, 10 * 365 * day},
     GREENROOM_AT(hsts_ms),
     "How long browsers that have come by TLS must not come without (`Strict-Transport-Security`); it holds for all "
     "ports of "
     "the host. 0: it is not said."},
};

#undef GREENROOM_AT

bool speaks_tls(const config& c) {
  return std::ranges::any_of(c.gateway.listen, [](const auto& text) {
    const auto address = listen_address::parse(text);
    return address && address->tls;
  });
}

const config_rule<config> rules[]{
    {"tls.certificate", [](const config& c) { return !speaks_tls(c) || !c.tls.certificate.empty(); },
     "must name a file where an address in gateway.listen begins with tls://"},
    {"tls.key", [](const config& c) { return !speaks_tls(c) || !c.tls.key.empty(); },
     "must name a file where an address in gateway.listen begins with tls://"},
    {"tls.client_ca",
     [](const config& c) { return c.tls.clients == client_certificates::off || !c.tls.client_ca.empty(); },
     "must name a file where tls.client_certificates is not \"off\""},
};

}  // namespace

std::span<const config_key<config>> tls_keys() { return table; }
std::span<const config_rule<config>> tls_rules() { return rules; }

}  // namespace greenroom::runtime
