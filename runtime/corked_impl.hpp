/// CORKED is a connected socket whose writes wait in an outbox and leave with one system call at the end of the turn.
/// It stands under WebSockets, under HTTP and under the local socket. Private to runtime's sources.
///
///   open ──end()──▶ flushing ──▶ half closed, discarding what still comes ──▶ closed
///     └──abort(), a broken socket, the deadline────────────────────────────▶ closed
///
/// Reading waits for the descriptor without a buffer, then takes what there is into a block that all connections of the
/// shard share, where its reader looks at it (`read_block`), or keeps it as `input()` until it is taken (`read_ahead`).
/// A socket that is new or had much to say stands in the shard's slow lane before it is read.
/// What the wire still holds is read without waiting. Lifecycle: shared; whatever waits holds it, so that an ended
/// connection lives on by itself until its bytes are out. Threading: its shard's. Bounds: the outbox's; `input()` holds
/// at most one read more than its user left in it. Failure: a broken socket drops the output, ends the pending read with
/// its error, and the user hears `on_broken`.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/outbox.hpp"
#include "runtime/read_limiter.hpp"
#include "runtime/shard.hpp"
#include "runtime/slow_lane.hpp"
#include "runtime/timer_wheel.hpp"
#include "runtime/unique_fd.hpp"
#include "runtime/wire.hpp"

namespace greenroom::runtime {

namespace net = boost::asio;
using error_code = boost::system::error_code;

/// Allocates what waits for an idle connection to the byte. Asio's own recycles blocks that were larger: with ten thousand
/// idle connections each would keep the largest operation of its past.
template <class T = void>
struct exact_allocator {
  using value_type = T;
  exact_allocator() = default;
  template <class U>
  exact_allocator(const exact_allocator<U>&) noexcept {}
  T* allocate(std::size_t n) { return std::allocator<T>{}.allocate(n); }
  void deallocate(T* p, std::size_t n) { std::allocator<T>{}.deallocate(p, n); }
  template <class U>
  bool operator==(const exact_allocator<U>&) const noexcept {
    return true;
  }
};

/// What the connections of one shard count together, and where they stand.
struct connection_counters {
  std::uint64_t connections = 0;  ///< Open now.
  std::uint64_t websockets = 0;   ///< Of them.
  std::uint64_t bytes_in = 0;
  std::uint64_t handshakes = 0;         ///< Of TLS that succeeded …
  std::uint64_t handshakes_failed = 0;  ///< … or did not, too slow ones included.
  outbox_stats out;
  slow_lane lane;
};

/// Who uses a corked connection: an HTTP connection, then maybe a WebSocket. Told at the end of a turn or from the
/// loop.
class corked_user {
 public:
  virtual frame on_gap(const gap& lost) = 0;
  virtual void on_drained() = 0;
  virtual void on_overflow() = 0;  ///< Replies went over their bounds.
  virtual void on_deadline() = 0;  ///< What `arm` asked for.
  virtual void on_broken() = 0;    ///< The socket failed or its deadline passed; no read may have been pending.

