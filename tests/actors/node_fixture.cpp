#include "tests/support/node_fixture.hpp"

#include <algorithm>

#include "actors/gateway.hpp"
#include "actors/offline_queue.hpp"
#include "actors/permissions.hpp"
#include "actors/presence.hpp"
#include "actors/relay.hpp"
#include "actors/room_directory.hpp"
#include "actors/router.hpp"
#include "actors/service_directory.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/worker_pool.hpp"
#include "runtime/lifecycle.hpp"
#include "runtime/log.hpp"
#include "runtime/rehearsal.hpp"
#include "storage/memory_store.hpp"

namespace greenroom::tests {
namespace {

using runtime::lifecycle::restart;
using runtime::lifecycle::suspend;

struct shake {
  caf::actor who;
};
struct no_options {};

/// The supervisor of what is always there: brings it back at once, however often.
struct nurse_state {
  static inline const char* name = "nurse";
  nurse_state(runtime::actor_base* s, const no_options&) : self{s} {}

  caf::behavior start();
  void bring_back(const caf::actor_addr& who) {
    if (auto patient = caf::actor_cast<caf::actor>(who)) runtime::tell(self, patient, restart{});
  }

  runtime::actor_base* self;
};

/// Refused calls and crashes on purpose would fill the output.
const runtime::log::scoped quiet{{.level = runtime::log_level::off, .access = false}};

constexpr std::int64_t wall_at_start_ms = 1'767'225'600'000;  // 2026-01-01

}  // namespace
}  // namespace greenroom::tests

GREENROOM_MESSAGE(greenroom::tests::shake)

namespace greenroom::tests {

caf::behavior nurse_state::start() {
  return {
      [](const runtime::lifecycle::started&) {},
      [this](const runtime::lifecycle::failed& m) { bring_back(m.who); },
      [this](const runtime::lifecycle::suspended& m) { bring_back(m.who); },
      [this](const shake& m) { runtime::tell(self, m.who, suspend{}); },
  };
}

struct node_fixture::parts {
  parts(node_fixture& f, std::unique_ptr<storage::store> stored)
      : memory{storage::make_memory_store()},
        disk{std::move(stored)},
        metrics{f.shards},
        meters{metrics, f.shards},
        ctx{.config = f.config,
            .memory = memory,
            .disk = disk,
            .meters = meters,
            .policies = room_policies{f.config},
            .extensions = f.extensions,
            .version = "test",
            .started = {},
            .now_ms =
                [&clock = f.jobs.clock(), began = f.began_] {
                  auto since = std::chrono::duration_cast<std::chrono::milliseconds>(clock.current_time - began);
                  return wall_at_start_ms + since.count();
                },
            .shards = {},
            .writer = {},
            .readers = {},
            .sessions = {},
            .permissions = make_permissions(f.config),
            .process_prefix = f.past_.empty() ? "server-" : "server-" + std::to_string(f.past_.size()) + '-'} {
    ctx.at = stage::ready;
    ctx.shards.resize(f.shards);
    for (auto& each : ctx.shards) each.compressors = std::make_unique<compressors>(f.config.gateway, meters);
  }

