#include "runtime/actor_base.hpp"

#include <boost/core/demangle.hpp>
#include <caf/actor_cast.hpp>
#include <caf/actor_config.hpp>
#include <caf/logger.hpp>
#include <caf/no_stages.hpp>
#include <caf/system_messages.hpp>
#include <caf/type_erased_tuple.hpp>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "runtime/actor.hpp"
#include "runtime/errc.hpp"
#include "runtime/handling.hpp"
#include "runtime/log.hpp"
#include "runtime/rehearsal.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/shard.hpp"

namespace greenroom::runtime {

namespace {

void count(std::atomic<std::uint64_t>& what) noexcept { what.fetch_add(1, std::memory_order_relaxed); }

shard* pick_home(const caf::actor_config& config) {
  if (config.flags & caf::abstract_actor::is_detached_flag) return nullptr;
  if (auto* host = dynamic_cast<shard*>(config.host)) return host;
  return shard::current();
}

/// Its name, for a log line; contents stay out of logs.
std::string type_of(const caf::type_erased_tuple& message) {
  if (message.empty()) return "nothing";
  auto* type = message.type(0).second;
  return type ? boost::core::demangle(type->name()) : "CAF's number " + std::to_string(message.type(0).first);
}

caf::result<caf::message> on_unexpected(caf::scheduled_actor* self, caf::message_view& what) {
  if (rehearsal::allowed() && what.content().match_elements<rehearsal::fail>())
    throw std::runtime_error{"a rehearsal: " + what.content().get_as<rehearsal::fail>(0).why};
  count(strays().unexpected);
  log::warn("nobody handles this message",
            {{"actor", self->name()}, {"id", self->id()}, {"type", type_of(what.content())}});
  if (self->current_message_id().is_request()) return caf::sec::unexpected_message;
  return caf::make_message();  // nothing is sent back
}

/// The handlers of a waiting actor: consume() lets nothing reach them, but an actor without any would end.
caf::behavior waiting_behavior() {
  static const caf::behavior none{[](const lifecycle::restart&) {}};
  return none;
}

/// Restarts are rare: a lock will do.
class restart_table {
 public:
  void note(const char* actor) {
    std::lock_guard guard{mutex_};
    ++counts_[actor];
  }
  std::map<std::string, std::uint64_t> all() {
    std::lock_guard guard{mutex_};
    return counts_;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;
};

restart_table& restart_counts() {
  static restart_table counted;
  return counted;
}

}  // namespace

std::map<std::string, std::uint64_t> restarts_by_actor() { return restart_counts().all(); }

stray_messages& strays() noexcept {
  static stray_messages counted;
  return counted;
}

caf::execution_unit* detail::host_of(const place& where) {
  if (where.home) return where.home;
  if (auto* here = shard::current()) return here;
  if (auto* all = scheduler::find(where.system)) return &all->next();
  return nullptr;
}

bool detail::may_detach(caf::actor_system& system) { return scheduler::find(system) != nullptr; }

void detail::forget_logger() noexcept {
  if (shard::current()) caf::logger::set_current_actor_system(nullptr);
}

actor_base::actor_base(caf::actor_config& config, const caf::actor& supervisor)
    : caf::event_based_actor{config},
      home_{pick_home(config)},
      supervisor_{caf::actor_cast<caf::weak_actor_ptr>(supervisor)} {
  install_handlers();
}

actor_base::~actor_base() = default;

void actor_base::install_handlers() {
  set_default_handler(on_unexpected);
  set_error_handler([](caf::scheduled_actor* self, caf::error& error) {
    count(strays().errors);
    log::warn("an error that nobody waits for",
              {{"actor", self->name()}, {"id", self->id()}, {"error", explain(error)}});
  });
  set_down_handler([](caf::scheduled_actor* self, caf::down_msg& down) {
    if (!static_cast<actor_base*>(self)->running_) return;  // the life that monitored it is over
    count(strays().downs);
    log::warn(
        "nobody handles the end of an actor",
        {{"actor", self->name()}, {"id", self->id()}, {"ended", down.source.id()}, {"reason", explain(down.reason)}});
  });
  set_exit_handler(default_exit_handler);
  set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& thrown) -> caf::error {
    return make_error(errc::crashed, what(thrown));
  });
}

place actor_base::under_me() noexcept { return {system(), home_, caf::actor{this}}; }

void actor_base::send_exit_now(const caf::actor& whom, caf::exit_reason reason) {
  auto urgent = caf::make_message_id(caf::message_priority::high);
  if (whom) whom->eq_impl(urgent, ctrl(), context(), caf::exit_msg{address(), reason});
}

void actor_base::kill_now(const caf::actor& whom) {
  auto urgent = caf::make_message_id(caf::message_priority::high);
  if (whom) whom->eq_impl(urgent, nullptr, nullptr, caf::exit_msg{whom.address(), caf::exit_reason::kill});
}

// --- CAF's entrances -------------------------------------------------------------------------------------------------

