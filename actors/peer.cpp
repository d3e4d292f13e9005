#include "actors/peer.hpp"

#include <charconv>

#include "actors/client_limits.hpp"
#include "actors/connection.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/memberships.hpp"
#include "actors/pass.hpp"
#include "actors/relay.hpp"
#include "actors/session.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
namespace {

/// Read and not yet decoded; over it the socket is not read. A flood waits in its own socket, where its limits see it.
constexpr std::size_t input_messages_max = 64;
constexpr char request_prefix = 's';  ///< ids of the server's requests: "s1", "s2" …

}  // namespace

peer::peer(context& ctx, std::size_t shard, std::unique_ptr<codecs::dialogue> speaks)
    : ctx_{ctx}, shard_{shard}, codec_{speaks->broadcasts()}, dialogue_{std::move(speaks)} {}

void peer::attach(runtime::transport_ptr transport) {
  transport_ = std::move(transport);
  address_ = transport_->peer();
  if (ctx_.limits) {
    limits_ = std::make_shared<client_limits>(*ctx_.limits, address_);
    transport_->limit_reads(limits_);
  }
  if (const auto bits = transport_->deflate_bits(); bits != 0) {
    compressor_ = &ctx_.shards[shard_].compressors->of(bits);
    ctx_.meters.compression_agreed();
  }
}

void peer::heard_by(caf::actor connection) {
  connection_ = std::move(connection);
  if (!input_.empty()) runtime::tell(connection_, connection::input{});
  if (closed_before_) runtime::tell(connection_, connection::closed{*closed_before_});
}

void peer::belongs_to(std::shared_ptr<memberships> rooms, caf::actor session) {
  rooms_ = std::move(rooms);
  session_ = std::move(session);
}

// --- out

void peer::leave_unknown(const codecs::reply_ref&) {
  call_ended();
  close(codecs::close_codes::store_unavailable);
}

void peer::reply(const codecs::reply_ref& to, codecs::outcome what) {
  if (out() && to.wants_answer()) {
    auto bytes = dialogue_->encode_reply(to, what, codecs::framing::websocket);
    if (!bytes.empty()) push_frame(codecs::share(std::move(bytes)));
  }
  call_ended();
}

void peer::push(const codecs::push& what) {
  if (!out()) return;
  const auto* said = std::get_if<codecs::pushes::notification>(&what);
  if (said && said->how == codecs::pushes::urgency::droppable && !transport_->takes_now())
    return ctx_.meters.push_dropped();
  if (auto bytes = dialogue_->encode_push(what); !bytes.empty()) push_frame(codecs::share(std::move(bytes)));
}

std::optional<std::uint64_t> peer::request(std::string_view method, const codecs::payload_ptr& params,
                                           const codecs::on_behalf* of) {
  if (!out()) return std::nullopt;
  const auto id = request_prefix + std::to_string(++requests_);
  push_frame(std::make_shared<const std::string>(dialogue_->encode_request(id, method, params, of)));
  return requests_;
}

std::optional<std::uint64_t> peer::number_of_request(std::string_view id) const {
  if (!id.starts_with(request_prefix)) return std::nullopt;
  id.remove_prefix(1);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (failed != std::errc{} || end != id.data() + id.size() || number == 0 || number > requests_) return std::nullopt;
  return number;
}

packed peer::pack(runtime::frame plain) {
  if (!compressor_) return {std::move(plain)};
  return plain.use_count() > 1 ? compressor_->pack_shared(plain) : compressor_->pack(std::move(plain));
}

void peer::push_frame(runtime::frame bytes) {
  if (auto* box = out()) {
    auto [frames, compressed] = pack(std::move(bytes));
    ctx_.meters.sent(codecs::encoding_of(codec_), 1, frames->size(), compressed);
    if (box->bytes() > box->bounds().bytes_max) write_now();  // one turn may bring more than the bound for replies
    box->push_reply(std::move(frames));
    if (box->overflowed()) close(codecs::close_codes::slow_consumer, runtime::unsent::drop);
  }
}

