#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "runtime/address.hpp"
#include "runtime/corked_impl.hpp"
#include "runtime/edge_watch.hpp"
#include "runtime/forwarded.hpp"
#include "runtime/growing_body_impl.hpp"
#include "runtime/http_connection_impl.hpp"
#include "runtime/http_head.hpp"
#include "runtime/http_impl.hpp"
#include "runtime/http_rules_impl.hpp"
#include "runtime/moved_connection_impl.hpp"
#include "runtime/proxy_header.hpp"
#include "runtime/websocket_impl.hpp"

namespace greenroom::runtime {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

// What a body may be wrapped in (chunk headers, extensions, trailers) without a byte of it becoming readable.
constexpr std::size_t body_framing_bytes_max = 32U << 10;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

using parser = http::request_parser<growing_body>;

class connection;

class exchange final : public http_exchange {
 public:
  exchange(std::shared_ptr<connection> to, http_request request)
      : to_{std::move(to)}, request_{std::move(request)}, trace_{make_trace()} {}
  ~exchange() override { respond(http_error(500, "the request was not answered")); }

  const http_request& request() const noexcept override { return request_; }
  const std::string& trace() const noexcept override { return trace_; }
  void respond(http_response answer) override;

 private:
  std::shared_ptr<connection> to_;  ///< Null once answered.
  http_request request_;
  std::string trace_;
};

class connection final : public http_connection, public std::enable_shared_from_this<connection>, private corked_user {
 public:
  connection(std::shared_ptr<corked> link, http_handler& handler, const http_limits& limits, owner& keeper);
  ~connection() override;

  void start() override;
  void take_over(moved_connection& what) override;
  void resume() override { ask_handler(); }
  void answer_instead(const http_response& answer) override { this->answer(request_, make_trace(), answer); }
  void turn_away(const http_response& answer) override;
  void drain() override;
  void idle_time_changed() override {
    if (phase_ == phase::resting) arm(limits_.idle_ms);
  }
  void abort() override;
  void answer(const http_request& request, std::string_view trace, const http_response& answer);

 private:
  enum class phase : std::uint8_t { announced, handshake, resting, head, body, serving, flushing, ended };

  frame on_gap(const gap&) override { return nullptr; }
  void on_drained() override;
  void on_overflow() override { on_broken(); }
  void on_broken() override;
  void on_deadline() override;

  void arm(std::uint32_t after_ms) { link_->arm(milliseconds{after_ms}); }
  void read_proxy();
  void refuse_proxy(edge::reason why);
  void begin_wire() { link_->is_secure() ? shake_hands() : begin(); }
  void shake_hands();
  void give_up(std::string_view why);
  void begin();
  void await_request();
  void read();
  void read_head();
  void begin_request();
  error_code parse_head();
  void look_at_client();
  void read_body();
  void serve(request_kind kind);
  void move_to(std::size_t shard);
  void ask_handler();
  void upgrade_request();
  void open();
  void refuse(http_fault why);
  void send(const http_request& request, std::string_view trace, const http_response& answer, connection_after after);
  void log(const http_request& request, std::string_view trace, unsigned status, std::size_t bytes);
  void end();

