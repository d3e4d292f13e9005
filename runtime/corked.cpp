#include "runtime/corked_impl.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "runtime/limits.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::size_t vectors_per_write = 64;
constexpr std::chrono::seconds linger{2};  // for the peer to close its half, once everything is written

/// Where reads of this thread's connections end up before they are sorted out: one block a shard, none a connection.
std::span<char> shared_block() {
  thread_local const auto block = std::make_unique<char[]>(limits::read_block_max);
  return {block.get(), limits::read_block_max};
}

}  // namespace

corked::corked(shard& home, unique_fd socket, outbox_bounds bounds, std::shared_ptr<connection_counters> counters)
    : home_{home},
      descriptor_{home.io().get_executor(), socket.release()},
      wire_{plain_wire()},
      counters_{std::move(counters)},
      out_{bounds, *this, counters_->out},
      last_input_{home.now()} {
  ++counters_->connections;
}

corked::corked(shard& home, parts from, outbox_bounds bounds, std::shared_ptr<connection_counters> counters)
    : corked{home, std::move(from.socket), bounds, std::move(counters)} {
  wire_ = std::move(from.wire);
  if (!from.input.empty()) input_ = std::make_unique<ahead>(ahead{std::move(from.input), 0});
  door_ = std::move(from.door);
  if (!from.unsent.empty()) out_.push_reply(std::make_shared<const std::string>(std::move(from.unsent)));
  if (wire_->holds_output()) home_.at_turn_end(*this);
}

corked::~corked() { close(); }

// --- the handshake ---

void corked::establish(established_function done) {
  if (!open_) {
    net::post(get_executor(), [done = std::move(done)] { done(net::error::operation_aborted, {}); });
    return;
  }
  auto shake = [this, done = std::move(done)](error_code ec) mutable {
    if (!open_) ec = net::error::operation_aborted;
    if (ec) return done(ec, {});
    const auto got = wire_->establish(descriptor_.native_handle());
    read_wait_ = got.what == wire_result::state::wants_write ? descriptor::wait_write : descriptor::wait_read;
    switch (got.what) {
      case wire_result::state::moved: ++counters_->handshakes; return done({}, {});
      case wire_result::state::ended: peer_ended_ = true; return done(net::error::eof, {});
      case wire_result::state::in_clear:
        wire_ = plain_wire();
        return done(make_error_code(boost::system::errc::protocol_not_supported), {});
      case wire_result::state::failed: return done({got.error, boost::system::system_category()}, wire_->trouble());
      default: return establish(std::move(done));
    }
  };
  descriptor_.async_wait(read_wait_, input_waiter<decltype(shake)>{this, std::move(shake)});
}

