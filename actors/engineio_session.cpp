#include "actors/engineio_session.hpp"

#include <array>

#include "actors/cors.hpp"
#include "codecs/close_code.hpp"
#include "codecs/websocket_frame.hpp"
#include "runtime/read_limiter.hpp"

namespace greenroom {
namespace {

using codecs::engineio_refusal;
using codecs::engineio_type;
using runtime::close_info;

constexpr std::chrono::seconds probe_timeout{10};
constexpr std::string_view probe_word = "probe", noop_packet = "6", close_packet = "1";
constexpr std::size_t gathered_max = 64;  // entries of the outbox that are looked at together
constexpr std::uint8_t opcode_bits = 0x0f, text_opcode = 1, binary_opcode = 2;

runtime::frame_kind runtime_kind(codecs::frame_kind kind) {
  return kind == codecs::frame_kind::text ? runtime::frame_kind::text : runtime::frame_kind::binary;
}

runtime::frame framed(engineio_type type, std::string_view data = {}) {
  return std::make_shared<const std::string>(codecs::engineio_frame(type, data));
}

close_info info(const codecs::close_code& why, bool clean) {
  return {.code = why.code, .reason = std::string{why.reason}, .clean = clean};
}
close_info lost(std::string_view reason) {
  return {.code = runtime::close_code::abnormal, .reason = std::string{reason}, .clean = false};
}

}  // namespace

engineio_session::engineio_session(runtime::shard& home, engineio_keeper& keeper, runtime::outbox_stats& stats,
                                   engineio_options options)
    : home_{home},
      keeper_{&keeper},
      options_{std::move(options)},
      box_{options_.outbox, *this, stats},
      heard_at_{clock::now()} {}

engineio_session::~engineio_session() {
  if (socket_) socket_->detach();
}

void engineio_session::start(std::unique_ptr<engineio_user> user) {
  user_ = std::move(user);
  arm_heartbeat();
}

void engineio_session::orphan() {
  keeper_ = nullptr;
  abort();
}

std::string engineio_session::open_packet(bool upgrades) const {
  return codecs::engineio_open({.sid = options_.sid,
                                .upgrades = upgrades,
                                .ping_interval_ms = options_.ping_interval_ms,
                                .ping_timeout_ms = options_.ping_timeout_ms,
                                .max_payload = options_.payload_bytes_max});
}

// --- polling

void engineio_session::on_get(std::shared_ptr<runtime::http_exchange> exchange) {
  if (get_) {  // the protocol has one at a time: whoever sends two, or has lost one, has lost packets
    answer_refusal(*exchange, engineio_refusal::bad_request);
    return end(lost("overlapping_poll"), close_packet);
  }
  get_ = std::move(exchange);
  home_.at_turn_end(*this);  // it gets what this turn brings, too: the answers to a POST just before it
}

void engineio_session::on_post(std::shared_ptr<runtime::http_exchange> exchange) {
  const auto& request = exchange->request();
  const auto refuse = [&](std::string_view reason) {
    answer_refusal(*exchange, engineio_refusal::bad_request);
    end(lost(reason), close_packet);
  };
  if (post_ || stage_ == stage::closing) return refuse("overlapping_post");
  if (request.body.size() > options_.payload_bytes_max)
    return exchange->respond({.status = 413, .fields = engineio_cors(request)});
  if (request.header("Content-Type").starts_with("application/octet-stream")) return refuse("wrong_data");
  const auto packets = codecs::read_engineio_payload(request.body);
  if (!packets) return refuse("wrong_data");
  const auto self = shared_from_this();
  for (const auto& each : *packets) {
    if (stage_ == stage::closed || stage_ == stage::closing) break;
    take(each.type, each.kind, each.data);
  }
  if (pauses_ != 0 && stage_ != stage::closed)
    post_ = std::move(exchange);
  else
    answer_packets(*exchange, "ok");
}

void engineio_session::on_dirty() {
  if (box_.overflowed()) {
    const auto& why = codecs::close_codes::slow_consumer;
    return later([this] { close(why.code, why.reason, runtime::unsent::drop); });
  }
  home_.at_turn_end(*this);
}

/// Gives what waits to the GET that waits for it.
void engineio_session::answer_get() {
  if (!get_ || stage_ == stage::websocket || stage_ == stage::closed) return;
  codecs::engineio_payload_writer body{options_.payload_bytes_max};
  while (fill(body)) {
  }
  if (body.empty() && stage_ == stage::probing && probed_) return release_get(noop_packet);  // the client waits for it
  if (body.empty() && stage_ != stage::closing) return;
  answer_packets(*std::exchange(get_, nullptr), body.take());
  if (box_.take_drained()) later([this] { user_->on_drained(); });
  if (stage_ == stage::closing && box_.empty()) end(info(codecs::close_codes::closed, true), noop_packet);
}

/// Moves what fits; false: the body is full, or there is no more.
bool engineio_session::fill(codecs::engineio_payload_writer& body) {
  std::array<iovec, gathered_max> waiting;
  const auto count = box_.gather(waiting);
  std::size_t taken = 0;
  bool room = count != 0;
  for (std::size_t i = 0; i != count && room; ++i) {
    std::string_view frames{static_cast<const char*>(waiting[i].iov_base), waiting[i].iov_len};
    while (!frames.empty() && room) {
      const auto one = codecs::take_frame(frames);
      const auto opcode = one.first & opcode_bits;
      // Clients act on a close before the messages beside it: it leaves alone, where they can come for it.
      if (one.body == close_packet && opcode == text_opcode && !body.empty() && !last_get_) {
        room = false;
        break;
      }
      if (opcode == text_opcode || opcode == binary_opcode)
        room = body.add(opcode == text_opcode ? codecs::frame_kind::text : codecs::frame_kind::binary, one.body);
      if (room) taken += one.whole.size();
    }
  }
  box_.consume(taken);
  return room;
}

void engineio_session::release_get(std::string_view packet) {
  if (get_) answer_packets(*std::exchange(get_, nullptr), std::string{packet});
}

// --- the WebSocket

runtime::transport_events* engineio_session::begin_websocket(runtime::transport_ptr socket) {
  socket_ = std::move(socket);
  stage_ = stage::websocket;
  deflate_bits_ = socket_->deflate_bits();
  auto first = std::make_shared<std::string>();
  {
    const codecs::websocket_frame frame{*first, codecs::frame_kind::text, codecs::framing::websocket, gathered_max};
    *first += open_packet(false);
  }
  socket_->out().push_reply(std::move(first));
  return this;
}

runtime::transport_events* engineio_session::begin_probe(runtime::transport_ptr socket) {
  if (!may_upgrade()) return nullptr;
  socket_ = std::move(socket);
  stage_ = stage::probing;
  probed_ = false;
  home_.timers().arm(deadline_, clock::now() + probe_timeout);
  return this;
}

void engineio_session::on_message(runtime::frame_kind kind, std::string_view bytes) {
  const auto self = shared_from_this();
  if (stage_ == stage::probing) return probe(kind, bytes);
  if (stage_ != stage::websocket) return;
  if (kind == runtime::frame_kind::binary) return take(engineio_type::message, codecs::frame_kind::binary, bytes);
  const auto type = codecs::engineio_type_of(bytes);
  if (!type)
    return close(codecs::close_codes::wrong_data.code, codecs::close_codes::wrong_data.reason, runtime::unsent::flush);
  take(*type, codecs::frame_kind::text, bytes.substr(1));
}

void engineio_session::probe(runtime::frame_kind kind, std::string_view bytes) {
  const auto type = kind == runtime::frame_kind::text ? codecs::engineio_type_of(bytes) : std::nullopt;
  if (type == engineio_type::ping && bytes.substr(1) == probe_word) {
    socket_->out().push_reply(framed(engineio_type::pong, probe_word));
    probed_ = true;
    return answer_get();
  }
  if (type == engineio_type::upgrade && probed_) return complete_upgrade();
  const auto& why = codecs::close_codes::wrong_data;
  socket_->close(why.code, why.reason, runtime::unsent::flush);
}

/// What is unsent moves over before anything newer is written there.
void engineio_session::complete_upgrade() {
  deadline_.cancel();
  release_get(noop_packet);
  if (post_) answer_packets(*std::exchange(post_, nullptr), "ok");
  auto unsent = std::make_shared<std::string>();
  std::array<iovec, gathered_max> waiting;
  while (const auto count = box_.gather(waiting)) {
    std::size_t taken = 0;
    for (std::size_t i = 0; i != count; ++i) {
      unsent->append(static_cast<const char*>(waiting[i].iov_base), waiting[i].iov_len);
      taken += waiting[i].iov_len;
    }
    box_.consume(taken);
  }
  stage_ = stage::websocket;
  if (limits_) socket_->limit_reads(limits_);
  if (!unsent->empty()) socket_->out().push_reply(std::move(unsent));
  if (pauses_ != 0) socket_->pause_reading();
  if (box_.take_drained()) later([this] { user_->on_drained(); });
  if (keeper_) keeper_->on_event(*this, engineio_keeper::event::upgraded);
}

void engineio_session::on_closed(const close_info& how) {
  const auto self = shared_from_this();
  socket_.reset();
  if (stage_ != stage::probing) return end(how, noop_packet);
  stage_ = stage::polling;
  deadline_.cancel();
}

// --- both

void engineio_session::take(engineio_type type, codecs::frame_kind kind, std::string_view data) {
  if (limits_ && type != engineio_type::message) limits_->on_frames(1, clock::now());
  switch (type) {
    case engineio_type::message: return user_->on_message(runtime_kind(kind), data);
    case engineio_type::pong: return take_pong();
    case engineio_type::close:
      if (socket_ && stage_ == stage::websocket)
        return close(codecs::close_codes::closed.code, codecs::close_codes::closed.reason, runtime::unsent::flush);
      return end(info(codecs::close_codes::closed, true), noop_packet);
    case engineio_type::ping:  // the server pings
    case engineio_type::open:
      return close(codecs::close_codes::wrong_data.code, codecs::close_codes::wrong_data.reason,
                   runtime::unsent::flush);
    case engineio_type::upgrade:
    case engineio_type::noop: return;
  }
}

void engineio_session::write_now() {
  if (stage_ == stage::websocket)
    socket_->write_now();
  else
    answer_get();
}

bool engineio_session::takes_now() const noexcept {
  return stage_ == stage::websocket ? socket_ && socket_->takes_now() : get_ != nullptr && stage_ != stage::closing;
}

void engineio_session::pause_reading() {
  if (pauses_++ == 0 && stage_ == stage::websocket && socket_) socket_->pause_reading();
}

void engineio_session::limit_reads(std::shared_ptr<runtime::read_limiter> by) {
  if (limits_) return;
  limits_ = std::move(by);
  if (stage_ == stage::websocket && socket_) socket_->limit_reads(limits_);
}

void engineio_session::resume_reading() {
  if (pauses_ == 0 || --pauses_ != 0) return;
  if (post_) answer_packets(*std::exchange(post_, nullptr), "ok");
  if (stage_ == stage::websocket && socket_) socket_->resume_reading();
  arm_heartbeat();
}

// --- pings

std::uint64_t engineio_session::ping_in_order() {
  if (stage_ == stage::closing || stage_ == stage::closed) return 0;
  if (awaits_pong_) {
    ping_again_ = true;
    return pings_ + 1;
  }
  send_ping();
  return pings_;
}

void engineio_session::send_ping() {
  ++pings_;
  awaits_pong_ = true;
  ping_again_ = false;
  out().push_reply(framed(engineio_type::ping));
  arm_heartbeat();
}

void engineio_session::take_pong() {
  if (!std::exchange(awaits_pong_, false)) return;
  heard_at_ = clock::now();
  user_->on_pong(pings_);
  if (ping_again_) return send_ping();
  arm_heartbeat();
}

engineio_session::clock::time_point engineio_session::silent_until() const noexcept {
  return heard_at_ + std::chrono::milliseconds{options_.ping_interval_ms} +
         std::chrono::milliseconds{options_.ping_timeout_ms};
}

void engineio_session::arm_heartbeat() {
  if (stage_ == stage::closing || stage_ == stage::closed) return;
  const auto ping_at = heard_at_ + std::chrono::milliseconds{options_.ping_interval_ms};
  home_.timers().arm(heartbeat_, awaits_pong_ ? silent_until() : ping_at);
}

void engineio_session::on_heartbeat() {
  if (awaits_pong_) {
    if (pauses_ == 0) end_if_overdue();  // else a pong may wait unread: the heartbeat rests until it is resumed
    return;
  }
  user_->on_ping(pings_ + 1);
  send_ping();
}

bool engineio_session::end_if_overdue() {
  if (stage_ == stage::closed) return true;
  if (stage_ == stage::closing || pauses_ != 0 || clock::now() < silent_until()) return false;
  const auto self = shared_from_this();
  if (keeper_) keeper_->on_event(*this, engineio_keeper::event::timed_out);
  end(lost("ping_timeout"), close_packet);
  return true;
}

// --- the end

void engineio_session::close(std::uint16_t code, std::string_view reason, runtime::unsent rest) {
  if (stage_ == stage::closing || stage_ == stage::closed) return;
  if (stage_ == stage::websocket) return socket_->close(code, reason, rest);
  if (stage_ == stage::probing && socket_) std::exchange(socket_, nullptr)->detach();
  stage_ = stage::closing;
  heartbeat_.cancel();
  rest == runtime::unsent::drop ? box_.cut(framed(engineio_type::close)) : box_.finish(framed(engineio_type::close));
  if (code == codecs::close_codes::restart.code) {  // a node that drains takes no other GET
    last_get_ = true;
    answer_get();
    return end(info(codecs::close_codes::restart, true), close_packet);
  }
  home_.timers().arm(deadline_, clock::now() + std::chrono::milliseconds{options_.close_timeout_ms});
  home_.at_turn_end(*this);
}

void engineio_session::abort() {
  if (stage_ == stage::websocket && socket_) return socket_->abort();
  if (get_) answer_refusal(*std::exchange(get_, nullptr), engineio_refusal::unknown_sid);
  end(lost({}), close_packet);
}

/// A probe that takes too long, or a close that no GET came for.
void engineio_session::on_deadline() {
  const auto self = shared_from_this();
  if (stage_ == stage::closing) return end(lost("close_timeout"), close_packet);
  if (stage_ == stage::probing && socket_) socket_->abort();
}

void engineio_session::end(close_info how, std::string_view last_packet) {
  if (stage_ == stage::closed) return;
  const auto self = shared_from_this();
  stage_ = stage::closed;
  heartbeat_.cancel();
  deadline_.cancel();
  box_.clear();
  release_get(last_packet);
  if (post_) answer_packets(*std::exchange(post_, nullptr), "ok");
  if (socket_) std::exchange(socket_, nullptr)->detach();
  if (keeper_) keeper_->on_event(*this, engineio_keeper::event::closed);
  home_.post([self, how = std::move(how)] { self->user_->on_closed(how); });
}

// --- HTTP answers

std::vector<runtime::http_field> engineio_cors(const runtime::http_request& request) {
  return cors_fields(request, cors_credentials::allow);
}

void answer_packets(runtime::http_exchange& to, std::string body) {
  auto fields = engineio_cors(to.request());
  fields.push_back({"Cache-Control", "no-store"});
  to.respond({.content_type = "text/plain; charset=UTF-8", .body = std::move(body), .fields = std::move(fields)});
}

runtime::http_response engineio_refused(const runtime::http_request& request, engineio_refusal why) {
  return {.status = why == engineio_refusal::forbidden ? 403U : 400U,
          .content_type = "application/json",
          .body = codecs::engineio_refusal_document(why),
          .fields = why == engineio_refusal::forbidden ? std::vector<runtime::http_field>{} : engineio_cors(request)};
}

void answer_refusal(runtime::http_exchange& to, engineio_refusal why) {
  to.respond(engineio_refused(to.request(), why));
}

}  // namespace greenroom
