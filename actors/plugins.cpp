#include "actors/plugins.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/room_directory.hpp"
#include "actors/service_directory.hpp"
#include "actors/trial_control.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "storage/store.hpp"

namespace greenroom::plugins {
namespace {

constexpr std::size_t reasons_max = 10;        ///< in one answer
constexpr std::size_t trial_page_max = 1'000;  ///< stored states that a trial reads at once

/// The directories answer when their last room has.
constexpr auto patience = 2 * limits::swap_patience + 2 * limits::ask_timeout;

/// What the older build has and the newer one lacks; empty: nothing.
std::string missing(const extensions& older, const extensions& newer) {
  for (const auto& [behaviour, make] : older.rooms())
    if (!newer.rooms().contains(behaviour)) return "the newer build has no room behaviour " + behaviour;
  for (const auto& spec : older.services()) {
    const auto same = [&](const service_spec& other) { return other.name == spec.name; };
    if (std::ranges::none_of(newer.services(), same)) return "the newer build has no service " + spec.name;
  }
  return {};
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (std::size_t i = 0; i < std::min(all.size(), reasons_max); ++i) text += (i == 0 ? "" : "; ") + all[i];
  if (all.size() > reasons_max) text += "; and " + std::to_string(all.size() - reasons_max) + " more";
  return text;
}

/// One reload under way.
struct change {
  explicit change(runtime::actor_base* self) : owed{self} {}

  runtime::promise<reload> owed;
  plugin_library newer;
  std::vector<room_build_ptr> rooms;
  std::vector<std::shared_ptr<const service_spec>> services;
  std::vector<std::string> refusals;
  reload::reply told;
  std::size_t open = 0;
  std::function<void()> next;

  void expect() { ++open; }
  void done() {
    if (--open == 0) std::exchange(next, nullptr)();
  }
};
using change_ptr = std::shared_ptr<change>;

}  // namespace

struct state {
  static inline const char* name = "plugins";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o}, ctx{o.ctx} {}

  caf::behavior idle();
  caf::behavior changing();
  caf::behavior start() { return idle(); }
  void begin(const reload& m);
  void try_stored(const change_ptr& on, const storage::store& where);
  void try_build(const change_ptr& on);
  void move_over(const change_ptr& on);
  void finish(const change_ptr& on);
  void refuse(const change_ptr& on, std::string why);
  list::reply listed() const;
  record::entry* find(const std::string& name);

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
};

caf::behavior state::idle() {
  return {
      [this](const list&) { return listed(); },
      [this](const reload& m) { begin(m); },
  };
}

caf::behavior state::changing() {
  return {
      [this](const list&) { return listed(); },
      [](const reload&) -> caf::result<reload::reply> { return caf::skip(); },
  };
}

record::entry* state::find(const std::string& name) {
  const auto found = std::ranges::find_if(opts.keep->all, [&](const auto& e) { return e.library.name == name; });
  return found == opts.keep->all.end() ? nullptr : &*found;
}

void state::begin(const reload& m) {
  auto on = std::make_shared<change>(self);
  self->become(changing());
  const auto* older = find(m.name);
  if (!older) return refuse(on, "there is no plugin named " + m.name);
  try {
    on->newer = load_plugin(older->library.file, opts.scratch);
  } catch (const plugin_refused& e) {
    return refuse(on, e.what());
  }
  if (on->newer.name != m.name)
    return refuse(on, older->library.file.string() + " holds the plugin " + on->newer.name + " now, not " + m.name);
  if (auto lacks = missing(older->library.adds, on->newer.adds); !lacks.empty()) return refuse(on, std::move(lacks));
  for (const auto& [behaviour, make] : on->newer.adds.rooms())
    on->rooms.push_back(std::make_shared<const room_build>(room_build{behaviour, make}));
  for (const auto& spec : on->newer.adds.services()) on->services.push_back(std::make_shared<const service_spec>(spec));
  try_stored(on, ctx.memory);
  try_stored(on, ctx.disk);
  if (!on->refusals.empty()) return refuse(on, joined(on->refusals));
  try_build(on);
}

/// What is in the store: of rooms that rest, too.
void state::try_stored(const change_ptr& on, const storage::store& where) {
  std::string after;
  for (auto page = where.snapshots(after, trial_page_max); !page.empty();
       page = where.snapshots(after, trial_page_max)) {
    for (const auto& each : page) {
      const auto same = [&](const auto& build) { return build->behaviour == ctx.policies.of(each.log).behaviour; };
      const auto build = std::ranges::find_if(on->rooms, same);
      if (build == on->rooms.end() || each.snapshot->empty()) continue;
      try {
        room_on_trial trial{room_id{each.log}, ctx.now_ms()};
        if (auto made = (*build)->make(trial)) made->restore(*each.snapshot);
      } catch (...) {
        on->refusals.push_back("room " + each.log + ": " + runtime::what(std::current_exception()));
      }
    }
    after = page.back().log;
  }
}

