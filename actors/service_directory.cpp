#include "actors/service_directory.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/router.hpp"
#include "actors/service_host.hpp"
#include "runtime/dynamic_children.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"

namespace greenroom::service_directory {
namespace {

struct start_again {
  caf::actor_id which;
};  ///< To itself: an instance has ended that should not.

constexpr std::chrono::seconds between_starts{1};

}  // namespace
}  // namespace greenroom::service_directory

GREENROOM_MESSAGE(greenroom::service_directory::start_again)

namespace greenroom::service_directory {

struct state {
  static inline const char* name = "service_directory";
  state(runtime::actor_base* s, const options& o)
      : self{s},
        ctx{o.ctx},
        newer{*o.newer},
        children{s,
                 {.id = "services",
                  .limit = runtime::backoff{},
                  .ended = [this](const caf::actor_addr& who, const caf::error&) {
                    self->later(between_starts, start_again{who.id()});
                  }}} {}
  ~state() {
    for (const auto& each : all) ctx.board.remove(each.figures);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  /// One instance that is always there.
  struct entry {
    std::shared_ptr<const service_spec> spec;
    std::size_t shard = 0;
    std::shared_ptr<service_figures> figures;
    caf::actor who{};
  };

  caf::behavior start();
  void place_instances(const service_spec& spec);
  void bring_up(entry& one);
  void add_to(const caf::actor& router, const entry& one);
  template <class Question, class M, class Agreed>
  void ask_instances(const M& m, Agreed agreed);
  void changed(entry& one, const std::shared_ptr<const service_spec>& next);

  runtime::actor_base* self;
  context& ctx;
  newer_builds& newer;
  runtime::dynamic_children children;
  std::vector<entry> all;
};

caf::behavior state::start() {
  for (const auto& each : ctx.extensions.services()) place_instances(each);
  for (auto& each : all) bring_up(each);
  return children.handlers().or_else(
      [this](const router::recollect& m) {
        for (const auto& each : all) add_to(ctx.shards[m.shard].router, each);
      },
      [this](const start_again& m) {
        for (auto& each : all)
          if (each.who.id() == m.which) bring_up(each);
      },
      [this](const try_build& m) { ask_instances<service_host::try_build>(m, [](entry&) {}); },
      [this](const swap_build& m) {
        ask_instances<service_host::swap_build>(m, [this, next = m.spec](entry& one) { changed(one, next); });
      });
}

/// Asks every instance of the service; `agreed` is called for each that has nothing against it.
template <class Question, class M, class Agreed>
void state::ask_instances(const M& m, Agreed agreed) {
  struct round {
    explicit round(runtime::actor_base* self) : owed{self} {}
    void close(std::string why) {
      if (told.why.empty()) told.why = std::move(why);
      if (--open == 0) owed.deliver(std::move(told));
    }
    runtime::promise<M> owed;
    typename M::reply told;
    std::size_t open = 1;
  };
  auto rest = std::make_shared<round>(self);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].spec->name != m.spec->name) continue;
    ++rest->open;
    runtime::ask(self, all[i].who, 2 * limits::swap_patience + limits::ask_timeout, Question{m.spec})
        .then(
            [this, rest, agreed, i](const typename Question::reply& r) {
              if (r.why.empty()) agreed(all[i]);
              rest->close(r.why);
            },
            [rest](const caf::error& why) { rest->close(runtime::explain(why)); });
  }
  rest->close({});
}

/// The routers learn what the newer build answers, and forget what it does not.
void state::changed(entry& one, const std::shared_ptr<const service_spec>& next) {
  std::vector<std::string> lost;
  for (const auto& each : one.spec->methods) {
    const auto same = [&](const service_method& other) { return other.about.name == each.about.name; };
    if (std::ranges::none_of(next->methods, same)) lost.push_back(each.about.name);
  }
  one.spec = newer[next->name] = next;
  for (const auto& each : ctx.shards) {
    if (!lost.empty()) runtime::tell(self, each.router, router::remove_target{one.who, lost});
    add_to(each.router, one);
  }
}

void state::place_instances(const service_spec& spec) {
  const auto found = newer.find(spec.name);
  const auto shared = found != newer.end() ? found->second : std::make_shared<const service_spec>(spec);
  const auto add = [&](std::size_t shard) {
    all.push_back({shared, shard, ctx.board.add(spec.name, "shard " + std::to_string(shard))});
  };
  if (spec.instances == instances::one) return add(std::hash<std::string>{}(spec.name) % ctx.shards.size());
  for (std::size_t i = 0; i < ctx.shards.size(); ++i) add(i);
}

void state::bring_up(entry& one) {
  one.who = children.start([&](runtime::place at) {
    at.home = ctx.shards[one.shard].home;
    auto keep = std::make_shared<service_host::record>();
    keep->spec = one.spec;
    keep->figures = one.figures;
    return service_host::spawn(at, {.ctx = ctx, .shard = one.shard, .keep = std::move(keep)});
  });
  if (!one.who) return;
  for (const auto& each : ctx.shards) add_to(each.router, one);
}

void state::add_to(const caf::actor& router, const entry& one) {
  const auto& spec = *one.spec;
  router::add_target target{.who = one.who,
                            .methods = {},
                            .channels = {},
                            .origin = router::origin::service,
                            .service = spec.name,
                            .shard = {},
                            .time_limit = spec.time_limit,
                            .open_max = std::size_t{spec.concurrency_max} + spec.queue_max,
                            .figures = one.figures};
  if (spec.instances == instances::one_a_shard) target.shard = one.shard;
  for (const auto& each : spec.methods) target.methods.push_back({each.about, each.again});
  for (const auto& each : spec.channels) target.channels.push_back(each.pattern);
  runtime::ask(self, router, limits::ask_timeout, std::move(target))
      .then(
          [called = spec.name](const router::add_target::reply& r) {
            for (const auto& each : r.taken)
              runtime::log::error("a method has somebody else to answer it", {{"service", called}, {"method", each}});
          },
          [](const caf::error&) {});  // a router that restarts asks again
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::service_directory
