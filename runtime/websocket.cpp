#include "runtime/websocket.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <boost/locale/utf.hpp>

#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/control_frame.hpp"
#include "runtime/corked_impl.hpp"
#include "runtime/deflate_offer.hpp"
#include "runtime/edge_watch.hpp"
#include "runtime/inflater.hpp"
#include "runtime/transport.hpp"
#include "runtime/websocket_impl.hpp"
#include "runtime/websocket_layer_impl.hpp"

namespace greenroom::runtime {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace ws = beast::websocket;
using std::chrono::milliseconds;

constexpr std::uint16_t policy_code = 1008;
constexpr std::uint16_t codes_end = 5'000;  // no code from here on has a meaning
constexpr auto never = shard::time_point::max();
constexpr std::size_t small_message_bytes = 96;  // what fits is read without an allocation
constexpr std::size_t read_step_bytes = 16'384;  // by which the buffer of a larger one grows
/// Whether valid UTF-8 stops within a character. Beast misses it when a message ends with an empty fragment.
bool ends_within_character(std::string_view text) noexcept {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if (byte < 0x80) return false;
    if (byte >= 0xc0) return back < (byte >= 0xf0 ? 4U : byte >= 0xe0 ? 3U : 2U);
  }
  return false;
}

bool is_utf8(std::string_view text) noexcept {
  namespace utf = boost::locale::utf;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end)
    if (!utf::is_valid_codepoint(utf::utf_traits<char>::decode(at, end))) return false;
  return true;
}

/// What the compressed form of a message may have: deflate never adds more to it (zlib's own bound).
constexpr std::size_t deflated_bytes_max(std::size_t plain) { return plain + (plain >> 12) + (plain >> 14) + 64; }

/// The code with which Beast closed because of what the peer sent; 0: it did not.
std::uint16_t close_code_of(error_code ec) {
  if (ec == ws::error::message_too_big) return close_code::too_big;
  if (ec == ws::error::bad_frame_payload) return close_code::bad_payload;
  return ec == ws::condition::protocol_violation ? close_code::protocol_error : std::uint16_t{0};
}

/// A `transport` over Beast's stream, which reads: masks, fragments, UTF-8, control frames and their answers.
/// Everything written goes past it into the outbox.
class websocket final : public transport,
                        public std::enable_shared_from_this<websocket>,
                        private corked_user,
                        private websocket_input {
 public:
  websocket(std::shared_ptr<corked> link, const websocket_options& options, milliseconds message_time,
            std::string peer);
  ~websocket() override;

  void accept(const websocket_request& asked, upgrade how);

  outbox& out() noexcept override { return link().out(); }
  void write_now() override { link().write_now(); }
  bool takes_now() const noexcept override { return !stream_.next_layer().link->blocked(); }
  void close(std::uint16_t code, std::string_view reason, unsent rest) override;
  void abort() override;
  void detach() noexcept override;
  void pause_reading() override;
  void resume_reading() override;
  void limit_reads(std::shared_ptr<read_limiter> by) override { link().limit_reads(std::move(by)); }
  std::uint64_t ping_in_order() override;
  int deflate_bits() const noexcept override { return deflate_bits_; }
  const std::string& peer() const noexcept override { return peer_; }
  shard& home() const noexcept override { return stream_.next_layer().link->home(); }

 private:
  milliseconds close_timeout() noexcept { return stream_.next_layer().close_timeout(); }
  bool closing() const noexcept { return how_ != nullptr; }
  bool begin_close(std::uint16_t code, std::string_view reason);
  corked& link() noexcept { return *stream_.next_layer().link; }
  frame on_gap(const gap& lost) override { return events_ ? events_->on_gap(lost) : nullptr; }
  void on_drained() override;
  void on_overflow() override { close(close_code::try_later, "slow_consumer", unsent::drop); }
  void on_broken() override;
  void on_deadline() override;

  void read();
  void on_read(error_code ec, std::size_t size);
  bool take(std::string_view message, std::size_t last_part);
  bool inflate(std::string_view message, frame_kind kind);
  void deliver(frame_kind kind, std::string_view message);
  void on_pong(std::string_view payload);
  void on_close_frame();
  void refuse(std::uint16_t code) { refuse(code, close_word(code)); }
  void refuse(std::uint16_t code, std::string_view reason);
  void on_read_end(error_code ec);
  void report();
  void arm_keepalive();
  void arm();
  void on_input() override;
  void begin_message();
  void keep_alive();

  ws::stream<websocket_layer, false> stream_;
  std::array<char, small_message_bytes> small_;
  std::string large_;       ///< A message that does not fit `small_`, while it arrives.
  std::size_t filled_ = 0;  ///< Of the message that arrives.
  transport_events* events_ = nullptr;
  std::string peer_;
  std::unique_ptr<close_info> how_;  ///< Null while open; from then on no message is delivered.
  std::uint32_t message_bytes_max_, message_ms_, ping_interval_ms_, pong_timeout_ms_;
  shard::time_point asked_at_;               ///< When the awaited ping left.
  shard::time_point keepalive_due_ = never;  ///< The next ping, or its pong's last moment.
  shard::time_point message_due_ = never;    ///< The last moment of the message that is under way.
  std::uint32_t begun_ = 0;                  ///< The message that `message_due_` is about.
  std::uint64_t pings_ = 0;                  ///< The newest ping's number.
  std::uint64_t answered_ = 0;               ///< The newest answered ping's.
  std::uint64_t awaited_ = 0;                ///< The keep-alive's ping whose pong is due; 0: none.
  std::uint8_t deflate_bits_ = 0;            ///< 0: not agreed on.
  bool reading_ = false;
  bool paused_ = false;
  bool reported_ = false;
};

