/// PEER is one connected client as the actors of its shard see it: frames and answers go in here, what the client sends
/// comes out of here. It is the port between the transport (bytes, below) and the connection actor (above), and the
/// only object that knows both.
///
///   transport ──on_message──▶ input, one `connection::input` message a burst ──▶ connection
///   relay, session, answers ──▶ outbox of the transport
///
/// Lifecycle: made with its transport; `gone()` when that has closed. Whoever keeps a pointer may go on calling:
///   nothing happens then.
/// Threading: its shard's. Pointers to it travel through other shards inside answers and subscriptions, unread.
/// Bounds: limits::input_bytes_max and calls_in_flight_max; over either the socket is not read until half is done.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/answer.hpp"
#include "actors/compressor.hpp"
#include "actors/subscription.hpp"
#include "codecs/close_code.hpp"
#include "codecs/codec.hpp"
#include "codecs/message_memory.hpp"
#include "runtime/transport.hpp"

namespace greenroom {

class client_limits;
class memberships;

class peer final : public replier, public runtime::transport_events, public std::enable_shared_from_this<peer> {
 public:
  peer(context& ctx, std::size_t shard, std::unique_ptr<codecs::dialogue> speaks);
  ~peer() override { gone(); }

  // --- set up by the gateway, the connection and the session
  void attach(runtime::transport_ptr transport);
  void heard_by(caf::actor connection);  ///< what came before is told now, a close, too
  void belongs_to(std::shared_ptr<memberships> rooms, caf::actor session);

  // --- out
  void reply(const codecs::reply_ref& to, codecs::outcome what) override;
  void leave_unknown(const codecs::reply_ref& to) override;
  void push(const codecs::push& what);
  /// Sends a request to the client and gives its number; the answer comes to the session, as `session::answered`. Null
  /// where the client is gone.
  std::optional<std::uint64_t> request(std::string_view method, const codecs::payload_ptr& params,
                                       const codecs::on_behalf* of = nullptr);
  /// The number of the request that had this id; null where none had.
  std::optional<std::uint64_t> number_of_request(std::string_view id) const;
  void push_frame(runtime::frame bytes);  ///< a plain one, which several peers of this codec may get
  packed pack(runtime::frame plain);      ///< as this client takes it
  void write_now();                       ///< what the socket takes of the outbox, before its client is called slow
  runtime::outbox* out() noexcept;        ///< null once the client is gone
  codecs::codec_id codec() const noexcept { return codec_; }
  greenroom::compressor* compressor() const noexcept { return compressor_; }  ///< null: it takes no compressed message
  codecs::dialogue& dialogue() noexcept { return *dialogue_; }
  void close(const codecs::close_code& why, runtime::unsent rest = runtime::unsent::flush);
  void close_link(const codecs::close_code& why);  ///< with everything else that its connection carries
  void break_off();                                ///< its connection, without a word
  void gone();                                     ///< by the connection: no event is raised any more
  /// Sends a ping behind all that was answered; the number that `session::proven` will name. 0: no ping; the client is
  /// gone, or a batch still holds answers back.
  std::uint64_t ping_in_order();
  void batch_began() noexcept { ++batches_; }
  void batch_ended() noexcept { --batches_; }  ///< its answers are written
  /// Tells the relay to go on feeding `who` when the outbox has drained.
  void feed_when_drained(subscription_ptr who);

  // --- in
  struct input {
    input(codecs::frame_kind k, std::string b) : kind{k}, bytes{std::move(b)} {}
    input(input&&) noexcept = default;
    input& operator=(input&&) noexcept = default;
    ~input() { codecs::keep_spare(std::move(bytes)); }
    codecs::frame_kind kind;
    std::string bytes;
  };
  using inputs = std::vector<input, codecs::recycled<input>>;
  inputs take_input();  ///< what came since the last `connection::input`
  void call_began();    ///< counted until its answer is written
  void call_ended();
  std::size_t calls_in_flight() const noexcept { return calls_; }

  std::size_t shard() const noexcept { return shard_; }
  const std::string& address() const noexcept { return address_; }
  const std::shared_ptr<client_limits>& limits() const noexcept { return limits_; }  ///< null: there are none
  const caf::actor& connection() const noexcept { return connection_; }
  const caf::actor& session() const noexcept { return session_; }  ///< null until it is open

 private:
  void on_message(runtime::frame_kind kind, std::string_view bytes) override;
  void on_ping(std::uint64_t number) override;
  void on_pong(std::uint64_t number) override;
  void on_drained() override;
  runtime::frame on_gap(const runtime::gap& lost) override;
  void on_closed(const runtime::close_info& how) override;
  void weigh();  ///< pauses or resumes reading

  context& ctx_;
  std::size_t shard_;
  codecs::codec_id codec_;
  greenroom::compressor* compressor_ = nullptr;
  std::unique_ptr<codecs::dialogue> dialogue_;
  runtime::transport_ptr transport_;
  std::string address_;
  std::shared_ptr<client_limits> limits_;
  caf::actor connection_, session_;
  std::shared_ptr<memberships> rooms_;
  inputs input_;
  std::size_t input_bytes_ = 0, calls_ = 0, batches_ = 0;
  std::uint64_t requests_ = 0;  ///< sent on this connection, and the number of the last one
  bool told_ = false, paused_ = false;
  std::vector<subscription_ptr> starving_;
  std::unique_ptr<runtime::close_info> closed_before_;  ///< the client left before anybody heard it
};

}  // namespace greenroom
