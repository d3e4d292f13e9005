#include "runtime/supervision.hpp"

#include <caf/actor.hpp>

#include <utility>
#include <variant>

namespace greenroom::runtime {

using verb = supervision::step::verb;

const char* to_string(child_state state) noexcept {
  switch (state) {
    case child_state::absent: return "absent";
    case child_state::starting: return "starting";
    case child_state::up: return "up";
    case child_state::waiting: return "waiting";
    case child_state::suspending: return "suspending";
    case child_state::stopping: return "stopping";
  }
  return "unknown";
}

supervision::supervision(const supervisor_spec& spec, rank where)
    : spec_{spec}, rank_{where}, random_{spec.seed ? *spec.seed : std::random_device{}()} {
  for (auto& each : spec.children) children_.emplace_back(each);
  begin();
}

// --- what the parent wants -------------------------------------------------------------------------------------------

void supervision::begin() {
  mode_ = mode::running;
  said_started_ = false;
  gave_up_.clear();
  if (spec_.intensity) together_.emplace(*spec_.intensity);
  for (auto& c : children_) {
    c.record = restart_record{c.spec->limit};
    c.wanted = c.in_order = true;
    c.ready_at = {};
    c.back_off = {};
  }
}

void supervision::hold() {
  if (mode_ != mode::running) return;
  mode_ = mode::holding;
  for (auto& c : children_) c.drop = true;
}

void supervision::end() { mode_ = mode::ending; }

// --- the next step ---------------------------------------------------------------------------------------------------

supervision::step supervision::next(time_point now) {
  if (mode_ == mode::ending) return next_stop();
  if (auto drop = next_drop()) return *drop;
  if (mode_ == mode::holding) {
    mode_ = mode::held;
    return {.what = verb::say_held};
  }
  return mode_ == mode::running ? next_start(now) : step{};
}

supervision::step supervision::next_stop() {
  for (auto i = children_.size(); i-- > 0;) {
    if (children_[i].state == child_state::absent) continue;
    if (children_[i].state == child_state::stopping) return {};
    return bring_down(i, child_state::stopping, verb::stop);
  }
  return {.what = verb::quit};
}

/// A step while a child that must lose its State still has it, perhaps the step of waiting for that.
std::optional<supervision::step> supervision::next_drop() {
  for (auto i = children_.size(); i-- > 0;) {
    auto& c = children_[i];
    if (!c.drop) continue;
    auto runs = c.state == child_state::up || c.state == child_state::starting;
    if (c.spec->restart == restart::temporary && (runs || c.state == child_state::waiting))
      return bring_down(i, child_state::stopping, verb::stop);  // nothing brings it back
    if (runs) return bring_down(i, child_state::suspending, verb::suspend);
    if (!c.down()) return step{};
    c.drop = false;
  }
  return std::nullopt;
}

supervision::step supervision::next_start(time_point now) {
  bool all_before_up = true;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    auto& c = children_[i];
    if (!c.wanted || c.state == child_state::up) continue;
    if (c.back_off > duration{0})
      return {.what = verb::wait,
              .child = i,
              .alarm = c.alarm = ++alarms_,
              .after = std::exchange(c.back_off, duration{0})};
    if (c.down() && c.ready_at <= now && (all_before_up || !c.in_order)) {
      auto what = c.state == child_state::absent ? verb::spawn : verb::restart;
      c.state = child_state::starting;
      c.started_at = now;
      return {.what = what, .child = i};
    }
    all_before_up = false;
  }
  if (!all_before_up || std::exchange(said_started_, true)) return {};
  return {.what = verb::say_started};
}

supervision::step supervision::bring_down(std::size_t who, child_state by, step::verb what) {
  auto& c = children_[who];
  c.state = by;
  c.alarm = ++alarms_;
  return {.what = what, .child = who, .alarm = c.alarm, .after = c.spec->shutdown};
}

// --- what the children do --------------------------------------------------------------------------------------------

void supervision::started(std::size_t who) {
  auto& c = children_[who];
  if (c.state != child_state::starting) return;  // it was told to drop its State again
  c.state = child_state::up;
  c.in_order = false;
}

void supervision::suspended(std::size_t who) {
  auto& c = children_[who];
  if (c.state != child_state::suspending) return;
  c.state = child_state::waiting;
  c.alarm = 0;
}

void supervision::failed(std::size_t who, const std::string& why, time_point now) {
  auto& c = children_[who];
  c.last_error = why;
  if (c.state != child_state::starting && c.state != child_state::up) return;  // it is on its way down already
  c.state = child_state::waiting;
  if (mode_ == mode::running) restart_after(who, why, now);
}

void supervision::not_started(std::size_t who, const std::string& why, time_point now) {
  children_[who].state = child_state::absent;
  restart_after(who, why, now);
}

void supervision::ended(std::size_t who, ending how, const std::string& why, time_point now) {
  auto& c = children_[who];
  auto was = std::exchange(c.state, child_state::absent);
  c.alarm = 0;
  if (mode_ != mode::running || was == child_state::stopping || was == child_state::suspending) return;
  if (comes_back(c.spec->restart, how))
    restart_after(who, why, now);
  else
    c.wanted = false;
}

bool supervision::rung(std::size_t who, std::uint64_t alarm) {
  auto& c = children_[who];
  return c.alarm == alarm && (c.state == child_state::stopping || c.state == child_state::suspending);
}

// --- restarts --------------------------------------------------------------------------------------------------------

void supervision::restart_after(std::size_t who, const std::string& why, time_point now) {
  auto& c = children_[who];
  c.last_error = why;
  if (c.spec->restart == restart::temporary) {
    c.wanted = false;
    c.drop = c.state != child_state::absent;
    return;
  }
  auto random = static_cast<double>(random_()) / static_cast<double>(std::minstd_rand::max());
  auto wait = c.record.admit(now, now - c.started_at, random);
  auto counts = std::holds_alternative<intensity>(c.spec->limit);
  if (!wait || (counts && together_ && !together_->admit(now, duration{0}, 0))) return give_up(c);
  ++c.restarts;
  c.back_off = *wait;
  c.ready_at = now + *wait;
  if (spec_.strategy != strategy::one_for_one) restart_with_siblings(who);
}

void supervision::restart_with_siblings(std::size_t failed) {
  for (auto i = spec_.strategy == strategy::one_for_all ? 0 : failed; i < children_.size(); ++i) {
    auto& c = children_[i];
    c.wanted = c.spec->restart != restart::temporary;
    c.in_order = true;
    c.drop = !c.down();
  }
}

void supervision::give_up(const child& c) {
  gave_up_ = "child '" + c.spec->id + "' of '" + spec_.id + "': " + c.last_error;
  if (rank_ == rank::root) return end();
  hold();
}

}  // namespace greenroom::runtime
