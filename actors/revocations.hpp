/// REVOCATIONS knows what was taken back: users with all that was given to them until then, sessions, tokens by their
/// `jti`. Keys are not here: a key that was taken back is no key any more (api_keys.hpp).
///
/// Lifecycle: made at start with what the store has; who changes one in the store (admin_access) changes it here, too.
/// Threading: any; readers share a lock, and take none while there is no revocation.
/// Bounds: storage::limits::revocations_max. Failure: none of its own.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "storage/api_key.hpp"
#include "storage/session.hpp"

namespace greenroom {

struct context;
struct credential;
struct principal;

std::string_view word_of(storage::revoked kind) noexcept;

class revocations {
 public:
  static constexpr std::size_t kinds = 3;

  revocations() = default;
  explicit revocations(std::vector<storage::stored_revocation> all);

  /// Why what a caller shows counts no more; none: it does. Of a user who shows nothing nobody knows since when.
  /// A key has no end of its own: its user's revocation holds for it as long as it is there.
  std::optional<storage::revoked> refuses(std::string_view user, const credential* shown, std::int64_t now_ms) const;
  /// Whether that session is over, wherever it was stored.
  bool ends(const storage::stored_session& which, std::int64_t now_ms) const;
  bool ends(std::string_view session, std::int64_t now_ms) const;

  std::optional<storage::stored_revocation> find(storage::revoked kind, std::string_view name) const;
  /// Of one kind, by name.
  std::vector<storage::stored_revocation> list(storage::revoked kind, std::string_view after,
                                               std::size_t count_max) const;
  std::vector<storage::stored_revocation> over(std::int64_t now_ms) const;  ///< those whose time has passed
  std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }

  void put(storage::stored_revocation what);
  bool erase(storage::revoked kind, std::string_view name);

  std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }
  void count_refused(storage::revoked kind) noexcept { ++refused_[static_cast<std::size_t>(kind)]; }
  std::uint64_t refused(storage::revoked kind) const noexcept { return refused_[static_cast<std::size_t>(kind)]; }

 private:
  using table = std::map<std::string, storage::stored_revocation, std::less<>>;

  table& of(storage::revoked kind) noexcept { return tables_[static_cast<std::size_t>(kind)]; }
  const table& of(storage::revoked kind) const noexcept { return tables_[static_cast<std::size_t>(kind)]; }
  const storage::stored_revocation* look(storage::revoked kind, std::string_view name) const;

  mutable std::shared_mutex mutex_;
  std::array<table, kinds> tables_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::uint64_t> changes_{0};
  std::array<std::atomic<std::uint64_t>, kinds> refused_{};
};

/// Whether what that caller has shown was taken back since: its user, its token, its key.
bool is_revoked(const context& ctx, const principal& who);

}  // namespace greenroom
