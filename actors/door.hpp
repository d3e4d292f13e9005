/// DOOR decides which new connections come in: not while memory is short, and of one address no more than its limits say.
///
/// Lifecycle: one a gateway, shared with its HTTP server. Threading: its shard's; the counts of an address are all shards'.
/// Bounds: those of the config's `[limits.address]`. Failure: none.
#pragma once
#include "actors/context.hpp"
#include "runtime/admission.hpp"

namespace greenroom {

class door final : public runtime::admission {
 public:
  explicit door(context& ctx) : ctx_{ctx} {}
  verdict admit(const runtime::socket_end& peer, std::chrono::steady_clock::time_point now) override;

 private:
  context& ctx_;
};

}  // namespace greenroom
