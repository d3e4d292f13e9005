/// TRANSPORT is the port at which a connection actor meets its socket: it sends frames, closes with a code, and hears
/// what arrives. Runtime implements it and names neither an actor nor a codec.
///
///   opened ──▶ open ──close()──▶ closing ──▶ closed          abort(), a broken socket, a silent peer: at once closed
///
/// Lifecycle: made when a WebSocket handshake succeeded, handed to the function of that `upgrade`, whose answer is the
/// `transport_events` that hear it. `on_closed` comes exactly once and last. An owner that goes earlier calls
/// `detach()` (its destructor is the place): no event follows, and the socket is aborted unless it is closing already.
/// Threading: one shard's thread, everything. No event is raised from inside a call to the transport.
/// Bounds: the outbox's; one message of at most `message_bytes_max`; at idle 1 KB of heap.
/// Failure: `on_closed` with `clean == false`; a code of 1006 means that no close frame came.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/close_code.hpp"
#include "runtime/outbox.hpp"

namespace greenroom::runtime {

class read_limiter;
class shard;

enum class frame_kind : std::uint8_t { text, binary };

/// How a connection ended: our code where we closed it, else the peer's, else 1006.
struct close_info {
  std::uint16_t code = close_code::abnormal;
  std::string reason;
  bool clean = false;  ///< Both close frames crossed.
};

/// Implemented by the connection's owner.
class transport_events {
 public:
  virtual void on_message(frame_kind kind, std::string_view bytes) = 0;  ///< Valid only during the call.
  /// The keep-alive's ping is about to be queued. Pings overtake data: its pong will prove what has left before it.
  virtual void on_ping(std::uint64_t /*ping*/) {}
  virtual void on_pong(std::uint64_t ping) = 0;  ///< What was written before that ping has arrived.
  virtual void on_drained() = 0;                 ///< The outbox fell under half its bounds: feed who catches up.
  virtual frame on_gap(const gap& lost) = 0;     ///< The notice of a drop (`outbox::push_latest`); null: none.
  virtual void on_closed(const close_info& how) = 0;

 protected:
  ~transport_events() = default;
};

/// What happens to the frames that are unsent when a connection closes.
enum class unsent : std::uint8_t { flush, drop };

class transport {
 public:
  virtual ~transport() = default;

  virtual outbox& out() noexcept = 0;

  /// Writes what the socket takes of the outbox at once, not at the end of the turn: before somebody is called slow. What
  /// there is to hear of it comes at the end of the turn.
  virtual void write_now() = 0;

  /// Says goodbye: what is queued leaves first (or is dropped), then the close frame, then the socket; after the close
  /// deadline it is aborted. `reason` has at most 123 bytes. No `on_message` follows; a second call changes nothing.
  virtual void close(std::uint16_t code, std::string_view reason, unsent rest = unsent::flush) = 0;
  /// The same for whatever carries this transport: where several share a connection, for all of them.
  virtual void close_link(std::uint16_t code, std::string_view reason) { close(code, reason); }
  virtual void abort() = 0;            ///< Ends the socket now; `on_closed` follows from the loop.
  virtual void detach() noexcept = 0;  ///< The owner is going away: no event is raised any more.

  /// Whether what is pushed now leaves at the end of this turn, as far as can be seen.
  virtual bool takes_now() const noexcept = 0;

  /// Flow control: nothing more is read from the socket, so that the peer's sends block; one message that was under way
  /// may still come. Pings rest meanwhile.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;

  /// Whose word counts from now on how fast the socket is read. No effect where there is no socket of its own.
  virtual void limit_reads(std::shared_ptr<read_limiter> /*by*/) {}

  /// Queues a ping like a reply, behind what is unsent, and says its number: `on_pong` with that very number proves that
  /// all before it has arrived. Numbers grow. A keep-alive's ping that overtakes it may leave it without an `on_pong`.
  virtual std::uint64_t ping_in_order() = 0;

  /// Data frames may be compressed (RSV1), each by itself, with a window of at most that many bits: 9 to 15. 0: they may
  /// not.
  virtual int deflate_bits() const noexcept = 0;

  virtual const std::string& peer() const noexcept = 0;  ///< "192.0.2.7:50312", "[2001:db8::1]:50312".
  virtual shard& home() const noexcept = 0;

 protected:
  transport() = default;
  transport(const transport&) = delete;
  transport& operator=(const transport&) = delete;
};

using transport_ptr = std::shared_ptr<transport>;

}  // namespace greenroom::runtime
