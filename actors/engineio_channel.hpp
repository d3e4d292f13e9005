/// ENGINEIO_CHANNEL is the transport of one client on an Engine.IO session: the only one of a bare session, one of
/// several where Socket.IO's namespaces share it.
///
/// Lifecycle: made by who stands on the session (`engineio_user`), kept by its peer. `left()` comes once, when the
///   client has gone or was told to go; then nothing is heard any more.
/// Threading: the session's shard. Bounds: the session's outbox, which all its channels fill.
#pragma once
#include <memory>
#include <string>

#include "actors/engineio_session.hpp"
#include "runtime/transport.hpp"

namespace greenroom {

class engineio_channel : public runtime::transport, public std::enable_shared_from_this<engineio_channel> {
 public:
  explicit engineio_channel(std::shared_ptr<engineio_session> on) : session_{std::move(on)} {}
  ~engineio_channel() override { engineio_channel::detach(); }

  void heard_by(runtime::transport_events* events) noexcept { events_ = events; }
  runtime::transport_events* events() const noexcept { return events_; }
  /// The client has gone from here. From the loop.
  void left(const runtime::close_info& how);

  runtime::outbox& out() noexcept override { return session_->out(); }
  void write_now() override { session_->write_now(); }
  void close(std::uint16_t code, std::string_view reason, runtime::unsent rest) override {
    session_->close(code, reason, rest);
  }
  void abort() override { session_->abort(); }
  void detach() noexcept override;
  bool takes_now() const noexcept override { return session_->takes_now(); }
  void pause_reading() override;
  void resume_reading() override;
  void limit_reads(std::shared_ptr<runtime::read_limiter> by) override { session_->limit_reads(std::move(by)); }
  std::uint64_t ping_in_order() override { return session_->ping_in_order(); }
  int deflate_bits() const noexcept override { return session_->deflate_bits(); }
  const std::string& peer() const noexcept override { return session_->peer(); }
  runtime::shard& home() const noexcept override { return session_->home(); }

 protected:
  engineio_session& session() noexcept { return *session_; }
  const std::shared_ptr<engineio_session>& shared_session() const noexcept { return session_; }

 private:
  virtual void on_detached() noexcept { session_->abort(); }  ///< its owner went and nobody had closed it

  std::shared_ptr<engineio_session> session_;
  runtime::transport_events* events_ = nullptr;
  bool paused_ = false, over_ = false;
};

/// The user of a session that carries bare messages: all of it is one channel's.
class bare_engineio_user final : public engineio_user {
 public:
  explicit bare_engineio_user(std::weak_ptr<engineio_channel> only) : only_{std::move(only)} {}

 private:
  void on_message(runtime::frame_kind kind, std::string_view bytes) override {
    tell([&](auto& to) { to.on_message(kind, bytes); });
  }
  void on_ping(std::uint64_t ping) override {
    tell([&](auto& to) { to.on_ping(ping); });
  }
  void on_pong(std::uint64_t ping) override {
    tell([&](auto& to) { to.on_pong(ping); });
  }
  void on_drained() override {
    tell([](auto& to) { to.on_drained(); });
  }
  runtime::frame on_gap(const runtime::gap& lost) override {
    runtime::frame notice;
    tell([&](auto& to) { notice = to.on_gap(lost); });
    return notice;
  }
  void on_closed(const runtime::close_info& how) override {
    if (const auto there = only_.lock()) there->left(how);
  }

  void tell(auto what) {
    const auto there = only_.lock();
    if (auto* to = there ? there->events() : nullptr) what(*to);
  }

  std::weak_ptr<engineio_channel> only_;
};

}  // namespace greenroom
