// The one that commits: batches, what a failure bars, and a disk that comes back.
#include "actors/store_writer.hpp"
#include "actors/store_reader.hpp"
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {
namespace {

using storage::errc;
using outcomes = store_writer::outcomes;

class writer_fixture : public durable_fixture {
 public:
  using slot = std::shared_ptr<std::optional<outcomes>>;

  writer_fixture() { client_ = spawn<caller>(caller_options{}); }

  static storage::append message(const std::string& log, const std::string& body = "hi") {
    return {.log = log, .body = std::make_shared<const std::string>(body), .at_ms = 1, .keep = {.count = 1'000}};
  }
  /// The outcomes stand in the slot when they have come.
  slot commit(store_writer::operations what) {
    auto into = std::make_shared<std::optional<outcomes>>();
    tell(client_, order{std::make_shared<store_writer::parcel>(ctx(), std::move(what)), into, ctx().writer});
    return into;
  }
  errc commit_now(storage::operation what) {
    auto got = commit({std::move(what)});
    settle();
    REQUIRE(*got);
    return (**got)[0].error;
  }

  struct order {
    std::shared_ptr<store_writer::parcel> what;
    slot into;
    caf::actor writer;
  };

 private:
  struct caller_options {};
  struct caller {
    static inline const char* name = "caller";
    caller(runtime::actor_base* s, const caller_options&) : self{s} {}
    caf::behavior start() {
      return {[this](const order& m) {
        runtime::ask(self, m.writer, store_writer::commit{m.what})
            .then([into = m.into](const store_writer::commit::reply& r) { *into = *r.all; },
                  [into = m.into](const caf::error&) { *into = outcomes{}; });
      }};
    }
    runtime::actor_base* self;
  };
  caf::actor client_;
};

}  // namespace
}  // namespace greenroom::tests

GREENROOM_MESSAGE(greenroom::tests::writer_fixture::order)

namespace greenroom::tests {

TEST_CASE_METHOD(writer_fixture, "store writer: what comes while a batch runs is the next one", "[actors][writer]") {
  numbers sizes;
  bool fresh = true;
  std::vector<slot> later;
  disk().fate_of = [&](std::span<const storage::operation> batch) {
    sizes.push_back(batch.size());
    if (std::exchange(fresh, false)) {
      for (int i = 0; i < 5; ++i) later.push_back(commit({message("a"), message("b")}));
      settle_without_disk();
    }
    return fate::done;
  };
  auto first = commit({message("a")});
  settle();
  CHECK(sizes == numbers{1, 10});
  REQUIRE(*first);
  for (std::size_t i = 0; i < later.size(); ++i) {  // each has its own outcomes, in its order
    REQUIRE(*later[i]);
    REQUIRE((*later[i])->size() == 2);
    CHECK((**later[i])[0].at.seq == i + 2);
    CHECK((**later[i])[1].at.seq == i + 1);
  }
}

TEST_CASE_METHOD(writer_fixture, "store writer: a batch has whole requests, and never more operations than it may",
                 "[actors][writer]") {
  numbers sizes;
  disk().fate_of = [&](std::span<const storage::operation> batch) {
    sizes.push_back(batch.size());
    return fate::done;
  };
  std::vector<slot> all;
  for (int i = 0; i < 5; ++i) all.push_back(commit(store_writer::operations(400, message("a"))));
  all.push_back(commit(store_writer::operations(storage::limits::batch_operations_max, message("a"))));
  settle();
  CHECK(sizes == numbers{800, 800, 400, 1'024});
  for (const auto& each : all) CHECK(*each);
  CHECK(disk().head("a")->last == 3'024);
  CHECK(ctx().uncommitted_bytes == 0);
}

TEST_CASE_METHOD(writer_fixture, "store writer: a log whose append failed takes none until it has been opened again",
                 "[actors][writer]") {
  const auto how = GENERATE(fate::refused, fate::lost);
  disk().doom<storage::append>(how);
  CHECK(commit_now(message("a")) == (how == fate::refused ? errc::unavailable : errc::outcome_unknown));
  CHECK(commit_now(message("a")) == errc::unavailable);
  CHECK(commit_now(message("b")) == errc::success);
  CHECK(commit_now(message("a")) == errc::unavailable);
  CHECK(commit_now(storage::log_open{.log = "a"}) == errc::success);
  CHECK(commit_now(message("a")) == errc::success);
  CHECK(disk().head("a")->last == 1);
}

TEST_CASE_METHOD(writer_fixture, "store writer: a state does not pass a message of its log that was not stored",
                 "[actors][writer]") {
  commit_now(message("a"));
  const auto state = std::make_shared<const std::string>("n2");
  bool fresh = true;
  slot behind;
  disk().fate_of = [&](std::span<const storage::operation>) {
    if (!std::exchange(fresh, false)) return fate::done;
    behind = commit({storage::snapshot_put{"a", state}});
    settle_without_disk();
    return fate::refused;
  };
  CHECK(commit_now(message("a")) == errc::unavailable);
  REQUIRE(*behind);
  CHECK((**behind)[0].error == errc::unavailable);
  CHECK_FALSE(disk().snapshot("a"));
  commit_now(storage::log_open{.log = "a"});
  CHECK(commit_now(storage::snapshot_put{"a", state}) == errc::success);
}

TEST_CASE_METHOD(writer_fixture,
                 "store writer: its crash tells who waits that the outcome is unknown, and bars those logs",
                 "[actors][writer][crash]") {
  commit_now(message("a"));
  const auto way = GENERATE(0, 1);
  slot behind, other;
  bool fresh = true;
  disk().before_commit = [&](const storage::operation&) {
    if (!std::exchange(fresh, false)) return;
    behind = commit({message("a", "behind")});
    other = commit({message("b")});
    settle_without_disk();
    if (way == 0) throw std::runtime_error{"as the test wants"};
    crash(ctx().writer);
  };
  auto lost = commit({message("a", "first")});
  settle();
  disk().before_commit = nullptr;
  REQUIRE(*lost);
  REQUIRE(*behind);
  REQUIRE(*other);
  if (way == 0) {
    CHECK((*lost)->empty());  // an error: who knows
    REQUIRE((*behind)->size() == 1);
    CHECK((**behind)[0].error == errc::unavailable);  // it must not overtake the first
    CHECK((**other)[0].ok());
    CHECK(disk().head("a")->last == 1);
    CHECK(commit_now(storage::log_open{.log = "a"}) == errc::success);
    CHECK(commit_now(message("a")) == errc::success);
  } else {
    CHECK((**lost)[0].ok());
  }
  CHECK(ctx().uncommitted_bytes == 0);
}

TEST_CASE_METHOD(writer_fixture, "store writer: a broken disk is opened anew until that works, ever less often",
                 "[actors][writer]") {
  ctx();
  disk().fate_of = [this](std::span<const storage::operation>) {
    disk().now = storage::condition::broken;
    return fate::lost;
  };
  disk().repairs_fail = 12;
  CHECK(commit_now(message("a")) == errc::outcome_unknown);
  disk().fate_of = nullptr;
  CHECK(disk().repairs == 0);
  advance(100ms);
  CHECK(disk().repairs == 1);
  advance(200ms);
  CHECK(disk().repairs == 2);
  advance(400ms);
  CHECK(disk().repairs == 3);
  CHECK(commit_now(message("b")) == errc::unavailable);  // and does not bring a second repair
  advance(2min);
  const auto tried = disk().repairs;
  CHECK(tried >= 8);
  CHECK(tried <= 12);
  advance(3min);
  CHECK(disk().repairs == 13);  // never gives up; at most 30 s apart
  CHECK(disk().now == storage::condition::good);
  CHECK(commit_now(message("b")) == errc::unavailable);  // its append was refused: it opens first
  CHECK(commit_now(storage::log_open{.log = "b"}) == errc::success);
  CHECK(commit_now(message("b")) == errc::success);
  CHECK(commit_now(message("a")) == errc::unavailable);
  advance(5min);
  CHECK(disk().repairs == 13);
}

TEST_CASE_METHOD(writer_fixture, "store writer: one that starts over a broken disk repairs it",
                 "[actors][writer][crash]") {
  ctx();
  disk().now = storage::condition::broken;
  crash(ctx().writer);
  settle();
  CHECK(disk().repairs == 0);
  advance(100ms);
  CHECK(disk().repairs == 1);
  CHECK(commit_now(message("a")) == errc::success);
}

TEST_CASE_METHOD(writer_fixture,
                 "store writer: a full disk refuses, and takes messages again as soon as there is space",
                 "[actors][writer]") {
  ctx();
  disk().now = storage::condition::full;
  CHECK(commit_now(storage::inbox_append{
            .user = "ann", .body = std::make_shared<const std::string>("hi"), .at_ms = 1, .expires_ms = 2'000}) ==
        errc::unavailable);
  CHECK(disk().repairs == 0);
  disk().now = storage::condition::good;
  CHECK(commit_now(storage::inbox_append{
            .user = "ann", .body = std::make_shared<const std::string>("hi"), .at_ms = 1, .expires_ms = 2'000}) ==
        errc::success);
}

// --- rooms over a disk that breaks and comes back

TEST_CASE_METHOD(durable_fixture,
                 "broken disk: a durable room refuses until it is repaired, then goes on where it stood",
                 "[actors][durable][writer]") {
  json session;
  auto& ann = user("ann", &session);
  auto& bob = member("bob");
  ann.publish(x, "before");
  bob.story();
  disk().repairs_fail = 3;
  disk().fate_of = [this](std::span<const storage::operation> batch) {
    if (!has<storage::append>(batch)) return fate::done;
    disk().now = storage::condition::broken;
    return fate::lost;
  };
  ann.send("room.publish", saying(x, "lost", "m-1"));
  settle();
  CHECK(ann.wire().over());
  disk().fate_of = nullptr;
  auto& carl = connect();  // the resume keeps its token: nothing can be stored
  carl.resume(session);
  CHECK(carl.refused("room.publish", saying(x, "lost", "m-1")).code == codecs::error_code::unavailable);
  CHECK(carl.refused("room.history", dump(json{{"room", x}})).code == codecs::error_code::unavailable);
  carl.publish("lobby", "memory goes on");
  advance(3s);
  CHECK(disk().now == storage::condition::good);
  const auto ack = carl.call("room.publish", saying(x, "lost", "m-1"));
  CHECK(number(ack, "seq") == 2);
  CHECK(bob.seqs(x) == numbers{2});
}

}  // namespace greenroom::tests
