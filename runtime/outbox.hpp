/// OUTBOX holds what waits to be written to one connection: whole frames, in order, shared with every other outbox.
///
///   push_reply ─┐                                     gather ──▶ one sendmsg ──▶ consume
///   push        ├──▶ [ partly written | control | replies and rooms' frames, oldest first | close ]
///   push_latest ┘
///
/// It is pure: it owns no socket and no clock. Its port hears that it turned dirty; the connection then gathers it once
/// at the end of the turn. One shard's thread only. Bounds: `bytes_max` and `frames_max` for rooms' frames (a frame
/// that does not fit is refused: the caller applies its room's policy), `reply_bytes_max` and `reply_frames_max` for
/// replies, which are never dropped: beyond them the outbox is `overflowed()` and the connection closes with 1013. At
/// most one unsent ping and one unsent pong wait. An empty outbox owns no memory. Failure: none of its own. Whatever it
/// drops is counted in `outbox_stats`, by reason.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace greenroom::runtime {

/// One or more complete WebSocket frames, headers included: immutable bytes, made once and shared by all their
/// receivers.
using frame = std::shared_ptr<const std::string>;

using room_key = std::uint64_t;   ///< The caller's number for a room; 0: of no room.
using event_key = std::uint64_t;  ///< The caller's number (a hash) for an event's name within a room.

/// A frame that a room delivers, with what the policies need to know about it.
struct delivery {
  frame bytes;
  room_key room = 0;
  event_key event = 0;         ///< Only `push_latest` looks at it.
  std::uint64_t first = 0;     ///< Position of the first message in `bytes` …
  std::uint64_t last = 0;      ///< … and of the last one.
  std::uint32_t messages = 1;  ///< How many messages `bytes` carries, for the counters.
};

/// Positions of a room that its member will not receive, because newer ones took their place.
struct gap {
  room_key room = 0;
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  friend bool operator==(const gap&, const gap&) = default;
};

struct outbox_bounds {
  std::uint32_t bytes_max = 1U << 20;
  std::uint32_t frames_max = 1'000;
  std::uint32_t reply_bytes_max = 4U << 20;
  std::uint32_t reply_frames_max = 8'000;
};

/// Counters shared by the outboxes of one shard; only that shard's thread writes them.
struct outbox_stats {
  std::uint64_t bytes = 0;            ///< Written to sockets.
  std::uint64_t frames = 0;           ///< Frames handed over whole.
  std::uint64_t messages = 0;         ///< Messages in them.
  std::uint64_t dropped_latest = 0;   ///< Messages that gave way to newer ones (policy `latest`).
  std::uint64_t dropped_removed = 0;  ///< Messages of rooms that the member left, or that it will read from the log.
  std::uint64_t dropped_closed = 0;   ///< Messages that were still unsent when the connection ended.
};

/// What an outbox asks of the connection that it belongs to.
class outbox_port {
 public:
  /// There is something to write (told once until the next `gather`), or the outbox has just overflowed.
  virtual void on_dirty() = 0;
  /// The notice that stands where messages were dropped; null: none. Asked for inside `gather`: it must not push.
  virtual frame on_gap(const gap& lost) = 0;

 protected:
  ~outbox_port() = default;
};

class outbox {
 public:
  enum class verdict : std::uint8_t {
    queued,
    full,    ///< It does not fit; nothing changed.
    closed,  ///< The connection takes nothing any more.
  };
  struct latest_verdict {
    verdict result =
        verdict::queued;         ///< `full`: no frame of the room was left to give way, so the newer one was dropped.
    std::optional<gap> dropped;  ///< The smallest range that covers what this call dropped …
    std::uint64_t messages = 0;  ///< … and how many messages that was, the newer one included where it was refused.
  };
  struct removed {
    std::uint64_t first =
        0;  ///< Position of the oldest message taken out, dropped ones included; 0: nothing was waiting.
    std::uint32_t frames = 0;
  };

  outbox(outbox_bounds bounds, outbox_port& port, outbox_stats& stats) noexcept;
  outbox(const outbox&) = delete;
  outbox& operator=(const outbox&) = delete;