 protected:
  ~corked_user() = default;
};

class corked final : public std::enable_shared_from_this<corked>,
                     private outbox_port,
                     private turn_hook,
                     private timer {
 public:
  using executor_type = net::io_context::executor_type;
  using descriptor =
      net::posix::basic_stream_descriptor<executor_type>;  // the type-erased executor costs 0.6 µs a message
  using flushed_function = std::function<void(error_code)>;

  /// What goes along when a connection moves to another shard. Dropped, it closes the socket.
  struct parts {
    unique_fd socket{};
    wire_ptr wire{};       ///< Gone before the socket is.
    std::string input{};   ///< Read, and not taken.
    std::string unsent{};  ///< Of the outbox.
    std::shared_ptr<read_limiter> door{};
  };

  corked(shard& home, unique_fd socket, outbox_bounds bounds, std::shared_ptr<connection_counters> counters);
  corked(shard& home, parts from, outbox_bounds bounds, std::shared_ptr<connection_counters> counters);
  ~corked();

  void set_user(corked_user* user) noexcept { user_ = user; }
  void set_bounds(const outbox_bounds& bounds) noexcept { out_.set_bounds(bounds); }
  shard& home() const noexcept { return home_; }
  outbox& out() noexcept { return out_; }
  connection_counters& counters() noexcept { return *counters_; }
  executor_type get_executor() noexcept { return descriptor_.get_executor(); }
  bool is_open() const noexcept { return open_; }
  int native_handle() noexcept { return descriptor_.native_handle(); }
  shard::time_point last_input() const noexcept { return last_input_; }
  bool is_secure() const noexcept { return open_ && wire_->is_secure(); }
  std::string peer_name() const { return open_ ? wire_->peer_name() : std::string{}; }

  /// Beneath the wire, before its handshake: at most `into.size()` bytes of what came, and no byte more is taken from the
  /// descriptor. `done(error_code, size)` from the loop. Whoever calls holds us and `into` until then.
  void read_beneath(std::span<char> into, std::function<void(error_code, std::size_t)> done);
  /// The TLS handshake, before anything is read: `done(error_code, why)` from the loop. `protocol_not_supported`: the peer
  /// speaks HTTP in the clear, and so does this connection from now on. Whoever calls holds us until then.
  using established_function = std::function<void(error_code, const std::string& why)>;
  void establish(established_function done);

  /// One read at a time: `handler(error_code, std::span<char>)` from the loop, never from inside this call. The bytes are
  /// what there is, in the block that the shard's connections share, or what was left as input: the handler's, during the
  /// call. Whoever reads holds us until then.
  template <class Handler>
  void read_block(Handler handler);
  /// What `read_block` has just given and its handler leaves for the next one.
  void give_back(std::span<const char> rest) { input_ = std::make_unique<ahead>(ahead{{rest.data(), rest.size()}, 0}); }
  /// Reads what there is and appends it to `input()`; as above.
  void read_ahead(std::function<void(error_code)> done);
  std::string_view input() const noexcept {
    return input_ ? std::string_view{input_->bytes}.substr(input_->taken) : std::string_view{};
  }
  void take(std::size_t bytes) noexcept;

  /// Who says how fast it is read. The first one (of the door) lives as long as the socket, on whatever shard; of later ones
  /// the last one's word counts.
  void limit_reads(std::shared_ptr<read_limiter> by);
  void frames_came(std::uint32_t frames);  ///< That are no message by themselves.

  void write_now();  ///< Writes before the end of the turn; the user hears nothing before it.

  /// The connection's one timer: its user's until the end begins.
  void arm(std::chrono::milliseconds after);
  void arm(shard::time_point at);
  void disarm() noexcept;

  /// Writes what is queued, closes our half, discards what still comes until the peer closes too (2 s at most), and
  /// closes; not later than `limit` after the first of `end` and `end_within`. `flushed` is called once, from the loop.
  void end(std::chrono::milliseconds limit, flushed_function flushed = {});
  bool blocked() const noexcept { return blocked_; }  ///< The socket takes nothing now.
  void end_within(std::chrono::milliseconds limit);   ///< Only the deadline.
  void abort();

  /// Leaves this shard: nothing is read or written any more, as after `abort`, but the socket stays open. Only between a
  /// connection's reads, and before its end has begun.
  parts take_apart();

 private:
  /// What is read and not looked at; [0, taken) is taken.
  struct ahead {
    std::string bytes;
    std::size_t taken = 0;
  };
  template <class Handler>
  struct block_reader;
  template <class Handler>
  struct input_waiter;
  /// Nothing is read meanwhile: for a time, or until its turn has come. Asio owns who waits, and drops it with the loop; the
  /// time is the wheel's, since one of Asio's costs a system call.
  struct rest final : slow_lane::place, private runtime::timer {
    explicit rest(shard& home) : over{home.io(), shard::time_point::max()} {}
    rest(shard& home, shard::time_point until) : rest{home} { home.timers().arm(*this, until); }
    void on_turn() override { over.cancel(); }
    void on_timer() override { over.cancel(); }
    net::steady_timer over;
  };
  /// Calls from the loop once a read may give something.
  template <class Handler>
  void await_input(Handler handler);
  /// Calls from the loop when it is its turn, among the sockets that stand back.
  template <class Handler>
  void stand_back(Handler handler);
  /// Calls from the loop when that rest is over, which is the one that there is.
  template <class Handler>
  void take_rest(std::unique_ptr<rest> which, Handler handler);
  bool reads_rest() { return open_ && !ending_ && resume_at_ > home_.now(); }

  void on_dirty() override { home_.at_turn_end(*this); }
  frame on_gap(const gap& lost) override { return user_ ? user_->on_gap(lost) : nullptr; }
  void on_turn_end() override;
  void on_timer() override;

  void write_out();
  void flush();
  void wait_to_write(wire_result::state wanted);
  void settle(error_code ec);
  void discard();
  void fail(error_code ec);
  void close();
  std::span<char> receive(error_code& ec);

  shard& home_;
  descriptor descriptor_;
  wire_ptr wire_;
  std::shared_ptr<connection_counters> counters_;
  corked_user* user_ = nullptr;
  outbox out_;
  std::unique_ptr<ahead> input_;                  ///< Null at idle.
  std::unique_ptr<flushed_function> flushed_;     ///< Rarely there, so it costs a pointer.
  std::shared_ptr<read_limiter> door_, limiter_;  ///< Null: it is read as fast as it comes. `limiter_` before `door_`.
  std::unique_ptr<rest> rest_;                    ///< There while nothing is read.
  shard::time_point resume_at_;
  shard::time_point last_input_;
  shard::time_point deadline_;  ///< Of the end, once it began.
  descriptor::wait_type read_wait_ = descriptor::wait_read;
  read_conduct conduct_;
  bool open_ = true;
  bool blocked_ = false;  ///< A wait to write is pending.
  bool dated_ = false;    ///< `deadline_` holds; the timer is ours.
  bool ending_ = false;
  bool half_closed_ = false;  ///< Everything is written; we only listen.
  bool peer_ended_ = false;
};

template <class Handler>
void corked::take_rest(std::unique_ptr<rest> which, Handler handler) {
  rest_ = std::move(which);
  rest_->over.async_wait([this, handler = std::move(handler)](error_code) mutable {
    rest_.reset();
    handler(open_ ? error_code{} : error_code{net::error::operation_aborted});
  });
}

template <class Handler>
void corked::stand_back(Handler handler) {
  if (counters_->lane.passes(home_)) return handler(error_code{});
  take_rest(std::make_unique<rest>(home_), std::move(handler));
  counters_->lane.stand(home_, *rest_);
}

template <class Handler>
struct corked::input_waiter {
  using allocator_type = exact_allocator<>;
  allocator_type get_allocator() const noexcept { return {}; }

