/// RATE_LIMITS holds the token buckets that shards share: those of users, sessions, addresses and API keys. What one
/// connection needs it looks up once (`client_limits`), so that a call costs no lookup.
///
///   name ──of_user()…──▶ entry, shared ──nobody holds it and it is full again──▶ forgotten
///
/// Lifecycle: made with the node; entries live as long as somebody holds them or something is missing from their buckets.
/// Threading: any. A lookup takes the lock of one stripe of a table, counting and taking tokens none.
/// Bounds: limits::limit_entries_max of each scope. Who comes when there are as many shares an entry with all whose names fall
///   on the same of limits::limit_entries_shared, and that is counted: a crowd of names gains nothing but company.
/// Failure: none; a scope without bounds in the config has no entries.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "codecs/outcome.hpp"
#include "runtime/config.hpp"
#include "runtime/token_bucket.hpp"

namespace greenroom::runtime {
class metrics;
}

namespace greenroom {

enum class limit_scope : std::uint8_t { connection, session, user, address, key };
enum class limited : std::uint8_t { connections, messages, bytes, joins, reads };
inline constexpr std::size_t limit_scopes = 5, limited_things = 5;

using limit_time = runtime::bucket_time;

/// One scope's, from the config.
struct limit_rates {
  std::array<runtime::token_rate, limited_things> rates{};
  std::uint32_t connections_max = 0;  ///< open ones; 0: without a bound
  explicit limit_rates(const runtime::limit_config& from);
  const runtime::token_rate& of(limited what) const noexcept { return rates[static_cast<std::size_t>(what)]; }
  bool bounded() const noexcept;
};

/// The buckets of one user, session, address or key.
struct limit_entry {
  std::array<runtime::shared_token_bucket, limited_things> buckets{};
  std::atomic<std::uint32_t> connections{0};  ///< open ones
  runtime::shared_token_bucket& of(limited what) noexcept { return buckets[static_cast<std::size_t>(what)]; }
  bool full(limit_time now) const noexcept;
};
using limit_entry_ptr = std::shared_ptr<limit_entry>;

/// What one is told who has too much of something.
struct limit_refusal {
  limit_scope scope;
  limited what;
  std::chrono::nanoseconds retry_after;
  std::uint32_t retry_after_ms() const noexcept;  ///< rounded up, at least 1
  codecs::error error() const;                    ///< -32003
};

class rate_limits {
 public:
  explicit rate_limits(const runtime::limits_config& from);
  ~rate_limits();
  rate_limits(const rate_limits&) = delete;
  rate_limits& operator=(const rate_limits&) = delete;

  /// The buckets of that name; null: the config bounds nothing in this scope.
  limit_entry_ptr of_session(std::string_view id) { return of(limit_scope::session, id); }
  limit_entry_ptr of_user(std::string_view user) { return of(limit_scope::user, user); }
  limit_entry_ptr of_key(std::string_view id) { return of(limit_scope::key, id); }
  /// `peer`: "192.0.2.7:50312", "[2001:db8::1]:50312", with or without the port.
  limit_entry_ptr of_address(std::string_view peer);

  const limit_rates& rates(limit_scope scope) const noexcept { return scopes_[static_cast<std::size_t>(scope)]; }

  /// One of `what` from each, or from none of them. Null ones bound nothing. A refusal is counted.
  struct holder {
    limit_scope scope;
    limit_entry* entry;
  };
  std::optional<limit_refusal> take(std::span<const holder> from, limited what, limit_time now);
  /// One message, and with it one of `what` where that is more. As above.
  std::optional<limit_refusal> take_call(std::span<const holder> from, limited what, limit_time now);
  void give_back(std::span<const holder> to, limited what) noexcept;
  /// Opens a connection of that entry, which counts until `closed`; or says why not.
  std::optional<limit_refusal> open(limit_scope scope, limit_entry& of, limit_time now);
  static void closed(limit_entry& of) noexcept { of.connections.fetch_sub(1, std::memory_order_relaxed); }

  limit_refusal count(limit_refusal why) noexcept;
  std::uint64_t refusals(limit_scope scope, limited what) const noexcept;
  /// Forgets what is full and nobody holds, in one stripe of each table a call.
  void sweep(limit_time now);
  std::size_t entries(limit_scope scope) const;
  void collect(runtime::metrics& into) const;

 private:
  class table;
  limit_entry_ptr of(limit_scope scope, std::string_view name);

  std::array<limit_rates, limit_scopes> scopes_;
  std::array<std::unique_ptr<table>, limit_scopes> tables_;  ///< null: nothing is bounded there
  std::array<std::array<std::atomic<std::uint64_t>, limited_things>, limit_scopes> refusals_{};
};

/// Null where the config bounds nothing at all.
std::shared_ptr<rate_limits> make_rate_limits(const runtime::limits_config& from);

/// The part of an address that counts as one client: IPv4, the first 64 bits of IPv6; what is no address stands for itself.
std::string limited_address(std::string_view peer);

/// The time of the current turn, or now where there is no shard.
limit_time limit_now();

}  // namespace greenroom