websocket::websocket(std::shared_ptr<corked> link, const websocket_options& options, milliseconds message_time,
                     std::string peer)
    : stream_{std::move(link), options},
      peer_{std::move(peer)},
      message_bytes_max_{options.message_bytes_max},
      message_ms_{static_cast<std::uint32_t>(message_time.count())},
      ping_interval_ms_{options.ping_interval_ms},
      pong_timeout_ms_{options.pong_timeout_ms} {
  stream_.next_layer().user = this;
  stream_.read_message_max(options.message_bytes_max);
  stream_.set_option(ws::stream_base::timeout{ws::stream_base::none(), ws::stream_base::none(), false});
  stream_.control_callback([this](ws::frame_type kind, beast::string_view payload) {
    if (kind == ws::frame_type::pong) on_pong({payload.data(), payload.size()});
    if (kind == ws::frame_type::close) on_close_frame();
  });
  this->link().set_bounds(options.outbox);
  this->link().set_user(this);
  ++this->link().counters().websockets;
}

websocket::~websocket() {
  link().set_user(nullptr);
  --link().counters().websockets;
  if (!reported_) link().abort();
}

// --- the handshake ---

void websocket::accept(const websocket_request& asked, upgrade how) {
  const auto window_bits = how.options.deflate_window_bits;
  const auto deflate = window_bits == 0 ? std::nullopt : accept_deflate(asked.extensions, window_bits);
  if (deflate) {
    deflate_bits_ = static_cast<std::uint8_t>(deflate->window_bits);
    stream_.next_layer().deflated = std::make_unique<deflated_messages>();
    stream_.read_message_max(deflated_bytes_max(message_bytes_max_));  // what is in it is counted when it is inflated
  }
  http::request<http::empty_body> checked{http::verb::get, "/", 11};  // all that Beast's answer depends on
  checked.set(http::field::host, "-");
  checked.set(http::field::connection, "upgrade");
  checked.set(http::field::upgrade, "websocket");
  checked.set(http::field::sec_websocket_version, "13");
  checked.set(http::field::sec_websocket_key, asked.key);
  stream_.set_option(ws::stream_base::decorator([&](ws::response_type& answer) {
    answer.set(http::field::server, http_server_name);  // else Beast tells its version
    if (!how.subprotocol.empty()) answer.set(http::field::sec_websocket_protocol, how.subprotocol);
    if (deflate) answer.set(http::field::sec_websocket_extensions, deflate->answer);
  }));
  stream_.async_accept(checked, [self = shared_from_this(), opened = std::move(how.opened)](error_code ec) {
    if (ec) return self->link().abort();
    self->events_ = opened(self);
    if (!self->events_) return self->link().abort();
    self->arm_keepalive();
    if (!self->paused_ && !self->reading_) self->read();
  });
  stream_.set_option(ws::stream_base::decorator([](ws::response_type&) {}));  // it was used at once
}

