#include "runtime/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace greenroom::runtime {

void timer_wheel::arm(timer& entry, time_point deadline) noexcept {
  entry.cancel();
  constexpr std::chrono::steady_clock::duration zero{0}, furthest = static_cast<std::int64_t>(span_max) * tick;
  auto after = std::clamp(deadline - origin_, zero, furthest);
  auto due = static_cast<std::uint64_t>((after + tick - std::chrono::steady_clock::duration{1}) / tick);  // never early
  entry.due_ = std::clamp(due, elapsed_ + 1, elapsed_ + span_max);
  insert(entry);
}

// The level is where the deadline first differs from now, in digits of base 64: everything of a lower level is due
// sooner.
void timer_wheel::insert(timer& entry) noexcept {
  auto differs = (entry.due_ ^ elapsed_) | (slots - 1);
  auto at = std::min(static_cast<unsigned>(std::bit_width(differs) - 1) / slot_bits, levels - 1);
  auto slot = static_cast<unsigned>(entry.due_ >> (at * slot_bits)) % slots;
  levels_[at].occupied |= std::uint64_t{1} << slot;
  levels_[at].slot[slot].append(entry);
}

std::size_t timer_wheel::advance(time_point now) {
  auto target = std::max(tick_of(now), elapsed_);
  std::size_t fired = 0;
  for (auto next = next_expiry(); next && next->at <= target; next = next_expiry()) fired += expire(*next);
  elapsed_ = target;
  return fired;
}

std::optional<timer_wheel::time_point> timer_wheel::next_deadline() noexcept {
  auto next = next_expiry();
  if (!next) return std::nullopt;
  return origin_ + static_cast<std::int64_t>(next->at) * tick;
}

std::optional<timer_wheel::expiry> timer_wheel::next_expiry() noexcept {
  for (unsigned at = 0; at < levels; ++at) {
    auto& here = levels_[at];
    auto width = at * slot_bits;
    auto now = static_cast<unsigned>(elapsed_ >> width) % slots;
    while (here.occupied != 0) {
      auto ahead = static_cast<unsigned>(std::countr_zero(std::rotr(here.occupied, static_cast<int>(now))));
      auto slot = (now + ahead) % slots;
      if (here.slot[slot].empty()) {
        here.occupied &= ~(std::uint64_t{1} << slot);
        continue;
      }
      auto round = std::uint64_t{1} << (width + slot_bits);
      auto when = (elapsed_ & ~(round - 1)) + (std::uint64_t{slot} << width);
      if (slot < now) when += round;  // only the coarsest level wraps
      return expiry{std::max(when, elapsed_), at, slot};
    }
  }
  return std::nullopt;
}

// The list is taken out whole: on_timer() may arm into this very slot, and cancel or destroy its neighbours.
std::size_t timer_wheel::expire(const expiry& what) {
  elapsed_ = what.at;
  link_list<timer> due;
  due.take_all(levels_[what.level].slot[what.slot]);
  std::size_t fired = 0;
  while (!due.empty()) {
    auto& entry = due.pop_front();
    if (entry.due_ > elapsed_) {
      insert(entry);  // one level down, at least
    } else {
      ++fired;
      entry.on_timer();
    }
  }
  return fired;
}

std::uint64_t timer_wheel::tick_of(time_point t) const noexcept {
  auto since = t - origin_;
  return since.count() <= 0 ? 0 : static_cast<std::uint64_t>(since / tick);
}

}  // namespace greenroom::runtime