void corked::read_beneath(std::span<char> into, std::function<void(error_code, std::size_t)> done) {
  descriptor_.async_wait(descriptor::wait_read, [this, into, done = std::move(done)](error_code ec) mutable {
    if (!open_) ec = net::error::operation_aborted;
    if (ec) return done(ec, 0);
    const auto got = ::recv(descriptor_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return done({}, static_cast<std::size_t>(got));
    if (got == 0) return done(net::error::eof, 0);
    if (errno == EAGAIN || errno == EINTR) return read_beneath(into, std::move(done));
    done({errno, boost::system::system_category()}, 0);
  });
}

// --- reading ---

/// What there is, in the block of the shard.
std::span<char> corked::receive(error_code& ec) {
  if (!open_) {
    ec = net::error::operation_aborted;
    return {};
  }
  const auto block = shared_block().first(ending_ ? limits::read_block_max : conduct_.block());
  const iovec into{block.data(), block.size()};
  const auto got = wire_->read(descriptor_.native_handle(), {&into, 1});
  read_wait_ = got.what == wire_result::state::wants_write ? descriptor::wait_write : descriptor::wait_read;
  switch (got.what) {
    case wire_result::state::moved:
      counters_->bytes_in += got.bytes;
      last_input_ = home_.now();
      conduct_.came(got.bytes);
      if (const auto& by = limiter_ ? limiter_ : door_) resume_at_ = by->on_bytes(got.bytes, last_input_);
      if (resume_at_ > last_input_) conduct_.rests();
      return block.first(got.bytes);
    case wire_result::state::ended:
      peer_ended_ = true;
      ec = net::error::eof;
      return {};
    case wire_result::state::failed: ec = {got.error, boost::system::system_category()}; return {};
    default: ec = net::error::would_block; return {};
  }
}

void corked::limit_reads(std::shared_ptr<read_limiter> by) { (door_ ? limiter_ : door_) = std::move(by); }

void corked::frames_came(std::uint32_t frames) {
  const auto& by = limiter_ ? limiter_ : door_;
  if (!by) return;
  resume_at_ = std::max(resume_at_, by->on_frames(frames, home_.now()));
  if (resume_at_ > home_.now()) conduct_.rests();
}

void corked::read_ahead(std::function<void(error_code)> done) {
  if (!open_) {
    net::post(get_executor(), [done = std::move(done)] { done(net::error::operation_aborted); });
    return;
  }
  await_input([this, done = std::move(done)](error_code ec) mutable {
    const auto bytes = ec ? std::span<char>{} : receive(ec);
    if (ec == net::error::would_block) return read_ahead(std::move(done));
    if (!input_) input_ = std::make_unique<ahead>();
    input_->bytes.append(bytes.data(), bytes.size());
    done(ec);
  });
}

void corked::take(std::size_t bytes) noexcept {
  if (!input_) return;
  input_->taken += bytes;
  if (input_->taken == input_->bytes.size()) input_.reset();  // an idle connection keeps nothing
}

// --- writing ---

void corked::on_turn_end() {
  const auto self = shared_from_this();
  if (out_.overflowed() && !out_.closed() && user_) user_->on_overflow();
  flush();
}

void corked::write_now() {
  write_out();
  home_.at_turn_end(*this);  // where the user hears of it
}

void corked::write_out() {
  std::array<iovec, vectors_per_write> parts;
  while (open_ && !blocked_) {
    const auto rest = wire_->flush(descriptor_.native_handle());
    if (rest.what == wire_result::state::failed) return fail({rest.error, boost::system::system_category()});
    if (rest.what != wire_result::state::moved) return wait_to_write(rest.what);
    const auto count = out_.gather(parts);
    if (count == 0) return;
    const auto put = wire_->write(descriptor_.native_handle(), std::span{parts}.first(count));
    if (put.what == wire_result::state::failed) return fail({put.error, boost::system::system_category()});
    if (put.what != wire_result::state::moved) return wait_to_write(put.what);
    out_.consume(put.bytes);
  }
}

/// Whoever calls holds us: what the user does when told may be to forget us.
void corked::flush() {
  write_out();
  if (out_.take_drained() && user_) user_->on_drained();
  if (!ending_ || half_closed_ || !open_ || blocked_ || !out_.empty()) return;
  const auto said = wire_->finish(descriptor_.native_handle());
  if (said.what != wire_result::state::moved) return wait_to_write(said.what);
  half_closed_ = true;
  settle({});
  home_.timers().arm(*this, std::min(deadline_, home_.now() + linger));
  discard();
}

void corked::wait_to_write(wire_result::state wanted) {
  blocked_ = true;
  const auto wait = wanted == wire_result::state::wants_read ? descriptor::wait_read : descriptor::wait_write;
  descriptor_.async_wait(wait, [self = shared_from_this()](error_code) {
    self->blocked_ = false;
    self->flush();
  });
}

// --- the end ---

void corked::arm(std::chrono::milliseconds after) { arm(home_.now() + after); }

void corked::arm(shard::time_point at) {
  if (open_ && !dated_) home_.timers().arm(*this, at);
}

void corked::disarm() noexcept {
  if (!dated_) cancel();
}

void corked::on_timer() {
  const auto self = shared_from_this();
  if (dated_) return fail(net::error::timed_out);
  if (user_) user_->on_deadline();
}

void corked::end_within(std::chrono::milliseconds limit) {
  if (!open_ || dated_) return;
  arm(deadline_ = home_.now() + limit);
  dated_ = true;
}

void corked::end(std::chrono::milliseconds limit, flushed_function flushed) {
  if (flushed) flushed_ = std::make_unique<flushed_function>(std::move(flushed));
  if (!open_) return settle(net::error::operation_aborted);
  if (half_closed_) return settle({});
  end_within(limit);
  ending_ = true;
  if (!blocked_) flush();  // else when the socket takes more
}

/// Closing with unread input would make the kernel reset the connection, and the peer lose what was just written.
void corked::discard() {
  input_.reset();
  if (peer_ended_) return close();
  await_input([self = shared_from_this()](error_code ec) {
    if (!ec) self->receive(ec);
    if (!ec || ec == net::error::would_block) return self->discard();
    self->close();
  });
}

void corked::settle(error_code ec) {
  if (!flushed_) return;
  net::post(get_executor(), [done = std::move(*std::exchange(flushed_, nullptr)), ec] { done(ec); });
}

void corked::fail(error_code ec) {
  const auto self = shared_from_this();
  close();
  settle(ec);
  if (half_closed_) return;  // all was said; waiting for the peer was a courtesy
  net::post(get_executor(), [self] {
    if (self->user_) self->user_->on_broken();
  });
}

void corked::abort() {
  close();
  settle(net::error::operation_aborted);
}

corked::parts corked::take_apart() {
  parts all;
  if (!std::exchange(open_, false)) return all;
  --counters_->connections;
  cancel();
  all.unsent = out_.take_unsent();
  all.input = std::string{input()};
  all.door = std::move(door_);
  all.wire = std::move(wire_);
  all.socket.reset(descriptor_.release());  // whoever waits for it hears that it is over
  return all;
}

void corked::close() {
  if (!std::exchange(open_, false)) return;
  --counters_->connections;
  cancel();
  out_.clear();
  wire_.reset();
  if (rest_) rest_->over.cancel();
  limiter_ = door_ = nullptr;  // its place is free, whoever still holds us
  error_code ignored;
  descriptor_.close(ignored);
}

}  // namespace greenroom::runtime
