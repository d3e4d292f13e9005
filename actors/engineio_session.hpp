/// ENGINEIO_SESSION carries frames between one client and whoever stands on it, over HTTP polling, a WebSocket, or first
/// the one and then the other (engine.io-protocol, revision 4).
///
///   polling ──WebSocket with this sid──▶ probing ──"5"──▶ websocket            each: ──▶ closing ──▶ closed
///      ▲                                    │ (a probe that fails)                └── silent for ──▶ closed
///      └────────────────────────────────────┘                                     interval + timeout
///
/// While it polls, its outbox is its own, and each GET takes from it what fits `maxPayload`; with the upgrade what is
/// unsent goes over in order. Pings stand in order with data, so a pong proves all that was written before its ping.
///
/// Lifecycle: made at the handshake, kept by the endpoint until it is closed, and by the channels that stand on it.
/// Threading: its shard's. No event is raised from inside a call of the user's.
/// Bounds: the outbox's; one GET and one POST at a time (a second one closes it); a POST of at most `maxPayload`, whose
///   answer waits while the user has enough to do; probing ends after 10 s, closing after the close timeout.
/// Failure: `on_closed`, exactly once and last.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "codecs/engineio.hpp"
#include "runtime/http.hpp"
#include "runtime/outbox.hpp"
#include "runtime/shard.hpp"
#include "runtime/timer_wheel.hpp"
#include "runtime/transport.hpp"

namespace greenroom {

class engineio_session;

/// What stands on a session.
class engineio_user {
 public:
  virtual ~engineio_user() = default;
  virtual void on_message(runtime::frame_kind kind, std::string_view bytes) = 0;  ///< without the type digit
  virtual void on_ping(std::uint64_t ping) = 0;
  virtual void on_pong(std::uint64_t ping) = 0;
  virtual void on_drained() = 0;
  virtual runtime::frame on_gap(const runtime::gap& lost) = 0;
  virtual void on_closed(const runtime::close_info& how) = 0;
};

/// What keeps sessions: it hears what happens to them.
class engineio_keeper {
 public:
  enum class event : std::uint8_t { upgraded, timed_out, closed };
  virtual void on_event(engineio_session& of, event what) = 0;  ///< after `closed` it is kept no more

 protected:
  ~engineio_keeper() = default;
};

struct engineio_options {
  std::string sid, peer;
  std::uint32_t ping_interval_ms = 0, ping_timeout_ms = 0, close_timeout_ms = 0;
  std::uint32_t payload_bytes_max = 0;
  runtime::outbox_bounds outbox{};
};

class engineio_session final : public std::enable_shared_from_this<engineio_session>,
                               private runtime::transport_events,
                               private runtime::outbox_port,
                               private runtime::turn_hook {
 public:
  engineio_session(runtime::shard& home, engineio_keeper& keeper, runtime::outbox_stats& stats,
                   engineio_options options);
  ~engineio_session();

  /// Once, before anything else: who stands on it.
  void start(std::unique_ptr<engineio_user> user);
  void orphan();  ///< the keeper goes away

  // --- what HTTP brings
  std::string open_packet(bool upgrades) const;
  void on_get(std::shared_ptr<runtime::http_exchange> exchange);
  void on_post(std::shared_ptr<runtime::http_exchange> exchange);
  bool may_upgrade() const noexcept { return stage_ == stage::polling; }
  bool polls() const noexcept {
    return stage_ == stage::polling || stage_ == stage::probing || stage_ == stage::closing;
  }
  runtime::transport_events* begin_websocket(runtime::transport_ptr socket);  ///< without polling before it
  runtime::transport_events* begin_probe(runtime::transport_ptr socket);
  /// Gone, though its timer has not said so yet: ends it.
  bool end_if_overdue();

  // --- for who stands on it
  runtime::outbox& out() noexcept { return socket_ && stage_ != stage::probing ? socket_->out() : box_; }
  void write_now();
  void close(std::uint16_t code, std::string_view reason, runtime::unsent rest);
  void abort();
  void pause_reading();
  void resume_reading();
  /// Of the first who asks, where several stand on it: how fast its WebSocket is read.
  void limit_reads(std::shared_ptr<runtime::read_limiter> by);
  std::uint64_t ping_in_order();
  bool takes_now() const noexcept;
  int deflate_bits() const noexcept { return deflate_bits_; }
  const std::string& peer() const noexcept { return options_.peer; }
  const std::string& sid() const noexcept { return options_.sid; }
  runtime::shard& home() const noexcept { return home_; }
  /// Runs it from the loop, unless this has gone by then.
  template <class F>
  void later(F what) {
    home_.post([self = weak_from_this(), what = std::move(what)]() mutable {
      if (const auto there = self.lock()) what();
    });
  }

 private:
  enum class stage : std::uint8_t { polling, probing, websocket, closing, closed };
  using clock = std::chrono::steady_clock;

  class alarm final : public runtime::timer {
   public:
    alarm(engineio_session& of, void (engineio_session::*what)()) : of_{of}, what_{what} {}

   private:
    void on_timer() override { (of_.*what_)(); }
    engineio_session& of_;
    void (engineio_session::*what_)();
  };

  // runtime::transport_events, of the WebSocket
  void on_message(runtime::frame_kind kind, std::string_view bytes) override;
  void on_pong(std::uint64_t) override {}  // the WebSocket's own pings are off
  void on_drained() override { user_->on_drained(); }
  runtime::frame on_gap(const runtime::gap& lost) override { return user_->on_gap(lost); }
  void on_closed(const runtime::close_info& how) override;
  // runtime::outbox_port, of the outbox while it polls
  void on_dirty() override;
  void on_turn_end() override { answer_get(); }

  void take(codecs::engineio_type type, codecs::frame_kind kind, std::string_view data);
  void probe(runtime::frame_kind kind, std::string_view bytes);
  void complete_upgrade();
  void answer_get();
  bool fill(codecs::engineio_payload_writer& body);
  void release_get(std::string_view packet);
  void send_ping();
  void take_pong();
  void arm_heartbeat();
  void on_heartbeat();
  void on_deadline();
  clock::time_point silent_until() const noexcept;
  void end(runtime::close_info how, std::string_view last_packet);

  runtime::shard& home_;
  engineio_keeper* keeper_;
  engineio_options options_;
  std::unique_ptr<engineio_user> user_;
  runtime::outbox box_;
  std::shared_ptr<runtime::read_limiter> limits_;
  runtime::transport_ptr socket_;  ///< of a probe, or what has taken polling's place
  std::shared_ptr<runtime::http_exchange> get_, post_;
  alarm heartbeat_{*this, &engineio_session::on_heartbeat}, deadline_{*this, &engineio_session::on_deadline};
  clock::time_point heard_at_;  ///< the handshake, or the last pong
  std::uint64_t pings_ = 0;     ///< the newest ping's number
  std::uint32_t pauses_ = 0;
  stage stage_ = stage::polling;
  bool awaits_pong_ = false, ping_again_ = false, probed_ = false, last_get_ = false;
  int deflate_bits_ = 0;  ///< of the WebSocket that it began with
};

// --- HTTP answers

/// The fields that a page of another origin needs, where that origin may talk to this node; the caller has looked.
std::vector<runtime::http_field> engineio_cors(const runtime::http_request& request);
void answer_packets(runtime::http_exchange& to, std::string body);
void answer_refusal(runtime::http_exchange& to, codecs::engineio_refusal why);
runtime::http_response engineio_refused(const runtime::http_request& request, codecs::engineio_refusal why);

}  // namespace greenroom
