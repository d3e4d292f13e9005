#include "runtime/supervisor.hpp"

#include <spdlog/spdlog.h>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/system_messages.hpp>

#include <algorithm>
#include <chrono>
#include <random>
#include <stdexcept>
#include <utility>

#include "runtime/actor.hpp"
#include "runtime/errc.hpp"

namespace greenroom::runtime::supervisor {

namespace {

using std::chrono::nanoseconds;

/// Supervisor to itself: a back-off or a shutdown time is over, if `number` is still the child's newest alarm.
struct alarm {
  std::size_t child;
  std::uint64_t number;
};

}  // namespace
}  // namespace greenroom::runtime::supervisor

GREENROOM_MESSAGE(greenroom::runtime::supervisor::alarm)

namespace greenroom::runtime::supervisor {

namespace {

class supervisor_actor final : public actor_base {
 public:
  supervisor_actor(caf::actor_config& config, const caf::actor& parent, supervisor_spec spec)
      : actor_base{config, parent},
        spec_{std::move(spec)},
        random_{spec_.seed ? *spec_.seed : std::random_device{}()} {}

  const char* name() const override { return "supervisor"; }

 private:
  using time_point = restart_record::time_point;

  /// What is and what ought to be.
  struct slot {
    explicit slot(const child_spec& s) : spec{&s}, record{s.limit} {}
    bool alive() const noexcept { return who != nullptr; }
    bool down() const noexcept { return state == child_state::absent || state == child_state::waiting; }

    const child_spec* spec;
    restart_record record;
    caf::actor who;
    child_state state = child_state::absent;
    bool wanted = true;     ///< ought to be up
    bool in_order = true;   ///< not before its predecessors: a first start, or a restart with siblings
    bool drop = false;      ///< must lose its State before anything starts
    time_point ready_at{};  ///< end of its back-off
    time_point started_at{};
    std::uint32_t restarts = 0;
    std::string last_error;
    std::uint64_t alarm = 0;
  };

  /// holding: children are being suspended, then our parent is told; held: it was, and says what happens next.
  enum class mode : std::uint8_t { running, holding, held, ending };

  caf::behavior build() override;
  void demolish() noexcept override;
  void on_built() override {}  // told when the children are up
  void on_suspend() override;
  void on_restart() override;

  void begin();
  void reconcile();
  bool step();
  bool stop_next();
  bool drop_next();
  bool start_next();
  void report_held();
  void start(slot& s);
  void suspend(slot& s);
  void stop(slot& s);
  void arm(slot& s, nanoseconds after);

  void started(const lifecycle::started& m);
  void failed(const lifecycle::failed& m);
  void suspended(const lifecycle::suspended& m);
  void ended(const caf::down_msg& m);
  void rung(const alarm& a);
  void restart_after(slot& s, const caf::error& reason);
  void restart_with_siblings(const slot& failed);
  void escalate(const slot& s);
  describe::reply described() const;

  slot* find(const caf::actor_addr& who);
  double random() { return static_cast<double>(random_()) / static_cast<double>(std::minstd_rand::max()); }

