#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "codecs/jwt.hpp"

namespace greenroom::codecs {

namespace limits {
inline constexpr std::size_t token_cache_entries_max = 1'024;
inline constexpr std::size_t token_cache_bytes_max = 4 * 1024 * 1024;  ///< of claims
}  // namespace limits

/// TOKEN_CACHE verifies tokens and remembers those that it accepted, so that a client that comes again with the same one
/// costs a hash and not a signature. It keeps no token, only its SHA-256, and remembers no refusal: strangers could fill
/// it with those.
///
/// An entry ends when its claims do not hold by the clock any more, when the trust is another object (a key, issuer or
/// audience changed), and when room is needed: the one that was used longest ago goes first.
/// Threading: one thread at a time. Bounds: entries and bytes of claims, both given.
class token_cache {
 public:
  explicit token_cache(std::size_t entries_max = limits::token_cache_entries_max,
                       std::size_t bytes_max = limits::token_cache_bytes_max)
      : entries_max_{entries_max}, bytes_max_{bytes_max} {}

  /// What verify_jwt says.
  jwt_verdict verify(std::string_view token, const jwt_trust_ptr& trust, std::uint64_t now_s);

  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::uint64_t hits() const noexcept { return hits_; }

 private:
  struct entry {
    std::string digest;
    jwt_claims_ptr claims;
  };
  using entries = std::list<entry>;  ///< the one used last in front

  void remember(std::string digest, const jwt_claims_ptr& claims);
  void forget(entries::iterator which);

  std::size_t entries_max_, bytes_max_;
  jwt_trust_ptr trust_;  ///< held, so that no other object gets its address
  entries entries_;
  std::unordered_map<std::string_view, entries::iterator> by_digest_;  ///< the keys are the entries' own
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
};

}  // namespace greenroom::codecs
