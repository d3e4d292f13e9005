#include "actors/router.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <variant>

#include "actors/channel_patterns.hpp"
#include "actors/context.hpp"
#include "actors/deadlines.hpp"
#include "actors/limits.hpp"
#include "actors/pass.hpp"
#include "codecs/message_memory.hpp"
#include "codecs/methods.hpp"
#include "codecs/open_rpc.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "runtime/secret.hpp"

namespace greenroom::router {
namespace {

using codecs::error_code;

struct tick {};  ///< To itself: the time of a call has come.

/// A scatter that waits for its answers.
struct gathering {
  runtime::promise<scatter> owed;
  std::vector<gathered> told;
  std::size_t open = 0;  ///< targets that have not said all
};
using gathering_ptr = std::shared_ptr<gathering>;

struct open_call {
  call_ptr what;
  caf::actor_id target = 0;
  repeat again = repeat::unsafe;
  std::variant<answer, runtime::promise<ask>, gathering_ptr> owed;
  caller_ptr caller;
  std::size_t left = 1;  ///< answers that a part of a scatter waits for
};

struct target {
  caf::actor who;
  std::optional<std::size_t> shard;
  std::chrono::milliseconds time_limit{};
  std::size_t open = 0, open_max = 0;
  std::shared_ptr<service_figures> figures;
};

struct method {
  router::origin origin;
  std::string service;
  target_method what;
  std::vector<caf::actor_id> targets;
};

struct channel {
  std::string pattern, service;
  std::vector<caf::actor_id> targets;
};

/// Whose call it is, and its id.
using owned_call = std::pair<const void*, std::uint64_t>;

constexpr std::size_t trace_random_bytes = 9;

void count(std::atomic<std::uint64_t>& what) { what.fetch_add(1, std::memory_order_relaxed); }

codecs::error busy(const std::string& method) {
  return codecs::make_error(error_code::unavailable, method + " has more to do than it can take");
}

/// Nobody knows what became of the call; the trace finds the line that says so.
codecs::error lost_call(const call& what, error_code code) {
  auto why = codecs::make_error(code);
  why.trace = runtime::random_text(trace_random_bytes);
  runtime::log::warn("a call was lost with its service", {{"method", what.method}, {"trace", why.trace}});
  return why;
}

}  // namespace
}  // namespace greenroom::router

GREENROOM_MESSAGE(greenroom::router::tick)

namespace greenroom::router {

struct state {
  static inline const char* name = "router";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx}, shard{o.shard}, bell{s} {
    self->set_down_handler([this](caf::down_msg& down) { forget(down.source.id()); });
  }
  ~state();
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  caf::behavior start();
  caf::behavior recollecting();
  caf::behavior open();

  add_target::reply add(const add_target& m);
  void remove(const remove_target& m);
  void forget(caf::actor_id who);

  struct choice {
    target* who = nullptr;
    repeat again = repeat::unsafe;
    router::kind as = router::kind::method;
  };
  template <class Asked>
  std::variant<choice, codecs::error> choose(const Asked& m);
  target* best_of(const std::vector<caf::actor_id>& some);
  bool admits(const target& one) const;
  void route(request m);
  void route(ask m);
  void spread(const scatter& m);
  template <class Asked>
  open_call make_call(Asked m, const choice& to, std::chrono::milliseconds limit) const;
  void begin(open_call call, target& one, router::reach reach);

  void take_answer(answered m);
  void repeat_or_fail(const lost& m);
  open_call close(std::uint64_t id);
  void release(const open_call& call);
  void settle(open_call call, codecs::outcome what);
  void cancel_at_target(const open_call& call, std::atomic<std::uint64_t> service_figures::*counted);
  void end_late();
  void end_calls_of(const caller_ptr& caller);
  void describe(const discover& m);

  target* find_target(caf::actor_id who) {
    const auto found = targets.find(who);
    return found == targets.end() ? nullptr : &found->second;
  }

