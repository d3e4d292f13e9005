// A disk that fails: every call of the file system in turn, once; no space for a while; a sync that never works again.
#include <sqlite3.h>

#include <algorithm>

#include "tests/storage/contract.hpp"
#include "tests/storage/crash_vfs.hpp"

namespace greenroom::storage::testing {
namespace {

using call = crash_vfs::call;

append message(int i) {
  return {.log = "r",
          .body = bytes(numbered("m", i)),
          .at_ms = start_ms,
          .keep = {.count = any},
          .once = once("ann", numbered("id", i))};
}

int io_error_of(call what) {
  switch (what) {
    case call::read: return SQLITE_IOERR_READ;
    case call::write: return SQLITE_IOERR_WRITE;
    case call::sync: return SQLITE_IOERR_FSYNC;
    case call::truncate: return SQLITE_IOERR_TRUNCATE;
    case call::remove: return SQLITE_IOERR_DELETE;
  }
  return SQLITE_IOERR;
}

/// What became of messages that were sent one after the other, each again until it had an answer that is no `unknown`.
struct story {
  std::vector<int> stored;  // in the order of their positions
  int refused = 0, unknown = 0, repairs = 0, failed_opens = 0;
};

std::unique_ptr<sqlite_store> open_again(const sqlite_options& options, story& so_far) {
  for (;; ++so_far.failed_opens) {
    REQUIRE(so_far.failed_opens < 3);
    try {
      return open_sqlite_store(options);
    } catch (const open_error&) {
    }
  }
}

void repair(sqlite_store& s, story& so_far) {
  for (int i = 0; s.condition() == condition::broken; ++i) {
    REQUIRE(i < 3);
    s.repair();
    ++so_far.repairs;
  }
}

void send(sqlite_store& s, int i, story& so_far) {
  bool refused = false;
  for (int tries = 0;; ++tries) {
    REQUIRE(tries < 5);
    const auto out = s.commit(message(i));
    if (out.error == errc::outcome_unknown) {
      CHECK(s.condition() == condition::broken);
      ++so_far.unknown;
    } else if (out.error == errc::unavailable) {
      refused = true;
    } else {
      REQUIRE(out.ok());
      so_far.stored.push_back(i);
      CHECK(out.at.seq == so_far.stored.size());
      break;
    }
    repair(s, so_far);
  }
  so_far.refused += refused;
}

/// Opens, sends, checkpoints, reads, closes, while the n-th call fails.
story tell(const crash_vfs& vfs, const std::string& path) {
  story so_far;
  const auto s =
      open_again({.path = path, .readers = 1, .cache_bytes = 0, .checkpoint_bytes = 1, .vfs = vfs.name()}, so_far);
  for (int i = 0; i < 4; ++i) {
    send(*s, i, so_far);
    s->upkeep();
    repair(*s, so_far);
    s->read("r", 0, any, any);
    repair(*s, so_far);
  }
  return so_far;
}

void require_told(const std::string& path, const story& expected) {
  const auto s = open_sqlite_store({.path = path, .sync = synchronous::off});
  const auto page = s->read("r", 0, any, any);
  strings texts_expected;
  for (const auto i : expected.stored) texts_expected.push_back(numbered("m", i));
  REQUIRE(texts(page.records) == texts_expected);
  CHECK(s->counters().ids == expected.stored.size());
  CHECK(s->counters().damaged == 0);
}

/// Every call in turn fails once with what `with` says. Answers how often something was seen of it.
story fail_each(const std::function<int(call)>& with) {
  story all;
  for (std::uint64_t n = 0;; ++n) {
    CAPTURE(n);
    const temporary_directory directory{temporary_directory::place::in_memory};
    crash_vfs vfs{"faulty"};
    bool reached = false;
    vfs.fail([&](call what, std::uint64_t i) {
      if (i != n) return SQLITE_OK;
      reached = true;
      return with(what);
    });
    const auto told = tell(vfs, directory.file("a.db"));
    CHECK(told.stored.size() == 4);
    require_told(directory.file("a.db"), told);
    all.refused += told.refused;
    all.unknown += told.unknown;
    all.repairs += told.repairs;
    all.failed_opens += told.failed_opens;
    if (!reached) return all;
    REQUIRE(n < 10'000);
  }
}

}  // namespace

TEST_CASE("sqlite faults: whichever call fails with an I/O error, a repair brings everything back", "[sqlite]") {
  const auto seen = fail_each(io_error_of);
  CHECK(seen.unknown > 0);
  CHECK(seen.refused > 0);
  CHECK(seen.repairs > 0);
  CHECK(seen.failed_opens > 0);
}

TEST_CASE("sqlite faults: whichever write finds no space, its batch is refused and the next one works", "[sqlite]") {
  const auto seen = fail_each([](call what) { return what == call::write ? SQLITE_FULL : SQLITE_OK; });
  CHECK(seen.refused > 0);
  CHECK(seen.unknown == 0);
  CHECK(seen.repairs == 0);
}

TEST_CASE("sqlite faults: without space batches are refused, reads go on, and writing resumes by itself", "[sqlite]") {
  const temporary_directory directory;
  crash_vfs vfs{"faulty"};
  strings said;
  const auto s =
      open_sqlite_store({.path = directory.file("a.db"), .vfs = "faulty", .report = [&](const std::string& line) {
                           said.push_back(line);
                         }});
  s->commit(message(1));
  vfs.fail([](call what, std::uint64_t) { return what == call::write ? SQLITE_FULL : SQLITE_OK; });
  for (int i = 0; i < 3; ++i) {
    CHECK(s->commit(message(2)).error == errc::unavailable);
    CHECK(s->condition() == condition::full);
    s->upkeep();
    CHECK(texts(s->read("r", 0, any, any).records) == strings{"m1"});
  }
  CHECK(s->counters().records == 1);
  vfs.fail({});
  CHECK(s->commit(message(2)).at.seq == 2);
  CHECK(s->condition() == condition::good);
  CHECK(said.size() == 1);
  CHECK(s->figures().reopened == 0);
}

TEST_CASE("sqlite faults: after a failed sync nothing is written until a repair has moved the WAL over", "[sqlite]") {
  const temporary_directory directory;
  crash_vfs vfs{"faulty"};
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .vfs = "faulty"});
  const auto epoch = s->commit(message(1)).at.epoch;
  vfs.fail([](call what, std::uint64_t) { return what == call::sync ? SQLITE_IOERR_FSYNC : SQLITE_OK; });
  const std::vector<operation> batch{message(2), message(3), session_erase{std::string(600, 's')}};
  const auto out = s->commit(batch);
  CHECK(out[0].error == errc::outcome_unknown);
  CHECK(out[1].error == errc::outcome_unknown);
  CHECK(out[2].error == errc::too_large);
  CHECK(s->condition() == condition::broken);
  CHECK(s->commit(message(4)).error == errc::unavailable);
  CHECK(texts(s->read("r", 0, 1, any).records) == strings{"m1"});
  CHECK_FALSE(s->repair().empty());
  CHECK(s->condition() == condition::broken);
  CHECK(s->commit(message(4)).error == errc::unavailable);
  vfs.fail({});
  CHECK(s->repair().empty());
  CHECK(s->condition() == condition::good);
  CHECK(s->figures().reopened == 1);
  const auto head = s->head("r");
  REQUIRE(head);
  CHECK(head->epoch == epoch);
  const auto again = s->commit(message(2));
  CHECK(again.at.seq == 2);
  CHECK(again.duplicate == (head->last == 3));
  CHECK(s->repair().empty());
}

TEST_CASE("sqlite faults: a disk that is gone leaves refusals, and reads that say so", "[sqlite]") {
  const temporary_directory directory;
  crash_vfs vfs{"faulty"};
  const auto s = open_sqlite_store({.path = directory.file("a.db"), .cache_bytes = 0, .vfs = "faulty"});
  s->commit(message(1));
  vfs.fail([](call what, std::uint64_t) { return io_error_of(what); });
  CHECK_FALSE(s->commit(message(2)).ok());
  CHECK(s->commit(message(3)).error == errc::unavailable);
  CHECK_FALSE(s->repair().empty());
  CHECK(s->read("r", 0, any, any).error == errc::unavailable);
  CHECK(s->read_inbox("ann", 0, any, any, start_ms).error == errc::unavailable);
  CHECK_FALSE(s->head("r"));
  CHECK(s->sessions({}, 10).empty());
  vfs.fail({});
  CHECK(s->repair().empty());
  CHECK(*s->read("r", 0, any, any).records.at(0).body == "m1");
}

}  // namespace greenroom::storage::testing
