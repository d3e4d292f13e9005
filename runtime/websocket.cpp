#include "runtime/websocket.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "runtime/close_code.hpp"
#include "runtime/control_frame.hpp"
#include "runtime/corked_impl.hpp"
#include "runtime/deflate_offer.hpp"
#include "runtime/edge_watch.hpp"
#include "runtime/frame_reader.hpp"
#include "runtime/inflater.hpp"
#include "runtime/transport.hpp"
#include "runtime/websocket_impl.hpp"

namespace greenroom::runtime {
namespace {

using std::chrono::milliseconds;

constexpr std::uint16_t policy_code = 1008;
constexpr auto never = shard::time_point::max();

/// What proves that a handshake was understood (RFC 6455, 4.2.2).
std::string accept_of(std::string key) {
  constexpr std::size_t sha1_bytes = 20, base64_bytes = 28;
  key += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);  // else each digest looks for one
  std::array<unsigned char, sha1_bytes> hash{};
  EVP_Digest(key.data(), key.size(), hash.data(), nullptr, sha1, nullptr);
  std::array<unsigned char, base64_bytes + 1> text{};
  EVP_EncodeBlock(text.data(), hash.data(), static_cast<int>(hash.size()));
  return {reinterpret_cast<const char*>(text.data()), base64_bytes};
}

std::string switching_protocols(const std::string& key, const std::string& subprotocol, const std::string& extensions) {
  std::string answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n";
  const auto add = [&answer](std::string_view name, std::string_view value) {
    if (!value.empty()) answer.append(name).append(": ").append(value).append("\r\n");
  };
  add("Sec-WebSocket-Accept", accept_of(key));
  add("Server", http_server_name);
  add("Sec-WebSocket-Protocol", subprotocol);
  add("Sec-WebSocket-Extensions", extensions);
  return answer += "\r\n";
}

/// A `transport`: a reader of frames over a corked connection. What is written goes whole into the outbox.
class websocket final : public transport,
                        public std::enable_shared_from_this<websocket>,
                        private corked_user,
                        private frame_sink {
 public:
  websocket(std::shared_ptr<corked> link, const websocket_options& options, milliseconds message_time,
            std::string peer);
  ~websocket() override;

  void accept(const websocket_request& asked, upgrade how);

  outbox& out() noexcept override { return link_->out(); }
  void write_now() override { link_->write_now(); }
  bool takes_now() const noexcept override { return !link_->blocked(); }
  void close(std::uint16_t code, std::string_view reason, unsent rest) override;
  void abort() override;
  void detach() noexcept override;
  void pause_reading() override;
  void resume_reading() override;
  void limit_reads(std::shared_ptr<read_limiter> by) override { link_->limit_reads(std::move(by)); }
  std::uint64_t ping_in_order() override;
  int deflate_bits() const noexcept override { return deflate_bits_; }
  const std::string& peer() const noexcept override { return peer_; }
  shard& home() const noexcept override { return link_->home(); }

 private:
  milliseconds close_timeout() const noexcept { return milliseconds{close_timeout_ms_}; }
  bool closing() const noexcept { return how_ != nullptr; }
  bool begin_close(std::uint16_t code, std::string_view reason);
  frame on_gap(const gap& lost) override { return events_ ? events_->on_gap(lost) : nullptr; }
  void on_drained() override;
  void on_overflow() override { close(close_code::try_later, "slow_consumer", unsent::drop); }
  void on_broken() override;
  void on_deadline() override;

  void begin(const std::function<transport_events*(transport_ptr)>& opened);
  void read();
  void on_read(error_code ec, std::span<char> bytes);
  flow on_message(frame_kind kind, std::string_view payload, bool compressed) override;
  flow on_ping(std::string_view payload) override;
  flow on_pong(std::string_view payload) override;
  void on_close(std::uint16_t code, std::string_view reason) override;
  flow inflate(frame_kind kind, std::string_view body);
  flow deliver(frame_kind kind, std::string_view message);
  void refuse(std::uint16_t code) { refuse(code, close_word(code)); }
  void refuse(std::uint16_t code, std::string_view reason);
  void on_goodbye(error_code ec, std::uint16_t code, std::string_view reason);
  void report();
  void arm_keepalive();
  void arm();
  void look_at_message();
  void begin_message();
  void keep_alive();

  std::shared_ptr<corked> link_;
  frame_reader reader_;
  transport_events* events_ = nullptr;
  std::string peer_;
  std::unique_ptr<close_info> how_;  ///< Null while open; from then on no message is delivered.
  std::uint32_t message_bytes_max_, message_ms_, ping_interval_ms_, pong_timeout_ms_, close_timeout_ms_;
  std::uint32_t begun_ = 0;                  ///< The message that `message_due_` is about.
  shard::time_point asked_at_;               ///< When the awaited ping left.
  shard::time_point keepalive_due_ = never;  ///< The next ping, or its pong's last moment.
  shard::time_point message_due_ = never;    ///< The last moment of the message that is under way.
  std::uint64_t pings_ = 0;                  ///< The newest ping's number.
  std::uint64_t answered_ = 0;               ///< The newest answered ping's.
  std::uint64_t awaited_ = 0;                ///< The keep-alive's ping whose pong is due; 0: none.
  std::uint8_t deflate_bits_ = 0;            ///< 0: not agreed on.
  bool greeted_ = false;  ///< The 101 has left; until then no ping is answered, since a pong would overtake it.
  bool reading_ = false;
  bool paused_ = false;
  bool ended_ = false;  ///< Nothing more is read: the peer has said goodbye, or was refused.
  bool reported_ = false;
};

websocket::websocket(std::shared_ptr<corked> link, const websocket_options& options, milliseconds message_time,
                     std::string peer)
    : link_{std::move(link)},
      reader_{{options.message_bytes_max, options.fragments_max}},
      peer_{std::move(peer)},
      message_bytes_max_{options.message_bytes_max},
      message_ms_{static_cast<std::uint32_t>(message_time.count())},
      ping_interval_ms_{options.ping_interval_ms},
      pong_timeout_ms_{options.pong_timeout_ms},
      close_timeout_ms_{options.close_timeout_ms} {
  link_->set_bounds(options.outbox);
  link_->set_user(this);
  ++link_->counters().websockets;
}

websocket::~websocket() {
  link_->set_user(nullptr);
  --link_->counters().websockets;
  if (!reported_) link_->abort();
}

// --- the handshake ---

void websocket::accept(const websocket_request& asked, upgrade how) {
  const auto window_bits = how.options.deflate_window_bits;
  const auto deflate = window_bits == 0 ? std::nullopt : accept_deflate(asked.extensions, window_bits);
  if (deflate) {
    deflate_bits_ = static_cast<std::uint8_t>(deflate->window_bits);
    reader_.allow_compression();
  }
  auto answer = switching_protocols(asked.key, how.subprotocol, deflate ? deflate->answer : std::string{});
  out().push_reply(std::make_shared<const std::string>(std::move(answer)));
  link_->write_now();
  greeted_ = out().empty();
  net::post(link_->get_executor(),
            [self = shared_from_this(), opened = std::move(how.opened)] { self->begin(opened); });
}

void websocket::begin(const std::function<transport_events*(transport_ptr)>& opened) {
  if (reported_) return;  // broken meanwhile
  events_ = opened(shared_from_this());
  if (!events_) return link_->abort();
  arm_keepalive();
  if (!paused_ && !reading_) read();
}

// --- reading ---

void websocket::read() {
  reading_ = true;
  link_->read_block([self = shared_from_this()](error_code ec, std::span<char> bytes) { self->on_read(ec, bytes); });
}

/// What comes behind the message at which an owner pauses is the connection's input again.
void websocket::on_read(error_code ec, std::span<char> bytes) {
  if (ec) {  // gone without a word, or broken
    reading_ = false;
    link_->abort();
    return report();
  }
  if (paused_) {  // since it was waited for
    reading_ = false;
    return link_->give_back(bytes);
  }
  const auto got = reader_.feed(bytes, *this);
  if (const auto loose = reader_.take_loose(); loose != 0) link_->frames_came(loose);
  look_at_message();
  if (got.wrong != 0 && !ended_) refuse(got.wrong);
  reading_ = false;  // not before: what the owner does when told must not begin a read into the message that it holds
  if (ended_) return;
  if (got.used != bytes.size()) link_->give_back(bytes.subspan(got.used));
  if (!paused_ || !link_->is_open()) read();
}

flow websocket::on_message(frame_kind kind, std::string_view payload, bool compressed) {
  return compressed ? inflate(kind, payload) : deliver(kind, payload);
}

flow websocket::inflate(frame_kind kind, std::string_view body) {
  using verdict = inflater::verdict;
  if (closing()) return flow::on;  // nobody will look at it
  const auto inflated = inflater::of_this_thread().inflate(body, message_bytes_max_);
  if (inflated.what == verdict::too_big) return refuse(close_code::too_big), flow::stop;
  if (inflated.what == verdict::damaged) return refuse(close_code::bad_payload, "bad_deflate"), flow::stop;
  if (kind == frame_kind::text && !is_utf8(inflated.bytes)) return refuse(close_code::bad_payload), flow::stop;
  return deliver(kind, inflated.bytes);
}

flow websocket::deliver(frame_kind kind, std::string_view message) {
  if (events_ && !closing()) events_->on_message(kind, message);
  return paused_ || !link_->is_open() ? flow::stop : flow::on;
}

void websocket::pause_reading() {
  if (closing() || std::exchange(paused_, true)) return;
  keepalive_due_ = message_due_ = never;  // what is late now is our doing
  link_->disarm();
}

void websocket::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  arm_keepalive();
  if (reader_.is_under_way()) begin_message();
  if (!reading_ && !ended_ && !reported_) read();
}

