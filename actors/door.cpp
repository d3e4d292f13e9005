#include "actors/door.hpp"

#include <utility>

#include "actors/pressure.hpp"
#include "actors/rate_limits.hpp"
#include "runtime/forwarded.hpp"

namespace greenroom {
namespace {

/// One open connection of an address, which bounds how fast it is read until it has a client with limits of its own.
class place_of_address final : public runtime::read_limiter {
 public:
  place_of_address(rate_limits& limits, limit_entry_ptr of) : limits_{limits}, of_{std::move(of)} {}
  ~place_of_address() override { rate_limits::closed(*of_); }
  place_of_address(const place_of_address&) = delete;
  place_of_address& operator=(const place_of_address&) = delete;

  time_point on_bytes(std::size_t bytes, time_point now) override {
    const auto wait =
        of_->of(limited::bytes).charge(limits_.rates(limit_scope::address).of(limited::bytes), bytes, now);
    if (wait.count() != 0) limits_.count({limit_scope::address, limited::bytes, wait});
    return now + wait;
  }
  time_point on_frames(std::uint32_t, time_point now) override { return now; }

 private:
  rate_limits& limits_;
  limit_entry_ptr of_;
};

}  // namespace

door::door(context& ctx, std::shared_ptr<const runtime::proxy_rules> proxies)
    : ctx_{ctx}, proxies_{std::move(proxies)} {}

door::verdict door::admit(const runtime::socket_end& peer, std::chrono::steady_clock::time_point now) {
  using std::chrono::milliseconds;
  if (ctx_.pressure && ctx_.pressure->at_least(pressure_level::doors)) {
    ctx_.pressure->gave_up(shed::connections);
    return {.what = way::unavailable, .retry_after = milliseconds{pressure::retry_after_ms}};
  }
  if (proxies_->lists(peer)) return {};
  auto from = ctx_.limits ? ctx_.limits->of_address(peer.text) : nullptr;
  if (!from) return {};
  if (const auto why = ctx_.limits->open(limit_scope::address, *from, now))
    return {.what = way::too_many, .retry_after = milliseconds{why->retry_after_ms()}};
  return {.reads = std::make_shared<place_of_address>(*ctx_.limits, std::move(from))};
}

}  // namespace greenroom
