// The figures of decisions 0030 and 0040, measured again: `actors_test "[.figures]"`. They check nothing; a machine's speed is no
// property of the code. To see what behaviours cost a room that has none, compile this file against an older tree, too,
// and run both in turn.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include "actors/permissions.hpp"
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

namespace {

/// Nanoseconds of one call: the best of several rounds.
double best_ns(auto&& work) {
  constexpr int rounds = 20, calls = 50'000;
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) work();
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best / calls;
}

}  // namespace

TEST_CASE_METHOD(node_fixture, "figures: what a publish pays for permissions", "[.figures]") {
  for (int i = 0; i < 4; ++i)
    config.grants["g" + std::to_string(i)] = {.to = {i == 3 ? "role:staff" : "authenticated"},
                                              .rooms = {"inbox:${user}", "game:${user}:*", "chat:*"},
                                              .actions = {i == 3 ? "publish" : "join"}};
  config.namespaces["chat"] = {};
  config.namespaces["chat"].publish = runtime::permission::nobody;
  codecs::jwt_claims claims;
  claims.subject = "ann";
  claims.roles = {"staff"};
  claims.grants = {{{"inbox:${user}", "own:${user}:*"}, {"join", "publish"}, {"cart.*"}, {"bob"}}};
  const auto shown = std::get<std::shared_ptr<const credential>>(credential_of(claims, ctx().permissions));
  const principal bare{user_id{"ann"}, identity::authenticated};
  auto ann = bare;
  ann.shown = shown;
  const auto check = [&](const principal& who, const std::string& room) {
    return best_ns([&] { return access::check(ctx(), who, access::action::publish, room, ctx().policies.of(room)); });
  };
  const auto look_up = best_ns([&] { return &ctx().policies.of("chat:lobby"); });
  std::printf(
      "the policy alone %.1f ns; with it: allowed by the namespace %.1f ns, by the token's own grant %.1f ns, by the "
      "last of 4 of the config %.1f ns; refused, with its sentence %.1f ns\n",
      look_up, check(ann, "lobby"), check(ann, "own:ann:1234567"), check(ann, "chat:lobby"), check(bare, "chat:lobby"));
  std::printf("compiling what a token shows %.1f ns\n",
              best_ns([&] { return credential_of(claims, ctx().permissions); }));
}

}  // namespace greenroom::tests