// --- pings ---

std::uint64_t websocket::ping_in_order() {
  out().push_reply(ping_frame(++pings_));
  return pings_;
}

flow websocket::on_ping(std::string_view payload) {
  greeted_ = greeted_ || out().empty();
  if (greeted_) out().push_pong(pong_frame(payload));
  return flow::on;
}

flow websocket::on_pong(std::string_view payload) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(payload.data(), payload.data() + payload.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != payload.data() + payload.size())
    return flow::on;  // unsolicited ones are allowed
  if (closing() || number > pings_ || number <= answered_) return flow::on;
  answered_ = number;
  if (awaited_ != 0 && number >= awaited_) {
    awaited_ = 0;
    if (!paused_) arm_keepalive();
  }
  if (events_) events_->on_pong(number);
  return paused_ || !link_->is_open() ? flow::stop : flow::on;
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
  if (due != never) link_->arm(due);
}

// --- slow messages ---

/// After each read. A message that is whole at once, as most are, costs no timer.
void websocket::look_at_message() {
  if (!reader_.is_under_way()) {
    message_due_ = never;  // the timer finds that out by itself
    return;
  }
  if (message_due_ == never || reader_.begun() != begun_) begin_message();
}

void websocket::begin_message() {
  if (closing() || paused_) return;
  begun_ = reader_.begun();
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
  const auto due = std::max(asked_at_, link_->last_input()) + milliseconds{pong_timeout_ms_};
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
  link_->disarm();
  return true;
}

