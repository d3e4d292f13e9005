#include "runtime/shard.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <latch>
#include <string>
#include <thread>

#include "runtime/actor.hpp"
#include "runtime/scheduler.hpp"

namespace greenroom::tests::visitor {

struct visit {
  std::promise<runtime::shard*>* seen;
};
struct note {
  std::string* diary;
};
struct again {
  std::atomic<int>* left;
};

struct options {};

struct state {
  static inline const char* name = "visitor";
  state(runtime::actor_base* s, const options&) : self{s}, born_on{runtime::shard::current()} {}
  ~state() {
    if (runtime::shard::current() != self->home()) ++died_abroad;
  }

  caf::behavior start() {
    return {
        [this](const visit& v) { v.seen->set_value(born_on == self->home() ? runtime::shard::current() : nullptr); },
        [](const note& n) { *n.diary += "actor "; },
        [this](const again& a) {
          if (--*a.left > 0) runtime::tell(self, caf::actor{self}, a);
        },
    };
  }

  runtime::actor_base* self;
  runtime::shard* born_on;
  static inline std::atomic<int> died_abroad{0};
};

}  // namespace greenroom::tests::visitor

GREENROOM_MESSAGE(greenroom::tests::visitor::visit)
GREENROOM_MESSAGE(greenroom::tests::visitor::note)
GREENROOM_MESSAGE(greenroom::tests::visitor::again)

namespace greenroom::tests {

namespace {

using namespace std::chrono_literals;
using runtime::shard;

/// Two real shards.
struct node {
  struct config : caf::actor_system_config {
    config() { runtime::scheduler::install(*this, 2); }
  };
  config settings;
  caf::actor_system system{settings};
  runtime::scheduler& shards = runtime::scheduler::of(system);

  caf::actor visitor_on(shard* home) { return runtime::spawn<visitor::state>({system, home}, visitor::options{}); }

  /// Runs `what` on a shard and waits for it.
  template <class F>
  auto on(shard& where, F what) {
    std::packaged_task<std::invoke_result_t<F>()> task{std::move(what)};
    auto result = task.get_future();
    where.post(std::move(task));
    return result.get();
  }

