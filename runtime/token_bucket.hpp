/// TOKEN_BUCKET says whether something may happen now, by the generic cell rate algorithm: instead of tokens and the time of
/// the last refill it keeps one number, the time at which the bucket would be full again ("theoretical arrival time").
///
///   full ◀──────────── time refills ──────────── now ──depth──▶ empty: what would lie beyond is refused
///
/// Taking moves that time forward by what the tokens cost; it never lies further in the future than the bucket is deep. A
/// refusal takes nothing and says exactly how long it lasts: after that time, and not before, the same is granted, unless
/// others take meanwhile. `charge` takes what has happened already, debt included, and says how long to wait.
///
/// Pure: time is passed in. Threading: `token_bucket` one thread; `shared_token_bucket` any, without a lock.
/// Bounds: 8 bytes; a rate of at most 1e9 a second; n and the depth below 2^32.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace greenroom::runtime {

/// How many tokens come back in a second, and how many the bucket holds. Made with 0 a second: without a bound.
class token_rate {
 public:
  constexpr token_rate() = default;
  /// `burst` 0: what comes in a second.
  constexpr token_rate(std::uint64_t per_second, std::uint64_t burst)
      : per_second_{static_cast<std::int64_t>(per_second)},
        token_ns_{per_second == 0 ? 0 : rounded_up(1)},
        depth_ns_{static_cast<std::int64_t>(burst != 0 ? burst : per_second) * token_ns_} {}

  constexpr bool bounded() const noexcept { return per_second_ != 0; }
  constexpr std::int64_t depth_ns() const noexcept { return depth_ns_; }
  /// The time in which n tokens come back; of one it is exact to the nanosecond, rounded up.
  constexpr std::int64_t cost_ns(std::uint64_t n) const noexcept { return n == 1 ? token_ns_ : rounded_up(n); }

 private:
  constexpr std::int64_t rounded_up(std::uint64_t n) const noexcept {
    constexpr std::int64_t ns_per_s = 1'000'000'000;
    return (static_cast<std::int64_t>(n) * ns_per_s + per_second_ - 1) / per_second_;
  }

  std::int64_t per_second_ = 0, token_ns_ = 0, depth_ns_ = 0;
};

using bucket_time = std::chrono::steady_clock::time_point;
using bucket_wait = std::chrono::nanoseconds;

namespace detail {
constexpr std::int64_t ns_of(bucket_time t) noexcept { return bucket_wait{t.time_since_epoch()}.count(); }
/// How long the refusal lasts of what would move the bucket's time there; 0 or less: none.
constexpr std::int64_t excess(const token_rate& of, std::int64_t full_at, std::int64_t now) noexcept {
  return full_at - now - of.depth_ns();
}
}  // namespace detail

/// One thread's.
class token_bucket {
 public:
  /// Zero: n tokens were taken. Else nothing was, and so long it would have to wait.
  bucket_wait take(const token_rate& of, std::uint64_t n, bucket_time at) noexcept {
    if (!of.bounded()) return bucket_wait{0};
    const auto now = detail::ns_of(at), next = std::max(full_at_, now) + of.cost_ns(n);
    if (const auto wait = detail::excess(of, next, now); wait > 0) return bucket_wait{wait};
    full_at_ = next;
    return bucket_wait{0};
  }
  /// Takes n tokens whether they are there or not; so long nothing more should happen.
  bucket_wait charge(const token_rate& of, std::uint64_t n, bucket_time at) noexcept {
    if (!of.bounded()) return bucket_wait{0};
    const auto now = detail::ns_of(at);
    full_at_ = std::max(full_at_, now) + of.cost_ns(n);
    return bucket_wait{std::max<std::int64_t>(0, detail::excess(of, full_at_, now))};
  }
  void give_back(const token_rate& of, std::uint64_t n) noexcept {
    if (of.bounded()) full_at_ -= of.cost_ns(n);
  }
  /// Whether more than n of what was taken have not come back.
  bool lacks(const token_rate& of, std::uint64_t n, bucket_time at) const noexcept {
    return of.bounded() && full_at_ > detail::ns_of(at) + of.cost_ns(n);
  }
  /// As `take`, and takes nothing.
  bucket_wait wait_for(const token_rate& of, std::uint64_t n, bucket_time at) const noexcept {
    return token_bucket{*this}.take(of, n, at);
  }

 private:
  std::int64_t full_at_ = 0;
};

/// The same for several threads.
class shared_token_bucket {
 public:
  bucket_wait take(const token_rate& of, std::uint64_t n, bucket_time at) noexcept {
    if (!of.bounded()) return bucket_wait{0};
    const auto now = detail::ns_of(at), cost = of.cost_ns(n);
    auto seen = full_at_.load(std::memory_order_relaxed);
    for (;;) {
      const auto next = std::max(seen, now) + cost;
      if (const auto wait = detail::excess(of, next, now); wait > 0) return bucket_wait{wait};
      if (full_at_.compare_exchange_weak(seen, next, std::memory_order_relaxed)) return bucket_wait{0};
    }
  }
  bucket_wait charge(const token_rate& of, std::uint64_t n, bucket_time at) noexcept {
    if (!of.bounded()) return bucket_wait{0};
    const auto now = detail::ns_of(at), cost = of.cost_ns(n);
    auto seen = full_at_.load(std::memory_order_relaxed);
    auto next = seen;
    do next = std::max(seen, now) + cost;
    while (!full_at_.compare_exchange_weak(seen, next, std::memory_order_relaxed));
    return bucket_wait{std::max<std::int64_t>(0, detail::excess(of, next, now))};
  }
  void give_back(const token_rate& of, std::uint64_t n) noexcept {
    if (of.bounded()) full_at_.fetch_sub(of.cost_ns(n), std::memory_order_relaxed);
  }
  bucket_wait wait_for(const token_rate& of, std::uint64_t n, bucket_time at) const noexcept {
    if (!of.bounded()) return bucket_wait{0};
    const auto now = detail::ns_of(at);
    const auto next = std::max(full_at_.load(std::memory_order_relaxed), now) + of.cost_ns(n);
    return bucket_wait{std::max<std::int64_t>(0, detail::excess(of, next, now))};
  }
  /// Nothing is missing from it: forgotten and made anew it would be the same.
  bool full(bucket_time at) const noexcept { return full_at_.load(std::memory_order_relaxed) <= detail::ns_of(at); }

 private:
  std::atomic<std::int64_t> full_at_{0};
};

}  // namespace greenroom::runtime
