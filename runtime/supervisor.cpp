#include "runtime/supervisor.hpp"

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/system_messages.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "runtime/actor.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"

namespace greenroom::runtime::supervisor {

namespace {

/// Supervisor to itself: a back-off or a shutdown time is over.
struct alarm {
  std::size_t child;
  std::uint64_t number;
};

}  // namespace
}  // namespace greenroom::runtime::supervisor

GREENROOM_MESSAGE(greenroom::runtime::supervisor::alarm)

namespace greenroom::runtime::supervisor {

namespace {

using verb = supervision::step::verb;

class supervisor_actor final : public actor_base {
 public:
  supervisor_actor(caf::actor_config& config, const caf::actor& parent, supervisor_spec spec)
      : actor_base{config, parent}, spec_{std::move(spec)} {}

  const char* name() const override { return "supervisor"; }

 private:
  caf::behavior build() override;
  void demolish() noexcept override;
  void on_built() override {}  // told when the children are up
  void on_suspend() override;
  void on_restart() override;

  void proceed();
  bool carry_out(const supervision::step& step);
  void start(std::size_t child);
  void arm(const supervision::step& step);
  void say_held();
  void give_up_and_quit();

  void started(const lifecycle::started& m);
  void failed(const lifecycle::failed& m);
  void suspended(const lifecycle::suspended& m);
  void ended(const caf::down_msg& m);
  void rung(const alarm& a);
  describe::reply described() const;
  std::optional<std::size_t> find(const caf::actor_addr& who) const;

