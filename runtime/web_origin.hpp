/// WEB_ORIGIN: which pages may talk to the node, by the `Origin` that browsers send (RFC 6454, 7). Pure.
///
/// An origin is taken in the one form in which browsers write it: lower case, no default port, no needless digit, IPv6 as
/// they shorten it, other alphabets as Punycode. Whatever else means the same to somebody is refused, so that comparing
/// texts is enough. `null`, which sandboxed frames and local files send, is nobody's and must be listed by itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace greenroom::runtime {

/// "https://example.org", "http://[::1]:8080", "app://localhost": the form that browsers send, and not `null`.
bool is_web_origin(std::string_view text) noexcept;

/// What a list may have: an origin, `null`, or one with a star for exactly one label in front: "https://*.example.org".
/// At least two labels follow a star.
bool is_origin_entry(std::string_view text) noexcept;

/// Whether that entry allows that origin; both are well-formed.
bool origin_matches(std::string_view entry, std::string_view origin) noexcept;

enum class web_scheme : std::uint8_t { http, https };

/// The origin of a site that is reached at `host`, the request's field Host; empty: that is no host.
std::string origin_of_site(web_scheme by, std::string_view host);

/// Of this machine: localhost, 127.0.0.1 or [::1], with any port, by http or https.
bool is_origin_of_this_machine(std::string_view origin) noexcept;

/// Whether its host is an address or localhost, which nobody's DNS answers for.
bool has_own_address(std::string_view origin) noexcept;

}  // namespace greenroom::runtime
