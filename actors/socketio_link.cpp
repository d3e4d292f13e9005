#include "actors/socketio_link.hpp"

#include <algorithm>
#include <array>

#include "actors/context.hpp"
#include "actors/gateway.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "codecs/close_code.hpp"

namespace greenroom {
namespace {

using codecs::socketio_type;

/// A goodbye to one namespace, which a client does not come back to by itself. All else concerns the connection: it ends
/// without a DISCONNECT, for its client shall come back, or has broken the protocol.
bool concerns_one_namespace(std::uint16_t code, runtime::unsent rest) {
  using namespace codecs::close_codes;
  constexpr std::array codes{closed.code, going_away.code, kicked.code, session_replaced.code};
  return rest == runtime::unsent::flush && std::ranges::find(codes, code) != codes.end();
}

}  // namespace

codecs::encoding socketio_encoding(const runtime::endpoint_config& how) noexcept {
  return how.parser == runtime::socketio_parser::json ? codecs::encoding::socketio : codecs::encoding::socketio_msgpack;
}

std::optional<codecs::codec_id> socketio_codec_of(const runtime::endpoint_config& how, std::string_view nsp) {
  return codecs::socketio_codec(socketio_encoding(how), nsp,
                                how.recovery ? codecs::offsets::appended : codecs::offsets::left_out);
}

/// One namespace's transport.
class socketio_channel final : public engineio_channel {
 public:
  enum class stage : std::uint8_t { joining, joined, over };

  socketio_channel(std::shared_ptr<engineio_session> on, socketio_link& link, std::string nsp)
      : engineio_channel{std::move(on)}, link_{&link}, nsp_{std::move(nsp)} {}
  ~socketio_channel() override {
    detach();
    if (link_) link_->forget(*this, false);
  }

  const std::string& nsp() const noexcept { return nsp_; }
  bool joined() const noexcept { return stage_ == stage::joined; }
  void client_leaves() noexcept { said_goodbye_ = true; }
  void link_gone() noexcept { link_ = nullptr; }

  /// The dialogue has written CONNECT or CONNECT_ERROR.
  void on_answered(socketio_type how) {
    if (stage_ != stage::joining) return;
    if (how == socketio_type::connect) {
      stage_ = stage::joined;
      return;
    }
    said_goodbye_ = true;
    finish({.code = codecs::close_codes::closed.code, .reason = "refused", .clean = true});
  }

  void close(std::uint16_t code, std::string_view reason, runtime::unsent rest) override {
    if (stage_ == stage::over) return;
    if (!concerns_one_namespace(code, rest) || !link_) return session().close(code, reason, rest);
    say_goodbye();
    finish({.code = code, .reason = std::string{reason}, .clean = true});
  }

  void close_link(std::uint16_t code, std::string_view reason) override {
    if (link_)
      for (const auto& each : link_->all()) each->say_goodbye();
    session().close(code, reason, runtime::unsent::flush);
  }

 private:
  friend class socketio_link;

  void on_detached() noexcept override {
    if (stage_ == stage::over) return;
    say_goodbye();
    stage_ = stage::over;
  }

  void say_goodbye() {
    if (!link_ || std::exchange(said_goodbye_, true)) return;
    link_->say(codecs::socketio_control(link_->address(nsp_), socketio_type::disconnect, {}));
  }

  void finish(runtime::close_info how) {
    stage_ = stage::over;
    if (link_) link_->forget(*this, true);
    link_ = nullptr;
    session().later([self = std::static_pointer_cast<socketio_channel>(shared_from_this()), how = std::move(how)] {
      self->left(how);
    });
  }