  shard* where_runs(const caf::actor& who) {
    std::promise<shard*> seen;
    runtime::tell(who, visitor::visit{&seen});
    return seen.get_future().get();
  }
};

struct diary_hook final : runtime::turn_hook {
  diary_hook(std::string& d, std::promise<void>* t) : diary{d}, told{t} {}
  void on_turn_end() override {
    diary += "hook ";
    if (again-- > 0)
      shard::current()->at_turn_end(*this);
    else if (told)
      told->set_value();
  }
  std::string& diary;
  std::promise<void>* told;
  int again = 0;
};

}  // namespace

TEST_CASE("shard: an actor lives on its shard from the constructor of its State on, whoever spawns and sends",
          "[runtime]") {
  node n;
  for (int i = 0; i < 50; ++i) {
    auto& home = n.shards.at(static_cast<std::size_t>(i % 2));
    auto from_outside = n.visitor_on(&home);
    CHECK(n.where_runs(from_outside) == &home);
    auto from_the_shard = n.on(home, [&] { return n.visitor_on(nullptr); });
    CHECK(n.where_runs(from_the_shard) == &home);
    auto from_the_other = n.on(n.shards.at(static_cast<std::size_t>((i + 1) % 2)), [&] { return n.visitor_on(&home); });
    CHECK(n.where_runs(from_the_other) == &home);
  }
}

TEST_CASE("shard: an actor without a home and without a calling shard goes to the shards in turn", "[runtime]") {
  node n;
  auto a = n.visitor_on(nullptr), b = n.visitor_on(nullptr);
  CHECK(n.where_runs(a) != n.where_runs(b));
}

TEST_CASE("shard: posts run in order, on the shard's thread", "[runtime]") {
  node n;
  auto& home = n.shards.at(1);
  std::string order;
  std::promise<void> done;
  for (char c : std::string{"abcdef"}) home.post([&, c] { order += shard::current() == &home ? c : '?'; });
  home.post([&done] { done.set_value(); });
  done.get_future().wait();
  CHECK(order == "abcdef");
}

TEST_CASE("shard: a hook runs once a turn, after the turn's actors, however often it is registered", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  auto writer = n.visitor_on(&home);
  std::string diary;
  std::promise<void> told;
  diary_hook hook{diary, &told};
  home.post([&] {
    home.at_turn_end(hook);
    runtime::tell(writer, visitor::note{&diary});
    home.at_turn_end(hook);
    runtime::tell(writer, visitor::note{&diary});
  });
  told.get_future().wait();
  CHECK(diary == "actor actor hook ");
}

TEST_CASE("shard: a hook that registers itself again runs in the next turn", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  std::string diary;
  std::promise<void> told;
  diary_hook hook{diary, &told};
  hook.again = 2;
  auto first = n.on(home, [&] {
    home.at_turn_end(hook);
    return home.counters().turns.get();
  });
  told.get_future().wait();
  CHECK(diary == "hook hook hook ");
  CHECK(home.counters().turns.get() >= first + 2);
}

TEST_CASE("shard: a hook that was destroyed does not run", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  std::string diary;
  std::promise<void> told;
  diary_hook last{diary, &told};
  home.post([&] {
    diary_hook gone{diary, nullptr};
    home.at_turn_end(gone);
    home.at_turn_end(last);
  });
  told.get_future().wait();
  CHECK(diary == "hook ");
}

TEST_CASE("shard: its timers fire on its thread, not before they are due", "[runtime]") {
  struct alarm final : runtime::timer {
    void on_timer() override { rang.set_value({shard::current(), shard::clock_type::now()}); }
    std::promise<std::pair<shard*, shard::time_point>> rang;
  };
  node n;
  auto& home = n.shards.at(1);
  alarm clock;
  auto due = shard::clock_type::now() + 20ms;
  home.post([&] { home.timers().arm(clock, due); });
  auto [where, when] = clock.rang.get_future().get();
  CHECK(where == &home);
  CHECK(when >= due);
}

TEST_CASE("shard: now() stands still within a turn and moves between turns", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  auto before = n.on(home, [&] {
    auto first = home.now();
    while (shard::clock_type::now() - first < 2ms) {
    }
    CHECK(home.now() == first);
    return first;
  });
  CHECK(n.on(home, [&] { return home.now(); }) >= before + 2ms);
}

TEST_CASE("shard: the handler that wakes a sleeping shard sees the time of its wake, not of the sleep", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  for (int i = 0; i < 20; ++i) {
    n.on(home, [] {});  // and then nothing: it goes to sleep
    auto before = shard::clock_type::now();
    std::promise<shard::time_point> seen;
    boost::asio::post(home.io(), [&] { seen.set_value(home.now()); });
    CHECK(seen.get_future().get() >= before);
  }
}

TEST_CASE("shard: an actor that sends to itself leaves the shard to others", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  std::atomic<int> left{1'000'000'000};
  auto busy = n.visitor_on(&home), other = n.visitor_on(&home);
  runtime::tell(busy, visitor::again{&left});
  CHECK(n.where_runs(other) == &home);  // and a post gets its turn
  CHECK(n.on(home, [] { return 1; }) == 1);
  CHECK(left > 0);
  left = 1;
}

TEST_CASE("shard: it counts its turns and how long they were", "[runtime]") {
  node n;
  auto& home = n.shards.at(0);
  auto visitor = n.visitor_on(&home);
  for (int i = 0; i < 10; ++i) n.where_runs(visitor);
  auto [turns, sum] = n.on(home, [&] {
    std::uint64_t all = 0;
    for (auto& bucket : home.counters().turn_us) all += bucket.get();
    return std::pair{home.counters().turns.get(), all};
  });
  CHECK(turns == sum + 1);  // the one that looks is not over
  CHECK(home.counters().jobs.get() >= 1);
  for (int i = 0; i < 100'000 && home.counters().wakeups.get() == 0; ++i)
    n.on(home, [] {});  // it sleeps between two posts
  CHECK(home.counters().wakeups.get() >= 1);
}

TEST_CASE("shard: a State is destroyed at home", "[runtime]") {
  visitor::state::died_abroad = 0;
  {
    node n;
    for (int i = 0; i < 20; ++i) {
      auto who = n.visitor_on(&n.shards.at(static_cast<std::size_t>(i % 2)));
      caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    }
    CHECK(runtime::await_actors(n.system, shard::clock_type::now() + 10s));
  }
  CHECK(visitor::state::died_abroad == 0);
}

}  // namespace greenroom::tests
