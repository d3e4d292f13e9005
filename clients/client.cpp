#include "clients/client.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <csignal>
#include <deque>
#include <exception>

#include "clients/url.hpp"
#include "codecs/client_rpc.hpp"

namespace greenroom::clients {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

std::string_view subprotocol_of(codecs::format format) {
  return format == codecs::format::json ? "greenroom.json.1" : "greenroom.msgpack.1";
}

}  // namespace

/// Every operation is asynchronous underneath, so that each has a deadline; `run` turns the loop until one is over. A
/// read is always pending once the connection stands.
class client::impl {
 public:
  impl(client_options how, handler on_notification)
      : how_{std::move(how)}, on_notification_{std::move(on_notification)}, where_{parse_url(how_.url)} {
    if (how_.signals == on_signal::interrupt) {
      signals_.add(SIGINT);
      signals_.add(SIGTERM);
      signals_.async_wait([this](error_code error, int) { interrupted_ = interrupted_ || !error; });
    }
    connect();
    upgrade();
    read();
  }

  answer call(std::string_view method, std::string_view params) {
    throw_if_over();
    const auto id = ++last_id_;
    answered_.reset();
    awaited_ = id;
    write(codecs::encode_request(how_.format, id, method, params));
    run(clock::now() + how_.timeout, "no answer to " + std::string{method}, [&] { return answered_ || end_; });
    awaited_.reset();
    rethrow();
    if (!answered_) throw *end_;
    return *std::exchange(answered_, std::nullopt);
  }

  wait_end wait_until(clock::time_point deadline, const std::function<bool()>& done) {
    while (true) {
      rethrow();
      if (done()) return wait_end::done;
      throw_if_over();
      if (io_.run_one_until(deadline) == 0 && clock::now() >= deadline) return wait_end::deadline;
    }
  }

  void say_goodbye() {
    if (end_) return;
    on_notification_ = {};
    bool closed = false;
    socket_.async_close(websocket::close_code::normal, [&](error_code) { closed = true; });
    const auto deadline = clock::now() + limits::close_timeout;
    while (!closed && io_.run_one_until(deadline) != 0) continue;
  }

 private:
  void connect() {
    tcp::resolver resolver{io_};
    std::optional<error_code> resolved, connected;
    tcp::resolver::results_type addresses;
    resolver.async_resolve(where_.host, where_.port, [&](error_code error, tcp::resolver::results_type found) {
      resolved = error;
      addresses = std::move(found);
    });
    const auto deadline = clock::now() + how_.timeout;
    run(deadline, "the name " + where_.host + " was not resolved", [&] { return resolved.has_value(); });
    if (*resolved) throw failure{errc::unreachable, "there is no host " + where_.host + ": " + resolved->message()};
    auto& tcp_socket = beast::get_lowest_layer(socket_);
    asio::async_connect(tcp_socket, addresses, [&](error_code error, const tcp::endpoint&) { connected = error; });
    run(deadline, "no connection to " + authority(where_), [&] { return connected.has_value(); });
    if (*connected)
      throw failure{errc::unreachable, "cannot connect to " + authority(where_) + ": " + connected->message()};
    tcp_socket.set_option(tcp::no_delay{true});
  }

