// The table of ids against the simplest one: a list in the order of insertion.
#include "storage/idempotency_table.hpp"

#include <algorithm>
#include <list>

#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

constexpr std::int64_t age_ms = 1'000;
constexpr std::size_t per_sender_max = 7;

/// What the table must be: records in the order of their insertion.
struct plain_table {
  struct entry {
    idempotency once;
    std::int64_t at_ms;
  };
  std::list<entry> entries;
  std::uint64_t evicted = 0;

  const entry* find(const idempotency& once, std::int64_t now_ms) const {
    for (const auto& e : entries)
      if (e.once.sender == once.sender && e.once.id == once.id && e.at_ms + age_ms > now_ms) return &e;
    return nullptr;
  }

  void insert(const idempotency& once, std::int64_t now_ms) {
    const auto same_sender = [&once](const entry& e) { return e.once.sender == once.sender; };
    const auto old =
        std::ranges::find_if(entries, [&](const entry& e) { return same_sender(e) && e.once.id == once.id; });
    if (old != entries.end()) {  // over its age: it goes with the older ones of its sender
      const auto end = std::next(old);
      for (auto e = entries.begin(); e != end;) e = same_sender(*e) ? entries.erase(e) : std::next(e);
    }
    entries.push_back({once, now_ms});
    if (static_cast<std::size_t>(std::ranges::count_if(entries, same_sender)) <= per_sender_max) return;
    entries.erase(std::ranges::find_if(entries, same_sender));
    ++evicted;
  }

  std::size_t expire(std::int64_t now_ms, std::size_t removals_max) {
    std::size_t removed = 0;
    for (; removed < removals_max && !entries.empty() && entries.front().at_ms + age_ms <= now_ms; ++removed)
      entries.pop_front();
    return removed;
  }

  void evict(std::size_t removals_max) {
    for (; removals_max > 0 && !entries.empty(); --removals_max, ++evicted) entries.pop_front();
  }
};

}  // namespace

TEST_CASE("idempotency table: it holds what a plain list in the order of insertion would hold", "[storage]") {
  const auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto below = [&random](std::uint64_t bound) { return random() % bound; };
  idempotency_table table;
  plain_table expected;
  auto now_ms = start_ms;

  for (int step = 0; step < 20'000; ++step) {
    CAPTURE(step);
    const auto key = once(numbered("sender", static_cast<int>(below(5))), numbered("id", static_cast<int>(below(12))));
    const auto* found = table.find(key, now_ms, age_ms);
    const auto* wanted = expected.find(key, now_ms);
    REQUIRE((found != nullptr) == (wanted != nullptr));
    if (found) REQUIRE(found->answer.at_ms == wanted->at_ms);
    if (!found && below(2) == 0) {
      table.insert(key, {.at_ms = now_ms}, per_sender_max);
      expected.insert(key, now_ms);
    }
    if (below(10) == 0) {
      const auto most = below(5);
      REQUIRE(table.expire(now_ms, age_ms, most) == expected.expire(now_ms, most));
    }
    if (below(40) == 0) {
      const auto most = below(6);
      table.evict(most);
      expected.evict(most);
    }
    now_ms += static_cast<std::int64_t>(below(80));
    REQUIRE(table.size() == expected.entries.size());
    REQUIRE(table.evicted() == expected.evicted);
    REQUIRE((table.bytes() == 0) == (table.size() == 0));
  }
}

}  // namespace greenroom::storage::testing
