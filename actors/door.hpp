/// DOOR decides which new connections come in: not while memory is short, and of one address no more than its limits say.
///
/// Lifecycle: one a gateway, shared with its HTTP server. Threading: its shard's; the counts of an address are all shards'.
/// Bounds: those of the config's `[limits.address]`. Failure: none.
#pragma once
#include <memory>

#include "actors/context.hpp"
#include "runtime/admission.hpp"

namespace greenroom::runtime {
struct proxy_rules;
}

namespace greenroom {

class door final : public runtime::admission {
 public:
  /// Of a connection that a listed proxy makes for its clients only the memory counts: each of them has its own address.
  door(context& ctx, std::shared_ptr<const runtime::proxy_rules> proxies);
  verdict admit(const runtime::socket_end& peer, std::chrono::steady_clock::time_point now) override;

 private:
  context& ctx_;
  std::shared_ptr<const runtime::proxy_rules> proxies_;
};

}  // namespace greenroom