  runtime::actor_base* self;
  context& ctx;
  std::size_t shard;
  std::map<std::string, method, std::less<>> methods;
  std::vector<channel> channels;
  std::unordered_map<caf::actor_id, target> targets;
  deadline_map<std::uint64_t, open_call> calls;
  std::set<owned_call, std::less<owned_call>, codecs::recycled<owned_call>> by_caller;
  alarm<tick> bell;
  codecs::payload_ptr document;  ///< of rpc.discover; null when the methods have changed
  std::size_t unheard = 0;       ///< of those that know the targets, after a crash
};

/// A crash, or the end: what is open is owed by the answers themselves.
state::~state() {
  while (auto call = calls.take_first()) cancel_at_target(*call, &service_figures::cancelled);
}

caf::behavior state::start() { return self->life() == 0 ? open() : recollecting(); }

/// The life before knew the targets; who has added them adds them again.
caf::behavior state::recollecting() {
  for (const auto& who : {ctx.services, ctx.workers}) {
    if (!who) continue;
    ++unheard;
    auto done = [this] {
      if (--unheard == 0) self->become(open());
    };
    runtime::ask(self, who, limits::ask_timeout, recollect{shard}).then(done, [done](const caf::error&) { done(); });
  }
  if (unheard == 0) return open();
  return {
      [](const request&) { return caf::skip(); },
      [](const ask&) -> caf::result<ask::reply> { return caf::skip(); },
      [](const scatter&) -> caf::result<scatter::reply> { return caf::skip(); },
      [](const gone&) { return caf::skip(); },
      [](const discover&) { return caf::skip(); },
      [](const answered&) {},  // to calls of the life before
      [](const expected&) {},
      [](const lost&) {},
      [this](const add_target& m) { return add(m); },
      [this](const remove_target& m) { remove(m); },
  };
}

caf::behavior state::open() {
  return {
      [this](request& m) { route(std::move(m)); },
      [this](ask& m) { route(std::move(m)); },
      [this](const scatter& m) { spread(m); },
      [this](const gone& m) { end_calls_of(m.caller); },
      [this](const discover& m) { describe(m); },
      [this](answered& m) { take_answer(std::move(m)); },
      [this](const expected& m) {
        auto* call = calls.find(m.id);
        if (call && (call->left = m.answers) == 0) settle(close(m.id), codecs::make_error(error_code::unavailable));
      },
      [this](const lost& m) { repeat_or_fail(m); },
      [this](const tick&) { end_late(); },
      [this](const add_target& m) { return add(m); },
      [this](const remove_target& m) { remove(m); },
  };
}

// --- targets

add_target::reply state::add(const add_target& m) {
  add_target::reply reply;
  const auto id = m.who.id();
  auto [place, fresh] = targets.try_emplace(id);
  auto& one = place->second;
  if (fresh) self->monitor(m.who);
  one.who = m.who;
  one.shard = m.shard;
  one.time_limit = m.time_limit;
  one.open_max = m.open_max;
  one.figures = m.figures;
  for (const auto& each : m.methods) {
    const auto& called = each.about.name;
    auto [row, added] = methods.try_emplace(called, method{m.origin, m.service, each, {}});
    const bool others = !added && (row->second.origin != m.origin || row->second.service != m.service);
    if (others || codecs::find_method(called)) {
      reply.taken.push_back(called);
      if (added) methods.erase(row);
      continue;
    }
    row->second.what = each;
    auto& of = row->second.targets;
    if (std::ranges::find(of, id) == of.end()) of.push_back(id);
  }
  for (const auto& pattern : m.channels) {
    auto row = std::ranges::find(channels, pattern, &channel::pattern);
    if (row == channels.end()) row = channels.insert(row, {pattern, m.service, {}});
    if (row->service != m.service)
      reply.taken.push_back(pattern);
    else if (std::ranges::find(row->targets, id) == row->targets.end())
      row->targets.push_back(id);
  }
  document.reset();
  return reply;
}

void state::remove(const remove_target& m) {
  for (auto row = methods.begin(); row != methods.end();) {
    const bool named = m.methods.empty() || std::ranges::find(m.methods, row->first) != m.methods.end();
    const bool last = named && std::erase(row->second.targets, m.who.id()) != 0 && row->second.targets.empty();
    row = last ? methods.erase(row) : std::next(row);
  }
  document.reset();
}

