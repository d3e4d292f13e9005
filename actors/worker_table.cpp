#include "actors/worker_table.hpp"

#include <utility>

namespace greenroom {
namespace {

/// Whether `a` uses less of what it can take than `b`, or as much and has waited longer.
bool before(const worker& a, const worker& b) {
  const auto used = std::uint64_t{a.in_flight} * b.capacity, other = std::uint64_t{b.in_flight} * a.capacity;
  return used != other ? used < other : a.last_given < b.last_given;
}

}  // namespace

worker* worker_table::find(worker_key key) {
  auto found = all_.find(key);
  return found == all_.end() ? nullptr : found->second.get();
}

worker& worker_table::add(worker what) {
  const auto key = what.key;
  return *all_.emplace(key, std::make_unique<worker>(std::move(what))).first->second;
}

void worker_table::remove(worker_key key) {
  auto* who = find(key);
  if (!who) return;
  while (!who->methods.empty()) stop(*who, std::string{*who->methods.begin()});
  all_.erase(key);
}

std::vector<worker*> worker_table::everyone() {
  std::vector<worker*> list;
  for (const auto& [key, one] : all_) list.push_back(one.get());
  return list;
}

void worker_table::serve(worker& who, const std::string& method) {
  if (who.methods.insert(method).second) by_method_[method].push_back(&who);
}

void worker_table::stop(worker& who, const std::string& method) {
  if (who.methods.erase(method) == 0) return;
  auto found = by_method_.find(method);
  std::erase(found->second, &who);
  if (found->second.empty()) by_method_.erase(found);
}

std::vector<worker*> worker_table::of(std::string_view method) const {
  auto found = by_method_.find(method);
  return found == by_method_.end() ? std::vector<worker*>{} : found->second;
}

worker* worker_table::pick(std::string_view method) {
  auto found = by_method_.find(method);
  if (found == by_method_.end()) return nullptr;
  worker* best = nullptr;
  for (auto* each : found->second)
    if (each->has_room() && (!best || before(*each, *best))) best = each;
  if (best) best->last_given = ++picks_;
  return best;
}

}  // namespace greenroom