  /// A reply: never dropped, in order with everything else. Beyond its bounds the outbox is overflowed.
  verdict push_reply(frame bytes);
  /// A room's frame, for the policies `disconnect` and `spill`.
  verdict push(delivery what);
  /// A room's frame under the policy `latest`: when it does not fit, the oldest unsent frame of the same event of its
  /// room goes, else the oldest of its room, until it fits; it is queued last. Where frames went, a gap stays
  /// (neighbours merge) and is turned into the port's notice when its turn to be written comes: the member reads it
  /// before the next frame.
  latest_verdict push_latest(delivery what);
  /// Takes out what is unsent of a room, gaps included: it was left, or will be read from the log (`spill`).
  removed remove_room(room_key room);

  void push_ping(frame bytes);  ///< In front of unsent data; takes the place of an unsent ping.
  void push_pong(frame bytes);  ///< In front of unsent data; takes the place of an unsent pong (RFC 6455, 5.5.3).
  void finish(frame close);     ///< The last frame, after everything queued. Later pushes are `closed`.
  void cut(frame close);        ///< The last frame, in place of everything unsent but a partly written frame.
  void clear();                 ///< The connection is gone: nothing more can be written. Later pushes are `closed`.
  std::string take_unsent();    ///< `clear`, but what was unsent goes on elsewhere. Replies only.

  /// Fills `into` with the oldest unsent bytes and says how many entries it used. They stay valid until the next call.
  std::size_t gather(std::span<iovec> into);
  /// The first `bytes` of what `gather` showed were written.
  void consume(std::size_t bytes);
  /// True once after the outbox fell under half its bounds, having been at or over half.
  bool take_drained() noexcept;

  bool empty() const noexcept { return next_ == queue_.size(); }
  bool closed() const noexcept { return closed_; }          ///< By `finish`, `cut` or `clear`.
  bool overflowed() const noexcept { return overflowed_; }  ///< Replies went over their bounds.
  std::size_t bytes() const noexcept { return bytes_; }     ///< Unsent, control frames included.
  std::size_t frames() const noexcept {
    return queue_.size() - next_ - gaps_;
  }  ///< Unsent, a partly written one included.
  bool below_half() const noexcept { return bytes_ < bounds_.bytes_max / 2 && frames() < bounds_.frames_max / 2; }
  const outbox_bounds& bounds() const noexcept { return bounds_; }
  void set_bounds(const outbox_bounds& bounds) noexcept { bounds_ = bounds; }  ///< Nothing is dropped for new bounds.

 private:
  enum class kind : std::uint8_t { reply, room, gap, ping, pong, close };
  struct entry {
    frame bytes;  ///< Null in a gap until its notice is asked for.
    room_key room = 0;
    event_key event = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint32_t messages = 0;
    kind what = kind::reply;
  };

  verdict append(entry what);
  bool fits(std::size_t size) const noexcept;
  std::size_t first_movable() const noexcept { return next_ + (written_ != 0 ? 1 : 0); }
  std::size_t oldest_of(room_key room, event_key event) const noexcept;
  void drop_into_gap(std::size_t which);
  void append_gap(const gap& lost);
  void merge_gap(std::size_t which);
  void write_gaps(std::size_t count);
  void push_control(kind what, frame bytes);
  void end_with(frame close);
  void forget(const entry& what) noexcept;
  void drop_from(std::size_t first);
  void release();
  void wake();

  std::vector<entry> queue_;  ///< [0, next_) is written; a std::deque would hold 576 bytes while empty.
  std::size_t next_ = 0;
  std::size_t written_ = 0;  ///< Bytes of the first unsent entry that are already on their way.
  std::size_t bytes_ = 0;
  std::size_t reply_bytes_ = 0;
  std::uint32_t reply_frames_ = 0;
  std::uint32_t gaps_ = 0;  ///< Entries that are gaps: they take no space in the bounds.
  bool dirty_ = false;
  bool closed_ = false;
  bool overflowed_ = false;
  bool high_ = false;  ///< Reached half its bounds; `take_drained` has not told yet.
  outbox_bounds bounds_;
  outbox_port* port_;
  outbox_stats* stats_;
};

}  // namespace greenroom::runtime
