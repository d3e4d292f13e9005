// What every backend promises about logs.
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

constexpr retention keep_100{.count = 100};

append message(std::string log, std::string text, std::int64_t at_ms = start_ms, retention keep = keep_100) {
  return {.log = std::move(log), .body = bytes(std::move(text)), .at_ms = at_ms, .keep = keep};
}

std::vector<std::uint64_t> seqs(const log_page& page) {
  std::vector<std::uint64_t> out;
  for (const auto& r : page.records) out.push_back(r.seq);
  return out;
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: a log gives positions 1, 2, 3 in one epoch", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto opened = s.commit(log_open{"lobby", keep_100});
  REQUIRE(opened.ok());
  CHECK(opened.at.seq == 0);
  CHECK_FALSE(opened.at.epoch.empty());
  for (std::uint64_t i = 1; i <= 3; ++i) CHECK(s.commit(message("lobby", "m")).at == position{opened.at.epoch, i});
  CHECK(s.commit(log_open{"lobby", keep_100}).at == position{opened.at.epoch, 3});
}

TEMPLATE_LIST_TEST_CASE("store: an append makes the log that it needs", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  CHECK_FALSE((*backend).head("new"));
  const auto out = s.commit(message("new", "one"));
  CHECK(out.at.seq == 1);
  CHECK(out.at_ms == start_ms);
  REQUIRE(s.head("new"));
  CHECK(*s.head("new") == log_head{out.at.epoch, 1, 1, 3});
}

TEMPLATE_LIST_TEST_CASE("store: two logs have their own positions and epochs", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto a = s.commit(message("a", "1"));
  const auto b = s.commit(message("b", "1"));
  CHECK(a.at.seq == b.at.seq);
  CHECK(a.at.epoch != b.at.epoch);
}

