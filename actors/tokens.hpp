/// TOKENS checks what clients show for themselves, with the keys, issuers and audiences that the config names.
///
/// Lifecycle: made at start, when the files of the keys are read; nothing of it changes afterwards. Threading: any. Each
/// shard has a cache of its own, so that its lock is free. Bounds: those of codecs::token_cache, a shard. Failure:
/// make_tokens throws bad_config, with the entry and what is wrong with it; it never says any of the key.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "actors/secret_keys.hpp"
#include "codecs/jwt.hpp"
#include "codecs/token_cache.hpp"
#include "runtime/config.hpp"

namespace greenroom {

class tokens {
 public:
  tokens(codecs::jwt_trust_ptr trust, std::size_t shards);

  codecs::jwt_verdict verify(std::string_view token, std::uint64_t now_s) const;

 private:
  struct cache {
    std::mutex mutex;
    codecs::token_cache seen;
  };

  codecs::jwt_trust_ptr trust_;
  std::vector<std::unique_ptr<cache>> caches_;  ///< by shard; of threads that are none, the first
};

/// As the config says; null where it names no key. `secrets` says what the stored ones do that the config refers to.
std::shared_ptr<const tokens> make_tokens(const runtime::tokens_config& from, std::size_t shards,
                                          const secret_reader& secrets = {});

}  // namespace greenroom
