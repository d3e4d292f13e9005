#include "actors/service_host.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "actors/behaviour_host.hpp"
#include "actors/channel_patterns.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/pass.hpp"
#include "actors/trial_control.hpp"
#include "codecs/message_memory.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "runtime/secret.hpp"

namespace greenroom::service_host {
namespace {

using codecs::error_code;
using router::call_ptr;

struct go_on {};  ///< To itself: there is room for what waits in the queue.
struct hurry {
  std::uint64_t swap = 0;
};  ///< To itself: that newer build has waited long enough.

constexpr std::chrono::seconds sound_life{10};  ///< a life that ends before counts as one of several failures in a row
constexpr std::uint32_t failures_max = 3;       ///< in a row; then callers are not kept waiting for the next life
constexpr std::size_t trace_random_bytes = 9;

/// The service's code failed with the call, or has forgotten it; the trace finds the line that says so.
codecs::error dropped(const router::call& what) {
  auto why = codecs::make_error(error_code::internal);
  why.trace = runtime::random_text(trace_random_bytes);
  runtime::log::warn("a service dropped a call without an answer", {{"method", what.method}, {"trace", why.trace}});
  return why;
}

}  // namespace
}  // namespace greenroom::service_host

GREENROOM_MESSAGE(greenroom::service_host::go_on)
GREENROOM_MESSAGE(greenroom::service_host::hurry)

namespace greenroom::service_host {

struct state final : hosted<service_control> {
  static inline const char* name = "service";
  state(runtime::actor_base* s, const options& o)
      : hosted{s, o.ctx, "service " + o.keep->spec->name, [this](std::string_view timer) { object->on_timer(timer); }},
        self{s},
        opts{o},
        keep{*o.keep},
        figures{*o.keep->figures} {
    know_methods();
    figures.restarts = self->life();
  }
  ~state();
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  struct in_work;

  caf::behavior start();
  void take(const call_ptr& what);
  bool invoke(std::shared_ptr<in_work> call);
  void begin(const call_ptr& what);
  void work_on_queue();
  void cancel(std::uint64_t id);
  void close(const in_work& call);
  void tell_answer(const router::call& to, codecs::outcome what);
  void count();
  void know_methods();
  void lose_work();
  std::unique_ptr<service_behaviour> restored(const service_spec& other, service_control& with) const;
  std::string try_build(const service_spec& other);
  void swap();
  void take_over();
  std::size_t instance() const noexcept override { return spec().instances == instances::one ? 0 : opts.shard; }
  const service_spec& spec() const noexcept { return *keep.spec; }

  runtime::actor_base* self;
  const options& opts;
  record& keep;
  service_figures& figures;
  std::chrono::steady_clock::time_point began = self->now();
  std::map<std::string_view, const service_method*> methods;
  std::unordered_map<std::uint64_t, in_work*, std::hash<std::uint64_t>, std::equal_to<>,
                     codecs::recycled<std::pair<const std::uint64_t, in_work*>>>
      work;
  bool goes_on = false;                      ///< `go_on` is in the mailbox
  std::shared_ptr<const service_spec> next;  ///< the build that is to take over
  std::optional<runtime::promise<swap_build>> swap_owed;
  std::uint64_t swaps = 0;
  bool moves = false;                         ///< nothing is in work any more; open questions are waited for
  std::unique_ptr<service_behaviour> object;  ///< the last to come and the first to go: it holds requests
};

/// A call in the hands of the service's code.
struct state::in_work final : service_request::pending {
  in_work(state& h, call_ptr c) : host{&h}, what{std::move(c)} { host->work.emplace(what->id, this); }
  ~in_work() override {
    if (host) answer(dropped(*what));
  }
  in_work(const in_work&) = delete;
  in_work& operator=(const in_work&) = delete;

  const party& from() const noexcept override { return what->from; }
  const std::string& method() const noexcept override { return what->method; }
  const codecs::payload_ptr& params() const noexcept override { return what->params; }
  const std::string& channel() const noexcept override { return what->channel; }
  bool cancelled() const noexcept override { return what->cancelled.load(std::memory_order_relaxed); }
  void answer(codecs::outcome said) override {
    auto* to = std::exchange(host, nullptr);
    if (!to) return;
    to->tell_answer(*what, std::move(said));
    to->close(*this);
  }

