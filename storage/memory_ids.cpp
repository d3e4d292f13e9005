#include "storage/memory_ids.hpp"

namespace greenroom::storage {
namespace {

constexpr std::size_t evicted_at_once = 256;  // the fullest stripe is looked for once for so many
constexpr std::size_t expired_a_record = 2;   // upkeep along the way, so that the table shrinks without a sweep, too

}  // namespace

outcome memory_ids::answer(const idempotency_table::record& found, const idempotency& once) {
  if (found.content != once.content) return {.error = errc::conflict};
  return {.duplicate = true, .at = found.answer.at, .n = found.answer.n, .at_ms = found.answer.at_ms};
}

void memory_ids::settle(stripe& in, std::uint64_t bytes_before) {
  in.used.sub(budget_, bytes_before);
  in.used.add(budget_, in.table.bytes());
}

std::optional<outcome> memory_ids::claim::known() {
  const auto* found = in_->table.find(once_, now_ms_, owner_.age_ms_);
  if (!found) return {};
  auto out = answer(*found, once_);
  ++(out.ok() ? in_->duplicates : in_->conflicts);
  return out;
}

void memory_ids::claim::record(const outcome& original) {
  const auto before = in_->table.bytes();
  in_->table.expire(now_ms_, owner_.age_ms_, expired_a_record);
  in_->table.insert(once_, {original.at, original.n, original.at_ms}, owner_.per_sender_max_);
  owner_.settle(*in_, before);
}

std::size_t memory_ids::fullest() const {
  std::size_t found = 0;
  std::uint64_t most = 0;
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto bytes = stripes_.part(i)->table.bytes();
    if (bytes <= most) continue;
    most = bytes;
    found = i;
  }
  return found;
}

void memory_ids::shrink() {
  while (budget_.exceeded()) {
    auto in = stripes_.part(fullest());
    const auto before = in->table.bytes();
    const auto evicted = in->table.evict(evicted_at_once);
    settle(*in, before);
    if (evicted == 0) return;
  }
}

std::size_t memory_ids::sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max) {
  auto in = stripes_.part(stripe);
  const auto before = in->table.bytes();
  const auto removed = in->table.expire(now_ms, age_ms_, removals_max);
  settle(*in, before);
  return removed;
}

std::optional<outcome> memory_ids::recall(const idempotency& once, std::int64_t now_ms) const {
  const auto in = stripes_.at(once.sender);
  const auto* found = in->table.find(once, now_ms, age_ms_);
  if (!found) return {};
  return answer(*found, once);
}

void memory_ids::count(statistics& into) const {
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    into.ids += in->table.size();
    into.ids_bytes += in->table.bytes();
    into.ids_evicted += in->table.evicted();
    into.duplicates += in->duplicates;
    into.conflicts += in->conflicts;
  }
}

}  // namespace greenroom::storage