/// It has ended, and with it what it worked on. Its methods stay known: whoever brought it up brings another one.
void state::forget(caf::actor_id who) {
  if (targets.erase(who) == 0) return;
  for (auto& [called, row] : methods) std::erase(row.targets, who);
  for (auto& row : channels) std::erase(row.targets, who);
  for (auto id : calls.keys_where([who](const open_call& each) { return each.target == who; }))
    repeat_or_fail({.id = id, .otherwise = error_code::internal, .from = {}});
}

/// Who answers a call from this shard: the shard's own instance, the node's one, else any; null: nobody.
target* state::best_of(const std::vector<caf::actor_id>& some) {
  target* best = nullptr;
  for (auto id : some) {
    auto* one = find_target(id);
    if (one->shard == shard) return one;
    if (!best || !one->shard) best = one;
  }
  return best;
}

template <class Asked>
std::variant<state::choice, codecs::error> state::choose(const Asked& m) {
  auto away = [](const std::string& what) {
    return codecs::make_error(error_code::unavailable, "nobody is there to answer " + what);
  };
  if (m.kind != kind::method) {
    if (auto* row = best_match(channels, m.channel, [](const channel& c) { return std::string_view{c.pattern}; })) {
      if (auto* one = best_of(row->targets)) return choice{one, repeat::unsafe, m.kind};
      return away(m.channel);
    }
  }
  const auto row = methods.find(m.method);
  if (row == methods.end() || m.kind == kind::open || m.kind == kind::close)
    return codecs::make_error(error_code::method_not_found, "no service answers " + m.method);
  if (auto* one = best_of(row->second.targets)) return choice{one, row->second.what.again, kind::method};
  return away(m.method);
}

bool state::admits(const target& one) const {
  const bool yes = !one.figures->away.load(std::memory_order_relaxed) && one.open < one.open_max;
  if (!yes) count(one.figures->refused);
  return yes;
}

// --- calls

template <class Asked>
open_call state::make_call(Asked m, const choice& to, std::chrono::milliseconds limit) const {
  auto what = codecs::make_recycled<router::call>();
  what->id = ctx.last_call.fetch_add(1, std::memory_order_relaxed) + 1;
  what->router = caf::actor{self};
  what->from = std::move(m.from);
  what->method = std::move(m.method);
  what->params = std::move(m.params);
  what->kind = to.as;
  if constexpr (requires { m.channel; }) what->channel = std::move(m.channel);
  what->due = self->now() + std::min(limit, to.who->time_limit);
  return {.what = std::move(what),
          .target = to.who->who.id(),
          .again = to.again,
          .owed = {},
          .caller = std::move(m.caller)};
}

void state::begin(open_call call, target& one, router::reach reach) {
  const auto what = call.what;
  ++one.open;
  if (call.caller) by_caller.emplace(call.caller.get(), what->id);
  calls.add(what->id, what->due, std::move(call));
  bell.set(what->due);
  pass(self, one.who, handle{what, reach});
}

void state::route(request m) {
  auto chosen = choose(m);
  if (auto* why = std::get_if<codecs::error>(&chosen)) return m.reply(std::move(*why));
  const auto& to = std::get<choice>(chosen);
  if (!admits(*to.who)) return m.reply(busy(m.method));
  auto reply = std::move(m.reply);
  auto call = make_call(std::move(m), to, to.who->time_limit);
  call.what->reply = answer_hint{reply};
  call.owed = std::move(reply);
  begin(std::move(call), *to.who, reach::any);
}

void state::route(ask m) {
  runtime::promise<ask> owed{self};
  auto chosen = choose(m);
  if (auto* why = std::get_if<codecs::error>(&chosen)) return owed.deliver(ask::reply{std::move(*why)});
  const auto& to = std::get<choice>(chosen);
  if (!admits(*to.who)) return owed.deliver(ask::reply{busy(m.method)});
  const auto limit = m.limit;
  auto call = make_call(std::move(m), to, limit);
  call.owed = std::move(owed);
  begin(std::move(call), *to.who, reach::any);
}