  state* host;  ///< null: answered, cancelled, or the life that it came in is over
  call_ptr what;
};

/// Somebody who opens a channel, in the same hands.
struct opening_in_work final : channel_opening::pending {
  explicit opening_in_work(std::shared_ptr<service_request::pending> c) : call{std::move(c)} {}
  const party& who() const noexcept override { return call->from(); }
  const std::string& channel() const noexcept override { return call->channel(); }
  const codecs::payload_ptr& payload() const noexcept override { return call->params(); }
  void answer(codecs::outcome what) override { call->answer(std::move(what)); }
  std::shared_ptr<service_request::pending> call;
};

void state::know_methods() {
  methods.clear();
  for (const auto& each : spec().methods) methods.emplace(each.about.name, &each);
}

/// The end of a life: what it worked on is lost with it, and what it holds answers nobody any more.
state::~state() {
  lose_work();
  keep.failures = self->now() - began < sound_life ? keep.failures + 1 : 1;
  if (keep.failures >= failures_max) figures.away = true;
}

void state::lose_work() {
  for (auto& [id, call] : work) {
    call->host = nullptr;
    figures.errors.fetch_add(1, std::memory_order_relaxed);
    runtime::tell(self, call->what->router,
                  router::lost{.id = id, .otherwise = error_code::internal, .from = figures.instance});
  }
  work.clear();
  count();
}

caf::behavior state::start() {
  object = spec().make(*this);
  if (!object) throw std::runtime_error{"the service " + spec().name + " was not made"};
  object->on_start();
  figures.away = false;
  if (!keep.queue.empty()) runtime::tell(caf::actor{self}, go_on{});
  return host().handlers().or_else(
      [this](const router::handle& m) { take(m.what); }, [this](const router::cancel& m) { cancel(m.id); },
      [this](const go_on&) { work_on_queue(); },
      [this](const service_host::try_build& m) { return service_host::try_build::reply{try_build(*m.spec)}; },
      [this](const swap_build& m) {
        next = m.spec;
        swap_owed.emplace(self);
        self->later(limits::swap_patience, hurry{++swaps});
        swap();
      },
      [this](const hurry& m) {
        if (m.swap == swaps && next && !moves) lose_work();
        swap();
      });
}

void state::take(const call_ptr& what) {
  if (what->cancelled.load(std::memory_order_relaxed)) return;
  if (!next && work.size() < spec().concurrency_max && keep.queue.empty()) return begin(what);
  if (keep.queue.size() >= spec().queue_max) {
    figures.refused.fetch_add(1, std::memory_order_relaxed);
    return tell_answer(*what,
                       codecs::make_error(error_code::unavailable, what->method + " has more to do than it can take"));
  }
  keep.queue.push_back(what);
  count();
}

/// Gives it to what of the service's code takes it. False: nothing does.
bool state::invoke(std::shared_ptr<in_work> call) {
  const auto& what = *call->what;
  if (what.kind == router::kind::method) {
    const auto found = methods.find(what.method);
    if (found == methods.end()) return false;
    found->second->invoke(*object, service_request{std::move(call)});
    return true;
  }
  const auto* to = best_match(spec().channels, what.channel, [](const auto& c) { return std::string_view{c.pattern}; });
  if (!to) return false;
  switch (what.kind) {
    case router::kind::open:
      to->open(*object, channel_opening{std::make_shared<opening_in_work>(std::move(call))});
      break;
    case router::kind::close:
      to->closed(*object, call->from(), call->channel());
      call->answer(codecs::result{codecs::results::nothing{}});
      break;
    default: to->event(*object, service_request{std::move(call)});
  }
  return true;
}

/// An exception of the service's code ends this life; the call that it came from is answered by then.
void state::begin(const call_ptr& what) {
  figures.calls.fetch_add(1, std::memory_order_relaxed);
  auto call = codecs::make_recycled<in_work>(*this, what);
  count();
  try {
    if (!invoke(call))
      call->answer(codecs::make_error(error_code::method_not_found, "no service answers " + what->method));
  } catch (...) {
    const auto kept = work.find(what->id);
    if (kept != work.end()) kept->second->answer(dropped(*what));
    throw;
  }
}

/// A bounded part of it: a service that answers at once would hold its shard for all of them.
void state::work_on_queue() {
  goes_on = false;
  for (auto left = limits::service_turn_calls_max; left > 0 && !keep.queue.empty(); --left) {
    if (next || work.size() >= spec().concurrency_max) return;
    const auto next = std::move(keep.queue.front());
    keep.queue.pop_front();
    count();
    begin(next);
  }
  if (!keep.queue.empty() && !std::exchange(goes_on, true)) runtime::tell(caf::actor{self}, go_on{});
}

/// The router has marked it, which cancelled() shows.
void state::cancel(std::uint64_t id) {
  const auto found = work.find(id);
  if (found != work.end()) {
    found->second->host = nullptr;
    return close(*found->second);
  }
  std::erase_if(keep.queue, [id](const call_ptr& each) { return each->id == id; });
  count();
}

void state::close(const in_work& call) {
  work.erase(call.what->id);
  count();
  swap();
  if (!keep.queue.empty() && !std::exchange(goes_on, true)) runtime::tell(caf::actor{self}, go_on{});
}

void state::tell_answer(const router::call& to, codecs::outcome what) {
  if (std::holds_alternative<codecs::error>(what)) figures.errors.fetch_add(1, std::memory_order_relaxed);
  router::answered said{.id = to.id, .what = std::move(what), .from = figures.instance};
  if (!host().pushes_under_way(to.from.session)) return pass(to.router, std::move(said));
  host().after_pushes(to.from.session, [router = to.router, reply = to.reply, said = std::move(said)] {
    reply(said.what);  // here, before what is pushed next
    runtime::tell(router, router::answered{said});
  });
}

void state::count() {
  figures.in_work.store(work.size(), std::memory_order_relaxed);
  figures.queued.store(keep.queue.size(), std::memory_order_relaxed);
}

// --- another build

/// What the living object's state becomes in that build; throws what it throws.
std::unique_ptr<service_behaviour> state::restored(const service_spec& other, service_control& with) const {
  const auto snapshot = object->snapshot();
  auto made = other.make(with);
  if (!made) throw std::runtime_error{"it makes no object"};
  if (!snapshot.empty()) made->restore(snapshot);
  return made;
}

std::string state::try_build(const service_spec& other) {
  if (other.instances != spec().instances || other.runs != spec().runs)
    return "it runs elsewhere than the older build: that takes a restart";
  if (!std::ranges::equal(other.channels, spec().channels, {}, &service_channel::pattern, &service_channel::pattern))
    return "it serves other channels than the older build: that takes a restart";
  try {
    service_on_trial trial{instance(), now_ms()};
    restored(other, trial);
    return {};
  } catch (...) {
    return runtime::what(std::current_exception());
  }
}

/// As soon as nothing is in work.
void state::swap() {
  if (!next || moves || !work.empty()) return;
  moves = true;
  host().when_answered(limits::swap_patience, [this] { take_over(); });
}

/// The newer object begins beside the older one, which goes on where that fails.
void state::take_over() {
  moves = false;
  const auto build = std::exchange(next, nullptr);
  auto owed = std::exchange(swap_owed, std::nullopt);
  swap_build::reply told;
  try {
    host().attempt([&] {
      auto made = restored(*build, *this);
      made->on_start();
      object = std::move(made);
    });
    keep.spec = build;
    know_methods();
  } catch (...) {
    told.why = runtime::what(std::current_exception());
  }
  if (!keep.queue.empty() && !std::exchange(goes_on, true)) runtime::tell(caf::actor{self}, go_on{});
  owed->deliver(std::move(told));
}

caf::actor spawn(const runtime::place& where, options opts) {
  return opts.keep->spec->runs == runs::detached ? runtime::spawn_detached<state>(where, std::move(opts))
                                                 : runtime::spawn<state>(where, std::move(opts));
}

}  // namespace greenroom::service_host
