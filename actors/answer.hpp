/// ANSWER is the obligation to answer a call: it travels with the call from actor to actor and is used once. One that
/// is lost on the way (an actor crashed, a mailbox ended, a message was dropped) answers "internal error" by itself, so
/// that no call stays without an answer.
///
///   connection ── call + answer ──▶ room ── deliver + answers ──▶ relay of the caller's shard ──▶ replier
///
/// Threading: copied and used on any shard; the reply itself is written on the caller's shard, at once where that is
///   the current one, else through its post queue. Actors that settle many calls put the answers into a message to the
///   caller's shard instead.
/// Bounds: a connection has at most limits::calls_in_flight_max of them.
#pragma once
#include <chrono>
#include <memory>
#include <string_view>

#include "codecs/codec.hpp"
#include "codecs/outcome.hpp"

namespace greenroom::runtime {
class shard;
}

namespace greenroom {

struct context;

/// Where answers go: a connection, an HTTP exchange, a batch. Lives on one shard, which alone calls it.
class replier {
 public:
  virtual ~replier() = default;
  /// Called once for each call, also for notifications, which it does not answer.
  virtual void reply(const codecs::reply_ref& to, codecs::outcome what) = 0;
  /// Nobody knows whether the message was stored. A connection is closed, so that its client comes back and retries.
  virtual void leave_unknown(const codecs::reply_ref& to);
};

class answer {
 public:
  answer() = default;  ///< nobody waits
  /// `method` is counted and timed; unknown ones as "other".
  answer(context& ctx, std::shared_ptr<replier> to, codecs::reply_ref ref, std::string_view method);

  /// The first use counts, later ones do nothing.
  void operator()(codecs::outcome what) const;
  void leave_unknown() const;  ///< see `replier`
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Whose shard the reply is written on; null in tests without shards, or where nobody waits.
  runtime::shard* home() const noexcept;
  std::chrono::steady_clock::time_point asked() const noexcept;

 private:
  friend class answer_hint;
  struct state;
  std::shared_ptr<state> state_;
};

/// An answer that somebody else owes: it may be given, and goes unnoticed.
class answer_hint {
 public:
  answer_hint() = default;
  explicit answer_hint(const answer& of) : state_{of.state_} {}
  void operator()(codecs::outcome what) const;  ///< nothing where it was given, or lost

 private:
  std::weak_ptr<answer::state> state_;
};

}  // namespace greenroom
