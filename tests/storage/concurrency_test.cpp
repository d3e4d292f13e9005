// Several threads at once, for every backend: nothing is lost, nothing is given twice. Meant to run under TSan, too.
#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

constexpr int threads_count = 4;
constexpr int each = 2'000;

template <class Work>
void in_threads(Work work) {
  std::vector<std::thread> threads;
  for (int t = 0; t < threads_count; ++t) threads.emplace_back(work, t);
  for (auto& t : threads) t.join();
}

append message(std::string log, std::string text) {
  return {.log = std::move(log), .body = bytes(std::move(text)), .at_ms = start_ms, .keep = {.count = any}};
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: threads that append to one log get each position once", "[contract][threads]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  std::vector<std::vector<std::uint64_t>> got(threads_count);
  in_threads([&](int t) {
    for (int i = 0; i < each; ++i)
      got[static_cast<std::size_t>(t)].push_back(s.commit(message("r", numbered("", t))).at.seq);
  });
  std::set<std::uint64_t> all;
  for (const auto& mine : got) {
    CHECK(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  CHECK(all.size() == threads_count * each);
  CHECK(*all.rbegin() == threads_count * each);
  const auto page = s.read("r", 0, any, any);
  REQUIRE(page.records.size() == threads_count * each);
  for (std::size_t t = 0; t < got.size(); ++t)
    for (const auto seq : got[t])
      if (*page.records[seq - 1].body != std::to_string(t))
        FAIL("position " << seq << " holds another thread's message");
}

TEMPLATE_LIST_TEST_CASE("store: threads that append to logs of their own do not disturb each other",
                        "[contract][threads]", backends) {
  TestType backend;
  auto& s = *backend;
  std::atomic<int> wrong{0};
  in_threads([&](int t) {
    for (int i = 1; i <= each; ++i)
      wrong += s.commit(message(numbered("r", t), "m")).at.seq != static_cast<std::uint64_t>(i);
  });
  CHECK(wrong == 0);
  CHECK(s.counters().records == threads_count * each);
}

TEMPLATE_LIST_TEST_CASE("store: of concurrent repeats one is stored and all get its answer", "[contract][threads]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  std::vector<std::vector<position>> got(threads_count);
  in_threads([&](int t) {
    for (int i = 0; i < each; ++i) {
      auto op = message("r", "m");
      op.once = once("ann", numbered("id", i));
      got[static_cast<std::size_t>(t)].push_back(s.commit(op).at);
    }
  });
  CHECK(s.head("r")->last == each);
  CHECK(s.counters().duplicates == (threads_count - 1) * each);
  for (const auto& mine : got) CHECK(mine == got[0]);
}

TEMPLATE_LIST_TEST_CASE("store: senders, an acknowledging reader, and a sweep keep the inbox in balance",
                        "[contract][threads]", backends) {
  TestType backend;
  auto& s = *backend;
  std::atomic<int> sending{threads_count - 1};
  std::uint64_t received = 0;
  in_threads([&](int t) {
    if (t > 0) {
      for (int i = 0; i < each; ++i) {
        inbox_append op{.user = "ann", .body = bytes("m"), .at_ms = start_ms, .expires_ms = start_ms + 1 + (i % 5)};
        s.commit(op);
        if (i % 100 == 0) s.commit(sweep{start_ms + 3});
      }
      --sending;
      return;
    }
    std::uint64_t last = 0;
    for (bool more = true; more;) {
      more = sending > 0;
      const auto page = s.read_inbox("ann", last, 100, any, start_ms);
      if (page.messages.empty()) continue;
      received += page.messages.size();
      last = page.messages.back().n;
      s.commit(inbox_ack{"ann", last});
      more = true;
    }
  });
  const auto sums = s.counters();
  CHECK(sums.accepted + sums.refused_full == (threads_count - 1) * each);
  CHECK(received >= sums.acknowledged);
  CHECK(sums.balanced());
}

}  // namespace greenroom::storage::testing
