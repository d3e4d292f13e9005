/// FAKE_TRANSPORT is a socket without a network: a real outbox whose bytes a test's client reads, whole frames at a
/// time, when the test lets it.
///
///   node ── out() ──▶ outbox ── flush() ──▶ frames()          a client that does not read: stop_reading()
///
/// flush() is what a shard's loop does at the end of a turn; no event is raised from anywhere else but the calls that
/// say so (a client's message, pong, or end).
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/transport.hpp"
#include "tests/support/raw_deflate.hpp"

namespace greenroom::tests {

class fake_transport final : public runtime::transport, private runtime::outbox_port {
 public:
  enum class opcode : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };
  struct wire_frame {
    opcode what;
    std::string body;  ///< inflated, where it came compressed
    bool compressed = false;
  };
  static constexpr int usual_window_bits = 12;  ///< the default of gateway.compression_window_bits
  static constexpr auto everything = std::numeric_limits<std::size_t>::max();

  enum class extension : std::uint8_t { none, deflate };

  explicit fake_transport(runtime::transport_events& owner, const runtime::outbox_bounds& bounds = {},
                          extension agreed = extension::none, int window_bits = usual_window_bits)
      : events_{&owner}, out_{bounds, *this, stats_}, deflate_bits_{agreed == extension::deflate ? window_bits : 0} {}

  // --- the client's end of the wire
  void say(runtime::frame_kind kind, std::string_view bytes) {
    if (events_ && !how_) events_->on_message(kind, bytes);
  }
  /// The node's timer asks for a sign of life.
  void ping() {
    if (!events_ || how_) return;
    events_->on_ping(pings_ + 1);
    ping_now();
  }
  std::uint64_t ping_now() {
    out_.push_ping(control(opcode::ping, std::to_string(++pings_)));
    return pings_;
  }
  void pong(std::uint64_t number) {
    if (events_ && !how_) events_->on_pong(number);
  }
  void break_off() { end({.code = runtime::close_code::abnormal, .reason = {}, .clean = false}); }
  void hang_up() { end({.code = runtime::close_code::normal, .reason = {}, .clean = true}); }
  void stop_reading() { reading_ = false; }
  void read_again() { reading_ = true; }
  /// Whether pings are answered as they are read, as every client's library does.
  void answer_pings(bool yes) { answers_pings_ = yes; }

  std::vector<wire_frame> take_frames() { return std::exchange(frames_, {}); }
  std::uint64_t last_ping() const noexcept { return pings_; }
  bool over() const noexcept { return over_; }
  bool paused() const noexcept { return paused_; }
  const std::optional<runtime::close_info>& how() const noexcept { return how_; }
  const runtime::outbox_stats& stats() const noexcept { return stats_; }

  /// The end of a turn: at most `bytes_max` go to a client that reads. False: nothing happened.
  bool flush(std::size_t bytes_max = everything) {
    if (over_) return false;
    bool moved = reading_ && write(bytes_max);
    if (events_ && out_.take_drained()) {
      events_->on_drained();
      moved = true;
    }
    if (how_ && (out_.empty() || !reading_)) {  // who does not read is cut off when its time to close is over
      end(*how_);
      moved = true;
    }
    return moved;
  }

  // --- runtime::transport
  runtime::outbox& out() noexcept override { return out_; }
  void write_now() override {
    if (reading_ && !over_) write(everything);
  }
  void close(std::uint16_t code, std::string_view reason, runtime::unsent rest) override {
    if (how_ || over_) return;
    how_ = runtime::close_info{code, std::string{reason}, true};
    auto bytes = control(
        opcode::close, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + std::string{reason});
    rest == runtime::unsent::drop ? out_.cut(std::move(bytes)) : out_.finish(std::move(bytes));
  }
  void abort() override {
    if (!how_) how_ = runtime::close_info{};
    out_.clear();
  }
  void detach() noexcept override {
    events_ = nullptr;
    if (!how_) abort();
  }
  void pause_reading() override { paused_ = true; }
  void resume_reading() override { paused_ = false; }
  std::uint64_t ping_in_order() override {
    out_.push_reply(control(opcode::ping, std::to_string(++pings_)));
    return pings_;
  }
  bool takes_now() const noexcept override { return reading_; }
  int deflate_bits() const noexcept override { return deflate_bits_; }
  const std::string& peer() const noexcept override { return address_; }
  runtime::shard& home() const noexcept override { std::terminate(); }  // there is none, and nobody asks

