// Power cuts: whatever call the power goes at, and whatever the disk made of what was not synced, everything that was
// acknowledged is there, in its place. GREENROOM_CRASH_POINTS says how many cuts; GREENROOM_TEST_SEED shows one again.
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_sums.hpp"
#include "storage/vault.hpp"
#include "tests/storage/contract.hpp"
#include "tests/storage/crash_vfs.hpp"

namespace greenroom::storage::testing {
namespace {

namespace fs = std::filesystem;

constexpr int batches = 60;

std::string room(int i) { return numbered("r", i % 3); }
std::string user(int i) { return numbered("u", i % 2); }
std::string text_of_message(int i) {
  return numbered("message ", i) + std::string(static_cast<std::size_t>(i % 7) * 300, 'm');
}

/// Every other message lies encrypted: its data key must be there wherever its log is.
std::shared_ptr<const vault> keys() {
  std::vector<vault::kek> all;
  all.push_back({"a", *secret_key::of(std::string(key_bytes, 'a'))});
  return std::make_shared<const vault>(std::move(all));
}

/// What was sent, and what the store said.
struct sent {
  int i = 0;
  outcome said{};
};
struct history {
  std::vector<sent> acknowledged;  // appends
  std::vector<sent> letters;
  std::uint64_t acked_upto[2] = {0, 0};  // of the users' inboxes, as far as the store answered
  std::uint64_t may_be_acked_upto[2] = {0, 0};
  std::vector<int> unknown;
  int refused = 0;
};

std::vector<operation> batch_of(int first, int count) {
  std::vector<operation> batch;
  for (int i = first; i < first + count; ++i) {
    batch.push_back(append{.log = room(i),
                           .body = bytes(text_of_message(i)),
                           .at_ms = start_ms,
                           .keep = {.count = any},
                           .once = once("ann", numbered("id", i)),
                           .rest = i % 2 == 0 ? at_rest::encrypted : at_rest::plain});
    batch.push_back(inbox_append{.user = user(i),
                                 .body = bytes(text_of_message(i)),
                                 .at_ms = start_ms,
                                 .expires_ms = start_ms + day_ms,
                                 .once = once("bob", numbered("letter", i))});
  }
  return batch;
}

/// Publishes until it is done or the power is gone.
history publish(const sqlite_options& options) {
  history h;
  std::unique_ptr<sqlite_store> s;
  try {
    s = open_sqlite_store(options);
  } catch (const open_error&) {
    return h;
  }
  int next = 0;
  for (int b = 0; b < batches && s->condition() == condition::good; ++b) {
    const int count = 1 + b % 5;
    const auto batch = batch_of(next, count);
    const auto out = s->commit(batch);
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(i) * 2;
      if (out[at].ok()) h.acknowledged.push_back({next + i, out[at]});
      if (out[at + 1].ok()) h.letters.push_back({next + i, out[at + 1]});
      if (out[at].error == errc::outcome_unknown) h.unknown.push_back(next + i);
      h.refused += out[at].error == errc::unavailable;
    }
    next += count;
    if (b % 10 == 9 && !h.letters.empty()) {
      const auto& read = h.letters[h.letters.size() / 2];
      const auto whose = static_cast<std::size_t>(read.i % 2);
      h.may_be_acked_upto[whose] = read.said.n;
      if (s->commit(inbox_ack{user(read.i), read.said.n}).ok()) h.acked_upto[whose] = read.said.n;
    }
    s->upkeep();
  }
  return h;
}

/// What is wrong with a store that was opened after the cut; empty: nothing.
strings losses(const sqlite_store& s, const history& h) {
  strings wrong;
  for (const auto& [i, said] : h.acknowledged) {
    const auto page = s.read(room(i), said.at.seq - 1, 1, any);
    if (page.head.epoch != said.at.epoch || page.records.empty() || page.records[0].seq != said.at.seq ||
        !page.records[0].body || *page.records[0].body != text_of_message(i))
      wrong.push_back(numbered("message ", i));
    const auto known = s.recall(once("ann", numbered("id", i)), start_ms);
    if (!known || known->at != said.at) wrong.push_back(numbered("id ", i));
  }
  for (const auto& [i, said] : h.letters) {
    const auto whose = static_cast<std::size_t>(i % 2);
    const auto page = s.read_inbox(user(i), said.n - 1, 1, any, start_ms);
    const bool there = !page.messages.empty() && page.messages[0].n == said.n;
    if (there && (!page.messages[0].body || *page.messages[0].body != text_of_message(i)))
      wrong.push_back(numbered("garbled letter ", i));
    if (said.n <= h.acked_upto[whose] ? there : !there && said.n > h.may_be_acked_upto[whose])
      wrong.push_back(numbered("letter ", i));
    if (!s.recall(once("bob", numbered("letter", i)), start_ms)) wrong.push_back(numbered("id of letter ", i));
  }
  for (int r = 0; r < 3; ++r) {
    const auto page = s.read(room(r), 0, any, any);
    for (std::size_t i = 0; i < page.records.size(); ++i)
      if (page.records[i].seq != i + 1 || !page.records[i].body) wrong.push_back(numbered("a gap in room ", r));
  }
  if (s.counters().damaged != 0) wrong.push_back("a damaged row");
  if (!s.counters().balanced()) wrong.push_back("the balance of inboxes");
  return wrong;
}

strings inconsistencies(const std::string& path) {
  strings wrong;
  connection db{path, {}, connection::role::reader};
  if (const auto verdict = db.answer("PRAGMA integrity_check"); verdict != "ok") wrong.push_back(verdict);
  sqlite_sums counted;
  recount(db, counted);
  const auto kept = [&](const std::string& column) {
    return std::stoull("0" + db.answer("SELECT " + column + " FROM totals"));
  };
  if (counted.seen.records != kept("records")) wrong.push_back("the sum of records");
  if (counted.seen.queued != kept("queued")) wrong.push_back("the sum of letters");
  if (counted.seen.ids != kept("ids")) wrong.push_back("the sum of ids");
  return wrong;
}

struct cut_result {
  history said;
  strings wrong;
};

cut_result cut(std::uint64_t at, std::uint64_t seed, synchronous sync) {
  const temporary_directory before{temporary_directory::place::in_memory};
  const temporary_directory after{temporary_directory::place::in_memory};
  crash_vfs vfs{"crash"};
  vfs.cut_at(at);
  cut_result r;
  r.said = publish({.path = before.file("a.db"),
                    .readers = 1,
                    .checkpoint_bytes = 64 << 10,
                    .sync = sync,
                    .keys = keys(),
                    .vfs = "crash"});
  vfs.leave_in(after.path(), seed);
  const auto path = after.file("a.db");
  {
    const auto s = open_sqlite_store({.path = path, .sync = synchronous::off, .keys = keys()});
    r.wrong = losses(*s, r.said);
    if (!s->commit(append{.log = "next", .body = bytes("m"), .keep = {.count = 1}}).ok())
      r.wrong.push_back("the next write");
  }
  for (auto& each : inconsistencies(path)) r.wrong.push_back(std::move(each));
  return r;
}

std::uint64_t calls_of_all() {
  const temporary_directory directory;
  crash_vfs vfs{"crash"};
  const auto h = publish(
      {.path = directory.file("a.db"), .readers = 1, .checkpoint_bytes = 64 << 10, .keys = keys(), .vfs = "crash"});
  REQUIRE(h.acknowledged.size() == 180);
  return vfs.writing_calls();
}

std::uint64_t points() {
  const auto* given = std::getenv("GREENROOM_CRASH_POINTS");
  return given ? std::strtoull(given, nullptr, 10) : 200;
}

}  // namespace