  const supervisor_spec spec_;
  std::minstd_rand random_;
  std::uint64_t alarms_ = 0;
  std::vector<slot> slots_;
  std::optional<restart_record> together_;
  mode mode_ = mode::running;
  bool told_started_ = false, suspend_asked_ = false;
  caf::error failure_;      ///< what our parent is told, or a root's end
  caf::error exit_reason_;  ///< while ending
};

// --- this supervisor's own life --------------------------------------------------------------------------------------

caf::behavior supervisor_actor::build() {
  slots_.clear();
  for (auto& child : spec_.children) slots_.emplace_back(child);
  set_down_handler([this](caf::down_msg& m) { ended(m); });
  set_exit_handler([this](caf::exit_msg& m) {
    if (!m.reason) return;
    mode_ = mode::ending;
    exit_reason_ = std::move(m.reason);
    reconcile();
  });
  begin();
  return {
      [this](const lifecycle::started& m) { started(m); },     [this](const lifecycle::failed& m) { failed(m); },
      [this](const lifecycle::suspended& m) { suspended(m); }, [this](const alarm& a) { rung(a); },
      [this](const describe&) { return described(); },
  };
}

void supervisor_actor::demolish() noexcept {
  for (auto& s : slots_)
    caf::anon_send_exit(s.who, caf::exit_reason::kill);  // children do not outlive their supervisor
  slots_.clear();
}

void supervisor_actor::begin() {
  mode_ = mode::running;
  told_started_ = suspend_asked_ = false;
  failure_ = caf::error{};
  if (spec_.intensity) together_.emplace(*spec_.intensity);
  for (auto& s : slots_) {
    s.record = restart_record{s.spec->limit};
    s.wanted = s.in_order = true;
    s.ready_at = {};
  }
  reconcile();
}

void supervisor_actor::on_suspend() {
  if (!running()) return actor_base::on_suspend();
  suspend_asked_ = true;
  if (mode_ == mode::running) {
    mode_ = mode::holding;
    for (auto& s : slots_) s.drop = true;
  }
  if (mode_ == mode::held) report_held();
  reconcile();
}

void supervisor_actor::on_restart() {
  if (!running()) return actor_base::on_restart();
  if (mode_ != mode::held) return;
  begin_next_life();
  begin();
}

void supervisor_actor::report_held() {
  mode_ = mode::held;
  if (std::exchange(suspend_asked_, false)) tell_suspended();
  if (!failure_) return;
  if (!tell_failed(std::exchange(failure_, caf::error{}))) quit(errc::gave_up);
}

// --- what is against what ought to be --------------------------------------------------------------------------------

void supervisor_actor::reconcile() {
  while (step()) {
  }
}

/// Does one step; false when there is nothing to do before the next event.
bool supervisor_actor::step() {
  if (mode_ == mode::ending) return stop_next();
  if (drop_next()) return false;
  if (mode_ == mode::holding) report_held();
  return mode_ == mode::running && start_next();
}

bool supervisor_actor::stop_next() {
  auto last = std::find_if(slots_.rbegin(), slots_.rend(), [](auto& s) { return s.alive(); });
  if (last != slots_.rend()) {
    if (last->state != child_state::stopping) stop(*last);
    return false;
  }
  if (failure_ && spec_.on_gave_up) spec_.on_gave_up(failure_);
  quit(exit_reason_);
  return false;
}

/// True while a child that must lose its State still has it. The last one started goes first, one at a time.
bool supervisor_actor::drop_next() {
  for (auto s = slots_.rbegin(); s != slots_.rend(); ++s) {
    if (!s->drop) continue;
    if (s->state == child_state::up || s->state == child_state::starting)
      s->spec->restart == restart::temporary ? stop(*s) : suspend(*s);
    if (!s->down()) return true;
    s->drop = false;
  }
  return false;
}

bool supervisor_actor::start_next() {
  bool all_before_up = true;
  for (auto& s : slots_) {
    if (!s.wanted || s.state == child_state::up) continue;
    if (s.down() && s.ready_at <= now() && (all_before_up || !s.in_order)) {
      start(s);
      return true;
    }
    all_before_up = false;
  }
  if (all_before_up && !std::exchange(told_started_, true)) tell_started();
  return false;
}

void supervisor_actor::start(slot& s) {
  s.state = child_state::starting;
  s.started_at = now();
  if (s.alive()) {
    send(s.who, lifecycle::restart{});
    return;
  }
  try {
    s.who = s.spec->start(under_me());
    if (!s.who) throw std::runtime_error{"its start function gave no actor"};
    monitor<caf::message_priority::high>(s.who);
  } catch (...) {
    s.state = child_state::absent;
    restart_after(s, make_error(errc::not_started, what(std::current_exception())));
  }
}

void supervisor_actor::suspend(slot& s) {
  s.state = child_state::suspending;
  send(s.who, lifecycle::suspend{});
  arm(s, s.spec->shutdown);
}

void supervisor_actor::stop(slot& s) {
  s.state = child_state::stopping;
  send_exit_now(s.who, caf::exit_reason::user_shutdown);
  arm(s, s.spec->shutdown);
}

void supervisor_actor::arm(slot& s, nanoseconds after) {
  s.alarm = ++alarms_;
  if (after == as_long_as_it_takes) return;
  delayed_send(this, after, alarm{static_cast<std::size_t>(&s - slots_.data()), s.alarm});
}

// --- events ----------------------------------------------------------------------------------------------------------

supervisor_actor::slot* supervisor_actor::find(const caf::actor_addr& who) {
  auto found = std::find_if(slots_.begin(), slots_.end(), [&](auto& s) { return s.alive() && s.who.address() == who; });
  return found == slots_.end() ? nullptr : &*found;
}

void supervisor_actor::started(const lifecycle::started& m) {
  auto* s = find(m.who);
  if (!s || s->state != child_state::starting) return;
  s->state = child_state::up;
  s->in_order = false;
  reconcile();
}

void supervisor_actor::failed(const lifecycle::failed& m) {
  auto* s = find(m.who);
  if (!s) return;
  s->last_error = explain(m.reason);
  if (s->state != child_state::starting && s->state != child_state::up) return;  // it is on its way down already
  s->state = child_state::waiting;
  if (mode_ == mode::running) restart_after(*s, m.reason);
  reconcile();
}

void supervisor_actor::suspended(const lifecycle::suspended& m) {
  auto* s = find(m.who);
  if (!s || s->state != child_state::suspending) return;
  s->state = child_state::waiting;
  s->alarm = 0;
  reconcile();
}

void supervisor_actor::ended(const caf::down_msg& m) {
  auto* s = find(m.source);
  if (!s) return;
  auto was = std::exchange(s->state, child_state::absent);
  s->who = nullptr;
  s->alarm = 0;
  auto normal = !m.reason || m.reason == caf::exit_reason::user_shutdown;
  if (mode_ == mode::running && was != child_state::stopping && was != child_state::suspending) {
    if (comes_back(s->spec->restart, normal ? ending::normal : ending::abnormal))
      restart_after(*s, m.reason);
    else
      s->wanted = false;
  }
  reconcile();
}

void supervisor_actor::rung(const alarm& a) {
  if (a.child >= slots_.size() || slots_[a.child].alarm != a.number) return;
  auto& s = slots_[a.child];
  if (s.state == child_state::stopping || s.state == child_state::suspending) {
    spdlog::error("supervisor '{}': child '{}' did not end within its time and is killed", spec_.id, s.spec->id);
    s.last_error = message(errc::killed);
    send_exit_now(s.who, caf::exit_reason::kill);
  }
  reconcile();
}

// --- restarts --------------------------------------------------------------------------------------------------------

void supervisor_actor::restart_after(slot& s, const caf::error& reason) {
  s.last_error = reason ? explain(reason) : "ended";
  if (s.spec->restart == restart::temporary) {
    s.wanted = false;
    if (s.alive()) stop(s);
    return;
  }
  auto counts = std::holds_alternative<intensity>(s.spec->limit);
  auto wait = s.record.admit(now(), now() - s.started_at, random());
  if (!wait || (counts && together_ && !together_->admit(now(), nanoseconds{0}, 0))) return escalate(s);
  ++s.restarts;
  s.ready_at = now() + *wait;
  spdlog::warn("supervisor '{}': child '{}' is restarted in {} ms: {}", spec_.id, s.spec->id,
               std::chrono::duration_cast<std::chrono::milliseconds>(*wait).count(), s.last_error);
  if (*wait > nanoseconds{0}) arm(s, *wait);
  if (spec_.strategy != strategy::one_for_one) restart_with_siblings(s);
}

void supervisor_actor::restart_with_siblings(const slot& failed) {
  auto from =
      spec_.strategy == strategy::one_for_all ? std::size_t{0} : static_cast<std::size_t>(&failed - slots_.data());
  for (auto i = from; i < slots_.size(); ++i) {
    auto& s = slots_[i];
    auto temporary = s.spec->restart == restart::temporary;
    s.wanted = !temporary;
    s.in_order = true;
    s.drop = !s.down();
  }
}

void supervisor_actor::escalate(const slot& s) {
  failure_ = make_error(errc::gave_up, "child '" + s.spec->id + "' of '" + spec_.id + "': " + s.last_error);
  spdlog::error("supervisor '{}': gives up, child '{}' failed too often: {}", spec_.id, s.spec->id, s.last_error);
  if (supervised()) {
    mode_ = mode::holding;
    for (auto& each : slots_) each.drop = true;
  } else {
    mode_ = mode::ending;
    exit_reason_ = make_error(errc::gave_up);
  }
}

describe::reply supervisor_actor::described() const {
  describe::reply reply{.id = spec_.id, .total = slots_.size()};
  for (auto& s : slots_)
    reply.children.push_back({.id = s.spec->id,
                              .state = s.state,
                              .kind = s.spec->kind,
                              .restarts = s.restarts,
                              .last_error = s.last_error,
                              .depth = depth_of(s.who),
                              .handle = s.who});
  return reply;
}

}  // namespace

// --- from outside ----------------------------------------------------------------------------------------------------

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
