#include "runtime/dynamic_children.hpp"

#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <algorithm>
#include <utility>

#include "runtime/errc.hpp"
#include "runtime/log.hpp"

namespace greenroom::runtime {

dynamic_children::dynamic_children(actor_base* self, options opts)
    : self_{self}, opts_{std::move(opts)}, random_{opts_.seed ? *opts_.seed : std::random_device{}()} {
  self_->set_down_handler([this](caf::down_msg& m) { down(m); });
}

dynamic_children::~dynamic_children() {
  // At once: one that went on with its mailbox would work beside its successor.
  for (auto& [id, who] : children_) actor_base::kill_now(who);
}

caf::actor dynamic_children::adopt(caf::actor child) {
  if (!child) return child;
  self_->monitor<caf::message_priority::high>(child);
  children_.emplace(child.id(), child);
  return child;
}

caf::message_handler dynamic_children::handlers() {
  return {
      [](const lifecycle::started&) {},
      [this](const lifecycle::failed& m) { failed(m); },
      [this](const dynamic::retry& m) { retry(m.child); },
      [this](const dynamic::overdue& m) { overdue(m); },
      [this](const supervisor::describe&) { return describe(); },
  };
}

// --- crashes ---------------------------------------------------------------------------------------------------------

void dynamic_children::failed(const lifecycle::failed& m) {
  auto child = children_.find(m.who.id());
  if (child == children_.end()) return;
  auto& its = troubles_.try_emplace(child->first, opts_.limit).first->second;
  its.last_error = explain(m.reason);
  its.waiting = true;
  auto now = self_->now();
  auto random = static_cast<double>(random_()) / static_cast<double>(std::minstd_rand::max());
  auto wait = its.record.admit(now, now - its.restarted_at, random);
  if (!wait || opts_.restart == restart::temporary) return give_up(child->second, its, m.reason);
  ++its.restarts;
  ++restarts_;
  log::warn("a child is restarted", {{"supervisor", opts_.id},
                                     {"child", child->first},
                                     {"in_ms", std::chrono::duration_cast<std::chrono::milliseconds>(*wait).count()},
                                     {"error", its.last_error}});
  if (*wait > std::chrono::nanoseconds{0})
    self_->delayed_send(self_, *wait, dynamic::retry{child->first});
  else
    retry(child->first);
}

void dynamic_children::retry(caf::actor_id id) {
  auto child = children_.find(id);
  auto its = troubles_.find(id);
  if (child == children_.end() || its == troubles_.end() || !its->second.waiting || its->second.given_up) return;
  its->second.waiting = false;
  its->second.restarted_at = self_->now();
  self_->send(child->second, lifecycle::restart{});
}

void dynamic_children::give_up(const caf::actor& who, trouble& its, const caf::error& reason) {
  if (std::exchange(its.given_up, true)) return;
  log::error("a child is given up", {{"supervisor", opts_.id}, {"child", who.id()}, {"error", its.last_error}});
  self_->send_exit_now(who, caf::exit_reason::kill);
  if (opts_.gave_up) opts_.gave_up(who, reason);
}

bool dynamic_children::down(const caf::down_msg& m) {
  auto id = m.source.id();
  if (children_.erase(id) == 0) return false;
  auto its = troubles_.extract(id);
  if (opts_.ended && (its.empty() || !its.mapped().given_up)) opts_.ended(m.source, m.reason);
  if (batch_left_ != 0 && std::find(batch_.begin(), batch_.end(), id) != batch_.end() && --batch_left_ == 0)
    stop_next_batch();
  return true;
}

// --- stop ------------------------------------------------------------------------------------------------------------

void dynamic_children::stop(const caf::actor& who) {
  if (!who || !owns(who.address())) return;
  self_->send_exit_now(who, caf::exit_reason::user_shutdown);
  arm({.child = who.id()});
}

void dynamic_children::stop_all(std::function<void()> done) {
  if (std::exchange(stopping_, true)) return;
  stopped_ = std::move(done);
  for (auto& [id, who] : children_) to_stop_.push_back(id);
  std::sort(to_stop_.begin(), to_stop_.end());  // ids are given in the order of the starts
  stop_next_batch();
}

void dynamic_children::stop_next_batch() {
  batch_.clear();
  while (!to_stop_.empty() && batch_.size() < limits::children_stopped_at_once) {
    auto id = to_stop_.back();
    to_stop_.pop_back();
    auto child = children_.find(id);
    if (child == children_.end()) continue;
    self_->send_exit_now(child->second, caf::exit_reason::user_shutdown);
    batch_.push_back(id);
  }
  batch_left_ = batch_.size();
  if (batch_left_ != 0)
    arm({.batch = ++batches_});
  else if (auto done = std::exchange(stopped_, nullptr))
    done();
}

void dynamic_children::arm(dynamic::overdue what) {
  if (opts_.shutdown != as_long_as_it_takes) self_->delayed_send(self_, opts_.shutdown, what);
}

void dynamic_children::overdue(const dynamic::overdue& m) {
  auto kill = [this](caf::actor_id id) {
    auto child = children_.find(id);
    if (child == children_.end()) return;
    log::error("a child did not end within its time and is killed", {{"supervisor", opts_.id}, {"child", id}});
    self_->send_exit_now(child->second, caf::exit_reason::kill);
  };
  if (m.child != 0) return kill(m.child);
  if (m.batch == batches_)
    for (auto id : batch_) kill(id);
}

// --- seen from outside -----------------------------------------------------------------------------------------------

supervisor::describe::child dynamic_children::described(caf::actor_id id, const caf::actor& who) const {
  using enum child_state;
  supervisor::describe::child seen{
      .id = std::to_string(id), .state = up, .depth = supervisor::depth_of(who), .handle = who};
  if (auto its = troubles_.find(id); its != troubles_.end()) {
    seen.state = its->second.given_up ? stopping : its->second.waiting ? waiting : up;
    seen.restarts = its->second.restarts;
    seen.last_error = its->second.last_error;
  }
  return seen;
}

supervisor::describe::reply dynamic_children::describe() const {
  supervisor::describe::reply reply{.id = opts_.id, .total = children_.size()};
  auto room = [&] { return reply.children.size() < limits::children_described_max; };
  for (auto& [id, its] : troubles_)
    if (auto child = children_.find(id); child != children_.end() && room())
      reply.children.push_back(described(id, child->second));
  for (auto& [id, who] : children_)
    if (!room())
      break;
    else if (!troubles_.contains(id))
      reply.children.push_back(described(id, who));
  return reply;
}

}  // namespace greenroom::runtime