  std::shared_ptr<corked> link_;  ///< Null once it became a WebSocket's.
  http_handler& handler_;
  const http_limits& limits_;
  owner& keeper_;
  socket_end peer_, local_;                ///< Of the socket; or as a proxy's header says.
  bool from_proxy_;                        ///< The socket's other end is a listed proxy.
  std::unique_ptr<proxy_header> proxied_;  ///< While a proxy's header is read.
  http_head head_;
  std::optional<parser> parser_;
  http_request request_;                              ///< What is being read.
  const exchange* serving_ = nullptr;                 ///< What is being answered; it keeps us.
  clock_type::time_point began_ = clock_type::now();  ///< The request's first byte.
  phase phase_ = phase::resting;
  request_kind kind_ = request_kind::plain;
  bool keep_alive_ = true;
  bool draining_ = false;
};

void exchange::respond(http_response answer) {
  if (const auto to = std::exchange(to_, nullptr)) to->answer(request_, trace_, answer);
}

connection::connection(std::shared_ptr<corked> link, http_handler& handler, const http_limits& limits, owner& keeper)
    : link_{std::move(link)},
      handler_{handler},
      limits_{limits},
      keeper_{keeper},
      peer_{peer_of(link_->native_handle())},
      local_{local_of(link_->native_handle())},
      from_proxy_{keeper.proxies().lists(peer_)},
      head_{limits} {
  link_->set_user(this);
}

connection::~connection() {
  if (link_) link_->set_user(nullptr);
}

// --- reading a request ---

void connection::start() {
  if (!from_proxy_ || !keeper_.proxies().by_protocol) return begin_wire();
  phase_ = phase::announced;
  proxied_ = std::make_unique<proxy_header>();
  arm(limits_.header_ms);
  read_proxy();
}

/// The PROXY protocol's header stands before everything else, TLS included: no byte behind it may be taken.
void connection::read_proxy() {
  struct block {
    std::array<char, 256> bytes;
  };
  const auto into = std::make_shared<block>();
  const auto wanted = std::min(into->bytes.size(), proxied_->wants());
  link_->read_beneath(std::span{into->bytes}.first(wanted),
                      [self = shared_from_this(), into](error_code ec, std::size_t size) {
                        if (self->phase_ != phase::announced) return;
                        if (ec) return self->end();
                        const auto said = self->proxied_->feed({into->bytes.data(), size});
                        if (said == proxy_header::verdict::more) return self->read_proxy();
                        if (said == proxy_header::verdict::malformed)
                          return self->refuse_proxy(edge::reason::bad_proxy);
                        const auto from = std::exchange(self->proxied_, nullptr);
                        self->peer_.is_loopback = false;  // the proxy's own word, or a client that it does not know
                        if (const auto& client = from->source())
                          self->peer_ = {client->address.text_with(client->port), client->address.is_loopback()};
                        if (const auto& to = from->destination())
                          self->local_ = {to->address.text_with(to->port), to->address.is_loopback()};
                        self->begin_wire();
                      });
}

void connection::refuse_proxy(edge::reason why) {
  edge::count(why, peer_.text);
  abort();
  keeper_.on_gone(*this);
}

void connection::shake_hands() {
  phase_ = phase::handshake;
  arm(limits_.handshake_ms);
  link_->establish([self = shared_from_this()](error_code ec, const std::string& why) {
    if (self->phase_ == phase::ended) return;
    if (!ec) return self->begin();
    if (ec == boost::system::errc::protocol_not_supported)
      return self->refuse({400, "this port speaks TLS: use https:// or wss://"});
    self->give_up(ec == net::error::eof ? "the client left" : why.empty() ? ec.message() : why);
  });
}

void connection::begin() {
  await_request();
  arm(limits_.header_ms);  // a client that has just connected has something to say
}

void connection::give_up(std::string_view why) {
  ++link_->counters().handshakes_failed;
  handler_.on_handshake_failed(peer_.text, why);
  end();
}

void connection::await_request() {
  phase_ = phase::resting;
  head_.reset();
  request_ = {};
  if (draining_) return end();
  arm(limits_.idle_ms);
  link_->input().empty() ? read() : read_head();
}

void connection::read() {
  link_->read_ahead([self = shared_from_this()](error_code ec) {
    if (self->phase_ == phase::ended) return;
    if (ec) return self->end();
    self->phase_ == phase::body ? self->read_body() : self->read_head();
  });
}

void connection::read_head() {
  if (phase_ == phase::resting) {
    phase_ = phase::head;
    began_ = clock_type::now();
    arm(limits_.header_ms);
  }
  const auto verdict = head_.scan(link_->input());
  if (verdict == http_head::verdict::more) return read();
  if (verdict != http_head::verdict::complete) return refuse(fault_of(verdict));
  begin_request();
}

void connection::begin_request() {
  const auto ec = parse_head();
  const auto version = parser_->get().version();
  if (ec == http::error::body_limit) return refuse({413, "the body is too large"});
  if (ec || !parse_target(request_)) return refuse(fault_of(http_head::verdict::malformed));
  if (const auto why = check_framing(request_, version, parser_->chunked()); why.status != 0) return refuse(why);
  if (const auto why = check_fields(request_, version); why.status != 0) return refuse(why);
  link_->take(head_.size());
  keep_alive_ = parser_->keep_alive();
  const bool has_body = !parser_->is_done();
  if (asks_for_websocket(request_, version)) {
    return has_body ? refuse({400, "a WebSocket handshake has no body"}) : upgrade_request();
  }
  if (!has_body) return serve(request_kind::plain);
  if (count_fields(request_, "Expect") != 0 && link_->input().empty()) {
    link_->out().push_reply(std::make_shared<const std::string>("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  phase_ = phase::body;
  arm(limits_.body_ms);
  read_body();
}

/// Parses the head and copies what it says into `request_`, as far as it goes.
error_code connection::parse_head() {
  parser_.emplace();
  parser_->header_limit(std::numeric_limits<std::uint32_t>::max());  // http_head has counted
  parser_->body_limit(limits_.body_bytes_max);
  error_code ec;
  const auto text = head_.text(link_->input());
  parser_->put(net::buffer(text.data(), text.size()), ec);
  const auto& head = parser_->get();
  request_.method = view(head.method_string());
  request_.target = view(head.target());
  for (const auto& field : head) {
    request_.fields.push_back({std::string{view(field.name_string())}, std::string{view(field.value())}});
  }
  look_at_client();
  return ec;
}

void connection::look_at_client() {
  const auto& rules = keeper_.proxies();
  const auto client = client_of(request_, peer_, rules, from_proxy_ && !rules.by_protocol);
  if (client.malformed) edge::count(edge::reason::bad_forwarded, peer_.text, request_.header("X-Forwarded-For"));
  request_.peer = client.end.text;
  request_.is_loopback = client.end.is_loopback;
  request_.local = local_.text;
  request_.secure = link_->is_secure() || client.secure;
  if (link_->is_secure()) request_.client_name = link_->peer_name();
}

void connection::read_body() {
  parser_->eager(true);
  if (const auto input = link_->input(); !input.empty()) {
    error_code ec;
    link_->take(parser_->put(net::buffer(input.data(), input.size()), ec));
    if (ec == http::error::body_limit) return refuse({413, "the body is too large"});
    if (ec && ec != http::error::need_more) return refuse({400, "the body is not well-formed"});
    if (parser_->is_done()) return serve(request_kind::plain);
    if (link_->input().size() > body_framing_bytes_max) return refuse({400, "the body's framing is too large"});
  }
  read();
}

// --- answering it ---

/// The request is whole: it is served here, or where the handler says.
void connection::serve(request_kind kind) {
  link_->disarm();
  phase_ = phase::serving;
  kind_ = kind;
  if (parser_) request_.body = std::move(parser_->get().body());
  parser_.reset();
  const auto where = handler_.shard_of(request_);
  if (!where || *where == link_->home().id() || !link_->is_open()) return ask_handler();
  move_to(*where);
}

void connection::move_to(std::size_t shard) {
  const auto self = shared_from_this();
  phase_ = phase::ended;
  link_->set_user(nullptr);
  const auto link = std::exchange(link_, nullptr);
  auto what = make_moved({.link = link->take_apart(),
                          .request = std::move(request_),
                          .kind = kind_,
                          .keep_alive = keep_alive_,
                          .peer = std::move(peer_),
                          .local = std::move(local_),
                          .began = began_,
                          .from = link->home().id()});
  keeper_.on_gone(*this);
  keeper_.on_move(shard, std::move(what));
}

void connection::take_over(moved_connection& what) {
  phase_ = phase::serving;
  request_ = std::move(what.request);
  kind_ = what.kind;
  keep_alive_ = what.keep_alive;
  peer_ = std::move(what.peer);
  local_ = std::move(what.local);
  began_ = what.began;
}

void connection::ask_handler() {
  if (kind_ == request_kind::handshake) return open();
  const auto asked = std::make_shared<exchange>(shared_from_this(), std::move(request_));
  serving_ = asked.get();
  handler_.on_request(asked);
}

void connection::upgrade_request() {
  link_->disarm();
  phase_ = phase::serving;
  parser_.reset();
  if (count_fields(request_, "Sec-WebSocket-Version") != 1 || request_.header("Sec-WebSocket-Version") != "13") {
    return answer(request_, make_trace(), http_upgrade_required());
  }
  if (count_fields(request_, "Sec-WebSocket-Key") != 1 || !is_websocket_key(request_.header("Sec-WebSocket-Key"))) {
    return refuse({400, "there must be one Sec-WebSocket-Key of 16 bytes"});
  }
  serve(request_kind::handshake);
}

void connection::open() {
  const auto trace = make_trace();
  const std::string key{request_.header("Sec-WebSocket-Key")};
  auto decision = handler_.on_upgrade(request_);
  if (const auto* refusal = std::get_if<http_response>(&decision)) return answer(request_, trace, *refusal);
  const auto self = shared_from_this();
  log(request_, trace, 101, 0);
  phase_ = phase::ended;
  open_websocket(std::exchange(link_, nullptr),
                 {key, joined_fields(request_, "Sec-WebSocket-Extensions"), milliseconds{limits_.body_ms}},
                 std::get<upgrade>(std::move(decision)), request_.peer);
  keeper_.on_gone(*this);
}

void connection::answer(const http_request& request, std::string_view trace, const http_response& answer) {
  serving_ = nullptr;
  if (phase_ != phase::serving) return;  // the client left
  const bool keep = keep_alive_ && !draining_;
  send(request, trace, answer, keep ? connection_after::keep : connection_after::close);
  if (!keep) return end();
  phase_ = phase::flushing;
  arm(limits_.write_ms);
  if (!link_->out().below_half()) return;  // on_drained() goes on
  net::post(link_->get_executor(), [self = shared_from_this()] { self->on_drained(); });
}

void connection::on_drained() {
  const auto self = shared_from_this();
  if (phase_ == phase::flushing) await_request();
}

void connection::refuse(http_fault why) {
  send(request_, make_trace(), http_error(why.status, why.message), connection_after::close);
  end();
}

void connection::turn_away(const http_response& answer) {
  send(request_, make_trace(), answer, connection_after::close);
  end();
}

void connection::send(const http_request& request, std::string_view trace, const http_response& answer,
                      connection_after after) {
  const auto body = request.method == "HEAD" ? body_of_answer::leave_out : body_of_answer::send;
  const bool secure = link_->is_secure() || request.secure;
  auto text = std::make_shared<const std::string>(
      write_response(answer, trace, after, body, secure ? keeper_.secure_fields() : std::string_view{}));
  const auto size = text->size();
  link_->out().push_reply(std::move(text));
  log(request, trace, answer.status, size);
}

void connection::log(const http_request& request, std::string_view trace, unsigned status, std::size_t bytes) {
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_type::now() - began_);
  const std::string_view peer = request.peer.empty() ? peer_.text : request.peer;
  handler_.on_done({request.method, request.path, peer, trace, status, bytes, took});
}

// --- the end ---

void connection::on_deadline() {
  const auto self = shared_from_this();
  switch (phase_) {
    case phase::announced: return refuse_proxy(edge::reason::slow_proxy);
    case phase::handshake:
      edge::count(edge::reason::slow_handshake, peer_.text);
      give_up("the handshake took too long");
      return link_->abort();
    case phase::head:
      edge::count(edge::reason::slow_header, peer_.text);
      return refuse({408, "the header took too long"});
    case phase::body:
      edge::count(edge::reason::slow_body, request_.peer);
      return refuse({408, "the body took too long"});
    case phase::flushing: edge::count(edge::reason::slow_reader, peer_.text); return on_broken();
    default: return end();
  }
}

void connection::drain() {
  draining_ = true;
  if (phase_ == phase::resting || phase_ == phase::handshake || phase_ == phase::announced) end();
}

void connection::end() {
  if (phase_ == phase::ended) return;
  const auto self = shared_from_this();
  phase_ = phase::ended;
  link_->disarm();
  link_->set_user(nullptr);
  link_->end(milliseconds{limits_.write_ms});
  keeper_.on_gone(*this);
}

void connection::on_broken() {
  constexpr unsigned client_left = 499;
  if (serving_) log(serving_->request(), serving_->trace(), client_left, 0);
  link_->abort();
  end();
}

void connection::abort() {
  phase_ = phase::ended;
  link_->disarm();
  link_->abort();
}

}  // namespace

std::shared_ptr<http_connection> http_connection::make(std::shared_ptr<corked> link, http_handler& handler,
                                                       const http_limits& limits, owner& keeper) {
  return std::make_shared<connection>(std::move(link), handler, limits, keeper);
}

}  // namespace greenroom::runtime
