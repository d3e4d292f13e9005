#include "actors/worker_pool.hpp"

#include <algorithm>
#include <utility>

#include "actors/audit_trail.hpp"
#include "actors/context.hpp"
#include "actors/deadlines.hpp"
#include "actors/limits.hpp"
#include "actors/session.hpp"
#include "codecs/described_method.hpp"
#include "codecs/methods.hpp"
#include "runtime/promise.hpp"

namespace greenroom::worker_pool {
namespace {

using codecs::error_code;

std::size_t bytes_of(const codecs::described_method& what) {
  std::size_t sum = what.summary.size() + what.result_schema.size();
  if (what.params)
    for (const auto& each : *what.params) sum += each.name.size() + each.schema.size();
  return sum;
}
std::size_t bytes_of(const codecs::payload_ptr& schema) { return schema ? schema->original().size() : 0; }

struct look {};  ///< To itself: a method may have waited long enough for a worker.

/// A registration that waits for the routers.
struct registration {
  enlist what;
  std::size_t routers = 0;         ///< that have not answered
  std::vector<std::string> taken;  ///< methods that somebody else answers
};

}  // namespace
}  // namespace greenroom::worker_pool

GREENROOM_MESSAGE(greenroom::worker_pool::look)

namespace greenroom::worker_pool {

struct state {
  static inline const char* name = "worker_pool";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx}, keep{*o.keep}, bell{s} {}
  struct leaver {  ///< Waits until what it had of these methods is answered.
    worker_key who;
    std::vector<std::string> methods;
    answer reply;
  };

  caf::behavior start();
  void dead_letter(const caf::message& cause, const caf::error& why);
  void recover();

  // --- methods
  router::add_target announcement(std::vector<router::target_method> methods) const;
  void tell_routers(const std::vector<std::string>& gone);
  void recollect(std::size_t shard);
  void forget_unused(const std::string& method);
  void on_look();

  // --- workers
  std::optional<codecs::error> refusal_of(const enlist& m);
  void register_worker(const enlist& m);
  void routers_told(registration& r);
  void registered(const enlist& m);
  void unregister_worker(const dismiss& m);
  void lose(worker_key key);
  void show(const worker& who);

  // --- calls
  void handle(const router::handle& m);
  void scatter(const router::call_ptr& call);
  void give(worker& who, router::call_ptr call);
  void settle(std::uint64_t number, const session::ask::reply& r);
  void take_back(std::uint64_t number, bool worker_ended);
  void answer_call(const router::call& call, codecs::outcome what, const std::string& from = {});
  void tell_lost(const router::call& call, const std::string& from);
  void has_room(worker& who);
  void answer_leavers(worker_key key);
  void count_waiting();

  runtime::actor_base* self;
  context& ctx;
  record& keep;
  std::vector<leaver> leaving;
  deadline_map<std::string, std::string> orphans;  ///< methods that wait for a worker
  alarm<look> bell;
};

caf::behavior state::start() {
  self->set_down_handler([this](caf::down_msg& m) { lose(m.source.id()); });
  if (self->life() > 0) recover();
  return {
      [this](const enlist& m) { register_worker(m); },
      [this](const dismiss& m) { unregister_worker(m); },
      [this](const router::handle& m) { m.reach == router::reach::all ? scatter(m.what) : handle(m); },
      [this](const router::cancel& m) {
        if (keep.queue.remove(m.id)) count_waiting();
      },
      [this](const router::recollect& m) { recollect(m.shard); },
      [this](const look&) { on_look(); },
  };
}

/// The call that ended this life is one that nobody knows the end of.
void state::dead_letter(const caf::message& cause, const caf::error&) {
  if (cause.match_elements<router::handle>()) tell_lost(*cause.get_as<router::handle>(0).what, {});
}

/// The old life's questions are nobody's any more: their calls are taken back, and who has ended meanwhile is found by
/// watching everybody again.
void state::recover() {
  for (auto& [number, each] : std::exchange(keep.at_work, {})) tell_lost(*each.what, {});
  keep.figures->in_work = 0;
  for (auto& [name, one] : keep.methods) {
    one.registrations = 0;
    if (!keep.workers.serves(name)) orphans.add(name, self->now() + limits::worker_linger, name);
  }
  bell.set(orphans.next());
  for (std::size_t shard = 0; shard < ctx.shards.size(); ++shard) {
    std::vector<router::target_method> all;
    for (const auto& [name, one] : keep.methods) all.push_back(one.about);
    if (!all.empty())
      runtime::ask(self, ctx.shards[shard].router, announcement(std::move(all)))
          .then([](const router::add_target::reply&) {}, [](const caf::error&) {});
  }
  for (auto* each : keep.workers.everyone()) {
    each->figures->in_flight = each->in_flight = 0;
    self->monitor(each->connection);
    has_room(*each);
  }
}

