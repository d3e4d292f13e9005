// Start and stop of a node's actor system in every condition that it may be stopped in. What is checked: that it ends,
// that every State is destroyed, and (under ASan) that nothing leaks.
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/scheduler.hpp"

namespace greenroom::tests::worker {

struct work {
  std::shared_ptr<int> load;
};
struct tick {};
struct question {
  struct reply {
    int value;
  };
};

struct options {
  bool restless = false;                 ///< sends to itself for ever
  std::function<void()> at_end = [] {};  ///< runs in the State's destructor
};

struct state {
  static inline const char* name = "worker";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {
    ++alive;
    if (opts.restless) runtime::tell(self, caf::actor{self}, tick{});
  }
  ~state() {
    --alive;
    opts.at_end();
  }

  caf::behavior start() {
    return {
        [](const work&) {},
        [this](const tick&) {
          if (opts.restless) runtime::tell(self, caf::actor{self}, tick{});
        },
        [](const question&) { return question::reply{1}; },
    };
  }

  runtime::actor_base* self;
  options opts;
  std::shared_ptr<int> owned = std::make_shared<int>(7);
  static inline std::atomic<int> alive{0};
};

}  // namespace greenroom::tests::worker

GREENROOM_MESSAGE(greenroom::tests::worker::work)
GREENROOM_MESSAGE(greenroom::tests::worker::tick)
GREENROOM_REQUEST(greenroom::tests::worker::question)

namespace greenroom::tests::outliver {

struct begin {};

struct options {
  caf::actor other;
  std::latch* stopped;
};

/// A detached actor that is still busy when the shards have stopped.
struct state {
  static inline const char* name = "outliver";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {}

  caf::behavior start() {
    return {[this](const begin&) {
      constexpr int messages = 200;
      opts.stopped->wait();
      for (int i = 0; i < messages; ++i) {
        runtime::tell(self, opts.other, worker::work{std::make_shared<int>(i)});
        self->delayed_send(self, std::chrono::milliseconds{1}, begin{});
        runtime::ask(self, opts.other, std::chrono::seconds{1}, worker::question{})
            .then([](const worker::question::reply&) {}, [](const caf::error&) {});
      }
      self->quit();
    }};
  }

  runtime::actor_base* self;
  options opts;
};

}  // namespace greenroom::tests::outliver

GREENROOM_MESSAGE(greenroom::tests::outliver::begin)

namespace greenroom::tests {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct node {
  struct config : caf::actor_system_config {
    config() { runtime::scheduler::install(*this, 2); }
  };
  config settings;
  caf::actor_system system{settings};
  runtime::scheduler& shards = runtime::scheduler::of(system);
  std::size_t next = 0;

  caf::actor spawn(worker::options opts = {}) {
    return runtime::spawn<worker::state>({system, &shards.at(next++ % shards.size())}, std::move(opts));
  }
};

}  // namespace

TEST_CASE("start and stop: a node without actors", "[runtime]") { node n; }

TEST_CASE("start and stop: actors that were told to end are waited for", "[runtime]") {
  {
    node n;
    for (int i = 0; i < 1000; ++i) caf::anon_send_exit(n.spawn(), caf::exit_reason::user_shutdown);
    CHECK(runtime::await_actors(n.system, clock::now() + 10s));
  }
  CHECK(worker::state::alive == 0);
}

TEST_CASE("start and stop: actors that nobody ends do not hold the stop beyond its deadline", "[runtime]") {
  {
    node n;
    std::vector<caf::actor> kept;
    for (int i = 0; i < 100; ++i) kept.push_back(n.spawn());
    CHECK_FALSE(runtime::await_actors(n.system, clock::now() + 20ms));
    kept.clear();
  }
  CHECK(worker::state::alive == 0);
}

TEST_CASE("start and stop: queued messages die with their receivers", "[runtime]") {
  auto load = std::make_shared<int>(1);
  {
    node n;
    n.system.await_actors_before_shutdown(false);
    for (int i = 0; i < 400; ++i) {
      auto who = n.spawn();
      for (int k = 0; k < 20; ++k) runtime::tell(who, worker::work{load});
    }
  }
  CHECK(load.use_count() == 1);
  CHECK(worker::state::alive == 0);
}

TEST_CASE("start and stop: actors that only a timer holds, more than CAF's own clock survives", "[runtime]") {
  {
    node n;
    n.system.await_actors_before_shutdown(false);
    for (int i = 0; i < 200; ++i) caf::delayed_anon_send(n.spawn(), 1h, worker::tick{});
  }
  CHECK(worker::state::alive == 0);
}

TEST_CASE("start and stop: actors that send to themselves for ever are abandoned", "[runtime]") {
  auto began = clock::now();
  {
    node n;
    n.system.await_actors_before_shutdown(false);
    for (int i = 0; i < 20; ++i) n.spawn({.restless = true});
  }
  CHECK(worker::state::alive == 0);
  CHECK(clock::now() - began < 10s);
}

TEST_CASE("start and stop: a detached actor may still send, ask and set timers when the shards have stopped",
          "[runtime]") {
  std::latch stopped{1};
  {
    node n;
    n.system.await_actors_before_shutdown(false);
    auto held_by_a_timer = n.spawn({.at_end = [&] { stopped.count_down(); }});
    caf::delayed_anon_send(held_by_a_timer, 1h, worker::tick{});
    auto busy = runtime::spawn_detached<outliver::state>({n.system}, outliver::options{n.spawn(), &stopped});
    runtime::tell(busy, outliver::begin{});
  }
  CHECK(worker::state::alive == 0);
}

TEST_CASE("start and stop: a post to a shard that has left is dropped", "[runtime]") {
  std::latch stopped{1};
  auto load = std::make_shared<int>(1);
  {
    node n;
    n.system.await_actors_before_shutdown(false);
    auto& first = n.shards.at(0);
    auto held_by_a_timer = n.spawn({.at_end = [&, load] {  // runs inside destroy_io()
      first.post([load] { FAIL("ran on a shard that has left"); });
      stopped.count_down();
    }});
    caf::delayed_anon_send(held_by_a_timer, 1h, worker::tick{});
    held_by_a_timer = nullptr;
  }
  CHECK(stopped.try_wait());
  CHECK(load.use_count() == 1);
}

}  // namespace greenroom::tests
