/// PHOENIX_POLL is a client of Phoenix without a socket, as phoenix.js' LongPoll speaks: a transport whose outbox empties
/// into the answers of GET requests, and whose input comes in the bodies of POSTs.
///
///   GET ──▶ poll() ──▶ waits for something to say, at most `wait` ──▶ {status, token, messages}
///   POST ──▶ take() ──▶ transport_events::on_message, line by line ──▶ {status}
///
///   open ──close()──▶ closing: what is left waits for one more poll ──▶ over
///     └── nobody polls for `wait` after the last answer, abort() ──────▶ over
///
/// A poll proves that the answer before it has arrived: that is what a ping in order is here.
///
/// Threading: its shard's. Lifecycle: kept by its endpoint until it is over, and by its peer. Bounds: the outbox's; one
///   poll waits, an older one is answered; one POST is held while its reader is full, another hears 429; an answer has at
///   most answer_bytes_max, or one frame that is larger. Failure: an answer whose client has left is lost, as with
///   Phoenix.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"
#include "runtime/shard.hpp"
#include "runtime/transport.hpp"

namespace greenroom {

class phoenix_poll final : public runtime::transport,
                           public std::enable_shared_from_this<phoenix_poll>,
                           private runtime::outbox_port,
                           private runtime::timer,
                           private runtime::turn_hook {
 public:
  using exchange_ptr = std::shared_ptr<runtime::http_exchange>;
  /// Answers an exchange with that JSON, where its page may read it.
  using answerer = std::function<void(const exchange_ptr&, std::string)>;
  static constexpr std::size_t answer_bytes_max = 1U << 20;

  struct settings {
    std::string token;
    std::chrono::milliseconds wait{};
    std::uint32_t message_bytes_max = 0;
    runtime::outbox_bounds outbox{};
    answerer answer;
  };

  phoenix_poll(runtime::shard& home, std::string peer, settings how);
  ~phoenix_poll() override;

  void heard_by(runtime::transport_events* events) { events_ = events; }
  void when_over(std::function<void()> what) { when_over_ = std::move(what); }  ///< comes once; no call back from it
  void begin();                                                                 ///< The client has its token.

  void poll(exchange_ptr what);
  void take(exchange_ptr what);
  bool over() const noexcept { return over_; }

  // --- runtime::transport
  runtime::outbox& out() noexcept override { return out_; }
  void write_now() override { answer_poll(); }
  void close(std::uint16_t code, std::string_view reason, runtime::unsent rest) override;
  void abort() override;
  void detach() noexcept override;
  bool takes_now() const noexcept override { return waiting_ != nullptr; }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override;
  std::uint64_t ping_in_order() override;
  int deflate_bits() const noexcept override { return 0; }
  const std::string& peer() const noexcept override { return peer_; }
  runtime::shard& home() const noexcept override { return home_; }

 private:
  void on_dirty() override { home_.at_turn_end(*this); }
  runtime::frame on_gap(const runtime::gap& lost) override { return events_ ? events_->on_gap(lost) : nullptr; }
  void on_timer() override;
  void on_turn_end() override;

  bool say(std::string_view line, bool is_text);
  void answer_poll();                          ///< with what there is to say, where somebody waits for it
  std::string messages(std::size_t& written);  ///< out of the outbox, as a JSON array
  void answer(exchange_ptr& whom, unsigned status, std::string_view messages = {});
  void arm() { home_.timers().arm(*this, home_.now() + how_.wait); }
  void end();

  runtime::shard& home_;
  std::string peer_;
  settings how_;
  runtime::transport_events* events_ = nullptr;
  std::function<void()> when_over_;
  runtime::outbox_stats stats_;
  runtime::outbox out_;
  exchange_ptr waiting_, held_;  ///< a GET that waits, a POST whose messages are more than is taken now
  std::optional<runtime::close_info> closing_;
  std::uint64_t pings_ = 0, pings_left_ = 0;
  bool paused_ = false, over_ = false;
};

}  // namespace greenroom
