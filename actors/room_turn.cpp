#include "actors/room_turn.hpp"

#include <utility>

#include "actors/context.hpp"
#include "actors/pass.hpp"
#include "runtime/shard.hpp"

namespace greenroom {

incarnation number_of(const std::map<session_id, subscription_ptr>& members, const session_id& session) {
  const auto found = members.find(session);
  return found == members.end() ? incarnation::none : found->second->who.number;
}

void room_turn::add(codecs::envelope_ptr message, incarnation spared, std::chrono::steady_clock::time_point received) {
  if (messages_.empty()) {
    received_ = received;
    messages_.reserve(usual_);
  }
  messages_.push_back({std::move(message), spared});
}

void room_turn::add(const answer& to, codecs::outcome&& what) {
  const auto shard = to.home() ? to.home()->id() : 0;
  if (answers_.size() <= shard) answers_.resize(shard + 1);
  auto& there = answers_[shard];
  if (!there) {
    there = codecs::make_recycled<relay::settlements>();
    there->reserve(usual_);
  }
  there->push_back({to, std::move(what)});
  answered_ = true;
}

void room_turn::send(runtime::actor_base* self, const context& ctx, const std::vector<std::uint32_t>& members_on) {
  if (empty()) return;
  std::shared_ptr<const broadcast> messages;
  if (!messages_.empty()) {
    usual_ = messages_.size();
    messages = codecs::make_recycled<const broadcast>(std::exchange(messages_, {}), received_, &ctx.meters);
  }
  answered_ = false;
  answers_.resize(ctx.shards.size());
  for (std::size_t i = 0; i < ctx.shards.size(); ++i) {
    auto answers = std::exchange(answers_[i], nullptr);
    if ((messages && members_on[i] != 0) || answers)
      pass(self, ctx.shards[i].relay, relay::deliver{members_on[i] != 0 ? messages : nullptr, std::move(answers)});
  }
}

}  // namespace greenroom
