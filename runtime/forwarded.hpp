/// FORWARDED says who a request's client is where proxies stand before the node. Pure.
///
///   client ──▶ proxy B ──▶ proxy A ──▶ node       X-Forwarded-For: <what the client sent>, CLIENT, B
///
/// Only a listed proxy is believed, and only the part of the field that listed proxies have written: from the right, the
/// first address that is no listed proxy's is the client. `Forwarded` (RFC 7239) and `X-Real-IP` are not read: one
/// field, one meaning. Where proxies speak the PROXY protocol their fields are not read either: the client wrote them.
///
/// A request that shows signs of a proxy which is not listed never counts as of this machine, whatever the peer's
/// address: whoever asks a proxy on loopback is elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/address.hpp"
#include "runtime/http.hpp"
#include "runtime/ip_network.hpp"

namespace greenroom::runtime {

/// What the config says of proxies.
struct proxy_rules {
  ip_networks listed{};
  bool by_protocol = false;  ///< They speak the PROXY protocol; their fields say nothing.

  bool lists(const socket_end& peer) const;
};

/// Of an address as `socket_end` has it; nothing: it cannot be told.
std::optional<ip_address> address_of(const socket_end& end);

struct forwarded_client {
  socket_end end;          ///< With port 0 where the proxy did not say it.
  bool secure = false;     ///< It came to the proxy by TLS, says the proxy.
  bool malformed = false;  ///< The field could not be read; the client is the proxy, as far as anybody knows.
};

/// `trusted`: the peer is a listed proxy whose fields count.
forwarded_client client_of(const http_request& request, const socket_end& peer, const proxy_rules& rules, bool trusted);

}  // namespace greenroom::runtime
