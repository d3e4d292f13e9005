#include "actors/memberships.hpp"

#include <algorithm>
#include <utility>

namespace greenroom {

void memberships::forget_gone() {
  std::erase_if(all_, [](const subscription_ptr& s) { return s->at == phase::gone; });
}

subscription_ptr memberships::find(std::string_view room) {
  for (const auto& each : all_)
    if (each->at != phase::gone && each->room == room) return each;
  return nullptr;
}

subscription_ptr memberships::find(incarnation number) {
  for (const auto& each : all_)
    if (each->who.number == number) return each;
  return nullptr;
}

bool memberships::add(subscription_ptr one) {
  if (closed_) return false;
  forget_gone();
  for (auto& each : all_)
    if (each->room == one->room) {
      each = std::move(one);
      return true;
    }
  if (all_.size() >= rooms_max_) return false;
  all_.push_back(std::move(one));
  return true;
}

void memberships::remove(std::string_view room) {
  std::erase_if(all_, [room](const subscription_ptr& s) { return s->room == room; });
}

const std::vector<subscription_ptr>& memberships::all() {
  forget_gone();
  return all_;
}

std::vector<subscription_ptr> memberships::close() {
  closed_ = true;
  forget_gone();
  return all_;
}

std::vector<storage::stored_membership> memberships::to_stored() {
  std::vector<storage::stored_membership> rooms;
  for (const auto& each : all())
    rooms.push_back({.room = each->room,
                     .seen = {each->epoch, each->proven},  // no epoch: the join is not answered
                     .incarnation = static_cast<std::uint64_t>(each->who.number),
                     .since_ms = each->who.since_ms,
                     .presence = each->who.presence ? std::string{each->who.presence->as(codecs::format::msgpack)}
                                                    : std::string{}});
  return rooms;
}

void memberships::ping_left(std::uint64_t ping) {
  if (marked_ != 0) return;
  marked_ = ping;
  for (const auto& each : all_) each->pinged = each->position;
  watched.ping_left();
}

void memberships::ping_answered(std::uint64_t ping) {
  if (marked_ == 0 || ping < marked_) return;
  marked_ = 0;
  for (const auto& each : all_) each->proven = std::max(each->proven, each->pinged);
  watched.ping_answered();
}

}  // namespace greenroom
