#include "codecs/token_cache.hpp"

#include <iterator>

#include "codecs/limits.hpp"

namespace greenroom::codecs {
namespace {

std::size_t bytes_of(const std::vector<std::string>& texts) {
  std::size_t sum = texts.capacity() * sizeof(std::string);
  for (const auto& each : texts) sum += each.size();
  return sum;
}

std::size_t bytes_of(const jwt_claims& c) {
  auto sum = sizeof c + c.subject.size() + c.issuer.size() + c.id.size() + c.kid.size() + c.document.size() +
             bytes_of(c.roles) + bytes_of(c.scopes);
  for (const auto& each : c.grants)
    sum += sizeof each + bytes_of(each.rooms) + bytes_of(each.actions) + bytes_of(each.methods) + bytes_of(each.users);
  return sum;
}

}  // namespace

jwt_verdict token_cache::verify(std::string_view token, const jwt_trust_ptr& trust, std::uint64_t now_s) {
  if (trust != trust_) {
    by_digest_.clear();
    entries_.clear();
    bytes_ = 0;
    trust_ = trust;
  }
  if (token.size() > limits::token_bytes_max) return jwt_refusal::too_long;  // not worth a hash
  auto digest = jwt_digest(token);
  if (const auto found = by_digest_.find(digest); found != by_digest_.end()) {
    const auto which = found->second;
    if (const auto why = untimely(*which->claims, now_s)) return forget(which), *why;
    entries_.splice(entries_.begin(), entries_, which);
    ++hits_;
    return which->claims;
  }
  auto verdict = verify_jwt(token, *trust, now_s);
  if (const auto* claims = std::get_if<jwt_claims_ptr>(&verdict)) remember(std::move(digest), *claims);
  return verdict;
}

void token_cache::remember(std::string digest, const jwt_claims_ptr& claims) {
  const auto size = bytes_of(*claims);
  if (entries_max_ == 0 || size > bytes_max_) return;
  while (entries_.size() >= entries_max_ || bytes_ + size > bytes_max_) forget(std::prev(entries_.end()));
  entries_.push_front({std::move(digest), claims});
  by_digest_.emplace(entries_.front().digest, entries_.begin());
  bytes_ += size;
}

void token_cache::forget(entries::iterator which) {
  bytes_ -= bytes_of(*which->claims);
  by_digest_.erase(which->digest);
  entries_.erase(which);
}

}  // namespace greenroom::codecs