void websocket::close(std::uint16_t code, std::string_view reason, unsent rest) {
  if (!begin_close(code, reason)) return;
  auto last = close_frame(code, reason);
  rest == unsent::drop ? out().cut(std::move(last)) : out().finish(std::move(last));
  link_->end_within(close_timeout());
  resume_reading();  // for the peer's close frame
}

/// Closes because of what the peer has sent; nothing more of it is read.
void websocket::refuse(std::uint16_t code, std::string_view reason) {
  ended_ = true;
  begin_close(code, reason);
  out().finish(close_frame(code, reason));
  link_->end(close_timeout(), [self = shared_from_this()](error_code) { self->report(); });
}

/// Behind a close frame of ours this is the peer's answer to it. Else ours, which has its code, is the answer.
void websocket::on_close(std::uint16_t code, std::string_view reason) {
  ended_ = true;
  const auto answer = code == close_code::no_status ? close_code::normal : code;
  out().finish(close_frame(answer, close_word(answer)));
  link_->end(close_timeout(), [self = shared_from_this(), code, why = std::string{reason}](error_code ec) {
    self->on_goodbye(ec, code, why);
  });
}

/// All is written, the answer to the peer's close frame, too.
void websocket::on_goodbye(error_code ec, std::uint16_t code, std::string_view reason) {
  if (!ec) {
    begin_close(code, reason);
    how_->clean = true;
  }
  report();
}

void websocket::abort() {
  begin_close(close_code::abnormal, {});
  link_->abort();
  if (reading_) return;  // it ends with an error
  net::post(link_->get_executor(), [self = shared_from_this()] { self->report(); });
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

void websocket::report() {
  if (std::exchange(reported_, true)) return;
  const auto self = shared_from_this();  // whoever is told may be the last who holds us
  begin_close(close_code::abnormal, {});
  if (auto* events = std::exchange(events_, nullptr)) events->on_closed(*how_);
}

}  // namespace

void open_websocket(std::shared_ptr<corked> link, const websocket_request& asked, upgrade how, std::string peer) {
  std::make_shared<websocket>(std::move(link), how.options, asked.message_time, std::move(peer))
      ->accept(asked, std::move(how));
}

}  // namespace greenroom::runtime
