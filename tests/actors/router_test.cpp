// The router against a model: whatever fails and in whatever order, each call is answered exactly once.
#include <algorithm>
#include <map>
#include <set>

#include "tests/support/scripted_service.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;

constexpr std::uint32_t seeds = 60;
constexpr std::size_t steps = 120, people = 3;

/// What is known of one call.
struct call_model {
  bool idempotent = false, replied = false;
  std::size_t begun = 0;
};

struct person {
  client* line = nullptr;
  std::map<std::uint64_t, std::uint64_t> open;  ///< number of the call, by the id of its request
};

}  // namespace

struct router_fixture : service_fixture {
  router_fixture() {
    spec.concurrency_max = 3;
    spec.queue_max = 4;
    spec.time_limit = 4s;
    bot.call = [this](service_control&, service_request request) { serve(std::move(request)); };
  }

  std::uint32_t pick(std::uint32_t of) { return static_cast<std::uint32_t>(random() % of); }

  static std::uint64_t number_of(const service_request& request) {
    return std::stoull(std::string{request.params()->as(codecs::format::json).substr(1)});
  }

  void serve(service_request request) {
    auto& call = calls.at(number_of(request));
    ++call.begun;
    switch (pick(8)) {
      case 0: throw std::runtime_error{"on purpose"};
      case 1: return;  // forgotten
      case 2:
      case 3:
      case 4: return reply(request);
      default: bot.held.push_back(std::move(request));
    }
  }
  void reply(service_request& request) {
    calls.at(number_of(request)).replied = true;
    request.reply(request.params());
  }

  void dial(person& who) {
    who.line = &connect({.shard = pick(static_cast<std::uint32_t>(shards))});
    who.open.clear();  // what the old connection asked is nobody's
  }
  void call(person& who) {
    const bool idempotent = pick(2) == 0;
    const auto number = calls.size();
    calls.push_back({.idempotent = idempotent});
    const auto params = "[" + std::to_string(number) + "]";
    who.open[who.line->send(idempotent ? "bot.get" : "bot.do", params)] = number;
  }

  void listen(person& who) {
    for (const auto& each : who.line->take()) {
      if (!each.answer()) continue;
      REQUIRE(who.open.contains(*each.id));  // once, and to whom it belongs
      const auto& call = calls.at(who.open.at(*each.id));
      who.open.erase(*each.id);
      if (!each.failure) {
        CHECK(call.replied);
        continue;
      }
      ++refusals[each.failure->code];
      if (each.failure->code == error_code::unavailable && !crashes) CHECK(call.begun == 0);
    }
  }

  void step(std::vector<person>& all) {
    auto& who = all[pick(people)];
    switch (pick(12)) {
      case 0: advance(std::chrono::milliseconds{pick(3'000)}); break;
      case 1:
        if (bot.held.empty()) break;
        reply(bot.held[pick(static_cast<std::uint32_t>(bot.held.size()))]);
        break;
      case 2:
        who.line->wire().break_off();
        dial(who);
        break;
      case 3:
        if (crashes) crash(ctx().shards[pick(static_cast<std::uint32_t>(shards))].router);
        break;
      case 4:
        if (crashes && pick(4) == 0) crash(ctx().services);
        break;
      default: call(who);
    }
    for (auto some = pick(10); some-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(pick(static_cast<std::uint32_t>(jobs.jobs.size())));
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }

  std::mt19937 random;
  bool crashes = false;
  std::vector<call_model> calls;
  std::map<error_code, std::size_t> refusals;
};

TEST_CASE_METHOD(router_fixture, "router: whatever fails, each call is answered once, and begun as often as it may be",
                 "[actors][service][schedule]") {
  shards = GENERATE(1u, 2u);
  const auto seed = GENERATE(Catch::Generators::range(1u, seeds + 1));
  INFO("seed " << seed << ", shards " << shards);
  random.seed(seed);
  crashes = seed % 2 == 0;  // every other time routers and the directory die on the way
  if (seed % 3 == 0) spec.instances = instances::one_a_shard;
  extensions.add(spec);

  std::vector<person> all(people);
  for (auto& each : all) dial(each);
  for (std::size_t i = 0; i < steps; ++i) {
    step(all);
    for (auto& each : all) listen(each);
  }
  settle_randomly(random);
  advance(5min);
  for (auto& each : all) {
    listen(each);
    CHECK(each.open.empty());
  }
  for (const auto& each : calls) CHECK(each.begun <= (each.idempotent ? 2u : 1u));
  for (const auto& each : ctx().board.rows()) {
    CHECK(each->in_work == 0);
    CHECK(each->queued == 0);
  }
  std::set<error_code> known{error_code::internal, error_code::unavailable, error_code::timed_out};
  for (const auto& [code, count] : refusals) CHECK(known.contains(code));
}

}  // namespace greenroom::tests
