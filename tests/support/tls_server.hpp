// TLS_SERVER is a web_server behind TLS, with certificates made for it.
#pragma once

#include <memory>
#include <string>

#include "runtime/tls.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/tls_socket.hpp"

namespace greenroom::tests {

/// Certificates in files, and the context that has read them.
struct tls_fixture {
  explicit tls_fixture(runtime::client_certificates clients = runtime::client_certificates::off) {
    auto from = files.config(ca.issue("localhost"));
    from.clients = clients;
    from.client_ca = files.write("ca.pem", client_ca.pem());
    context = std::make_shared<runtime::tls_context>(from);
  }
  runtime::http_server_options options(runtime::http_server_options with = {}) const {
    with.tls = context;
    return with;
  }

  authority ca{"Test CA"}, client_ca{"Client CA"};
  certificate_files files;
  std::shared_ptr<runtime::tls_context> context;
};

struct tls_server : tls_fixture, web_server {
  explicit tls_server(runtime::http_server_options with = {}, runtime::websocket_options sockets = {},
                      runtime::client_certificates clients = runtime::client_certificates::off)
      : tls_fixture{clients}, web_server{tls_fixture::options(std::move(with)), sockets} {}
};

/// A client whose WebSocket handshake is done.
inline tls_socket open_tls_socket(web_server& server, const tls_choices& how = {}, std::string_view more = {}) {
  tls_socket client{server.address(), how};
  client.send(ws::handshake("/ws", more));
  client.read_until("\r\n\r\n");
  return client;
}

}  // namespace greenroom::tests
