#include "runtime/watchdog.hpp"

#include <algorithm>
#include <utility>

#include "runtime/log.hpp"
#include "runtime/scheduler.hpp"

namespace greenroom::runtime {

namespace {

void note(const shard_hold& hold) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(hold.lasted).count();
  if (hold.actor.empty())
    log::warn("a shard is held between actors, by a socket's handler or a timer", {{"shard", hold.shard}, {"ms", ms}});
  else
    log::warn("a shard is held by an actor",
              {{"shard", hold.shard}, {"ms", ms}, {"actor", hold.actor}, {"id", hold.actor_id}});
}

}  // namespace

std::optional<std::chrono::nanoseconds> hold_detector::look(time_point now, const shard::glance& seen) {
  auto same = since_ && seen.busy && seen.turn == turn_ && seen.job == job_;
  if (!same) {
    const bool slept = !since_;  // then what its turn began with is as old as the turn
    const bool first = seen.job <= seen.turn_jobs + 1;
    turn_ = seen.turn;
    job_ = seen.job;
    told_ = false;
    since_ = seen.busy ? std::optional{slept && first ? std::min(now, seen.turn_began) : now} : std::nullopt;
    return std::nullopt;
  }
  if (told_ || now - *since_ < longest_) return std::nullopt;
  told_ = true;
  return now - *since_;
}

watchdog::watchdog(scheduler& shards, report told)
    : shards_{shards}, told_{told ? std::move(told) : note}, seen_(shards.size()), thread_{[this] { main(); }} {}

watchdog::~watchdog() {
  {
    std::lock_guard guard{mutex_};
    leaving_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void watchdog::main() {
  std::unique_lock guard{mutex_};
  auto next = limits::watchdog_interval;
  while (!wake_.wait_for(guard, next, [this] { return leaving_; }))
    next = look(std::chrono::steady_clock::now()) ? limits::watchdog_interval : limits::watchdog_idle_interval;
}

bool watchdog::look(hold_detector::time_point now) {
  bool busy = false;
  for (std::size_t id = 0; id < seen_.size(); ++id) {
    auto seen = shards_.at(id).look();
    busy |= seen.busy;
    auto lasted = seen_[id].look(now, seen);
    if (!lasted) continue;
    holds_.fetch_add(1, std::memory_order_relaxed);
    told_({.shard = id, .actor = seen.actor ? seen.actor : "", .actor_id = seen.actor_id, .lasted = *lasted});
  }
  return busy;
}

}  // namespace greenroom::runtime