// --- methods

router::add_target state::announcement(std::vector<router::target_method> methods) const {
  return {.who = caf::actor{self},
          .methods = std::move(methods),
          .origin = router::origin::workers,
          .service = {},
          .shard = {},
          .time_limit = limits::worker_time_limit,
          .open_max = limits::work_of_router_max,
          .figures = keep.figures};
}

void state::tell_routers(const std::vector<std::string>& gone) {
  for (const auto& each : ctx.shards) runtime::tell(self, each.router, router::remove_target{caf::actor{self}, gone});
}

void state::recollect(std::size_t shard) {
  auto owed = std::make_shared<runtime::promise<router::recollect>>(self);
  std::vector<router::target_method> all;
  for (const auto& [name, one] : keep.methods) all.push_back(one.about);
  if (all.empty()) return owed->deliver();
  runtime::ask(self, ctx.shards[shard].router, announcement(std::move(all)))
      .then([owed](const router::add_target::reply&) { owed->deliver(); },
            [owed](const caf::error& why) { owed->refuse(why); });
}

/// A method that nobody answers, and that nobody is waited for, is none of ours any more.
void state::forget_unused(const std::string& method) {
  auto found = keep.methods.find(method);
  if (found == keep.methods.end() || found->second.registrations > 0) return;
  if (keep.workers.serves(method) || orphans.find(method)) return;
  tell_routers({method});
  keep.methods.erase(found);
  for (const auto& each : keep.queue.take(method)) {
    ++keep.figures->refused;
    answer_call(*each, codecs::make_error(error_code::unavailable, "no worker answers " + method + " now"));
  }
  count_waiting();
}

void state::on_look() {
  if (!bell.rings()) return;
  while (auto method = orphans.take_due(self->now())) forget_unused(*method);
  bell.set(orphans.next());
}

// --- workers

std::optional<codecs::error> state::refusal_of(const enlist& m) {
  for (const auto& each : m.what.methods)
    if (codecs::find_method(each.name) || each.name.starts_with("rpc."))
      return codecs::make_error(error_code::conflict, "the method " + each.name + " is the protocol's own");
  const auto* known = keep.workers.find(m.connection.id());
  if (!known && keep.workers.size() >= limits::workers_max)
    return codecs::make_error(error_code::unavailable, "the node has as many workers as it may");
  std::set<std::string, std::less<>> mine, fresh;
  std::size_t described = 0;
  for (const auto& [name, one] : keep.methods) described += bytes_of(one.about.about);
  if (known) mine = known->methods;
  for (const auto& each : m.what.methods) {
    mine.insert(each.name);
    described += each.summary.size() + bytes_of(each.params) + bytes_of(each.result);
    if (!keep.methods.contains(each.name)) fresh.insert(each.name);
  }
  if (mine.size() > limits::worker_methods_max)
    return codecs::make_error(error_code::too_large, "these are more methods than a worker may have");
  if (keep.methods.size() + fresh.size() > limits::pool_methods_max || described > limits::pool_described_bytes_max)
    return codecs::make_error(error_code::unavailable, "the workers have as many methods as they may");
  return std::nullopt;
}

/// A method is the pool's when every router has taken it. Of several descriptions the newest holds, and what it leaves out
/// is as it was.
void state::register_worker(const enlist& m) {
  if (auto why = refusal_of(m)) return m.reply(std::move(*why));
  std::vector<router::target_method> told;
  for (const auto& each : m.what.methods) {
    auto& one = keep.methods[each.name];
    ++one.registrations;
    one.about.about.name = each.name;
    one.about.again = each.idempotent ? repeat::idempotent : repeat::unsafe;
    if (!each.summary.empty()) one.about.about.summary = each.summary;
    if (each.params) one.about.about.params = codecs::params_of(*each.params);
    if (each.result) one.about.about.result_schema = each.result->as(codecs::format::json);
    told.push_back(one.about);
  }
  auto open = std::make_shared<registration>(registration{m, ctx.shards.size(), {}});
  for (const auto& each : ctx.shards)
    runtime::ask(self, each.router, announcement(told))
        .then(
            [this, open](const router::add_target::reply& r) {
              open->taken.insert(open->taken.end(), r.taken.begin(), r.taken.end());
              routers_told(*open);
            },
            [this, open](const caf::error&) { routers_told(*open); });  // its next life asks for all that there is
}

