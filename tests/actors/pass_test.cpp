// pass() says what tell() says, from other memory.
#include "actors/pass.hpp"

#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests {
namespace {

struct word {
  std::string text;
};
struct open_up {};

struct listener_options {
  std::vector<std::string>& story;
};

/// Lets words wait until it is told to open up; "crash" ends its life, and is offered to dead_letter().
struct listener_state {
  static inline const char* name = "listener";
  listener_state(runtime::actor_base* s, const listener_options& o) : self{s}, story{o.story} {}
  caf::behavior start();
  void dead_letter(const caf::message& cause, const caf::error&);

  runtime::actor_base* self;
  std::vector<std::string>& story;
};

}  // namespace
}  // namespace greenroom::tests

GREENROOM_MESSAGE(greenroom::tests::word)
GREENROOM_MESSAGE(greenroom::tests::open_up)

namespace greenroom::tests {
namespace {

void listener_state::dead_letter(const caf::message& cause, const caf::error&) {
  story.push_back("dead: " + cause.get_as<word>(0).text);
}

caf::behavior listener_state::start() {
  return {
      [](const word&) { return caf::skip(); },
      [this](const open_up&) {
        self->become(caf::behavior{[this](const word& m) {
          if (m.text == "crash") throw std::runtime_error{"as the test wants"};
          const bool mine = self->current_sender() == self->ctrl();
          story.push_back(m.text + (mine ? " from itself" : self->current_sender() ? " from another" : ""));
          if (m.text == "echo") pass(self, caf::actor{self}, word{"again"});
        }});
      },
  };
}

const std::string longer(400, 'w');  // than what fits into a string itself

}  // namespace

TEST_CASE_METHOD(actor_fixture, "pass: what is passed arrives in order, with its sender, and waits where it is skipped",
                 "[actors][pass]") {
  std::vector<std::string> story;
  const auto who = spawn<listener_state>(listener_options{story});
  pass(who, word{"one"});
  runtime::tell(who, word{"two"});
  pass(who, word{longer});
  settle();
  CHECK(story.empty());
  pass(who, open_up{});
  pass(who, word{"echo"});
  settle();
  CHECK(story == std::vector<std::string>{"one", "two", longer, "echo", "again from itself"});
}

TEST_CASE_METHOD(actor_fixture, "pass: the message that crashed an actor is a dead letter as any other",
                 "[actors][pass]") {
  std::vector<std::string> story;
  const auto who = spawn<listener_state>(listener_options{story});
  pass(who, open_up{});
  pass(who, word{"crash"});
  settle();
  CHECK(story == std::vector<std::string>{"dead: crash"});
  pass(who, word{"late"});  // it had no supervisor, and has ended
  pass(caf::actor{}, word{"to nobody"});
  settle();
  CHECK(story.size() == 1);
}

TEST_CASE_METHOD(actor_fixture, "pass: what nobody handled is unexpected, and what nobody read is freed",
                 "[actors][pass]") {
  std::vector<std::string> story;
  expect_strays(1);
  const auto who = spawn<listener_state>(listener_options{story});
  pass(who, open_up{});
  pass(who, open_up{});
  settle();
  caf::anon_send_exit(who, caf::exit_reason::kill);
  for (int i = 0; i != 100; ++i) pass(who, word{longer});
  settle();
  CHECK(story.empty());
}

}  // namespace greenroom::tests