TEMPLATE_LIST_TEST_CASE("store: a read returns what follows a position, oldest first", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (auto text : {"one", "two", "three", "four"}) s.commit(message("r", text));
  const auto page = s.read("r", 1, any, any);
  CHECK(page.error == errc::success);
  CHECK(texts(page.records) == strings{"two", "three", "four"});
  CHECK(seqs(page) == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(page.head == *s.head("r"));
  CHECK(texts(s.read("r", 0, 2, any).records) == strings{"one", "two"});
  CHECK(s.read("r", 4, any, any).records.empty());
  CHECK(s.read("r", 99, any, any).records.empty());
  CHECK(s.read("r", 0, 0, any).records.empty());
  CHECK(s.read("none", 0, any, any).error == errc::not_found);
}

TEMPLATE_LIST_TEST_CASE("store: a read backwards returns the newest below a position, oldest first", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  for (auto text : {"one", "two", "three", "four"}) s.commit(message("r", text));
  CHECK(texts(s.read_before("r", 4, 2, any).records) == strings{"two", "three"});
  CHECK(texts(s.read_before("r", UINT64_MAX, 2, any).records) == strings{"three", "four"});
  CHECK(texts(s.read_before("r", 2, any, any).records) == strings{"one"});
  CHECK(s.read_before("r", 1, any, any).records.empty());
  CHECK(s.read_before("none", 1, any, any).error == errc::not_found);
}

TEMPLATE_LIST_TEST_CASE("store: a read stops at its bytes but returns at least one message", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (auto text : {"aaaa", "bbbb", "cccc"}) s.commit(message("r", text));
  CHECK(texts(s.read("r", 0, any, 8).records) == strings{"aaaa", "bbbb"});
  CHECK(texts(s.read("r", 0, any, 7).records) == strings{"aaaa"});
  CHECK(texts(s.read("r", 0, any, 1).records) == strings{"aaaa"});
  CHECK(texts(s.read_before("r", 4, any, 8).records) == strings{"bbbb", "cccc"});
  CHECK(texts(s.read_before("r", 4, any, 1).records) == strings{"cccc"});
}

TEMPLATE_LIST_TEST_CASE("store: retention by count keeps the newest and the positions go on", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (int i = 1; i <= 5; ++i) s.commit(message("r", std::to_string(i), start_ms, {.count = 2}));
  CHECK(texts(s.read("r", 0, any, any).records) == strings{"4", "5"});
  CHECK(s.head("r")->first == 4);
  CHECK(s.commit(message("r", "6", start_ms, {.count = 2})).at.seq == 6);
}

TEMPLATE_LIST_TEST_CASE("store: a log that keeps nothing still counts", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (int i = 1; i <= 3; ++i) CHECK(s.commit(message("r", "x", start_ms, {})).at.seq == static_cast<unsigned>(i));
  CHECK(s.read("r", 0, any, any).records.empty());
  CHECK(*s.head("r") == log_head{s.head("r")->epoch, 4, 3, 0});
}

TEMPLATE_LIST_TEST_CASE("store: a smaller retention takes effect with the next append", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  for (auto text : {"1", "2", "3"}) s.commit(message("r", text));
  s.commit(message("r", "4", start_ms, {}));
  CHECK(s.read("r", 0, any, any).records.empty());
  CHECK(s.head("r")->last == 4);
}

TEMPLATE_LIST_TEST_CASE("store: retention by bytes drops the oldest", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const retention keep{.count = 100, .bytes = 8};
  for (auto text : {"aaaa", "bbbb", "cccc"}) s.commit(message("r", text, start_ms, keep));
  CHECK(texts(s.read("r", 0, any, any).records) == strings{"bbbb", "cccc"});
  CHECK(s.head("r")->bytes == 8);
  s.commit(message("r", "larger than all", start_ms, keep));
  CHECK(s.read("r", 0, any, any).records.empty());
}

TEMPLATE_LIST_TEST_CASE("store: retention by age trims on append and on a sweep", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const retention keep{.count = 100, .age_ms = 1000};
  s.commit(message("r", "old", start_ms, keep));
  s.commit(message("r", "young", start_ms + 600, keep));
  s.commit(message("r", "new", start_ms + 1000, keep));
  CHECK(texts(s.read("r", 0, any, any).records) == strings{"young", "new"});
  CHECK(sweep_all(s, start_ms + 1599) == 0);
  CHECK(sweep_all(s, start_ms + 1600) == 1);
  CHECK(sweep_all(s, start_ms + 9000) == 1);
  CHECK(s.counters().trimmed == 3);
  CHECK(s.counters().appended == 3);
  const auto head = *s.head("r");
  CHECK(head == log_head{head.epoch, 4, 3, 0});
  CHECK(s.commit(message("r", "next", start_ms + 9000, keep)).at == position{head.epoch, 4});
}

TEMPLATE_LIST_TEST_CASE("store: a sweep removes no more at once than it may", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const retention keep{.count = 100, .age_ms = 1000};
  for (int i = 0; i < 10; ++i) s.commit(message("r", "m", start_ms, keep));
  for (;;) {
    const auto out = s.commit(sweep{start_ms + hour_ms, 3});
    CHECK(out.count <= 3);
    if (out.left == 0) break;
  }
  CHECK(s.counters().records == 0);
}

TEMPLATE_LIST_TEST_CASE("store: an epoch ends where history is lost", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto before = s.commit(message("r", "lost")).at;
  const auto reset = s.commit(epoch_reset{"r"});
  CHECK(reset.at.seq == 0);
  CHECK(reset.at.epoch != before.epoch);
  CHECK(s.read("r", 0, any, any).records.empty());
  CHECK(s.commit(message("r", "first")).at == position{reset.at.epoch, 1});
  CHECK(s.commit(epoch_reset{"none"}).error == errc::not_found);
}

TEMPLATE_LIST_TEST_CASE("store: an erased log is gone, and comes back with another epoch", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const auto before = s.commit(message("r", "gone")).at;
  CHECK(s.commit(log_erase{"r"}).ok());
  CHECK_FALSE(s.head("r"));
  CHECK(s.commit(log_erase{"r"}).error == errc::not_found);
  const auto after = s.commit(message("r", "back")).at;
  CHECK(after.seq == 1);
  CHECK(after.epoch != before.epoch);
}

TEMPLATE_LIST_TEST_CASE("store: a behaviour's snapshot is stored with the message that changed it", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  auto changed = message("r", "move");
  changed.snapshot = bytes("board 1");
  CHECK(s.snapshot("r") == nullptr);
  s.commit(changed);
  CHECK(*s.snapshot("r") == "board 1");
  s.commit(message("r", "talk"));
  CHECK(*s.snapshot("r") == "board 1");
  CHECK(s.commit(snapshot_put{"r", bytes("board 2")}).ok());
  CHECK(*s.snapshot("r") == "board 2");
  CHECK(s.commit(snapshot_put{"none", bytes("x")}).error == errc::not_found);
  s.commit(epoch_reset{"r"});
  CHECK(s.snapshot("r") == nullptr);
}

TEMPLATE_LIST_TEST_CASE("store: the logs that have a snapshot are listed by name, in pages", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  CHECK(s.snapshots({}, 10).empty());
  for (const std::string log : {"d", "a", "c", "b", "plain"}) {
    auto one = message(log, "m");
    if (log != "plain") one.snapshot = bytes("of " + log);
    s.commit(one);
  }
  const auto names = [&](std::string_view after, std::size_t count_max) {
    std::string all;
    for (const auto& each : s.snapshots(after, count_max)) {
      all += each.log;
      CHECK(*each.snapshot == "of " + each.log);
    }
    return all;
  };
  CHECK(names({}, 10) == "abcd");
  CHECK(names({}, 3) == "abc");
  CHECK(names("b", 10) == "cd");
  s.commit(snapshot_put{"c", nullptr});
  s.commit(epoch_reset{"a"});
  s.commit(log_erase{"d"});
  CHECK(names({}, 10) == "b");
}

TEMPLATE_LIST_TEST_CASE("store: a batch runs in order, and a refusal concerns its own operation", "[contract]",
                        backends) {
  TestType backend;
  auto& s = *backend;
  const std::vector<operation> batch{message("r", "one"), log_erase{"none"}, message("r", "two"), log_erase{"r"},
                                     message("r", "three")};
  const auto out = s.commit(batch);
  REQUIRE(out.size() == 5);
  CHECK(out[0].at.seq == 1);
  CHECK(out[1].error == errc::not_found);
  CHECK(out[2].at.seq == 2);
  CHECK(out[3].ok());
  CHECK(out[4].at.seq == 1);
  CHECK(s.commit(std::span<const operation>{}).empty());
}

TEMPLATE_LIST_TEST_CASE("store: a batch over its bound and a message without a body are broken invariants",
                        "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const std::vector<operation> most(limits::batch_operations_max, message("r", "m"));
  CHECK(s.commit(most).back().at.seq == limits::batch_operations_max);
  const std::vector<operation> more(limits::batch_operations_max + 1, message("r", "m"));
  CHECK_THROWS_AS(s.commit(more), std::invalid_argument);
  CHECK_THROWS_AS(s.commit(append{.log = "r"}), std::invalid_argument);
  CHECK(s.head("r")->last == limits::batch_operations_max);
}

TEMPLATE_LIST_TEST_CASE("store: what is over a limit is refused and changes nothing", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  const std::string long_name(limits::name_bytes_max + 1, 'n');
  CHECK(s.commit(message(long_name, "m")).error == errc::too_large);
  auto snapshot = message("r", "m");
  snapshot.snapshot = bytes(std::string(limits::snapshot_bytes_max + 1, 's'));
  CHECK(s.commit(snapshot).error == errc::too_large);
  auto id = message("r", "m");
  id.once = once("ann", std::string(limits::id_bytes_max + 1, 'i'));
  CHECK(s.commit(id).error == errc::too_large);
  CHECK(s.commit(message("r", std::string(limits::body_bytes_max + 1, 'b'))).error == errc::too_large);
  CHECK_FALSE(s.head("r"));
  CHECK(s.commit(message("r", std::string(limits::body_bytes_max, 'b'))).ok());
}

TEMPLATE_LIST_TEST_CASE("store: bodies are any bytes and come back unchanged", "[contract]", backends) {
  TestType backend;
  auto& s = *backend;
  std::string body;
  for (int i = 0; i < 256; ++i) body += static_cast<char>(i);
  s.commit(message(std::string("r\0m", 3), body));
  CHECK(texts(s.read(std::string_view("r\0m", 3), 0, any, any).records) == strings{body});
  CHECK_FALSE(s.head("r"));
}

}  // namespace greenroom::storage::testing