  const supervisor_spec spec_;
  std::optional<supervision> head_;
  std::vector<caf::actor> children_;  ///< by number; null while absent
  bool suspend_asked_ = false;
  caf::error exit_reason_;
};

// --- its own life ----------------------------------------------------------------------------------------------------

caf::behavior supervisor_actor::build() {
  head_.emplace(spec_, supervised() ? supervision::rank::branch : supervision::rank::root);
  children_.assign(spec_.children.size(), nullptr);
  set_down_handler([this](caf::down_msg& m) { ended(m); });
  set_exit_handler([this](caf::exit_msg& m) {
    if (!m.reason) return;
    exit_reason_ = std::move(m.reason);
    head_->end();
    proceed();
  });
  proceed();
  return {
      [this](const lifecycle::started& m) { started(m); },     [this](const lifecycle::failed& m) { failed(m); },
      [this](const lifecycle::suspended& m) { suspended(m); }, [this](const alarm& a) { rung(a); },
      [this](const describe&) { return described(); },
  };
}

void supervisor_actor::demolish() noexcept {
  for (auto& who : children_) caf::anon_send_exit(who, caf::exit_reason::kill);  // they do not outlive their supervisor
  children_.clear();
}

void supervisor_actor::on_suspend() {
  if (!running()) return actor_base::on_suspend();
  suspend_asked_ = true;
  head_->hold();
  if (head_->held()) say_held();
  proceed();
}

void supervisor_actor::on_restart() {
  if (!running()) return actor_base::on_restart();
  if (!head_->held()) return;
  begin_next_life();
  head_->begin();
  proceed();
}

// --- what is decided -------------------------------------------------------------------------------------------------

void supervisor_actor::proceed() {
  while (carry_out(head_->next(now()))) {
  }
}

/// False when there is nothing to do before the next event.
bool supervisor_actor::carry_out(const supervision::step& step) {
  switch (step.what) {
    case verb::none: return false;
    case verb::spawn: start(step.child); break;
    case verb::restart: send(children_[step.child], lifecycle::restart{}); break;
    case verb::suspend:
      send(children_[step.child], lifecycle::suspend{});
      arm(step);
      break;
    case verb::stop:
      send_exit_now(children_[step.child], caf::exit_reason::user_shutdown);
      arm(step);
      break;
    case verb::wait: arm(step); break;
    case verb::say_started: tell_started(); break;
    case verb::say_held: say_held(); break;
    case verb::quit: give_up_and_quit(); return false;
  }
  return true;
}

void supervisor_actor::start(std::size_t child) {
  auto& who = children_[child];
  try {
    who = spec_.children[child].start(under_me());
    if (!who) throw std::runtime_error{"its start function gave no actor"};
    monitor<caf::message_priority::high>(who);
  } catch (...) {
    head_->not_started(child, explain(make_error(errc::not_started, what(std::current_exception()))), now());
  }
}

void supervisor_actor::arm(const supervision::step& step) {
  if (step.after != as_long_as_it_takes) delayed_send(this, step.after, alarm{step.child, step.alarm});
}

/// To a parent that asked for it, to one that did not expect it, or both.
void supervisor_actor::say_held() {
  if (std::exchange(suspend_asked_, false)) return tell_suspended();
  log::error("a supervisor fails to its parent", {{"supervisor", spec_.id}, {"error", head_->gave_up()}});
  if (!tell_failed(make_error(errc::gave_up, head_->gave_up()))) quit(errc::gave_up);
}

void supervisor_actor::give_up_and_quit() {
  if (supervised() || head_->gave_up().empty()) return quit(exit_reason_);
  auto why = make_error(errc::gave_up, head_->gave_up());
  log::error("the root supervisor gave up", {{"supervisor", spec_.id}, {"error", head_->gave_up()}});
  if (spec_.on_gave_up) spec_.on_gave_up(why);
  quit(why);
}

// --- what the children say -------------------------------------------------------------------------------------------

std::optional<std::size_t> supervisor_actor::find(const caf::actor_addr& who) const {
  auto found =
      std::find_if(children_.begin(), children_.end(), [&](auto& each) { return each && each.address() == who; });
  if (found == children_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - children_.begin());
}

void supervisor_actor::started(const lifecycle::started& m) {
  auto child = find(m.who);
  if (!child) return;
  head_->started(*child);
  proceed();
}

void supervisor_actor::failed(const lifecycle::failed& m) {
  auto child = find(m.who);
  if (!child) return;
  log::warn("a child failed",
            {{"supervisor", spec_.id}, {"child", spec_.children[*child].id}, {"error", explain(m.reason)}});
  head_->failed(*child, explain(m.reason), now());
  proceed();
}

void supervisor_actor::suspended(const lifecycle::suspended& m) {
  auto child = find(m.who);
  if (!child) return;
  head_->suspended(*child);
  proceed();
}

void supervisor_actor::ended(const caf::down_msg& m) {
  auto child = find(m.source);
  if (!child) return;
  children_[*child] = nullptr;
  auto normal = !m.reason || m.reason == caf::exit_reason::user_shutdown;
  auto why = m.reason ? explain(m.reason) : "it ended";
  head_->ended(*child, normal ? ending::normal : ending::abnormal, why, now());
  proceed();
}

void supervisor_actor::rung(const alarm& a) {
  if (head_->rung(a.child, a.number)) {
    log::error("a child did not end within its time and is killed",
               {{"supervisor", spec_.id}, {"child", spec_.children[a.child].id}});
    send_exit_now(children_[a.child], caf::exit_reason::kill);
  }
  proceed();
}

describe::reply supervisor_actor::described() const {
  describe::reply reply{.id = spec_.id, .total = children_.size()};
  for (std::size_t i = 0; i < children_.size(); ++i) {
    auto& child = head_->children()[i];
    reply.children.push_back({.id = child.spec->id,
                              .state = child.state,
                              .kind = child.spec->kind,
                              .restarts = child.restarts,
                              .last_error = child.last_error,
                              .depth = depth_of(children_[i]),
                              .handle = children_[i]});
  }
  return reply;
}

}  // namespace

// --- from outside ----------------------------------------------------------------------------------------------------

std::uint32_t depth_of(const caf::actor& who) {
  auto* self = who ? dynamic_cast<actor_base*>(caf::actor_cast<caf::abstract_actor*>(who)) : nullptr;
  return self ? self->depth() : 0;
}

caf::actor spawn(const place& where, supervisor_spec spec) {
  if (auto problems = validate(spec); !problems.empty()) {
    std::string all;
    for (auto& each : problems) all += (all.empty() ? "" : " ") + each;
    throw std::invalid_argument{all};
  }
  caf::actor_config config{detail::host_of(where)};
  auto handle =
      where.system.spawn_class<supervisor_actor, caf::no_spawn_options>(config, where.supervisor, std::move(spec));
  detail::forget_logger();
  return handle;
}

}  // namespace greenroom::runtime::supervisor