void actor_base::enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) {
  if (home_ && shard::current() == home_)
    here_.store(here_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  else
    elsewhere_.fetch_add(1, std::memory_order_relaxed);
  caf::event_based_actor::enqueue(std::move(what), home_ ? home_ : host);
}

void actor_base::launch(caf::execution_unit* host, bool lazy, bool hide) {
  caf::event_based_actor::launch(home_ ? home_ : host, lazy, hide);  // the first resume must be at home, too
}

actor_base::resume_result actor_base::resume(caf::execution_unit* host, std::size_t messages_max) {
  if (home_) home_->running(name(), id());
  return caf::event_based_actor::resume(host, messages_max);
}

std::uint32_t actor_base::depth() const noexcept {
  auto waiting = here_.load(std::memory_order_relaxed) + elsewhere_.load(std::memory_order_relaxed);
  return static_cast<std::int32_t>(waiting) < 0 ? 0 : waiting;
}

caf::invoke_message_result actor_base::consume(caf::mailbox_element& x) {
  using enum caf::invoke_message_result;
  if (!running_ && !passes_while_waiting(x)) return skipped;
  auto result = consumed;
  const detail::handling_now here{this};
  try {
    if (x.mid.is_response()) clock().cancel_request_timeout(this, x.mid);  // CAF 0.17 leaves it to its time
    if (!handled_supervision(x) && !handled_own_timer(x, result)) result = caf::event_based_actor::consume(x);
  } catch (...) {
    crash(&x, std::current_exception());
  }
  if (result != skipped) here_.store(here_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  return result;
}

void actor_base::on_exit() {
  running_ = false;
  demolish();
}

// --- lives -----------------------------------------------------------------------------------------------------------

caf::behavior actor_base::make_behavior() { return build_or_fail(); }

caf::behavior actor_base::build_or_fail() {
  try {
    auto handlers = build();
    running_ = true;
    on_built();
    return handlers;
  } catch (...) {
    crash(nullptr, std::current_exception());
  }
  return waiting_behavior();
}

void actor_base::drop_state() {
  running_ = false;
  awaited_responses_.clear();  // they captured the State
  multiplexed_responses_.clear();
  become(waiting_behavior());
  install_handlers();
  demolish();
}

void actor_base::crash(caf::mailbox_element* cause, const std::exception_ptr& thrown) {
  count(strays().crashes);
  auto reason = make_error(errc::crashed, what(thrown));
  log::error("an actor failed", {{"actor", name()}, {"id", id()}, {"life", life_}, {"error", what(thrown)}});
  if (cause) {
    if (cause->mid.is_request() && !cause->mid.is_answered()) make_response_promise().deliver(reason);
    if (!cause->mid.is_response()) try {
        on_dead_letter(cause->copy_content_to_message(), reason);
      } catch (...) {
        log::error("an actor's dead_letter() failed, too",
                   {{"actor", name()}, {"id", id()}, {"error", what(std::current_exception())}});
      }
  }
  if (getf(is_shutting_down_flag)) return;  // it had quit already; CAF ends it after this message
  drop_state();
  if (!tell_failed(reason)) quit(reason);
}

void actor_base::on_built() { tell_started(); }

void actor_base::on_suspend() {
  if (running_) drop_state();
  tell_suspended();
}

void actor_base::on_restart() {
  if (running_) return;
  begin_next_life();
  restart_counts().note(name());
  auto handlers = build_or_fail();
  if (!running_) return;
  become(std::move(handlers));
  mailbox().flush_cache();
}

// --- its own timers --------------------------------------------------------------------------------------------------

void actor_base::later_message(caf::timespan delay, caf::message message) {
  auto what = caf::make_mailbox_element(ctrl(), caf::make_message_id(), caf::no_stages,
                                        lifecycle::later{life_, std::move(message)});
  clock().schedule_message(now() + delay, ctrl(), std::move(what));
}

/// A timer that the present behaviour skips waits in the mailbox like any other message.
bool actor_base::handled_own_timer(caf::mailbox_element& x, caf::invoke_message_result& result) {
  if (x.sender.get() != ctrl() || !x.content().match_elements<lifecycle::later>()) return false;
  auto& due = x.content().get_as<lifecycle::later>(0);
  if (due.life != life_ || !running_) return true;
  auto inner = caf::make_mailbox_element(x.sender, x.mid, caf::no_stages, due.what);
  try {
    result = caf::event_based_actor::consume(*inner);
  } catch (...) {
    crash(inner.get(), std::current_exception());
  }
  current_mailbox_element(&x);
  return true;
}

// --- the supervisor --------------------------------------------------------------------------------------------------

bool actor_base::passes_while_waiting(const caf::mailbox_element& x) const {
  if (x.mid.is_response()) return true;  // nobody waits for it any more
  auto& what = x.content();
  return what.match_elements<caf::exit_msg>() || what.match_elements<caf::down_msg>() ||
         what.match_elements<caf::timeout_msg>() || what.match_elements<lifecycle::later>() ||
         what.match_elements<lifecycle::restart>() || what.match_elements<lifecycle::suspend>();
}

bool actor_base::handled_supervision(caf::mailbox_element& x) {
  if (!x.sender || x.sender.get() != supervisor_.get()) return false;
  if (x.content().match_elements<lifecycle::restart>()) {
    on_restart();
    return true;
  }
  if (x.content().match_elements<lifecycle::suspend>()) {
    on_suspend();
    return true;
  }
  return false;
}

template <class M>
bool actor_base::tell(M what) {
  auto to = caf::actor_cast<caf::actor>(supervisor_.lock());
  if (!to) return false;
  send(to, std::move(what));
  return true;
}

void actor_base::tell_started() { tell(lifecycle::started{address(), life_}); }
void actor_base::tell_suspended() { tell(lifecycle::suspended{address(), life_}); }
bool actor_base::tell_failed(const caf::error& reason) { return tell(lifecycle::failed{address(), life_, reason}); }

}  // namespace greenroom::runtime
