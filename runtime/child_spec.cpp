#include "runtime/child_spec.hpp"

#include <caf/actor.hpp>

#include <set>

namespace greenroom::runtime {

namespace {

using problems = std::vector<std::string>;
using std::chrono::nanoseconds;

void check(problems& found, const std::string& who, const intensity& limit) {
  if (limit.period <= nanoseconds{0}) found.push_back(who + " counts its restarts over a period that is not positive.");
}

void check(problems& found, const std::string& who, const backoff& limit) {
  if (limit.first <= nanoseconds{0}) found.push_back(who + " has a first back-off that is not positive.");
  if (limit.longest < limit.first) found.push_back(who + " has a longest back-off that is shorter than its first.");
  if (limit.healthy_after <= nanoseconds{0}) found.push_back(who + " is healthy after a time that is not positive.");
  if (!(limit.jitter >= 0 && limit.jitter <= 1)) found.push_back(who + " has a jitter outside 0 to 1.");
}

void check(problems& found, const std::string& parent, const child_spec& child) {
  auto who = "Child '" + child.id + "' of '" + parent + "'";
  if (child.id.empty()) found.push_back("A child of '" + parent + "' has no id.");
  if (!child.start) found.push_back(who + " has no start function.");
  if (child.shutdown < nanoseconds{0}) found.push_back(who + " has a negative shutdown time.");
  std::visit([&](const auto& limit) { check(found, who, limit); }, child.limit);
}

}  // namespace

std::vector<std::string> validate(const supervisor_spec& spec) {
  problems found;
  if (spec.id.empty()) found.push_back("A supervisor has no id.");
  if (spec.intensity) check(found, "Supervisor '" + spec.id + "'", *spec.intensity);
  std::set<std::string> ids;
  for (auto& child : spec.children) {
    check(found, spec.id, child);
    if (!child.id.empty() && !ids.insert(child.id).second)
      found.push_back("Supervisor '" + spec.id + "' has two children with the id '" + child.id + "'.");
  }
  return found;
}

}  // namespace greenroom::runtime
