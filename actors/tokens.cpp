#include "actors/tokens.hpp"

#include <algorithm>
#include <utility>

#include "actors/key_fetcher.hpp"
#include "codecs/jwt_kid.hpp"
#include "runtime/ask.hpp"
#include "runtime/shard.hpp"

namespace greenroom {

tokens::tokens(codecs::jwt_trust_ptr trust, std::size_t shards, std::vector<key_set_figures_ptr> sets)
    : sets_{std::move(sets)} {
  caches_.reserve(shards);
  while (caches_.size() < shards) {
    caches_.push_back(std::make_unique<cache>());
    caches_.back()->trust = trust;
  }
}

tokens::cache& tokens::mine() const {
  const auto* here = runtime::shard::current();
  return *caches_[here ? here->id() % caches_.size() : 0];
}

codecs::jwt_verdict tokens::verify(std::string_view token, std::uint64_t now_s) const {
  codecs::jwt_trust_ptr under;
  auto verdict = [&] {
    auto& at = mine();
    std::lock_guard guard{at.mutex};
    auto said = at.seen.verify(token, at.trust, now_s);
    if (std::holds_alternative<codecs::jwt_refusal>(said)) under = at.trust;
    return said;
  }();
  const auto* why = std::get_if<codecs::jwt_refusal>(&verdict);
  if (why && *why == codecs::jwt_refusal::unknown_key && fetcher_ && !wanted_.exchange(true))
    runtime::tell(fetcher_, key_fetcher::wanted{std::move(under)});
  return verdict;
}

void tokens::trust(const codecs::jwt_trust_ptr& now) {
  for (auto& each : caches_) {
    std::lock_guard guard{each->mutex};
    each->trust = now;
  }
}

std::shared_ptr<const void> tokens::waits(std::string_view token) const {
  if (!fetcher_ || sets_.empty()) return nullptr;
  const auto trust = [&] {
    auto& at = mine();
    std::lock_guard guard{at.mutex};
    return at.trust;
  }();
  const auto& keys = trust->keys->keys();
  if (!keys.empty()) {
    const auto kid = codecs::claimed_kid(token);
    if (kid.empty() || std::ranges::any_of(keys, [&](const auto& each) { return each.kid() == kid; })) return nullptr;
  }
  const bool full = waiting_.fetch_add(1) >= limits::key_waiters_max;
  std::shared_ptr<const void> seat{this, [this](const void*) { --waiting_; }};
  return full ? nullptr : seat;
}

std::unique_ptr<key_sets> make_key_sets(const runtime::tokens_config& from, secret_reader secrets) {
  return from.keys.empty() ? nullptr : std::make_unique<key_sets>(from, std::move(secrets));
}

std::shared_ptr<tokens> make_tokens(const key_sets* from, std::size_t shards) {
  return from ? std::make_shared<tokens>(from->trust(), shards, from->figures()) : nullptr;
}

}  // namespace greenroom
