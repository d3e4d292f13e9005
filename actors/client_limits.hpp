/// CLIENT_LIMITS is what bounds one connection: its own buckets, and those of its session, user and address, or API key, which it
/// shares with others. Calls are refused, what is read is read later.
///
///   made with the peer: connection, address ──open()──▶ and the user, or in place of user and address the key
///                                           ──belongs_to()──▶ and the session
///
/// Lifecycle: shared by the peer and its socket. Threading: its shard's. Bounds: five buckets, four pointers.
/// Failure: who goes on sending after refusals is `flooded`: its connection closes with 1008.
#pragma once
#include <optional>
#include <string_view>

#include "actors/access.hpp"
#include "actors/rate_limits.hpp"
#include "codecs/call.hpp"
#include "runtime/read_limiter.hpp"

namespace greenroom {

class client_limits final : public runtime::read_limiter {
 public:
  client_limits(rate_limits& of, std::string_view peer);
  ~client_limits() override { leave(); }
  client_limits(const client_limits&) = delete;
  client_limits& operator=(const client_limits&) = delete;

  /// One connection more of that user, or of its key; or why not. It counts until `leave`.
  std::optional<limit_refusal> open(const principal& who, limit_time now);
  void belongs_to(const session_id& session);
  void leave() noexcept;

  /// One message; with `joins` or `reads` that, too. Taken from all, or from none.
  std::optional<limit_refusal> take(limited what, limit_time now);
  /// One message that cannot be refused: what follows waits for it.
  void charge(limit_time now);
  /// After a refusal: whether the client has been refused more than it may be.
  bool flooded(limit_time now);
  /// Whether it sends more than it may for long: it is a turn's messages ahead of the rate of its connection, or was refused
  /// something, by whatever limit, until a second after it had to rest. What it says comes in by few at a time (turn_line).
  bool floods(limit_time now) const noexcept;

  time_point on_bytes(std::size_t bytes, time_point now) override;
  time_point on_frames(std::uint32_t frames, time_point now) override;

 private:
  std::optional<limit_refusal> take_one(limited what, limit_time now);
  void rest_for(const limit_refusal& why, limit_time now);
  void give_back(limited what);
  std::array<rate_limits::holder, 3> shared() const noexcept;
  const runtime::token_rate& own_rate(limited what) const noexcept;
  runtime::token_bucket& own(limited what) noexcept { return buckets_[static_cast<std::size_t>(what)]; }
  time_point later(limited what, std::chrono::nanoseconds wait, limit_scope by, time_point now);

  rate_limits& of_;
  std::array<runtime::token_bucket, limited_things> buckets_{};
  runtime::token_bucket patience_{};
  limit_entry_ptr session_, user_, address_;  ///< user_: the key's where there is one, and then there is no address_
  limit_scope user_scope_ = limit_scope::user;
  bool counted_ = false;  ///< among the open connections of user_
  time_point rests_until_{};
};

/// What a call takes beside its message: itself where that is all.
limited what_takes(const codecs::call& what) noexcept;

/// Whose buckets a caller takes from: its user's, or its key's.
struct limited_caller {
  limit_scope scope = limit_scope::user;
  limit_entry_ptr entry{};
};
limited_caller limited_as(rate_limits& of, const principal& who);

}  // namespace greenroom
