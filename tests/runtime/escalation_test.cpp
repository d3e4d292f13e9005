// Supervisors under supervisors: what a branch does to its parent and a parent to its branch.
#include <random>

#include "runtime/supervisor.hpp"
#include "tests/support/troupe.hpp"

namespace greenroom::tests {

// --- escalation ------------------------------------------------------------------------------------------------------

namespace {

struct tree : troupe {
  caf::actor top, branch;

  /// top (a, branch (b, c), d)
  void grow(strategy how = strategy::one_for_one) {
    supervisor_spec inner{.id = "branch", .children = {child("b"), child("c")}};
    child_spec limb{.id = "branch",
                    .start = [inner](const place& p) { return runtime::supervisor::spawn(p, inner); },
                    .kind = runtime::kind::supervisor};
    top = supervise({child("a"), limb, child("d")}, how);
    branch = handle(top, "branch");
  }
  void crash_often(const std::string& id, int times) {
    for (int i = 0; i < times; ++i) crash(handle(branch, id));
  }
};

}  // namespace

TEST_CASE_METHOD(tree, "supervisor: a branch counts as started when its children are", "[runtime]") {
  grow();
  CHECK(scene() == script{"+a", "+b", "+c", "+d"});
}

TEST_CASE_METHOD(tree, "supervisor: a branch that gives up is restarted by its parent, all addresses kept",
                 "[runtime]") {
  grow();
  auto b = handle(branch, "b"), c = handle(branch, "c");
  crash_often("c", 5);
  scene();
  crash_often("c", 1);
  CHECK(scene() == script{"-c", "-b", "+b", "+c"});
  CHECK(handle(top, "branch") == branch);
  CHECK(handle(branch, "b") == b);
  CHECK(handle(branch, "c") == c);
  CHECK(look(top, "branch").restarts == 1);
  CHECK(look(top, "branch").last_error.find("child 'c' of 'branch'") != std::string::npos);
  crash_often("c", 5);  // a new life, a new window
  CHECK(look(top, "branch").restarts == 1);
  CHECK(last_words.empty());
}

TEST_CASE_METHOD(tree, "supervisor: escalation goes on to the root", "[runtime]") {
  grow();
  crash_often("c", 5 * 6);  // each sixth crash is one of the branch
  crash_often("c", 5);
  CHECK(last_words.empty());
  crash_often("c", 1);
  CHECK(last_words.find("child 'branch' of 'top'") != std::string::npos);
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(tree, "supervisor: a branch is dropped and built anew with its siblings", "[runtime]") {
  grow(strategy::one_for_all);
  auto c = handle(branch, "c");
  scene();
  crash(handle(top, "a"));
  CHECK(scene() == script{"-a", "-d", "-c", "-b", "+a", "+b", "+c", "+d"});
  CHECK(handle(branch, "c") == c);
  CHECK(ask(c, player::speak{}).life == 1);
}

TEST_CASE_METHOD(tree, "supervisor: a branch and its sibling that fail at once end up, all of them", "[runtime]") {
  auto seed = GENERATE(range(1U, 101U));
  INFO("seed " << seed);
  grow(strategy::one_for_all);
  for (int i = 0; i < 6; ++i) runtime::tell(handle(branch, "c"), player::crash{});
  runtime::tell(handle(top, "d"), player::crash{});
  settle_randomly(seed);
  for (auto& each : ask(top, describe{}).children) CHECK(each.state == child_state::up);
  for (auto& each : ask(branch, describe{}).children) CHECK(each.state == child_state::up);
}

TEST_CASE_METHOD(tree, "supervisor: a tree stops from its last leaf to its first", "[runtime]") {
  grow();
  scene();
  end(top);
  CHECK(scene() == script{"-d", "-c", "-b", "-a"});
}

TEST_CASE_METHOD(tree, "supervisor: a killed branch takes its children with it and comes back with new ones",
                 "[runtime]") {
  grow();
  auto b = handle(branch, "b");
  end(branch, caf::exit_reason::kill);
  CHECK(look(top, "branch").state == child_state::up);
  CHECK(handle(top, "branch") != branch);
  CHECK(handle(handle(top, "branch"), "b") != b);
}

TEST_CASE_METHOD(tree, "supervisor: whatever crashes or is killed, in whatever order, the tree stands again",
                 "[runtime]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  auto seed = GENERATE(range(1U, 101U));
  INFO("strategy " << static_cast<int>(how) << ", seed " << seed);
  std::mt19937 generator{seed};
  auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  supervisor_spec inner{.id = "branch", .strategy = how, .children = {child("b"), child("c")}};
  child_spec limb{.id = "branch",
                  .start = [inner](const place& p) { return runtime::supervisor::spawn(p, inner); },
                  .kind = runtime::kind::supervisor};
  supervisor_spec outer{.id = "top", .strategy = how, .children = {child("a"), limb, child("d")}};
  for (auto& each : outer.children) each.limit = intensity{.restarts_max = 1'000'000};
  top = supervise(std::move(outer));
  branch = handle(top, "branch");

  std::vector<caf::actor> known;
  auto learn = [&](const caf::actor& from) {
    for (auto& each : ask(from, describe{}).children)
      if (each.handle) known.push_back(each.handle);
  };
  for (int round = 0; round < 10; ++round) {
    settle_randomly(random());
    known.clear();
    learn(top);
    learn(handle(top, "branch"));
    for (int blow = 0; blow < 8; ++blow) {
      auto& victim = known[random() % known.size()];
      auto is_branch = std::string{"supervisor"} == caf::actor_cast<caf::local_actor*>(victim)->name();
      if (random() % 4 == 0)
        caf::anon_send_exit(victim, random() % 2 == 0 ? caf::exit_reason::kill : caf::exit_reason::user_shutdown);
      else if (!is_branch)
        runtime::tell(victim, player::crash{});
      settle_randomly(random(), random() % 10);
    }
  }
  settle_randomly(random());
  for (auto& each : ask(top, describe{}).children) CHECK(each.state == child_state::up);
  for (auto& each : ask(handle(top, "branch"), describe{}).children) CHECK(each.state == child_state::up);
  scene();
  caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
  settle_randomly(random());
  CHECK(scene() == script{"-d", "-c", "-b", "-a"});
}

}  // namespace greenroom::tests
