#include "runtime/token_bucket.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <random>
#include <thread>
#include <vector>

namespace greenroom::runtime {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

bucket_time at(std::chrono::nanoseconds since_boot) { return bucket_time{since_boot}; }

/// The bucket as textbooks have it: a level, refilled from one look to the next. In ns of the time that tokens take to come.
struct model {
  std::int64_t token, depth, level = depth, last = 0;

  void refill(std::int64_t now) {
    level = std::min(depth, level + now - last);
    last = now;
  }
  std::int64_t take(std::int64_t n, std::int64_t now) {
    refill(now);
    if (level < n * token) return n * token - level;
    level -= n * token;
    return 0;
  }
  std::int64_t charge(std::int64_t n, std::int64_t now) {
    refill(now);
    level -= n * token;
    return std::max<std::int64_t>(0, -level);
  }
  void give_back(std::int64_t n, std::int64_t now) {
    refill(now);
    level = std::min(depth, level + n * token);
  }
};

template <class Bucket>
void compare_with_model(std::uint32_t seed) {
  constexpr std::array<std::uint64_t, 6> rates{1, 4, 50, 1'000, 125'000, 1'000'000};  // whole ns a token
  std::mt19937 random{seed};
  INFO("seed " << seed);
  const auto per_second = rates[random() % rates.size()], burst = 1 + random() % 50;
  const token_rate rate{per_second, burst};
  Bucket bucket;
  model expected{.token = rate.cost_ns(1), .depth = static_cast<std::int64_t>(burst) * rate.cost_ns(1)};
  std::int64_t now = 1 + random() % 1'000'000'000;
  expected.last = now;
  std::int64_t taken = 0;
  for (int step = 0; step != 400; ++step) {
    now += random() % 4 == 0 ? static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(3 * expected.token)) : 0;
    const auto n = static_cast<std::int64_t>(1 + random() % (burst + 2));
    const auto count = static_cast<std::uint64_t>(n);
    switch (random() % 8) {
      case 0: REQUIRE(bucket.charge(rate, count, at(nanoseconds{now})).count() == expected.charge(n, now)); break;
      case 1:
        if (taken == 0) break;
        bucket.give_back(rate, 1), expected.give_back(1, now), --taken;
        break;
      default:
        REQUIRE(bucket.wait_for(rate, count, at(nanoseconds{now})).count() == model{expected}.take(n, now));
        const auto wait = bucket.take(rate, count, at(nanoseconds{now})).count();
        REQUIRE(wait == expected.take(n, now));
        taken = wait == 0 ? n : 0;  // what is given back was just taken
    }
  }
}

}  // namespace

TEMPLATE_TEST_CASE("token bucket: it grants and refuses as the textbook's does, whatever happens", "", token_bucket,
                   shared_token_bucket) {
  for (std::uint32_t seed = 1; seed != 300; ++seed) compare_with_model<TestType>(seed);
}

TEMPLATE_TEST_CASE("token bucket: a refusal lasts exactly as long as it says", "", token_bucket, shared_token_bucket) {
  struct row {
    std::uint64_t per_second, burst, n;
  };
  for (const auto& [per_second, burst, n] : {row{1, 1, 1}, row{3, 3, 1}, row{7, 20, 5}, row{999'999'937, 10, 10}}) {
    CAPTURE(per_second, burst, n);
    const token_rate rate{per_second, burst};
    TestType bucket;
    const auto now = at(5s);
    for (std::uint64_t i = 0; i != burst; ++i) REQUIRE(bucket.take(rate, 1, now) == 0ns);
    const auto wait = bucket.take(rate, n, now);
    REQUIRE(wait > 0ns);
    CHECK(bucket.take(rate, n, now + wait - 1ns) == 1ns);
    CHECK(bucket.take(rate, n, now + wait) == 0ns);
  }
}

TEST_CASE("token bucket: over a long time it grants its rate and its burst, and no more") {
  const token_rate rate{30, 100};
  token_bucket bucket;
  int granted = 0;
  for (auto now = 0ms; now < 60s; now += 1ms) granted += bucket.take(rate, 1, at(now)) == 0ns ? 1 : 0;
  CHECK(granted >= 100 + 30 * 59);
  CHECK(granted <= 100 + 30 * 60);
}

TEST_CASE("token bucket: a rate of 0 bounds nothing, and a burst of 0 is what comes in a second") {
  token_bucket bucket;
  for (int i = 0; i != 10'000; ++i) REQUIRE(bucket.take({}, 1'000, at(1s)) == 0ns);
  const token_rate rate{5, 0};
  for (int i = 0; i != 5; ++i) CHECK(bucket.take(rate, 1, at(1s)) == 0ns);
  CHECK(bucket.take(rate, 1, at(1s)) == 200ms);
}

TEST_CASE("token bucket: it lacks what was taken and has not come back, and nothing without a rate") {
  const token_rate rate{10, 20};
  token_bucket some, free;
  REQUIRE(some.take(rate, 5, at(10s)).count() == 0);
  CHECK(some.lacks(rate, 4, at(10s)));
  CHECK_FALSE(some.lacks(rate, 5, at(10s)));
  CHECK_FALSE(some.lacks(rate, 4, at(10s + 100ms)));
  REQUIRE(free.take(token_rate{}, 5, at(10s)).count() == 0);
  CHECK_FALSE(free.lacks(token_rate{}, 0, at(10s)));
}

TEST_CASE("token bucket: more than the bucket holds is never granted, and may be owed") {
  const token_rate rate{10, 10};
  token_bucket bucket;
  CHECK(bucket.take(rate, 11, at(1s)) == 100ms);
  CHECK(bucket.take(rate, 11, at(100s)) == 100ms);
  CHECK(bucket.charge(rate, 30, at(100s)) == 2s);
  CHECK(bucket.take(rate, 1, at(102s)) == 100ms);
  CHECK(bucket.take(rate, 1, at(102s + 100ms)) == 0ns);
}

TEST_CASE("token bucket: threads that take at once get what is there, together") {
  constexpr int threads = 4, tries = 20'000, burst = 10'000;
  const token_rate rate{1, burst};
  shared_token_bucket bucket;
  std::array<int, threads> granted{};
  {
    std::vector<std::jthread> all;
    for (auto& mine : granted)
      all.emplace_back([&] {
        for (int i = 0; i != tries; ++i) mine += bucket.take(rate, 1, at(1s)) == 0ns ? 1 : 0;
      });
  }
  CHECK(granted[0] + granted[1] + granted[2] + granted[3] == burst);
  CHECK_FALSE(bucket.full(at(1s)));
  CHECK(bucket.full(at(1s + burst * 1s)));
}

}  // namespace greenroom::runtime
