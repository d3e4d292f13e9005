#include "actors/turn_line.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <vector>

#include "actors/connection.hpp"
#include "actors/room_directory.hpp"
#include "runtime/actor.hpp"
#include "runtime/scheduler.hpp"

namespace greenroom::tests::directory_stub {

struct options {};
struct state {
  static inline const char* name = "directory_stub";
  state(runtime::actor_base* s, const options&) : self{s} {}
  caf::behavior start() {
    return {[this](const room_directory::wait_turn& m) { runtime::tell(self, m.who, connection::turn{}); }};
  }
  runtime::actor_base* self;
};

}  // namespace greenroom::tests::directory_stub

namespace greenroom::tests::speaker {

using loop_turns = std::vector<std::uint64_t>;

struct options {
  caf::actor rooms;
  turn_line::conduct how;
  std::promise<loop_turns>* done;
};
/// Has 20 turns, and notes the loop's turn in which each began.
struct state {
  static inline const char* name = "speaker";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {}
  caf::behavior start() {
    return {[this](const connection::turn&) {
      began.push_back(self->home()->counters().turns.get());
      if (began.size() == 20) return opts.done->set_value(began);
      time_turn(opts.rooms, *self, opts.how);
    }};
  }
  runtime::actor_base* self;
  options opts;
  loop_turns began;
};

}  // namespace greenroom::tests::speaker

namespace greenroom {
namespace {

using stage = turn_line::stage;

struct crowd {
  explicit crowd(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) places.emplace_back(nullptr);
    for (auto& each : places) line.sit(each);
  }
  std::size_t standing() const {
    std::size_t count = 0;
    for (const auto& each : places) count += each.at() == stage::standing ? 1 : 0;
    return count;
  }
  turn_line line;
  std::deque<turn_line::place> places;
};

}  // namespace

TEST_CASE("turn line: who comes first has a seat, the others stand in line", "[actors][turn_line]") {
  crowd all{limits::turns_at_once};
  CHECK(all.line.empty());
  CHECK(all.standing() == 0);
  turn_line::place late{nullptr};
  all.line.sit(late);
  CHECK(late.at() == stage::standing);
  CHECK_FALSE(all.line.empty());
}

TEST_CASE("turn line: a seat goes to who has stood longest, and who leaves it goes to the end", "[actors][turn_line]") {
  crowd all{limits::turns_at_once + 3};
  std::vector<std::ptrdiff_t> order;
  for (std::size_t n = 0; n < all.places.size(); ++n) {
    auto& who = all.places[n];
    REQUIRE(who.at() == stage::seated);
    auto* next = all.line.leave(who);
    REQUIRE(next);
    CHECK(next->at() == stage::seated);
    all.line.sit(who);
    CHECK(who.at() == stage::standing);
    for (std::size_t i = 0; i < all.places.size(); ++i)
      if (next == &all.places[i]) order.push_back(static_cast<std::ptrdiff_t>(i));
  }
  std::vector<std::ptrdiff_t> expected{limits::turns_at_once, limits::turns_at_once + 1, limits::turns_at_once + 2};
  for (std::size_t i = 0; i < limits::turns_at_once; ++i) expected.push_back(static_cast<std::ptrdiff_t>(i));
  CHECK(order == expected);
}

TEST_CASE("turn line: who leaves gives its seat on, once", "[actors][turn_line]") {
  crowd all{limits::turns_at_once + 1};
  CHECK(all.line.leave(all.places[0]) == &all.places.back());
  CHECK(all.line.leave(all.places[0]) == nullptr);  // it has none any more
  CHECK(all.places[0].at() == stage::away);
  CHECK(all.line.leave(all.places[1]) == nullptr);  // nobody waits
  turn_line::place late{nullptr};
  all.line.sit(late);
  CHECK(late.at() == stage::seated);
}

TEST_CASE("turn line: who stands may go, or die, and the others move up", "[actors][turn_line]") {
  crowd all{limits::turns_at_once};
  auto dying = std::make_unique<turn_line::place>(nullptr);
  turn_line::place going{nullptr}, staying{nullptr};
  for (auto* each : {dying.get(), &going, &staying}) all.line.sit(*each);
  dying.reset();
  CHECK(all.line.leave(going) == nullptr);
  CHECK(all.line.leave(all.places[0]) == &staying);
  CHECK(all.line.empty());
}

TEST_CASE("turn line: those who flood have seats and a line of their own", "[actors][turn_line]") {
  turn_line line;
  std::deque<turn_line::place> floods;
  for (std::size_t i = 0; i < limits::flood_turns_at_once + 2; ++i) {
    line.sit(floods.emplace_back(nullptr), turn_line::conduct::floods);
    CHECK(floods.back().at() == (i < limits::flood_turns_at_once ? stage::seated : stage::standing));
  }
  CHECK(line.empty());  // for all others
  turn_line::place fair{nullptr};
  line.sit(fair);
  CHECK(fair.at() == stage::seated);
  CHECK(line.leave(fair) == nullptr);  // it is nobody's of the other line
  CHECK(line.leave(floods[0]) == &floods[limits::flood_turns_at_once]);

  line.sit(floods[0]);  // it has behaved since
  CHECK(floods[0].at() == stage::seated);
}

TEST_CASE("turn line: of those who flood one is heard in a turn of the loop, of others many", "[actors][turn_line]") {
  struct config : caf::actor_system_config {
    config() { runtime::scheduler::install(*this, 1); }
  };
  config settings;
  caf::actor_system system{settings};
  auto& home = runtime::scheduler::of(system).at(0);
  const auto rooms = runtime::spawn<tests::directory_stub::state>({system, &home}, tests::directory_stub::options{});
  const auto turns_of = [&](turn_line::conduct how) {
    std::promise<tests::speaker::loop_turns> done;
    const auto who = runtime::spawn<tests::speaker::state>({system, &home}, tests::speaker::options{rooms, how, &done});
    runtime::tell(who, connection::turn{});
    return done.get_future().get();
  };
  const auto floods = turns_of(turn_line::conduct::floods);
  CHECK(std::ranges::adjacent_find(floods, std::greater_equal{}) == floods.end());
  const auto fair = turns_of(turn_line::conduct::fair);
  CHECK(std::ranges::adjacent_find(fair) != fair.end());
}

}  // namespace greenroom