  faulty_store memory, disk;
  runtime::metrics metrics;
  greenroom::meters meters;
  context ctx;
  caf::actor nurse;
  std::vector<std::unique_ptr<client>> clients;
};

node_fixture::node_fixture() { runtime::rehearsal::allow(true); }

node_fixture::~node_fixture() {
  if (!parts_) return;
  end_actors();
  jobs.run();
  parts_.reset();
  past_.clear();
}

node_fixture::parts& node_fixture::node() {
  if (parts_) return *parts_;
  parts_ = std::make_unique<parts>(*this, storage::make_memory_store());
  start();
  return *parts_;
}

void node_fixture::start() {
  auto& ctx = parts_->ctx;
  parts_->nurse = actor_fixture::spawn<nurse_state>(no_options{});
  auto there = here(parts_->nurse);
  ctx.writer = keep(store_writer::spawn(there, {ctx}));
  ctx.readers = {keep(store_reader::spawn(there, {ctx}))};
  ctx.sessions = keep(session_directory::spawn(there, {ctx}));
  for (std::size_t i = 0; i < shards; ++i) {
    ctx.shards[i].relay = keep(relay::spawn(there, {ctx, i}));
    ctx.shards[i].rooms = keep(room_directory::spawn(there, {ctx, i}));
    ctx.shards[i].presence = keep(presence::spawn(there, {ctx, i}));
    ctx.shards[i].queue = keep(offline_queue::spawn(there, {ctx, i}));
    ctx.shards[i].router = keep(router::spawn(there, {ctx, i}));
    ctx.shards[i].gateway = keep(gateway::spawn(there, {ctx, i, {}, {}}));
  }
  ctx.services = keep(service_directory::spawn(there, {ctx}));
  ctx.workers = keep(worker_pool::spawn(there, {ctx, {}}));
  settle();
}

void node_fixture::restart() {
  const auto claims = disk().claims;
  const auto lists_fail = disk().lists_fail;
  auto stored = disk().cut_off(storage::make_memory_store());
  for (auto& each : parts_->clients) each->wire().break_off();
  end_actors();
  past_.push_back(std::move(parts_));
  parts_ = std::make_unique<parts>(*this, std::move(stored));
  disk().claims = claims;
  disk().lists_fail = lists_fail;
  disk().commit(storage::sessions_restart{parts_->ctx.now_ms()});
  start();
}

runtime::namespace_config& node_fixture::policy(std::string_view name) { return config.namespaces.find(name)->second; }
client& node_fixture::connect(const client::settings& how) {
  return *node().clients.emplace_back(std::make_unique<client>(*this, how));
}
context& node_fixture::ctx() { return node().ctx; }
faulty_store& node_fixture::store() { return node().memory; }
faulty_store& node_fixture::disk() { return node().disk; }
faulty_store& node_fixture::store_of(std::string_view room) {
  return ctx().policies.of(room).kind == room_kind::durable ? disk() : store();
}
const caf::actor& node_fixture::nurse() { return node().nurse; }
void node_fixture::crash(const caf::actor& who) { tell(nurse(), shake{who}); }

void node_fixture::fail(const caf::actor& who) { tell(who, runtime::rehearsal::fail{"the test wants it"}); }

void node_fixture::fail_next(std::string_view name) {
  while (!jobs.jobs.empty()) {
    if (auto* next = dynamic_cast<caf::local_actor*>(jobs.jobs.front()); next && next->name() == name)
      return fail(caf::actor_cast<caf::actor>(next));
    jobs.run_once();
  }
}

double node_fixture::figure(std::string_view series) {
  const auto all = node().metrics.scrape();
  std::string line{"\n"};
  line.append(series).append(" ");
  const auto found = all.find(line);
  return found == std::string::npos ? 0 : std::stod(all.substr(found + line.size()));
}

bool node_fixture::flush() {
  bool moved = false;
  for (auto& each : parts_->clients) moved = each->wire().flush() || moved;
  return moved;
}

void node_fixture::settle() {
  do {
    jobs.run();
  } while (flush());
}

void node_fixture::settle_without(std::string_view name) {
  const auto idles = [name](caf::resumable* each) {
    auto* one = dynamic_cast<caf::local_actor*>(each);
    return one && one->name() == name;
  };
  for (;;) {
    const auto next = std::ranges::find_if_not(jobs.jobs, idles);
    if (next == jobs.jobs.end()) {
      if (!flush()) return;
      continue;
    }
    std::rotate(jobs.jobs.begin(), next, next + 1);
    jobs.run_once();
  }
}

void node_fixture::settle_randomly(std::mt19937& random, std::size_t steps_max) {
  while (steps_max-- > 0) {
    auto writers = node().clients.size();
    if (jobs.jobs.empty() && !flush() && jobs.jobs.empty()) return;
    auto chosen = random() % (jobs.jobs.size() + writers);  // a distribution would not be portable
    if (chosen < writers) {
      parts_->clients[chosen]->wire().flush();
    } else {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(chosen - writers);
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }
}

void node_fixture::advance(caf::timespan by) {
  auto& clock = jobs.clock();
  const auto until = clock.current_time + by;
  settle();
  while (!clock.schedule().empty() && clock.schedule().begin()->first <= until) {
    auto step = caf::timespan{clock.schedule().begin()->first - clock.current_time};
    jobs.advance_time(std::max(caf::timespan{0}, step));
    settle();
  }
  jobs.advance_time(until - clock.current_time);
  settle();
}

}  // namespace greenroom::tests
