// ACTOR_FIXTURE runs actors on one thread and a clock that only the test moves: CAF's test_coordinator under Catch2.
//
//   settle()               runs every job; time does not move
//   settle_randomly(seed)  the same, the next job chosen at random; the same seed gives the same schedule;
//                          at most so many jobs, where a number is given
//   advance(5s)            moves the clock timer by timer, settling after each
//   ask(to, msg)           asks, settles, and gives the reply (or fails the test); refused(to, msg) gives the error
//   tell(to, msg)          sends; call settle() to let it happen
//
// Every actor spawned or kept here is killed at the end. A test fails when an actor was sent a message that it does not
// know; expect_strays(n) says that this is what the test is about.
#pragma once

#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"

namespace greenroom::tests {

using namespace std::chrono_literals;

/// Actors that crash on purpose would fill the output of every test program that includes this.
inline const runtime::log::scoped quiet_log{{.level = runtime::log_level::off, .access = false}};

class actor_fixture {
 public:
  actor_fixture() = default;
  actor_fixture(const actor_fixture&) = delete;
  actor_fixture& operator=(const actor_fixture&) = delete;

  ~actor_fixture() {
    end_actors();
    CHECK(system.registry().running() == 0);
    CHECK(runtime::strays().unexpected - strays_before_ == strays_expected_);
    system.await_actors_before_shutdown(false);  // nobody would run them
  }

  /// Kills them now; for the destructor of a derived fixture whose members the actors use.
  void end_actors() {
    for (auto& each : owned_) caf::anon_send_exit(each, caf::exit_reason::kill);
    owned_.clear();
    jobs.run();
  }

  /// Where actors of a test live; home is null.
  runtime::place here(caf::actor supervisor = {}) { return {system, nullptr, std::move(supervisor)}; }

  template <class State, class Options>
  caf::actor spawn(Options options, caf::actor supervisor = {}) {
    return keep(runtime::spawn<State>(here(std::move(supervisor)), std::move(options)));
  }

  caf::actor keep(caf::actor who) {
    owned_.push_back(who);
    return who;
  }

  void settle() { jobs.run(); }

  std::string settle_randomly(std::uint32_t seed, std::size_t jobs_max = std::numeric_limits<std::size_t>::max()) {
    std::mt19937 random{seed};
    std::string schedule;
    while (!jobs.jobs.empty() && jobs_max-- > 0) {
      auto chosen = static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());  // a distribution would not be portable
      schedule += std::to_string(chosen) + ' ';
      std::rotate(jobs.jobs.begin(), jobs.jobs.begin() + chosen, jobs.jobs.begin() + chosen + 1);
      jobs.run_once();
    }
    return schedule;
  }

  void advance(caf::timespan by) {
    auto& clock = jobs.clock();
    auto until = clock.current_time + by;
    settle();
    while (!clock.schedule().empty() && clock.schedule().begin()->first <= until) {
      auto step = caf::timespan{clock.schedule().begin()->first - clock.current_time};
      jobs.advance_time(std::max(caf::timespan{0}, step));
      settle();
    }
    jobs.advance_time(until - clock.current_time);
    settle();
  }

  template <class M>
  void tell(const caf::actor& to, M message) {
    runtime::tell(to, std::move(message));
  }

  template <runtime::asked M>
  auto ask(const caf::actor& to, M message) {
    using reply = typename M::reply;
    auto [got, why] = request(to, std::move(message));
    if (!got) FAIL("asked and refused: " << runtime::explain(why));
    if constexpr (!std::is_void_v<reply>) return std::move(*got);
  }

  /// Asks what must be refused, and gives the error.
  template <runtime::asked M>
  caf::error refused(const caf::actor& to, M message) {
    auto [got, why] = request(to, std::move(message));
    if (got) FAIL("expected a refusal");
    return why;
  }

  /// The State of an actor spawned with these options' type; null while it waits for a restart.
  template <class State, class Options>
  static State* state_of(const caf::actor& who) {
    return static_cast<runtime::actor<State, Options>*>(caf::actor_cast<caf::abstract_actor*>(who))->state();
  }

  void expect_strays(std::uint64_t count) { strays_expected_ = count; }

 private:
  struct config : caf::actor_system_config {
    config() {
      set("scheduler.policy", caf::atom("testing"));
      set("scheduler.max-throughput", std::size_t{64});
      runtime::add_error_category(*this);
    }
  };

  template <class M>
  auto request(const caf::actor& to, M message) {
    using reply = typename M::reply;
    std::optional<std::conditional_t<std::is_void_v<reply>, caf::unit_t, reply>> got;
    caf::error refused;
    caf::scoped_actor asker{system};
    auto pending = asker->request(to, caf::infinite, std::move(message));
    settle();
    auto failed = [&](caf::error& why) { refused = std::move(why); };
    if constexpr (std::is_void_v<reply>)
      pending.receive([&] { got.emplace(); }, failed);
    else
      pending.receive([&](const reply& r) { got.emplace(r); }, failed);
    return std::pair{std::move(got), std::move(refused)};
  }

  config config_;

 public:
  caf::actor_system system{config_};
  caf::scheduler::test_coordinator& jobs = dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());

 private:
  std::vector<caf::actor> owned_;
  std::uint64_t strays_before_ = runtime::strays().unexpected;
  std::uint64_t strays_expected_ = 0;
};

}  // namespace greenroom::tests