void state::spread(const scatter& m) {
  runtime::promise<scatter> owed{self};
  const auto row = methods.find(m.method);
  std::vector<target*> all;
  if (row != methods.end())
    for (auto id : row->second.targets)
      if (auto* one = find_target(id); admits(*one)) all.push_back(one);
  if (all.empty()) return owed.deliver(scatter::reply{});
  auto gathers = std::make_shared<gathering>(gathering{std::move(owed), {}, all.size()});
  for (auto* one : all) {
    // Not repeated: a second round would ask those, too, that have answered.
    auto call = make_call(m, {one, repeat::unsafe, kind::method}, m.limit);
    call.owed = gathers;
    begin(std::move(call), *one, reach::all);
  }
}

// --- their ends

void state::take_answer(answered m) {
  auto* call = calls.find(m.id);
  if (!call) return;
  if (auto* gathers = std::get_if<gathering_ptr>(&call->owed)) {
    (*gathers)->told.push_back({std::move(m.from), m.what});
    if (--call->left != 0) return;
  }
  settle(close(m.id), std::move(m.what));
}

/// An idempotent call is given to its target once more, the pool of workers or the service's next life, or to another
/// target where its own has ended. Then, as for the others: nobody knows what became of it.
void state::repeat_or_fail(const lost& m) {
  auto* call = calls.find(m.id);
  if (!call) return;
  if (std::exchange(call->again, repeat::unsafe) == repeat::idempotent) {
    auto* one = find_target(call->target);
    if (!one) {
      auto chosen = choose(*call->what);
      if (auto* other = std::get_if<choice>(&chosen)) {
        one = other->who;
        ++one->open;
        call->target = one->who.id();
      }
    }
    if (one) {
      count(one->figures->repeated);
      return runtime::tell(self, one->who, handle{call->what});
    }
  }
  take_answer({.id = m.id, .what = lost_call(*call->what, m.otherwise), .from = m.from});
}

open_call state::close(std::uint64_t id) {
  auto call = std::move(*calls.take(id));
  release(call);
  return call;
}

void state::release(const open_call& call) {
  if (call.caller) by_caller.erase({call.caller.get(), call.what->id});
  if (auto* one = find_target(call.target)) --one->open;
}

/// A part of a scatter has its answers already; the last part to end answers the whole.
void state::settle(open_call call, codecs::outcome what) {
  if (auto* reply = std::get_if<answer>(&call.owed)) return (*reply)(std::move(what));
  if (auto* owed = std::get_if<runtime::promise<ask>>(&call.owed)) return owed->deliver(ask::reply{std::move(what)});
  auto& gathers = *std::get<gathering_ptr>(call.owed);
  if (--gathers.open == 0) gathers.owed.deliver(scatter::reply{std::move(gathers.told)});
}

/// Nobody waits for it any more.
void state::cancel_at_target(const open_call& call, std::atomic<std::uint64_t> service_figures::*counted) {
  call.what->cancelled.store(true, std::memory_order_relaxed);
  auto* one = find_target(call.target);
  if (!one) return;
  runtime::tell(self, one->who, cancel{call.what->id});
  count(*one->figures.*counted);
}

void state::end_late() {
  if (!bell.rings()) return;
  while (auto call = calls.take_due(self->now())) {
    cancel_at_target(*call, &service_figures::timed_out);
    release(*call);
    auto why = codecs::make_error(error_code::timed_out, call->what->method + " did not answer in time");
    settle(std::move(*call), std::move(why));
  }
  bell.set(calls.next());
}

void state::end_calls_of(const caller_ptr& caller) {
  for (;;) {
    const auto next = by_caller.lower_bound({caller.get(), 0});
    if (next == by_caller.end() || next->first != caller.get()) return;
    auto call = close(next->second);
    cancel_at_target(call, &service_figures::cancelled);
    settle(std::move(call), codecs::make_error(error_code::unavailable, "the caller has gone"));
  }
}

void state::describe(const discover& m) {
  if (!document) {
    std::vector<codecs::described_method> all;
    for (const auto& [called, row] : methods) all.push_back(row.what.about);
    document = std::make_shared<const codecs::payload>(codecs::format::json, codecs::open_rpc_document(all));
  }
  m.reply(codecs::result{codecs::results::document{document}});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::router