void state::routers_told(registration& r) {
  if (--r.routers > 0) return;
  for (const auto& each : r.what.what.methods) {
    auto found = keep.methods.find(each.name);
    if (found != keep.methods.end() && found->second.registrations > 0) --found->second.registrations;
  }
  if (r.taken.empty()) return registered(r.what);
  for (const auto& each : r.what.what.methods) forget_unused(each.name);
  r.what.reply(
      codecs::make_error(error_code::conflict, "the method " + r.taken.front() + " belongs to a service of this node"));
}

void state::registered(const enlist& m) {
  auto* who = keep.workers.find(m.connection.id());
  if (!who) {
    who = &keep.workers.add({.key = m.connection.id(),
                             .session = m.session,
                             .talks = m.talks,
                             .connection = m.connection,
                             .methods = {},
                             .figures = ctx.workers_now.add(m.session.value, m.user.value)});
    self->monitor(m.connection);  // where it has ended already, this says so at once
  }
  who->capacity = m.what.capacity;
  for (const auto& each : m.what.methods) {
    keep.workers.serve(*who, each.name);
    orphans.take(each.name);
  }
  show(*who);
  audit_trail::worker_registered(ctx, m.session, m.user, m.what);
  m.reply(codecs::result{codecs::results::registered{who->session.value, {who->methods.begin(), who->methods.end()}}});
  has_room(*who);
}

void state::unregister_worker(const dismiss& m) {
  auto* who = keep.workers.find(m.connection.id());
  if (!who) return m.reply(codecs::make_error(error_code::not_found, "this connection has registered nothing"));
  const auto methods =
      m.methods.empty() ? std::vector<std::string>{who->methods.begin(), who->methods.end()} : m.methods;
  for (const auto& each : methods)
    if (!who->methods.contains(each))
      return m.reply(codecs::make_error(error_code::not_found, "this connection has not registered " + each));
  for (const auto& each : methods) keep.workers.stop(*who, each);
  for (const auto& each : methods) forget_unused(each);
  show(*who);
  leaving.push_back({who->key, methods, m.reply});
  answer_leavers(who->key);
  has_room(*who);
}

/// Its connection has ended: what it had is taken back, and its methods wait a while for somebody else.
void state::lose(worker_key key) {
  auto* who = keep.workers.find(key);
  if (!who) return;  // one that had unregistered, or that an older life watched, too
  const std::vector<std::string> methods{who->methods.begin(), who->methods.end()};
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, each] : keep.at_work)
    if (each.who == key) numbers.push_back(number);
  who->gone = true;
  for (auto number : numbers) take_back(number, true);
  std::erase_if(leaving, [&](leaver& each) {
    if (each.who != key) return false;
    each.reply(codecs::make_error(error_code::unavailable));
    return true;
  });
  ctx.workers_now.remove(who->figures);
  keep.workers.remove(key);
  for (const auto& each : methods)
    if (!keep.workers.serves(each)) orphans.add(each, self->now() + limits::worker_linger, each);
  bell.set(orphans.next());
}

void state::show(const worker& who) {
  who.figures->capacity = who.capacity;
  who.figures->in_flight = who.in_flight;
  who.figures->set_methods({who.methods.begin(), who.methods.end()});
}

// --- calls

void state::handle(const router::handle& m) {
  if (auto* who = keep.workers.pick(m.what->method)) return give(*who, m.what);
  if (keep.workers.serves(m.what->method) || orphans.find(m.what->method)) {
    if (keep.queue.push(m.what)) return count_waiting();
    ++keep.figures->refused;
    return answer_call(*m.what, codecs::make_error(error_code::unavailable, "all workers are busy"));
  }
  ++keep.figures->refused;
  answer_call(*m.what, codecs::make_error(error_code::unavailable, "no worker answers " + m.what->method + " now"));
}

/// Everybody who has room; who has none says so.
void state::scatter(const router::call_ptr& call) {
  const auto all = keep.workers.of(call->method);
  runtime::tell(self, call->router, router::expected{call->id, all.size()});
  for (auto* each : all) {
    if (each->has_room()) {
      give(*each, call);
    } else {
      ++keep.figures->refused;
      answer_call(*call, codecs::make_error(error_code::unavailable, "the worker is busy"), each->session.value);
    }
  }
}

