#include "runtime/actor.hpp"

#include <stdexcept>

#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests::counter {

struct increment {
  struct reply {
    int value;
    std::uint32_t life;
  };
};
struct fall {};
struct fall_asked {
  using reply = void;
};

struct options {
  int start = 0;
};

struct state {
  static inline const char* name = "counter";
  state(runtime::actor_base* s, const options& opts) : self{s}, value{opts.start} {}

  caf::behavior start() {
    return {
        [this](const increment&) {
          return increment::reply{++value, self->life()};
        },
        [](const fall&) { throw std::runtime_error{"fell"}; },
        [](const fall_asked&) -> caf::result<void> { throw std::runtime_error{"fell, asked"}; },
    };
  }

  runtime::actor_base* self;
  int value;
};

}  // namespace greenroom::tests::counter

GREENROOM_REQUEST(greenroom::tests::counter::increment)
GREENROOM_MESSAGE(greenroom::tests::counter::fall)
GREENROOM_MESSAGE(greenroom::tests::counter::fall_asked)

namespace greenroom::tests {

TEST_CASE_METHOD(actor_fixture, "actor: answers what it is asked", "[runtime]") {
  auto counter = spawn<counter::state>(counter::options{.start = 6});
  CHECK(ask(counter, counter::increment{}).value == 7);
}

TEST_CASE_METHOD(actor_fixture, "actor: without a supervisor a crash ends it, and the asker is told", "[runtime]") {
  auto counter = spawn<counter::state>(counter::options{});
  auto why = refused(counter, counter::fall_asked{});
  CHECK(why == runtime::errc::crashed);
  CHECK(system.registry().running() == 0);
}

}  // namespace greenroom::tests
