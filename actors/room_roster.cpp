#include "actors/room_roster.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/relay.hpp"

namespace greenroom {
namespace {

/// Of one notice: it fits beside others into an outbox.
std::size_t bytes_max(const context& ctx) {
  constexpr std::size_t parts = 4;
  return std::min<std::size_t>(limits::roster_bytes_max, ctx.config.outbox.bytes_max / parts);
}

}  // namespace

room_roster::room_roster(runtime::actor_base* self, context& ctx, const std::string& room, const room_policy& policy)
    : self_{self}, ctx_{ctx}, room_{room}, policy_{policy}, people_{room, {policy.presence_list_max, bytes_max(ctx)}} {}

void room_roster::enter(const subscription& who) {
  people_.enter(seen(who));
  schedule();
}

void room_roster::leave(const subscription& who) {
  people_.leave(seen(who));
  schedule();
}

void room_roster::call_roll() {
  people_.call_roll();
  schedule();
}

void room_roster::begin() {
  people_.tell_everybody();
  schedule();
}

/// One timer; an earlier one takes its place.
void room_roster::schedule() {
  const auto pace = policy_.presence ? people_.due() : room_presence::pace::never;
  if (pace == room_presence::pace::never) return;
  const auto now = self_->now();
  auto when = now + policy_.presence_interval;
  if (pace == room_presence::pace::later) when = std::max(when, large_at_);
  if (due_at_ && *due_at_ <= when) return;
  due_at_ = when;
  self_->later(when - now, due{++timers_});
}

void room_roster::on_due(const due& m) {
  if (m.number != timers_) return;
  due_at_.reset();
  const auto now = self_->now();
  const bool slow = now >= large_at_;
  auto told = people_.take(slow ? room_presence::turn::slow : room_presence::turn::quick);
  if (slow) large_at_ = now + policy_.presence_interval * limits::large_room_pace;
  schedule();
  if (told.empty()) return;
  relay::roster notice{.room = room_, .changes = nullptr, .people = nullptr, .people_for = told.people_for};
  if (told.changes) notice.changes = std::make_shared<const shared_push>(std::move(*told.changes));
  if (told.people) notice.people = std::make_shared<const shared_push>(std::move(*told.people));
  for (const auto& each : ctx_.shards) runtime::tell(self_, each.relay, notice);
}

}  // namespace greenroom
