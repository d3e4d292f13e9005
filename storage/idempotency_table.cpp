#include "storage/idempotency_table.hpp"

namespace greenroom::storage {

namespace {
constexpr std::uint64_t links = 3 * sizeof(void*);  // the maps' own: next, bucket, what malloc keeps
}

std::uint64_t idempotency_table::cost(const node& of) noexcept {
  return sizeof(node) + links + of.first.id.size() + of.second.kept.answer.at.epoch.size();
}

std::uint64_t idempotency_table::cost(const sender_node& of) noexcept {
  return sizeof(sender_node) + links + of.first.size();
}

const idempotency_table::record* idempotency_table::find(const idempotency& once, std::int64_t now_ms,
                                                         std::int64_t age_ms) const {
  const auto from = senders_.find(std::string_view{once.sender});
  if (from == senders_.end()) return nullptr;
  const auto found = records_.find(key_view{*from, once.id});
  if (found == records_.end() || found->second.kept.answer.at_ms <= now_ms - age_ms) return nullptr;
  return &found->second.kept;
}

void idempotency_table::forget_expired(const idempotency& once) {
  const auto from = senders_.find(std::string_view{once.sender});
  if (from == senders_.end()) return;
  // Its sender's older records are over their time, too. The last one takes the sender with it.
  for (auto left = from->second.count; left > 0 && records_.contains(key_view{*from, once.id}); --left)
    remove_oldest(*from);
}

void idempotency_table::insert(const idempotency& once, original answer, std::size_t per_sender_max) {
  forget_expired(once);
  const auto [place, is_new] = senders_.try_emplace(once.sender);
  auto& from = *place;
  if (is_new) bytes_ += cost(from);
  auto* added = &*records_.try_emplace(key{&from, once.id, key_view{from, once.id}.hash}).first;
  added->second.kept = {once.content, std::move(answer)};
  bytes_ += cost(*added);

  added->second.older = newest_;
  (newest_ ? newest_->second.newer : oldest_) = added;
  newest_ = added;
  auto& list = from.second;
  (list.newest ? list.newest->second.newer_of_sender : list.oldest) = added;
  list.newest = added;
  if (++list.count > per_sender_max) {
    remove_oldest(from);
    ++evicted_;
  }
}

void idempotency_table::remove_oldest(sender_node& of) {
  auto* removed = of.second.oldest;
  auto& entry = removed->second;
  (entry.older ? entry.older->second.newer : oldest_) = entry.newer;
  (entry.newer ? entry.newer->second.older : newest_) = entry.older;
  of.second.oldest = entry.newer_of_sender;
  bytes_ -= cost(*removed);
  records_.erase(records_.find(removed->first));
  if (--of.second.count > 0) return;
  bytes_ -= cost(of);
  senders_.erase(senders_.find(of.first));
}

std::size_t idempotency_table::expire(std::int64_t now_ms, std::int64_t age_ms, std::size_t removals_max) {
  std::size_t removed = 0;
  while (removed < removals_max && oldest_ && oldest_->second.kept.answer.at_ms <= now_ms - age_ms) {
    remove_oldest(*oldest_->first.from);
    ++removed;
  }
  return removed;
}

std::size_t idempotency_table::evict(std::size_t removals_max) {
  std::size_t removed = 0;
  while (removed < removals_max && oldest_) {
    remove_oldest(*oldest_->first.from);
    ++removed;
  }
  evicted_ += removed;
  return removed;
}

}  // namespace greenroom::storage