 private:
  void on_dirty() override {}
  runtime::frame on_gap(const runtime::gap& lost) override { return events_ ? events_->on_gap(lost) : nullptr; }

  static runtime::frame control(opcode what, const std::string& body) {
    std::string bytes{static_cast<char>(0x80 | static_cast<int>(what)), static_cast<char>(body.size())};
    return std::make_shared<const std::string>(bytes + body);
  }

  void end(runtime::close_info how) {
    if (std::exchange(over_, true)) return;
    how_ = std::move(how);
    out_.clear();
    if (events_) std::exchange(events_, nullptr)->on_closed(*how_);
  }

  bool write(std::size_t bytes_max) {
    bool moved = false;
    std::array<iovec, 64> pieces;
    for (std::size_t count; bytes_max != 0 && (count = out_.gather(pieces)) != 0; moved = true) {
      std::size_t taken = 0;
      for (std::size_t i = 0; i != count && taken != bytes_max; ++i) {
        const auto size = std::min(pieces[i].iov_len, bytes_max - taken);
        wire_.append(static_cast<const char*>(pieces[i].iov_base), size);
        taken += size;
      }
      bytes_max -= taken;
      out_.consume(taken);
    }
    parse();
    return moved;
  }

  /// Whole unmasked frames of RFC 6455, 5.2.
  void parse() {
    std::size_t at = 0;
    for (;;) {
      auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(wire_[at + i]); };
      if (wire_.size() < at + 2) break;
      std::size_t header = 2, size = byte(1);
      if (size > 127 || (byte(0) & 0xb0) != 0x80) throw std::logic_error{"a masked or fragmented frame"};
      if (const std::size_t wide = size == 126 ? 2 : size == 127 ? 8 : 0; wide != 0) {
        if (wire_.size() < at + 2 + wide) break;
        size = 0;
        for (std::size_t i = 0; i != wide; ++i) size = size << 8 | byte(2 + i);
        header += wide;
      }
      if (wire_.size() < at + header + size) break;
      heard(frame_of(byte(0), wire_.substr(at + header, size)));
      at += header + size;
    }
    wire_.erase(0, at);
  }

  wire_frame frame_of(std::uint8_t first, std::string body) const {
    const bool compressed = (first & 0x40) != 0;
    if (!compressed) return {static_cast<opcode>(first & 0x0f), std::move(body)};
    if (deflate_bits_ == 0) throw std::logic_error{"RSV1 that was not agreed on"};
    auto inflated = swollen(body, deflate_bits_);
    if (!inflated) throw std::logic_error{"a compressed message that this client cannot inflate"};
    return {static_cast<opcode>(first & 0x0f), *std::move(inflated), true};
  }

  void heard(wire_frame what) {
    if (what.what == opcode::ping) {
      if (answers_pings_) pong(std::stoull(what.body));
    } else {
      frames_.push_back(std::move(what));
    }
  }

  runtime::transport_events* events_;
  runtime::outbox_stats stats_;
  runtime::outbox out_;
  int deflate_bits_;
  std::string address_ = "127.0.0.1:50312", wire_;
  std::vector<wire_frame> frames_;
  std::optional<runtime::close_info> how_;
  std::uint64_t pings_ = 0;
  bool reading_ = true, answers_pings_ = true, paused_ = false, over_ = false;
};

}  // namespace greenroom::tests