  void upgrade() {
    socket_.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(http::field::sec_websocket_protocol, subprotocol_of(how_.format));
      request.set(http::field::user_agent, "greenroom");
    }));
    socket_.read_message_max(limits::message_bytes_max);
    socket_.binary(how_.format == codecs::format::msgpack);
    websocket::response_type response;
    std::optional<error_code> done;
    socket_.async_handshake(response, authority(where_), where_.target, [&](error_code error) { done = error; });
    run(clock::now() + how_.timeout, authority(where_) + " did not answer the WebSocket handshake",
        [&] { return done.has_value(); });
    if (*done == websocket::error::upgrade_declined)
      throw failure{errc::refused,
                    how_.url + " refused the connection: " + std::to_string(response.result_int()) + " " +
                        std::string{response.reason()},
                    response.result_int()};
    if (*done) throw failure{errc::garbled, how_.url + " does not speak WebSocket: " + done->message()};
    if (response[http::field::sec_websocket_protocol] != subprotocol_of(how_.format))
      throw failure{errc::garbled, how_.url + " does not speak " + std::string{subprotocol_of(how_.format)}};
  }

  void write(std::string message) {
    outgoing_.push_back(std::move(message));
    if (outgoing_.size() == 1) write_next();
  }

  void write_next() {
    socket_.async_write(asio::buffer(outgoing_.front()), [this](error_code error, std::size_t) {
      if (error) return on_end(error);
      outgoing_.pop_front();
      if (!outgoing_.empty()) write_next();
    });
  }

  void read() {
    socket_.async_read(input_, [this](error_code error, std::size_t) {
      if (error) return on_end(error);
      on_message();
      if (!end_) read();
    });
  }

  void on_message() {
    const auto kind = socket_.got_binary() ? codecs::format::msgpack : codecs::format::json;
    const auto bytes = input_.data();
    auto message = codecs::decode_incoming(kind, {static_cast<const char*>(bytes.data()), bytes.size()});
    input_.consume(input_.size());
    if (!message) {
      end_.emplace(errc::garbled, "the node sent something that is no JSON-RPC message");
    } else if (!message->request.empty()) {
      write(codecs::encode_refusal(how_.format, message->request, message->method));
    } else if (!message->method.empty()) {
      hand_over(message->method, text_of(message->body, "{}"));
    } else if (message->id && message->id == awaited_) {
      answered_ = answer{text_of(message->body, ""), std::move(message->failure)};
    }
  }

  /// What the handler throws waits until nothing on the stack refers to a pending operation.
  void hand_over(const std::string& method, const std::string& params) try {
    if (on_notification_ && !thrown_) on_notification_(method, params);
  } catch (...) {
    thrown_ = std::current_exception();
  }

  void rethrow() {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  }

  static std::string text_of(const codecs::payload_ptr& body, std::string_view otherwise) {
    return std::string{body ? body->as(codecs::format::json) : otherwise};
  }

  void on_end(error_code error) {
    if (end_) return;
    if (error != websocket::error::closed) {
      end_.emplace(errc::closed, "the connection was lost: " + error.message());
      return;
    }
    const auto& why = socket_.reason();
    std::string sentence = "the node closed the connection: " + std::to_string(why.code);
    if (!why.reason.empty()) sentence.append(" ").append(why.reason.data(), why.reason.size());
    end_.emplace(errc::closed, sentence, why.code);
  }

  void throw_if_over() {
    if (std::exchange(interrupted_, false)) throw failure{errc::interrupted, "interrupted"};
    if (end_) throw *end_;
  }

  /// Turns the loop until `done`; an operation that is not over in time takes the connection with it, so that its
  /// handler never outlives what it refers to.
  template <class Done>
  void run(clock::time_point deadline, const std::string& else_sentence, Done done) {
    while (!done()) {
      const bool in_time = io_.run_one_until(deadline) != 0 || clock::now() < deadline;
      if (in_time && !interrupted_) continue;
      error_code ignored;
      beast::get_lowest_layer(socket_).close(ignored);
      if (!end_) end_.emplace(errc::timed_out, else_sentence + " in time");
      signals_.cancel(ignored);
      work_.reset();
      io_.run();
      throw_if_over();
    }
  }

  client_options how_;
  handler on_notification_;
  url where_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{
      io_.get_executor()};  ///< no run without an operation
  asio::signal_set signals_{io_};
  websocket::stream<tcp::socket> socket_{io_};
  beast::flat_buffer input_;
  std::deque<std::string> outgoing_;  ///< the first one is being written
  std::uint64_t last_id_ = 0;
  std::optional<std::uint64_t> awaited_;
  std::optional<answer> answered_;
  std::optional<failure> end_;  ///< why nothing more comes
  std::exception_ptr thrown_;   ///< by the handler
  bool interrupted_ = false;
};

client::client(client_options how, handler on_notification)
    : impl_{std::make_unique<impl>(std::move(how), std::move(on_notification))} {}

client::~client() { impl_->say_goodbye(); }

answer client::call(std::string_view method, std::string_view params) { return impl_->call(method, params); }

client::wait_end client::wait_until(std::chrono::steady_clock::time_point deadline, const std::function<bool()>& done) {
  return impl_->wait_until(deadline, done);
}

}  // namespace greenroom::clients
