// The figure of decision 0030, measured again: `actors_test "[.figures]"`. It checks nothing; a machine's speed is no
// property of the code. To see what behaviours cost a room that has none, compile this file against an older tree, too,
// and run both in turn.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include "actors/room.hpp"
#include "codecs/payload.hpp"
#include "runtime/ask.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

TEST_CASE_METHOD(node_fixture, "figures: a publish into a room without a behaviour, by directory, room and store",
                 "[.figures]") {
  constexpr int rounds = 40, turns = 50, messages = 200;
  connect().open("ann");
  const auto body = std::make_shared<const codecs::payload>(codecs::format::json, R"({"text":"hello"})");
  const auto publish = [&] {
    auto draft = std::make_shared<codecs::envelope>();
    draft->room = "lobby";
    draft->event = "say";
    draft->id = "m";
    draft->from = "ann";
    draft->body = body;
    runtime::tell(ctx().rooms_of("lobby"), room::publish{.draft = std::move(draft),
                                                         .wanted = codecs::ack_level::unstated,
                                                         .sender = {},
                                                         .client_id = false,
                                                         .except = incarnation::none,
                                                         .reply = {}});
  };
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int turn = 0; turn < turns; ++turn) {
      for (int i = 0; i < messages; ++i) publish();
      jobs.run();
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / (turns * messages));
  }
  std::printf("%.1f ns a publish\n", best);
}

}  // namespace greenroom::tests
