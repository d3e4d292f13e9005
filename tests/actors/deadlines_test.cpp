// What is owed until a time, and the one timer for all of it.
#include "actors/deadlines.hpp"

#include <catch2/catch.hpp>

#include <memory>

#include "runtime/ask.hpp"
#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests {
namespace {

struct tick {};
struct owe {
  int what = 0;
  std::chrono::milliseconds limit{};
};

struct debtor_options {
  std::vector<std::string>& story;
};

/// Owes numbers, and writes down when each was over and how many ticks came.
struct debtor_state {
  static inline const char* name = "debtor";
  debtor_state(runtime::actor_base* s, const debtor_options& o) : self{s}, story{o.story}, bell{s}, began{s->now()} {}
  caf::behavior start();
  std::string when() const {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(self->now() - began).count());
  }

  runtime::actor_base* self;
  std::vector<std::string>& story;
  deadline_map<int, std::unique_ptr<int>> owed;  // what can only be moved
  alarm<tick> bell;
  deadline began;
};

}  // namespace
}  // namespace greenroom::tests

GREENROOM_MESSAGE(greenroom::tests::tick)
GREENROOM_MESSAGE(greenroom::tests::owe)

namespace greenroom::tests {
namespace {

caf::behavior debtor_state::start() {
  return {
      [this](const owe& m) {
        owed.add(m.what, self->now() + m.limit, std::make_unique<int>(m.what));
        bell.set(owed.next());
      },
      [this](const tick&) {
        if (!bell.rings()) return story.push_back("overtaken at " + when());
        while (auto late = owed.take_due(self->now())) story.push_back(std::to_string(**late) + " at " + when());
        bell.set(owed.next());
      },
  };
}

}  // namespace

TEST_CASE("deadlines: each thing is taken out once, by key, by time or in order", "[actors][deadlines]") {
  const deadline start{};
  deadline_map<int, std::string> all;
  CHECK_FALSE(all.next());
  CHECK_FALSE(all.take_first());
  CHECK(all.add(3, start + 3s, "three"));
  CHECK(all.add(1, start + 5s, "one"));
  CHECK(all.add(2, start + 1s, "two"));
  CHECK_FALSE(all.add(2, start, "another two"));
  CHECK(all.size() == 3);
  CHECK(all.next() == start + 1s);
  CHECK(*all.find(2) == "two");
  CHECK_FALSE(all.take_due(start));
  CHECK(all.take_due(start + 1s) == "two");
  CHECK_FALSE(all.take_due(start + 1s));
  CHECK(all.find(2) == nullptr);
  CHECK_FALSE(all.take(2));
  CHECK(all.next() == start + 3s);
  CHECK(all.take_first() == "one");
  CHECK(all.take(3) == "three");
  CHECK(all.empty());
  CHECK_FALSE(all.next());
}

TEST_CASE_METHOD(actor_fixture, "alarm: rings once for each deadline, however they come", "[actors][deadlines]") {
  std::vector<std::string> story;
  auto debtor = spawn<debtor_state>(debtor_options{story});
  for (auto [what, limit] : {std::pair{1, 30ms}, {2, 10ms}, {3, 40ms}, {4, 10ms}, {5, 0ms}})
    tell(debtor, owe{what, limit});
  settle();
  advance(100ms);
  CHECK(story == std::vector<std::string>{"5 at 0", "2 at 10", "4 at 10", "overtaken at 10", "1 at 30",
                                          "overtaken at 30", "3 at 40"});
  story.clear();
  tell(debtor, owe{6, 20ms});  // after silence
  advance(100ms);
  CHECK(story == std::vector<std::string>{"6 at 120"});
}

}  // namespace greenroom::tests