/// Every living room and service restores its state in the newer build, without effect.
void state::try_build(const change_ptr& on) {
  on->next = [this, on] {
    if (!on->refusals.empty()) return refuse(on, joined(on->refusals));
    move_over(on);
  };
  on->expect();
  for (const auto& build : on->rooms)
    for (const auto& shard : ctx.shards) {
      on->expect();
      runtime::ask(self, shard.rooms, patience, room_directory::try_build{build})
          .then(
              [on](const room_directory::try_build::reply& r) {
                for (const auto& each : r.refused) on->refusals.push_back("room " + each.room + ": " + each.why);
                on->done();
              },
              [on](const caf::error& why) {
                on->refusals.push_back("a room directory does not answer: " + runtime::explain(why));
                on->done();
              });
    }
  for (const auto& spec : on->services) {
    on->expect();
    runtime::ask(self, ctx.services, patience, service_directory::try_build{spec})
        .then(
            [on, spec](const service_directory::try_build::reply& r) {
              if (!r.why.empty()) on->refusals.push_back("service " + spec->name + ": " + r.why);
              on->done();
            },
            [on](const caf::error& why) {
              on->refusals.push_back("the service directory does not answer: " + runtime::explain(why));
              on->done();
            });
  }
  on->done();
}

void state::move_over(const change_ptr& on) {
  on->next = [this, on] { finish(on); };
  on->expect();
  for (const auto& build : on->rooms) {
    ctx.behaviours.set(build);  // rooms that start from now on take it
    for (const auto& shard : ctx.shards) {
      on->expect();
      runtime::ask(self, shard.rooms, patience, room_directory::swap_build{build})
          .then(
              [on](const room_directory::swap_build::reply& r) {
                on->told.rooms += r.rooms;
                for (const auto& each : r.left) on->told.left.push_back("room " + each.room + ": " + each.why);
                on->done();
              },
              [on](const caf::error& why) {
                on->told.left.push_back("a room directory does not answer: " + runtime::explain(why));
                on->done();
              });
    }
  }
  for (const auto& spec : on->services) {
    on->expect();
    runtime::ask(self, ctx.services, patience, service_directory::swap_build{spec})
        .then(
            [on, spec](const service_directory::swap_build::reply& r) {
              if (r.why.empty())
                ++on->told.services;
              else
                on->told.left.push_back("service " + spec->name + ": " + r.why);
              on->done();
            },
            [on](const caf::error& why) {
              on->told.left.push_back("the service directory does not answer: " + runtime::explain(why));
              on->done();
            });
  }
  on->done();
}

void state::finish(const change_ptr& on) {
  on->told.version = on->newer.version;
  if (auto* entry = find(on->newer.name)) {
    entry->library = std::move(on->newer);
    ++entry->loads;
    runtime::log::info("a plugin was reloaded", {{"plugin", entry->library.name},
                                                 {"version", entry->library.version},
                                                 {"rooms", on->told.rooms},
                                                 {"services", on->told.services}});
  }
  if (!on->told.left.empty())
    runtime::log::warn("some stayed with the older build", {{"reasons", joined(on->told.left)}});
  on->owed.deliver(std::move(on->told));
  self->become(idle());
}

void state::refuse(const change_ptr& on, std::string why) {
  runtime::log::warn("a plugin was not reloaded", {{"reason", why}});
  reload::reply told;
  told.why = std::move(why);
  on->owed.deliver(std::move(told));
  self->become(idle());
}

list::reply state::listed() const {
  list::reply all;
  for (const auto& each : opts.keep->all) {
    const auto& library = each.library;
    list::plugin one{.name = library.name,
                     .version = library.version,
                     .file = library.file.string(),
                     .rooms = {},
                     .services = {},
                     .loads = each.loads};
    for (const auto& [behaviour, make] : library.adds.rooms()) one.rooms.push_back(behaviour);
    for (const auto& spec : library.adds.services()) one.services.push_back(spec.name);
    all.plugins.push_back(std::move(one));
  }
  return all;
}

caf::actor spawn(const runtime::place& where, options opts) {
  return runtime::spawn_detached<state>(where, std::move(opts));
}

}  // namespace greenroom::plugins