// --- reading ---

void websocket::read() {
  reading_ = true;
  auto into = net::buffer(small_);
  if (filled_ != 0) {
    large_.resize(filled_ + stream_.read_size_hint(read_step_bytes));
    into = net::buffer(large_.data() + filled_, large_.size() - filled_);
  }
  stream_.async_read_some(into,
                          [self = shared_from_this()](error_code ec, std::size_t size) { self->on_read(ec, size); });
}

void websocket::on_read(error_code ec, std::size_t size) {
  if (ec) return on_read_end(ec);
  const bool is_small = filled_ == 0;
  filled_ += size;
  if (stream_.is_message_done()) {
    const std::string_view message{is_small ? small_.data() : large_.data(), filled_};
    if (!take(message, size)) return;
  } else if (is_small) {
    large_.assign(small_.data(), size);
  }
  reading_ = false;  // not before: what the owner does when told must not begin a read into the message that it holds
  if (!paused_ || !link().is_open()) read();
}

/// A whole message, its last part of that size. False: it was refused, and with it the connection.
bool websocket::take(std::string_view message, std::size_t last_part) {
  if (auto* deflated = stream_.next_layer().deflated.get()) {
    if (const auto kind = deflated->take()) return inflate(message, *kind);
    if (message.size() > message_bytes_max_) return refuse(close_code::too_big), false;
  }
  const bool is_text = stream_.got_text();
  if (last_part == 0 && is_text && ends_within_character(message)) return refuse(close_code::bad_payload), false;
  deliver(is_text ? frame_kind::text : frame_kind::binary, message);
  return true;
}

bool websocket::inflate(std::string_view message, frame_kind kind) {
  using verdict = inflater::verdict;
  const auto inflated = closing() ? inflater::result{verdict::whole, {}}  // nobody will look at it
                                  : inflater::of_this_thread().inflate(message, message_bytes_max_);
  if (inflated.what == verdict::too_big) return refuse(close_code::too_big), false;
  if (inflated.what == verdict::damaged) return refuse(close_code::bad_payload, "bad_deflate"), false;
  if (kind == frame_kind::text && !is_utf8(inflated.bytes)) return refuse(close_code::bad_payload), false;
  deliver(kind, inflated.bytes);
  return true;
}

void websocket::deliver(frame_kind kind, std::string_view message) {
  if (events_ && !closing()) events_->on_message(kind, message);
  filled_ = 0;
  std::string{}.swap(large_);
}

void websocket::pause_reading() {
  if (closing() || std::exchange(paused_, true)) return;
  keepalive_due_ = message_due_ = never;  // what is late now is our doing
  link().disarm();
}

void websocket::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  arm_keepalive();
  if (stream_.next_layer().meter.is_under_way()) begin_message();
  if (!reading_ && !reported_) read();
}

// --- pings ---

std::uint64_t websocket::ping_in_order() {
  out().push_reply(ping_frame(++pings_));
  return pings_;
}

void websocket::on_pong(std::string_view payload) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(payload.data(), payload.data() + payload.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != payload.data() + payload.size())
    return;  // unsolicited ones are allowed
  if (closing() || number > pings_ || number <= answered_) return;
  answered_ = number;
  if (awaited_ != 0 && number >= awaited_) {
    awaited_ = 0;
    if (!paused_) arm_keepalive();
  }
  if (events_) events_->on_pong(number);
}

void websocket::arm_keepalive() {
  if (ping_interval_ms_ == 0 || closing()) return;
  asked_at_ = home().now();
  keepalive_due_ = asked_at_ + milliseconds{awaited_ != 0 ? pong_timeout_ms_ : ping_interval_ms_};
  arm();
}

/// The connection has one timer.
void websocket::arm() {
  const auto due = std::min(keepalive_due_, message_due_);
  if (due != never) link().arm(due);
}

// --- slow messages ---

/// After each read. A message that is whole at once, as most are, costs no timer.
void websocket::on_input() {
  const auto& meter = stream_.next_layer().meter;
  if (!meter.is_under_way()) {
    message_due_ = never;  // the timer finds that out by itself
    return;
  }
  if (message_due_ == never || meter.begun() != begun_) begin_message();
}