runtime::outbox* peer::out() noexcept { return transport_ ? &transport_->out() : nullptr; }

void peer::write_now() {
  if (transport_) transport_->write_now();
}

void peer::close(const codecs::close_code& why, runtime::unsent rest) {
  if (transport_) transport_->close(why.code, why.reason, rest);
}

void peer::close_link(const codecs::close_code& why) {
  if (transport_) transport_->close_link(why.code, why.reason);
}

void peer::break_off() {
  if (transport_) transport_->abort();
}

void peer::gone() {
  if (transport_) std::exchange(transport_, nullptr)->detach();
  input_.clear();
  starving_.clear();
  rooms_.reset();
  session_ = nullptr;
  connection_ = nullptr;
}

std::uint64_t peer::ping_in_order() { return transport_ && batches_ == 0 ? transport_->ping_in_order() : 0; }

void peer::feed_when_drained(subscription_ptr who) { starving_.push_back(std::move(who)); }

// --- in

peer::inputs peer::take_input() {
  told_ = false;
  input_bytes_ = 0;
  auto all = std::exchange(input_, {});
  weigh();
  return all;
}

void peer::call_began() {
  ++calls_;
  weigh();
}

void peer::call_ended() {
  --calls_;
  weigh();
}

void peer::weigh() {
  if (!transport_) return;
  const bool over = calls_ >= limits::calls_in_flight_max || input_bytes_ >= limits::input_bytes_max ||
                    input_.size() >= input_messages_max;
  const bool half = calls_ <= limits::calls_in_flight_max / 2 && input_bytes_ <= limits::input_bytes_max / 2 &&
                    input_.size() <= input_messages_max / 2;
  if (!paused_ && over) {
    paused_ = true;
    transport_->pause_reading();
  } else if (paused_ && half) {
    paused_ = false;
    transport_->resume_reading();
    if (connection_) runtime::tell(connection_, connection::input{});
  }
}

void peer::on_message(runtime::frame_kind kind, std::string_view bytes) {
  auto in = codecs::encoding_of(codec_);
  if (in == codecs::encoding::native_json || in == codecs::encoding::native_msgpack)  // either kind is understood
    in = kind == runtime::frame_kind::text ? codecs::encoding::native_json : codecs::encoding::native_msgpack;
  ctx_.meters.received(in, bytes.size());
  auto kept = codecs::spare_string();
  kept.assign(bytes);
  input_.emplace_back(kind == runtime::frame_kind::text ? codecs::frame_kind::text : codecs::frame_kind::binary,
                      std::move(kept));
  input_bytes_ += bytes.size();
  weigh();
  if (connection_ && !std::exchange(told_, true)) pass(connection_, connection::input{});
}

void peer::on_ping(std::uint64_t number) {
  if (rooms_ && out() && out()->empty()) rooms_->ping_left(number);
}

void peer::on_pong(std::uint64_t number) {
  if (!rooms_) return;
  rooms_->ping_answered(number);
  runtime::tell(session_, session::proven{number});
}

void peer::on_drained() {
  if (!starving_.empty()) runtime::tell(ctx_.shards[shard_].relay, relay::feed{std::exchange(starving_, {})});
}

runtime::frame peer::on_gap(const runtime::gap& lost) {
  auto who = rooms_ ? rooms_->find(incarnation{lost.room}) : nullptr;
  if (!who) return nullptr;
  codecs::pushes::room_notice notice{
      .room = who->room, .code = "dropped", .from = lost.from, .to = lost.to, .epoch = {}};
  auto bytes = dialogue_->encode_push(notice);
  return bytes.empty() ? nullptr : pack(std::make_shared<const std::string>(std::move(bytes))).bytes;
}

void peer::on_closed(const runtime::close_info& how) {
  const auto gone = std::exchange(transport_, nullptr);  // `how` may be part of it
  if (connection_)
    runtime::tell(connection_, connection::closed{how});
  else
    closed_before_ = std::make_unique<runtime::close_info>(how);
}

}  // namespace greenroom
