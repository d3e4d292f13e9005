#include "runtime/restart_policy.hpp"

#include <catch2/catch.hpp>

#include <random>

#include "runtime/actor_base.hpp"
#include "runtime/child_spec.hpp"

namespace greenroom::tests {

using namespace std::chrono_literals;
using runtime::backoff;
using runtime::ending;
using runtime::intensity;
using runtime::restart;
using runtime::restart_record;

TEST_CASE("restart policy: permanent comes back always, transient after a crash, temporary never", "[runtime]") {
  CHECK(runtime::comes_back(restart::permanent, ending::normal));
  CHECK(runtime::comes_back(restart::permanent, ending::abnormal));
  CHECK_FALSE(runtime::comes_back(restart::transient, ending::normal));
  CHECK(runtime::comes_back(restart::transient, ending::abnormal));
  CHECK_FALSE(runtime::comes_back(restart::temporary, ending::normal));
  CHECK_FALSE(runtime::comes_back(restart::temporary, ending::abnormal));
}

TEST_CASE("restart policy: an intensity allows so many restarts in its period and forgets older ones", "[runtime]") {
  restart_record record{intensity{.restarts_max = 3, .period = 10s}};
  restart_record::time_point start{};
  auto fails_at = [&](auto after) { return record.admit(start + after, 1s, 0).has_value(); };
  CHECK(fails_at(0s));
  CHECK(fails_at(4s));
  CHECK(fails_at(10s));  // the window is closed: 0 s still counts
  CHECK_FALSE(fails_at(10s));
  CHECK(fails_at(10s + 1ns));  // 0 s is forgotten
  CHECK_FALSE(fails_at(14s));
  CHECK(fails_at(100s));
}

TEST_CASE("restart policy: an intensity of 0 allows none", "[runtime]") {
  restart_record record{intensity{.restarts_max = 0}};
  CHECK_FALSE(record.admit({}, 1s, 0));
}

TEST_CASE("restart policy: a restart within the intensity does not wait", "[runtime]") {
  restart_record record{intensity{}};
  CHECK(record.admit({}, 1s, 1.0) == 0ns);
}

TEST_CASE("restart policy: a back-off doubles up to its longest and never refuses", "[runtime]") {
  restart_record record{backoff{}};
  for (auto expected : {100ms, 200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30000ms, 30000ms})
    CHECK(record.admit({}, 1s, 0) == expected);
  for (int i = 0; i < 10'000; ++i) REQUIRE(record.admit({}, 1s, 0) == 30s);
}

TEST_CASE("restart policy: a back-off starts over after a healthy life, and not before", "[runtime]") {
  restart_record record{backoff{}};
  record.admit({}, 1s, 0);
  record.admit({}, 1s, 0);
  CHECK(record.admit({}, 60s - 1ns, 0) == 400ms);
  CHECK(record.admit({}, 60s, 0) == 100ms);
}

TEST_CASE("restart policy: the jitter adds 0 to 20 percent", "[runtime]") {
  constexpr unsigned seed = 7;
  INFO("seed " << seed);
  std::minstd_rand random{seed};
  CHECK(restart_record{backoff{}}.admit({}, 1s, 1.0) == 120ms);
  for (int i = 0; i < 1000; ++i) {
    auto wait =
        *restart_record{backoff{}}.admit({}, 1s, static_cast<double>(random()) / static_cast<double>(random.max()));
    REQUIRE(wait >= 100ms);
    REQUIRE(wait <= 120ms);
  }
}

TEST_CASE("child spec: every problem of a spec is named, in one go", "[runtime]") {
  auto start = [](const runtime::place&) { return caf::actor{}; };
  runtime::supervisor_spec spec{
      .id = "rooms",
      .intensity = intensity{.restarts_max = 1, .period = 0s},
      .children = {{.id = "a", .start = start},
                   {.id = "a", .start = start},
                   {.id = "", .start = start},
                   {.id = "b", .start = nullptr},
                   {.id = "c", .start = start, .shutdown = -1s},
                   {.id = "d", .start = start, .limit = intensity{.period = -1s}},
                   {.id = "e",
                    .start = start,
                    .limit = backoff{.first = 0s, .longest = -1s, .healthy_after = 0s, .jitter = 1.5}}}};
  CHECK(runtime::validate(spec) == std::vector<std::string>{
                                       "Supervisor 'rooms' counts its restarts over a period that is not positive.",
                                       "Supervisor 'rooms' has two children with the id 'a'.",
                                       "A child of 'rooms' has no id.",
                                       "Child 'b' of 'rooms' has no start function.",
                                       "Child 'c' of 'rooms' has a negative shutdown time.",
                                       "Child 'd' of 'rooms' counts its restarts over a period that is not positive.",
                                       "Child 'e' of 'rooms' has a first back-off that is not positive.",
                                       "Child 'e' of 'rooms' has a longest back-off that is shorter than its first.",
                                       "Child 'e' of 'rooms' is healthy after a time that is not positive.",
                                       "Child 'e' of 'rooms' has a jitter outside 0 to 1.",
                                   });
}

TEST_CASE("child spec: a good one has no problems", "[runtime]") {
  auto start = [](const runtime::place&) { return caf::actor{}; };
  CHECK(runtime::validate(
            {.id = "node", .children = {{.id = "a", .start = start}, {.id = "b", .start = start, .limit = backoff{}}}})
            .empty());
  CHECK(runtime::validate({.id = "node"}).empty());
}

}  // namespace greenroom::tests
