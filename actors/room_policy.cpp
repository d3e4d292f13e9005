#include "actors/room_policy.hpp"

#include "runtime/config.hpp"

namespace greenroom {
namespace {

slow_member policy_of(runtime::slow_policy from) {
  switch (from) {
    case runtime::slow_policy::spill: return slow_member::spill;
    case runtime::slow_policy::latest: return slow_member::latest;
    case runtime::slow_policy::disconnect: break;
  }
  return slow_member::disconnect;
}

admission admission_of(runtime::permission from) {
  switch (from) {
    case runtime::permission::anyone: return admission::anyone;
    case runtime::permission::authenticated: return admission::authenticated;
    case runtime::permission::nobody: break;
  }
  return admission::nobody;
}

}  // namespace

room_policies::room_policies(const runtime::config& config) {
  for (const auto& [name, from] : config.namespaces)
    by_namespace_.emplace(name, room_policy{.name = name,
                                            .behaviour = from.behaviour,
                                            .kind = from.durable ? room_kind::durable : room_kind::ephemeral,
                                            .history = {from.history_count, from.history_bytes, from.history_age_ms},
                                            .slow = policy_of(from.slow_members),
                                            .members_max = from.members_max,
                                            .presence = from.presence,
                                            .presence_list_max = from.presence_list_max,
                                            .presence_interval = std::chrono::milliseconds{from.presence_interval_ms},
                                            .join = admission_of(from.join),
                                            .publish = admission_of(from.publish),
                                            .read = admission_of(from.read),
                                            .members = admission_of(from.members)});
}

const room_policy& room_policies::of(std::string_view room) const {
  if (auto colon = room.find(':'); colon != std::string_view::npos)
    if (auto found = by_namespace_.find(room.substr(0, colon)); found != by_namespace_.end()) return found->second;
  return by_namespace_.find(runtime::config::default_namespace)->second;
}

}  // namespace greenroom