void websocket::begin_message() {
  if (closing() || paused_) return;
  begun_ = stream_.next_layer().meter.begun();
  const bool is_armed = message_due_ != never;
  message_due_ = home().now() + milliseconds{message_ms_};
  if (!is_armed && message_due_ < keepalive_due_) arm();  // else the timer comes earlier, and looks
}

void websocket::on_deadline() {
  const auto now = home().now();
  if (now >= message_due_) {
    edge::count(edge::reason::slow_message, peer_);
    return close(policy_code, "slow_message", unsent::drop);
  }
  if (now >= keepalive_due_) return keep_alive();
  arm();
}

void websocket::keep_alive() {
  if (awaited_ == 0) {
    if (events_) events_->on_ping(pings_ + 1);
    out().push_ping(ping_frame(++pings_));
    awaited_ = pings_;
    return arm_keepalive();
  }
  // A large message on a thin line holds the pong back: whoever sends is there.
  const auto due = std::max(asked_at_, link().last_input()) + milliseconds{pong_timeout_ms_};
  if (home().now() < due) {
    keepalive_due_ = due;
    return arm();
  }
  begin_close(close_code::abnormal, "ping_timeout");
  abort();
}

// --- the end ---

/// False where it had begun before: the first reason counts.
bool websocket::begin_close(std::uint16_t code, std::string_view reason) {
  if (closing()) return false;
  how_ = std::make_unique<close_info>(close_info{code, std::string{reason}, false});
  keepalive_due_ = message_due_ = never;
  link().disarm();
  return true;
}

void websocket::close(std::uint16_t code, std::string_view reason, unsent rest) {
  if (!begin_close(code, reason)) return;
  auto last = close_frame(code, reason);
  rest == unsent::drop ? out().cut(std::move(last)) : out().finish(std::move(last));
  link().end_within(close_timeout());
  resume_reading();  // for the peer's close frame
}

/// Closes where Beast did not see what is wrong, and so reads no more.
void websocket::refuse(std::uint16_t code, std::string_view reason) {
  reading_ = false;
  begin_close(code, reason);
  out().finish(close_frame(code, reason));
  link().end(close_timeout(), [self = shared_from_this()](error_code) { self->report(); });
}

void websocket::abort() {
  begin_close(close_code::abnormal, {});
  link().abort();
  if (reading_) return;  // it ends with an error
  net::post(link().get_executor(), [self = shared_from_this()] { self->report(); });
}

void websocket::detach() noexcept {
  events_ = nullptr;
  if (!closing()) abort();
}

void websocket::on_drained() {
  if (events_ && !closing()) events_->on_drained();
}

void websocket::on_broken() {
  if (!reading_) report();
}

/// Beast echoes any code from 3000 on (RFC 6455, 7.4.2, ends before 5000). What we say first stands.
void websocket::on_close_frame() {
  if (stream_.reason().code < codes_end || !begin_close(close_code::protocol_error, "protocol_error")) return;
  out().finish(close_frame(close_code::protocol_error, "protocol_error"));
}

void websocket::on_read_end(error_code ec) {
  reading_ = false;
  if (ec == too_many_fragments()) return refuse(close_code::too_big);
  const auto wrong = close_code_of(ec);
  if (ec == ws::error::closed) {
    const auto& said = stream_.reason();
    begin_close(said.code == ws::close_code::none ? close_code::no_status : static_cast<std::uint16_t>(said.code),
                {said.reason.data(), said.reason.size()});
    how_->clean = said.code < codes_end;
  } else if (wrong != 0) {
    begin_close(wrong, close_word(wrong));  // Beast said goodbye; the link ends by itself
  } else {
    link().abort();  // gone without a word, or broken
  }
  report();
}

void websocket::report() {
  if (std::exchange(reported_, true)) return;
  begin_close(close_code::abnormal, {});
  if (auto* events = std::exchange(events_, nullptr)) events->on_closed(*how_);
}

}  // namespace

void open_websocket(std::shared_ptr<corked> link, const websocket_request& asked, upgrade how, std::string peer) {
  std::make_shared<websocket>(std::move(link), how.options, asked.message_time, std::move(peer))
      ->accept(asked, std::move(how));
}

}  // namespace greenroom::runtime