  socketio_link* link_;
  std::string nsp_;
  stage stage_ = stage::joining;
  bool said_goodbye_ = false;  ///< a DISCONNECT went either way, or a CONNECT_ERROR
};

socketio_link::socketio_link(engineio_session& session, const endpoint_place& at, access::origin from)
    : session_{session}, at_{at}, from_{from}, parser_{socketio_encoding(at.how)} {
  session.home().timers().arm(*this,
                              std::chrono::steady_clock::now() + std::chrono::milliseconds{at.how.connect_timeout_ms});
}

socketio_link::~socketio_link() {
  for (const auto& [nsp, each] : channels_) each->link_gone();
  for (auto* each : leaving_) each->link_gone();
}

runtime::frame_kind socketio_link::packet_kind() const noexcept {
  return parser_ == codecs::encoding::socketio ? runtime::frame_kind::text : runtime::frame_kind::binary;
}

bool socketio_link::serves(std::string_view nsp) const {
  return std::ranges::find(at_.how.namespaces, nsp) != at_.how.namespaces.end() || at_.ctx.channels.serves(nsp);
}

void socketio_link::on_message(runtime::frame_kind kind, std::string_view bytes) {
  if (attachments_due_ != 0) {
    if (kind == runtime::frame_kind::text) return malformed();
    --attachments_due_;
    const auto to = attachments_to_.lock();
    return deliver(to.get(), kind, bytes);
  }
  const auto head = kind == packet_kind() ? codecs::read_socketio_head(parser_, bytes) : std::nullopt;
  if (!head) return malformed();
  const auto found = channels_.find(head->nsp);
  auto* const to = found == channels_.end() ? nullptr : found->second;
  if (head->type == socketio_type::connect) {
    if (!to) return connect(head->nsp, bytes);
    if (to->joined()) malformed();
    return;  // clients say it twice where their programs call connect() twice: one answer is for both
  }
  if (to ? !to->joined() : !left_.contains(head->nsp)) return malformed();
  attachments_due_ = head->attachments;
  attachments_to_.reset();
  if (!to) return;
  if (attachments_due_ != 0) attachments_to_ = std::static_pointer_cast<socketio_channel>(to->shared_from_this());
  if (head->type == socketio_type::disconnect) {
    if (leaving_.size() == limits::namespaces_leaving_max) return malformed();
    to->client_leaves();
    channels_.erase(found);
    leaving_.insert(to);
  }
  deliver(to, kind, bytes);
}

void socketio_link::deliver(socketio_channel* to, runtime::frame_kind kind, std::string_view bytes) {
  if (to && to->events()) to->events()->on_message(kind, bytes);
}

void socketio_link::connect(std::string_view nsp, std::string_view packet) {
  const auto with = at_.how.recovery ? codecs::offsets::appended : codecs::offsets::left_out;
  const auto pushes = serves(nsp) ? socketio_codec_of(at_.how, nsp) : std::nullopt;
  if (!pushes) return refuse(nsp);
  left_.erase(std::string{nsp});
  const auto channel = std::make_shared<socketio_channel>(session_.shared_from_this(), *this, std::string{nsp});
  channels_.emplace(nsp, channel.get());
  codecs::socketio_options how{.to = address(nsp), .pushes = *pushes, .recovery = with};
  how.window_ms = at_.how.recovery ? at_.how.recovery_window_ms : 0;
  how.assembled_bytes_max = engineio_payload_bytes_max(at_.how);
  how.on_answered = [weak = std::weak_ptr{channel}](socketio_type answer) {
    if (const auto to = weak.lock()) to->on_answered(answer);
  };
  const auto client = std::make_shared<peer>(at_.ctx, at_.shard, codecs::make_socketio_dialogue(std::move(how)));
  client->attach(channel);
  channel->heard_by(client.get());
  runtime::tell(at_.gateway, gateway::opened{.client = client, .from = from_});
  deliver(channel.get(), packet_kind(), packet);
}

void socketio_link::refuse(std::string_view nsp) {
  say(codecs::socketio_control(address(nsp), socketio_type::connect_error, R"({"message":"Invalid namespace"})"));
}

void socketio_link::malformed() {
  const auto& why = codecs::close_codes::wrong_data;
  session_.close(why.code, why.reason, runtime::unsent::flush);
}

void socketio_link::say(const std::string& frames) {
  session_.out().push_reply(std::make_shared<const std::string>(frames));
}

void socketio_link::forget(socketio_channel& which, bool by_server) {
  if (leaving_.erase(&which) != 0) return;
  const auto found = channels_.find(which.nsp());
  if (found == channels_.end() || found->second != &which) return;
  channels_.erase(found);
  if (by_server) left_.insert(which.nsp());
}

/// Held, for whoever is told of something may go at once.
std::vector<std::shared_ptr<socketio_channel>> socketio_link::all() const {
  std::vector<std::shared_ptr<socketio_channel>> held;
  const auto hold = [&](socketio_channel* each) {
    if (auto one = each->weak_from_this().lock())
      held.push_back(std::static_pointer_cast<socketio_channel>(std::move(one)));
  };
  for (const auto& [nsp, each] : channels_) hold(each);
  for (auto* each : leaving_) hold(each);
  return held;
}

void socketio_link::on_ping(std::uint64_t ping) {
  for (const auto& each : all())
    if (auto* to = each->events()) to->on_ping(ping);
}

void socketio_link::on_pong(std::uint64_t ping) {
  for (const auto& each : all())
    if (auto* to = each->events()) to->on_pong(ping);
}

void socketio_link::on_drained() {
  for (const auto& each : all())
    if (auto* to = each->events()) to->on_drained();
}

/// The room's number is one member's alone: at most one of the channels knows it.
runtime::frame socketio_link::on_gap(const runtime::gap& lost) {
  for (const auto& [nsp, each] : channels_) {
    auto* to = each->events();
    if (auto notice = to ? to->on_gap(lost) : nullptr) return notice;
  }
  return nullptr;
}

void socketio_link::on_closed(const runtime::close_info& how) {
  cancel();
  for (const auto& each : all()) {
    each->stage_ = socketio_channel::stage::over;
    each->left(how);
  }
}

/// connectTimeout: a client that has joined nothing, or has left all, is sent away.
void socketio_link::on_timer() {
  const bool joined = std::ranges::any_of(channels_, [](const auto& each) { return each.second->joined(); });
  const auto& why = codecs::close_codes::going_away;
  if (!joined) session_.close(why.code, why.reason, runtime::unsent::flush);
}

}  // namespace greenroom
