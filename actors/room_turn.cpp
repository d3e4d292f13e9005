#include "actors/room_turn.hpp"

#include <utility>

#include "actors/context.hpp"
#include "runtime/shard.hpp"

namespace greenroom {

incarnation number_of(const std::map<session_id, subscription_ptr>& members, const session_id& session) {
  const auto found = members.find(session);
  return found == members.end() ? incarnation::none : found->second->who.number;
}

void room_turn::add(codecs::envelope_ptr message, incarnation spared, std::chrono::steady_clock::time_point received) {
  if (messages_.empty()) received_ = received;
  messages_.push_back({std::move(message), spared});
}

void room_turn::send(runtime::actor_base* self, const context& ctx, const std::vector<std::uint32_t>& members_on) {
  if (empty()) return;
  auto now = std::exchange(*this, {});
  std::shared_ptr<const broadcast> messages;
  if (!now.messages_.empty())
    messages = std::make_shared<const broadcast>(std::move(now.messages_), now.received_, &ctx.meters);
  std::vector<std::shared_ptr<std::vector<relay::settled>>> answers(ctx.shards.size());
  for (auto& each : now.answers_) {
    auto& of_shard = answers[each.to.home() ? each.to.home()->id() : 0];
    if (!of_shard) of_shard = std::make_shared<std::vector<relay::settled>>();
    of_shard->push_back(std::move(each));
  }
  for (std::size_t i = 0; i < ctx.shards.size(); ++i)
    if ((messages && members_on[i] != 0) || answers[i])
      runtime::tell(self, ctx.shards[i].relay,
                    relay::deliver{members_on[i] != 0 ? messages : nullptr, std::move(answers[i])});
}

}  // namespace greenroom