void state::give(worker& who, router::call_ptr call) {
  const auto number = ++keep.tries;
  const auto now = self->now();
  session::ask question{
      .method = call->method,
      .params = call->params,
      .limit = std::chrono::ceil<std::chrono::milliseconds>(std::max(call->due - now, {})) + limits::work_overdue_max,
      .of = codecs::on_behalf{call->from.user.value, call->from.session.value}};
  keep.at_work.emplace(number, work{std::move(call), who.key, now});
  who.figures->in_flight = ++who.in_flight;
  ++keep.figures->calls;
  ++keep.figures->in_work;
  runtime::ask(self, who.talks, std::move(question))
      .then([this, number](const session::ask::reply& r) { settle(number, r); },
            [this, number](const caf::error& why) { take_back(number, why != runtime::errc::crashed); });
}

void state::settle(std::uint64_t number, const session::ask::reply& r) {
  auto found = keep.at_work.find(number);
  if (found == keep.at_work.end()) return;  // taken back already
  if (r.how == session::question_end::gone) return take_back(number, true);
  const auto done = keep.at_work.extract(found).mapped();
  --keep.figures->in_work;
  auto& who = *keep.workers.find(done.who);  // it goes with what it has
  who.figures->in_flight = --who.in_flight;
  const auto took = self->now() - done.since;
  const bool failed = std::holds_alternative<codecs::error>(r.what);
  switch (r.how) {
    case session::question_end::answered: {
      ++(failed ? who.figures->failed : who.figures->answered);
      const auto us = std::chrono::duration_cast<std::chrono::microseconds>(took).count();
      const auto so_far = static_cast<std::int64_t>(who.figures->latency_us.load());
      const bool first = who.figures->answered + who.figures->failed == 1;
      who.figures->latency_us = static_cast<std::uint64_t>(first ? us : so_far + (us - so_far) / 16);
      ctx.meters.worker_call(failed ? worker_end::failed : worker_end::answered, took);
      break;
    }
    case session::question_end::timed_out:  // its caller has long been told
      ++who.figures->overdue;
      ctx.meters.worker_call(worker_end::overdue, took);
      break;
    default: ctx.meters.worker_call(worker_end::refused, took);  // its session has too many questions open
  }
  if (failed) ++keep.figures->errors;
  answer_call(*done.what, r.what, who.session.value);
  answer_leavers(done.who);
  has_room(who);
}

/// Nobody knows what has become of it: its worker has gone, or the session between them crashed.
void state::take_back(std::uint64_t number, bool worker_ended) {
  auto found = keep.at_work.find(number);
  if (found == keep.at_work.end()) return;
  const auto lost = keep.at_work.extract(found).mapped();
  --keep.figures->in_work;
  ++keep.figures->errors;
  auto& who = *keep.workers.find(lost.who);
  who.figures->in_flight = --who.in_flight;
  ++who.figures->lost;
  ctx.meters.worker_call(worker_end::lost, self->now() - lost.since);
  who.gone = who.gone || worker_ended;
  tell_lost(*lost.what, who.session.value);
  answer_leavers(lost.who);
  has_room(who);
}

void state::answer_call(const router::call& call, codecs::outcome what, const std::string& from) {
  runtime::tell(self, call.router, router::answered{call.id, std::move(what), from});
}

void state::tell_lost(const router::call& call, const std::string& from) {
  runtime::tell(self, call.router, router::lost{call.id, error_code::timed_out, from});
}

/// A worker with room takes from the queue; one that has unregistered and has answered all is none any more.
void state::has_room(worker& who) {
  while (who.has_room()) {
    auto next = keep.queue.pop(who.methods);
    if (!next) break;
    if (!next->cancelled) give(who, std::move(next));
  }
  count_waiting();
  if (who.gone || !who.methods.empty() || who.in_flight > 0) return;
  ctx.workers_now.remove(who.figures);
  keep.workers.remove(who.key);
}

void state::answer_leavers(worker_key key) {
  std::erase_if(leaving, [&](leaver& each) {
    if (each.who != key) return false;
    for (const auto& [number, work] : keep.at_work)
      if (work.who == key && std::ranges::count(each.methods, work.what->method) != 0) return false;
    const auto& who = *keep.workers.find(key);
    each.reply(
        codecs::result{codecs::results::registered{who.session.value, {who.methods.begin(), who.methods.end()}}});
    return true;
  });
}

void state::count_waiting() { ctx.workers_now.waiting = keep.figures->queued = keep.queue.size(); }

caf::actor spawn(const runtime::place& where, options opts) {
  if (!opts.keep) opts.keep = std::make_shared<record>();
  if (!opts.keep->figures) opts.keep->figures = opts.ctx.board.add("workers", "pool");
  return runtime::spawn<state>(where, std::move(opts));
}

}  // namespace greenroom::worker_pool
