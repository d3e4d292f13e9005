// Races that ThreadSanitizer has to report, and an order that it must not: one by name. What tests/support/caf_order.cpp
// says of CAF's mailboxes could say too much; then the runs of the other tests would be clean and mean nothing.
//
//   thread_canary after_sending   the sender writes to what it has sent
//   thread_canary two_shards      two actors write to one number, each told by the main thread
//   thread_canary answered        the main thread writes to what an actor writes to after its answer
//   thread_canary passed_on       one writes, tells the other, and that one writes: no race
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "runtime/scheduler.hpp"

namespace greenroom::tests::canary {

using namespace std::chrono_literals;
using number = std::shared_ptr<int>;

/// How many writes there were, for whoever waits: relaxed, since a look at the other thread would be an order otherwise. So is
/// a handle that is let go.
inline std::atomic<int> written{0};
inline std::atomic<bool> answer_is_there{false};

void await(int writes) {
  while (written.load(std::memory_order_relaxed) < writes) std::this_thread::yield();
}

struct write {
  number to;
  caf::actor then{};  ///< told the same, where there is one
};
struct write_then {  ///< once the asker has its answer
  number to;
};
struct answer_and_write {
  number to;  ///< afterwards
  struct reply {};
};

}  // namespace greenroom::tests::canary

GREENROOM_MESSAGE(greenroom::tests::canary::write)
GREENROOM_MESSAGE(greenroom::tests::canary::write_then)
GREENROOM_REQUEST(greenroom::tests::canary::answer_and_write)

namespace greenroom::tests::canary {
namespace {

struct options {};

struct state {
  static inline const char* name = "canary";
  state(runtime::actor_base* s, const options&) : self{s} {}
  caf::behavior start() {
    return {
        [](const write& m) {
          ++*m.to;
          written.fetch_add(1, std::memory_order_relaxed);
          if (m.then) runtime::tell(m.then, write{m.to});
        },
        [](const write_then& m) {
          while (!answer_is_there.load(std::memory_order_relaxed)) std::this_thread::yield();
          ++*m.to;
          written.fetch_add(1, std::memory_order_relaxed);
        },
        [this](const answer_and_write& m) {
          runtime::tell(caf::actor{self}, write_then{m.to});
          return answer_and_write::reply{};
        },
    };
  }
  runtime::actor_base* self;
};

struct node {
  struct config : caf::actor_system_config {
    config() { runtime::scheduler::install(*this, 2); }
  };
  config settings;
  caf::actor_system system{settings};
  caf::actor on(std::size_t shard) {
    return runtime::spawn<state>({system, &runtime::scheduler::of(system).at(shard)}, options{});
  }
};

void after_sending(node& n, const number& shared) {
  const auto who = n.on(0);
  runtime::tell(who, write{shared});
  await(1);
  ++*shared;
}

void two_shards(node& n, const number& shared) {
  const auto one = n.on(0), other = n.on(1);
  runtime::tell(one, write{shared});
  runtime::tell(other, write{shared});
  await(2);
}

void answered(node& n, const number& shared) {
  const auto who = n.on(0);
  caf::scoped_actor self{n.system};
  self->request(who, 10s, answer_and_write{shared}).receive([](const answer_and_write::reply&) {}, [](caf::error&) {});
  answer_is_there.store(true, std::memory_order_relaxed);
  await(1);
  ++*shared;
}

void passed_on(node& n, const number& shared) {
  const auto one = n.on(0), other = n.on(1);
  ++*shared;
  constexpr int others = 1'000;
  for (int i = 0; i < others; ++i) runtime::tell(one, write{std::make_shared<int>(i), other});
  runtime::tell(one, write{shared, other});
  await(2 * (others + 1));
}

const std::map<std::string, void (*)(node&, const number&)> all{
    {"after_sending", after_sending}, {"two_shards", two_shards}, {"answered", answered}, {"passed_on", passed_on}};

}  // namespace
}  // namespace greenroom::tests::canary

int main(int argc, char** argv) {
  namespace canary = greenroom::tests::canary;
  const auto found = canary::all.find(argc > 1 ? argv[1] : "");
  if (found == canary::all.end()) return std::fputs("thread_canary NAME\n", stderr), 64;
  const auto shared = std::make_shared<int>(0);
  canary::node n;
  found->second(n, shared);
}
