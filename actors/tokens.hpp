/// TOKENS checks what clients show for themselves, with the keys, issuers and audiences that the config names. The keys may
/// change while it is used: from the moment that `trust` has returned, no shard accepts a token by an older trust, neither
/// checked nor remembered.
///
/// A token whose key nobody knows is told to whoever fetches sets of keys, and a connection may wait for what comes of it.
///
/// Lifecycle: made at start. Threading: any. Each shard has a cache of its own, so that its lock is free; a change of trust
/// takes each of them for a moment. Bounds: those of codecs::token_cache, a shard; limits::key_waiters_max connections wait
/// at once. Failure: make_tokens throws bad_config, with the entry and what is wrong with it; it never says any of the key.
#pragma once
#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "actors/key_sets.hpp"
#include "codecs/jwt.hpp"
#include "codecs/token_cache.hpp"
#include "runtime/config.hpp"

namespace greenroom {

namespace limits {
inline constexpr std::size_t key_waiters_max = 1'000;        ///< connections; over it a token is refused at once
inline constexpr std::chrono::milliseconds key_wait{1'000};  ///< of one connection
}  // namespace limits

class tokens {
 public:
  tokens(codecs::jwt_trust_ptr trust, std::size_t shards, std::vector<key_set_figures_ptr> sets = {});

  codecs::jwt_verdict verify(std::string_view token, std::uint64_t now_s) const;

  /// From here on these keys.
  void trust(const codecs::jwt_trust_ptr& now);

  /// Who fetches sets of keys (key_fetcher); null: nobody. Set before the first connection, and when all have ended.
  void fetched_by(caf::actor fetcher) { fetcher_ = std::move(fetcher); }
  const caf::actor& fetcher() const noexcept { return fetcher_; }
  /// That the fetcher has looked for a key: it may be told of the next one.
  void looked() const noexcept { wanted_ = false; }

  /// Not null: a connection shall wait for what `fetcher` finds before this token is verified, because it names a key that
  /// is not there (yet). It counts as waiting until it lets this go.
  std::shared_ptr<const void> waits(std::string_view token) const;

  const std::vector<key_set_figures_ptr>& sets() const noexcept { return sets_; }

 private:
  struct cache {
    std::mutex mutex;
    codecs::jwt_trust_ptr trust;
    codecs::token_cache seen;
  };
  cache& mine() const;

  std::vector<std::unique_ptr<cache>> caches_;  ///< by shard; of threads that are none, the first
  std::vector<key_set_figures_ptr> sets_;       ///< empty: none has a URL
  caf::actor fetcher_;
  mutable std::atomic<bool> wanted_{false};  ///< the fetcher was told of a key
  mutable std::atomic<std::size_t> waiting_{0};
};

/// As the config says; null where it names no key. `secrets` says what the stored ones do that the config refers to.
std::unique_ptr<key_sets> make_key_sets(const runtime::tokens_config& from, secret_reader secrets = {});
std::shared_ptr<tokens> make_tokens(const key_sets* from, std::size_t shards);

}  // namespace greenroom