TEST_CASE("sqlite crash: whenever the power goes, what was acknowledged is there", "[sqlite][crash]") {
  const auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto calls = calls_of_all();
  std::uint64_t acknowledged = 0;
  std::uint64_t in_doubt = 0;
  for (std::uint64_t i = 0; i < points(); ++i) {
    const auto at = 1 + random() % calls;
    const auto fate = random();
    CAPTURE(i, at, fate);
    const auto r = cut(at, fate, synchronous::full);
    REQUIRE(r.wrong == strings{});
    acknowledged += r.said.acknowledged.size() + r.said.letters.size();
    in_doubt += r.said.unknown.size();
  }
  CHECK(acknowledged > points() * 30);
  CHECK(in_doubt > points() / 10);  // the power did go in the middle of commits
}

TEST_CASE("sqlite crash: a WAL that is not synced loses what was acknowledged, and this harness sees it",
          "[sqlite][crash]") {
  const auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto calls = calls_of_all() / 2;  // there are fewer without the syncs
  std::uint64_t losing = 0;
  constexpr int cuts = 40;
  for (int i = 0; i < cuts; ++i) losing += !cut(1 + random() % calls, random(), synchronous::normal).wrong.empty();
  WARN(losing << " of " << cuts << " cuts lost something");
  CHECK(losing > 0);
}

}  // namespace greenroom::storage::testing