  void operator()(error_code ec) {
    if (!ec && self->open_ && self->conduct_.stands_back()) return self->stand_back(std::move(handler));
    handler(ec);
  }

  corked* self;
  Handler handler;
};

template <class Handler>
void corked::await_input(Handler handler) {
  if (reads_rest())
    return take_rest(std::make_unique<rest>(home_, resume_at_),
                     [this, handler = std::move(handler)](error_code ec) mutable {
                       ec ? handler(ec) : await_input(std::move(handler));
                     });
  input_waiter<Handler> waiter{this, std::move(handler)};
  if (open_ && wire_->holds_input())
    net::post(get_executor(), [waiter = std::move(waiter)]() mutable { waiter(error_code{}); });
  else
    descriptor_.async_wait(read_wait_, std::move(waiter));
}

template <class Handler>
struct corked::block_reader {
  void operator()(error_code ec) {
    const auto bytes = ec ? std::span<char>{} : self->receive(ec);
    if (ec == net::error::would_block) return self->read_block(std::move(handler));
    handler(ec, bytes);
  }

  corked* self;
  Handler handler;
};

template <class Handler>
void corked::read_block(Handler handler) {
  if (open_ && !input_) return await_input(block_reader<Handler>{this, std::move(handler)});
  net::post(get_executor(), [this, handler = std::move(handler)]() mutable {
    if (!open_) return handler(error_code{net::error::operation_aborted}, std::span<char>{});
    const auto mine = std::exchange(input_, nullptr);
    handler(error_code{}, mine ? std::span{mine->bytes}.subspan(mine->taken) : std::span<char>{});
  });
}

}  // namespace greenroom::runtime
