#include "tests/clients/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <thread>

namespace greenroom::test {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

struct connection final : scripted_server::peer {
  explicit connection(tcp::socket socket) : stream{std::move(socket)} {}

  std::string read() override {
    beast::flat_buffer buffer;
    error_code error;
    stream.read(buffer, error);
    return error ? std::string{} : beast::buffers_to_string(buffer.data());
  }
  void text(const std::string& message) override { stream.write(asio::buffer(message)); }
  void close(std::uint16_t code, const std::string& reason) override {
    error_code ignored;
    stream.close({websocket::close_code(code), reason}, ignored);
  }
  void drop() override {
    error_code ignored;
    stream.next_layer().close(ignored);
  }
  std::string offered() const override { return offer; }

  websocket::stream<tcp::socket> stream;
  std::string offer;
};

}  // namespace

struct scripted_server::impl {
  impl(script run, upgrade how) : run_{std::move(run)}, how_{how}, thread_{[this] { serve(); }} {}
  ~impl() {
    error_code ignored;  // a client that never came leaves accept() to this one
    tcp::socket{io_}.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }

  void serve() try {
    connection peer{acceptor_.accept()};
    beast::flat_buffer buffer;
    http::request<http::empty_body> request;
    http::read(peer.stream.next_layer(), buffer, request);
    peer.offer = request[http::field::sec_websocket_protocol];
    if (how_ == upgrade::not_http) {
      asio::write(peer.stream.next_layer(), asio::buffer(std::string{"220 mail.example.org ESMTP\r\n\r\n"}));
      return;
    }
    if (how_ == upgrade::forbid) {
      http::response<http::empty_body> refusal{http::status::forbidden, request.version()};
      refusal.prepare_payload();
      http::write(peer.stream.next_layer(), refusal);
      return;
    }
    if (how_ == upgrade::accept)
      peer.stream.set_option(websocket::stream_base::decorator(
          [&](websocket::response_type& response) { response.set(http::field::sec_websocket_protocol, peer.offer); }));
    peer.stream.accept(request);
    run_(peer);
  } catch (const boost::system::system_error&) {  // the client left first; what it saw is what the test checks
  }

  script run_;
  upgrade how_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

scripted_server::scripted_server(script run, upgrade how) : impl_{std::make_unique<impl>(std::move(run), how)} {}
scripted_server::~scripted_server() = default;

std::string scripted_server::url() const {
  return "ws://127.0.0.1:" + std::to_string(impl_->acceptor_.local_endpoint().port()) + "/ws";
}

}  // namespace greenroom::test
