#include "actors/client_limits.hpp"

#include <algorithm>
#include <utility>

#include "actors/credential.hpp"
#include "actors/limits.hpp"

namespace greenroom {
namespace {

constexpr std::chrono::seconds refusal_rest_max{5};  // however many were refused

/// How many refusals a connection is forgiven, and how fast it is.
runtime::token_rate patience_of(const runtime::token_rate& messages) {
  if (!messages.bounded()) return {limits::refusals_max / limits::refusals_per_burst, limits::refusals_max};
  const auto burst = static_cast<std::uint64_t>(messages.depth_ns() / messages.cost_ns(1));
  constexpr std::uint64_t ns_per_s = 1'000'000'000;
  return {std::max<std::uint64_t>(1, ns_per_s / static_cast<std::uint64_t>(messages.cost_ns(1))),
          burst * limits::refusals_per_burst};
}

}  // namespace

client_limits::client_limits(rate_limits& of, std::string_view peer) : of_{of}, address_{of.of_address(peer)} {}

std::optional<limit_refusal> client_limits::open(const principal& who, limit_time now) {
  leave();
  auto as = limited_as(of_, who);
  user_scope_ = as.scope;
  user_ = std::move(as.entry);
  if (as.scope == limit_scope::key) address_ = nullptr;
  if (!user_) return std::nullopt;
  if (auto why = of_.open(user_scope_, *user_, now)) return why;
  counted_ = true;
  return std::nullopt;
}

void client_limits::belongs_to(const session_id& session) { session_ = of_.of_session(session.value); }

void client_limits::leave() noexcept {
  if (std::exchange(counted_, false)) rate_limits::closed(*user_);
}

std::array<rate_limits::holder, 3> client_limits::shared() const noexcept {
  return {{{limit_scope::session, session_.get()}, {user_scope_, user_.get()}, {limit_scope::address, address_.get()}}};
}

const runtime::token_rate& client_limits::own_rate(limited what) const noexcept {
  return of_.rates(limit_scope::connection).of(what);
}

std::optional<limit_refusal> client_limits::take_one(limited what, limit_time now) {
  const auto& rate = own_rate(what);
  if (const auto wait = own(what).take(rate, 1, now); wait.count() != 0)
    return of_.count({limit_scope::connection, what, wait});
  auto why = of_.take(shared(), what, now);
  if (why) own(what).give_back(rate, 1);
  return why;
}

std::optional<limit_refusal> client_limits::take(limited what, limit_time now) {
  auto why = take_one(limited::messages, now);
  if (!why && what != limited::messages && (why = take_one(what, now))) give_back(limited::messages);
  if (why) rest_for(*why, now);
  return why;
}

/// Each refusal costs its decoding and its answer: what floods is read about as slowly as it may send. Who waits as it was
/// told is not held up for longer than one message takes.
void client_limits::rest_for(const limit_refusal& why, limit_time now) {
  const auto& rate = own_rate(limited::messages);
  const std::chrono::nanoseconds token{rate.bounded() ? rate.cost_ns(1) : 0};
  const auto step = std::min<std::chrono::nanoseconds>(std::max(why.retry_after, token), limits::refusal_rest);
  rests_until_ = std::min<time_point>(std::max(rests_until_, now) + step, now + refusal_rest_max);
}

void client_limits::give_back(limited what) {
  own(what).give_back(own_rate(what), 1);
  of_.give_back(shared(), what);
}

void client_limits::charge(limit_time now) { on_frames(1, now); }

bool client_limits::flooded(limit_time now) {
  return patience_.take(patience_of(own_rate(limited::messages)), 1, now).count() != 0;
}

bool client_limits::floods(limit_time now) const noexcept {
  const auto& messages = buckets_[static_cast<std::size_t>(limited::messages)];
  return messages.lacks(own_rate(limited::messages), limits::share_of_turn, now) ||
         (rests_until_ != time_point{} && now < rests_until_ + limits::refusal_memory);
}

client_limits::time_point client_limits::later(limited what, std::chrono::nanoseconds wait, limit_scope by,
                                               time_point now) {
  if (wait.count() == 0) return rests_until_;
  of_.count({by, what, wait});
  return std::max(rests_until_, now + wait);
}

client_limits::time_point client_limits::on_bytes(std::size_t bytes, time_point now) {
  auto wait = own(limited::bytes).charge(own_rate(limited::bytes), bytes, now);
  auto by = limit_scope::connection;
  for (const auto& each : shared()) {
    if (!each.entry) continue;
    const auto its = each.entry->of(limited::bytes).charge(of_.rates(each.scope).of(limited::bytes), bytes, now);
    if (its > wait) wait = its, by = each.scope;
  }
  return later(limited::bytes, wait, by, now);
}

client_limits::time_point client_limits::on_frames(std::uint32_t frames, time_point now) {
  auto wait = own(limited::messages).charge(own_rate(limited::messages), frames, now);
  return rests_until_ = later(limited::messages, wait, limit_scope::connection, now);
}

limited what_takes(const codecs::call& what) noexcept {
  if (std::holds_alternative<codecs::calls::room_join>(what)) return limited::joins;
  if (std::holds_alternative<codecs::calls::room_history>(what)) return limited::reads;
  return limited::messages;
}

limited_caller limited_as(rate_limits& of, const principal& who) {
  if (who.shown && !who.shown->key_id.empty()) return {limit_scope::key, of.of_key(who.shown->key_id)};
  return {limit_scope::user, of.of_user(who.user.value)};
}

}  // namespace greenroom
