#pragma once
#include <string>
#include <string_view>

namespace greenroom::clients {

/// Where a node listens: ws://host[:port][/path][?query]. An IPv6 address stands in brackets, and `host` is without
/// them.
struct url {
  std::string host, port = "80", target = "/ws";
};

/// Throws failure{errc::bad_url}. wss:// is named in the message, since the client does not speak TLS.
url parse_url(std::string_view text);

/// host:port as the Host header has it: brackets around an IPv6 address.
std::string authority(const url& where);

}  // namespace greenroom::clients
