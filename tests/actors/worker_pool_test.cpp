// Remote workers: who may register, who gets which call, and what becomes of the calls of a worker that goes.
#include "actors/worker_pool.hpp"

#include <algorithm>
#include <set>

#include "actors/limits.hpp"
#include "tests/support/pool_fixture.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;

constexpr auto one_method = R"({"methods":["sum"],"capacity":1})";

}  // namespace

TEST_CASE_METHOD(pool_fixture, "worker: what it registers is announced to every router, and its calls reach it",
                 "[actors][workers]") {
  shards = 2;
  routers();
  auto& w = connect();
  const auto session = text(w.open("w"), "session");
  const auto told =
      w.call("service.register", R"({"methods":["b.two",{"name":"a.one","idempotent":true}],"capacity":2})");
  CHECK(text(told, "worker") == session);
  CHECK(dump(told, "methods") == R"(["a.one","b.two"])");
  CHECK(known(0) == strings{"a.one!", "b.two"});
  CHECK(known(1) == known(0));

  w.story();
  call(7, "a.one");
  settle();
  const auto heard = w.take();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].method == "a.one");
  CHECK(heard[0].request == R"("s1")");
  CHECK(dump(heard[0].body) == R"({"n":7})");
  w.answer(R"("s1")", R"({"is":49})");
  settle();
  CHECK(take() == strings{R"(7 answered {"is":49})"});
  CHECK(notes[0].from == session);
}

TEST_CASE_METHOD(pool_fixture, "worker: it is told whose call it is", "[actors][workers]") {
  auto& w = worker("w", one_method);
  call(1, "sum");
  settle();
  const auto frames = w.wire().take_frames();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].body ==
        R"({"jsonrpc":"2.0","id":"s1","method":"sum","params":{"n":1},"from":{"user":"caller","session":"S"}})");
}

TEST_CASE_METHOD(pool_fixture, "worker: its error is the caller's, whatever its code", "[actors][workers]") {
  auto& w = worker("w", one_method);
  call(1, "sum");
  settle();
  w.fail(R"("s1")", 4711, "no");
  settle();
  CHECK(take() == strings{"1 answered 4711"});
  CHECK(number(status().at("workers").at(0), "failed") == 1);
  CHECK(figure("greenroom_worker_calls_total{outcome=\"failed\"}") == 1);
}

TEST_CASE_METHOD(pool_fixture, "worker: who may not is refused, and so are methods that are not free",
                 "[actors][workers]") {
  config.access.workers = runtime::permission::authenticated;
  routers();
  auto& w = connect();
  w.open("w");
  CHECK(w.refused("service.register", one_method).code == error_code::forbidden);
  config.access.workers = runtime::permission::nobody;
  CHECK(w.refused("service.register", one_method).code == error_code::forbidden);
  CHECK(w.refused("service.unregister").code == error_code::not_found);
  CHECK(known().empty());

  config.access.workers = runtime::permission::anyone;
  for (auto method : {"room.join", "rpc.discover", "rpc.anything", "service.register"})
    CHECK(w.refused("service.register", dump(json{{"methods", {"sum", method}}})).code == error_code::conflict);
  notes[0].taken = {"echo.say"};
  CHECK(w.refused("service.register", R"({"methods":["sum","echo.say"]})").code == error_code::conflict);
  CHECK(known().empty());  // what was announced before the conflict was known is taken back
  CHECK(dump(status(), "workers") == "[]");
  w.call("service.register", R"({"methods":["sum"]})");
  CHECK(known() == strings{"sum"});

  ctx().at = stage::draining;
  CHECK(w.refused("service.register", one_method).code == error_code::draining);
}

TEST_CASE("config: nobody may be a worker unless the config says so", "[actors][workers]") {
  CHECK(runtime::default_config(runtime::preset::closed).access.workers == runtime::permission::nobody);
  CHECK(runtime::default_config(runtime::preset::dev).access.workers == runtime::permission::anyone);
}

TEST_CASE_METHOD(pool_fixture, "worker: the least busy gets the next call by its share, equals in turn",
                 "[actors][workers]") {
  auto& big = worker("big", R"({"methods":["sum"],"capacity":4})");
  auto& small = worker("small", R"({"methods":["sum"],"capacity":2})");
  for (std::uint64_t id = 1; id <= 6; ++id) {
    call(id, "sum");
    settle();
  }
  const strings of_big = big.story(), of_small = small.story();
  CHECK(of_big.size() == 4);
  CHECK(of_small.size() == 2);
  call(7, "sum");
  call(8, "sum");
  settle();
  CHECK(big.story().empty());
  CHECK(small.story().empty());  // they wait
  CHECK(number(status(), "calls_waiting_for_workers") == 2);
  small.answer(R"("s1")", "1");
  settle();
  CHECK(small.story() == strings{R"(sum? "s3" {"n":7})"});
  big.answer(R"("s1")", "1");
  settle();
  CHECK(big.story() == strings{R"(sum? "s5" {"n":8})"});
  CHECK(number(status(), "calls_waiting_for_workers") == 0);
}

TEST_CASE_METHOD(pool_fixture, "worker: idle equals take turns", "[actors][workers]") {
  std::vector<client*> all;
  for (int i = 0; i < 3; ++i) all.push_back(&worker("w" + std::to_string(i), one_method));
  std::set<std::size_t> order;
  for (std::uint64_t id = 1; id <= 6; ++id) {
    call(id, "sum");
    settle();
    for (std::size_t i = 0; i < all.size(); ++i)
      for (const auto& each : all[i]->take()) {
        order.insert((id - 1) % 3 * 10 + i);
        all[i]->answer(each.request, "1");
      }
    settle();
  }
  CHECK(order.size() == 3);  // each place in the round belongs to one worker
}

TEST_CASE_METHOD(pool_fixture,
                 "worker: calls of several methods wait in one order, and over the bound they are refused",
                 "[actors][workers]") {
  auto& w = worker("w", R"({"methods":["a","b"],"capacity":1})");
  call(1, "a");
  call(2, "b");
  call(3, "a");
  call(4, "b");
  settle();
  strings order;
  for (int i = 0; i < 4; ++i) {
    for (const auto& each : w.take()) {
      order.push_back(dump(each.body, "n"));
      w.answer(each.request, "1");
    }
    settle();
  }
  CHECK(order == strings{"1", "2", "3", "4"});
  take();
  for (std::uint64_t id = 1; id <= limits::work_waiting_of_method_max + 2; ++id) call(100 + id, "a");
  settle();
  CHECK(take() == strings{std::to_string(100 + limits::work_waiting_of_method_max + 2) + " answered -32008"});
  call(9, "b");  // another method has space of its own
  settle();
  CHECK(take().empty());
}

TEST_CASE_METHOD(pool_fixture, "worker: a lost one's calls are taken back at once, and nothing more is given to it",
                 "[actors][workers]") {
  auto& first = worker("first", R"({"methods":["sum"],"capacity":2})");
  call(1, "sum");
  call(2, "sum");
  call(3, "sum");
  settle();
  auto& second = connect();
  second.open("second");
  second.call("service.register", one_method);
  auto story = second.story();
  CHECK(story.back() == R"(sum? "s1" {"n":3})");
  first.wire().break_off();
  settle();
  CHECK(take() == strings{"1 lost", "2 lost"});
  call(4, "sum");
  settle();
  CHECK(take().empty());  // it waits for the second
  CHECK(status().at("workers").as_array().size() == 1);
  CHECK(figure("greenroom_worker_calls_total{outcome=\"lost\"}") == 2);
}

TEST_CASE_METHOD(pool_fixture, "worker: a method whose last one was lost waits a while for the next, then it is gone",
                 "[actors][workers]") {
  auto* w = &worker("w", one_method);
  w->wire().break_off();
  settle();
  call(1, "sum");
  settle();
  CHECK(take().empty());
  advance(limits::worker_linger - 1s);
  CHECK(known() == strings{"sum"});
  w = &worker("again", one_method);
  CHECK(w->take().empty());  // worker() has read it
  w->answer(R"("s1")", "1");
  settle();
  CHECK(take() == strings{"1 answered 1"});

  w->wire().break_off();
  settle();
  call(2, "sum");
  advance(limits::worker_linger);
  CHECK(take() == strings{"2 answered -32008"});
  CHECK(known().empty());
  call(3, "sum");  // from a router that has not heard it yet
  settle();
  CHECK(take() == strings{"3 answered -32008"});
}

TEST_CASE_METHOD(pool_fixture, "worker: one that unregisters gets nothing more and is answered when it has answered",
                 "[actors][workers]") {
  auto& w = worker("w", R"({"methods":["a","b"],"capacity":4})");
  call(1, "a");
  call(2, "b");
  settle();
  w.story();
  w.send("service.unregister", R"({"methods":["a"]})");
  settle();
  CHECK(known() == strings{"b"});
  CHECK(w.story().empty());
  w.answer(R"("s2")", "2");
  settle();
  CHECK(w.story().empty());
  w.answer(R"("s1")", "1");
  settle();
  CHECK(w.story() == strings{"service.unregister ok"});
  CHECK(take() == strings{"2 answered 2", "1 answered 1"});

  CHECK(w.refused("service.unregister", R"({"methods":["a"]})").code == error_code::not_found);
  CHECK(dump(w.call("service.unregister"), "methods") == "[]");
  CHECK(known().empty());
  CHECK(dump(status(), "workers") == "[]");
  CHECK(w.refused("service.unregister").code == error_code::not_found);
  w.story();
  CHECK(dump(w.call("service.register", one_method), "methods") == R"(["sum"])");  // it may come back
}

TEST_CASE_METHOD(pool_fixture, "worker: one that drains and goes loses what it still had", "[actors][workers]") {
  auto& w = worker("w", R"({"methods":["a"],"capacity":4})");
  call(1, "a");
  settle();
  w.send("service.unregister");
  settle();
  CHECK(dump(status().at("workers").at(0), "methods") == "[]");
  w.wire().break_off();
  settle();
  CHECK(take() == strings{"1 lost"});
  CHECK(dump(status(), "workers") == "[]");
}

TEST_CASE_METHOD(pool_fixture, "worker: who registers again changes its capacity, its methods and what is said of them",
                 "[actors][workers]") {
  auto& w = worker("w", one_method);
  for (std::uint64_t id = 1; id <= 3; ++id) call(id, "sum");
  settle();
  CHECK(w.story().size() == 1);
  CHECK(dump(w.call("service.register", R"({"methods":[{"name":"sum","idempotent":true},"mul"],"capacity":3})"),
             "methods") == R"(["mul","sum"])");
  CHECK(known() == strings{"mul", "sum!"});
  settle();
  auto story = w.story();
  std::erase(story, "service.register ok");
  CHECK(story.size() == 2);
}

TEST_CASE_METHOD(pool_fixture,
                 "worker: a request keeps its place until it is answered, also when nobody waits any more",
                 "[actors][workers]") {
  auto& w = worker("w", one_method);
  auto slow = call(1, "sum", 1s);
  auto waiting = call(2, "sum", 1s);
  settle();
  CHECK(w.story() == strings{R"(sum? "s1" {"n":1})"});
  advance(1s);
  slow->cancelled = true;
  tell(ctx().workers, router::cancel{1});
  waiting->cancelled = true;
  tell(ctx().workers, router::cancel{2});
  settle();
  call(3, "sum");
  settle();
  CHECK(w.story().empty());
  CHECK(number(status(), "calls_waiting_for_workers") == 1);  // the second is out of the queue
  w.answer(R"("s1")", "1");                                   // late
  settle();
  CHECK(w.story() == strings{R"(sum? "s2" {"n":3})"});

  advance(30s + limits::work_overdue_max);  // it never answers: its place is free again at last
  CHECK(number(status().at("workers").at(0), "overdue") == 1);
  call(4, "sum");
  settle();
  CHECK(w.story() == strings{R"(sum? "s3" {"n":4})"});
}

TEST_CASE_METHOD(pool_fixture, "worker: a scatter reaches everyone who has room, and says of whom it is",
                 "[actors][workers]") {
  auto& first = worker("first", one_method);
  auto& second = worker("second", one_method);
  auto& busy = worker("busy", one_method);
  for (std::uint64_t id = 1; id <= 3; ++id) call(id, "sum");
  settle();
  first.answer(R"("s1")", "0");
  second.answer(R"("s1")", "0");
  settle();
  take();
  first.story(), second.story(), busy.story();
  call(9, "sum", 1s, router::reach::all);
  settle();
  CHECK(take() == strings{"9 expects 3", "9 answered -32008"});
  CHECK(busy.story().empty());
  first.answer(R"("s2")", "1");
  second.answer(R"("s2")", "2");
  settle();
  CHECK(take() == strings{"9 answered 1", "9 answered 2"});
  call(10, "nobody", 1s, router::reach::all);
  settle();
  CHECK(take() == strings{"10 expects 0"});
}

TEST_CASE_METHOD(pool_fixture, "worker: its session's resume is another connection, on which it registers anew",
                 "[actors][workers]") {
  shards = 2;
  routers();
  auto& w = connect();
  const auto opened = w.open("w");
  w.call("service.register", one_method);
  call(1, "sum");
  settle();
  auto& again = connect({.shard = 1});
  again.resume(opened);
  settle();
  CHECK(take() == strings{"1 lost"});
  CHECK(dump(status(), "workers") == "[]");
  call(2, "sum");
  settle();
  again.story();
  again.call("service.register", one_method);
  settle();
  auto story = again.story();
  std::erase(story, "service.register ok");
  CHECK(story == strings{R"(sum? "s1" {"n":2})"});
}

TEST_CASE_METHOD(pool_fixture, "worker: a crash of its session costs it what it had, not its registration",
                 "[actors][workers]") {
  auto& w = worker("w", R"({"methods":["sum"],"capacity":2})");
  call(1, "sum");
  settle();
  w.join("lobby");
  fail(w.peer().session());
  settle();
  CHECK(take() == strings{"1 lost"});
  w.story();
  call(2, "sum");
  settle();
  CHECK(w.story() == strings{R"(sum? "s2" {"n":2})"});
}

TEST_CASE_METHOD(pool_fixture, "worker: a crash of the pool keeps workers and queue, and takes back what they had",
                 "[actors][workers]") {
  auto& w = worker("w", one_method);
  auto& other = worker("other", R"({"methods":["mul"]})");
  call(1, "sum");
  call(2, "sum");
  settle();
  w.story();
  other.wire().break_off();
  crash(ctx().workers);
  settle();
  CHECK(take() == strings{"1 lost"});
  CHECK(known() == strings{"mul", "sum"});
  CHECK(w.story() == strings{R"(sum? "s2" {"n":2})"});  // the queue went on
  w.answer(R"("s1")", "1");                             // of the old life: nobody waits
  w.answer(R"("s2")", "2");
  settle();
  CHECK(take() == strings{"2 answered 2"});
  CHECK(status().at("workers").as_array().size() == 1);  // who went meanwhile was found
  advance(limits::worker_linger);
  CHECK(known() == strings{"sum"});
}

TEST_CASE_METHOD(pool_fixture, "worker: a router that restarts is told all methods again", "[actors][workers]") {
  worker("w", R"({"methods":["a",{"name":"b","idempotent":true}]})");
  notes[0].methods.clear();
  ask(ctx().workers, router::recollect{0});
  CHECK(known() == strings{"a", "b!"});
}

TEST_CASE_METHOD(pool_fixture, "worker: more methods or workers than there may be are refused", "[actors][workers]") {
  auto& w = worker("w", one_method);
  auto names = [](std::size_t first, std::size_t count) {
    boost::json::array all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(json(("m" + std::to_string(first + i)).c_str()));
    return dump(json{{"methods", all}});
  };
  w.call("service.register", names(0, 128));
  CHECK(w.refused("service.register", names(128, 128)).code == error_code::too_large);
  w.call("service.register", names(128, 127));
  CHECK(known().size() == limits::worker_methods_max);

  const std::string schema = "{\"x\":\"" + std::string(16'000, 'x') + "\"}";  // what is said of methods is bounded, too
  std::size_t said = 0;
  auto say = [&](std::string_view name) {
    return R"({"methods":[{"name":")" + std::string{name} + R"(","result":)" + schema + "}]}";
  };
  auto& talker = connect();
  talker.open("talker");
  while (said + schema.size() <= limits::pool_described_bytes_max) {
    talker.call("service.register", say("t" + std::to_string(said)));
    said += schema.size();
  }
  CHECK(talker.refused("service.register", say("over")).code == error_code::unavailable);
}

TEST_CASE_METHOD(pool_fixture, "worker: the status shows what each does", "[actors][workers]") {
  auto& w = worker("ann", R"({"methods":["sum"],"capacity":3})");
  call(1, "sum");
  call(2, "sum");
  call(3, "sum");
  settle();
  advance(8ms);
  w.answer(R"("s1")", "1");
  w.fail(R"("s2")", 1, "no");
  settle();
  const auto row = status().at("workers").at(0);
  CHECK(text(row, "user") == "ann");
  CHECK(dump(row, "methods") == R"(["sum"])");
  CHECK(number(row, "capacity") == 3);
  CHECK(number(row, "in_flight") == 1);
  CHECK(number(row, "answered") == 1);
  CHECK(number(row, "failed") == 1);
  CHECK(number(row, "latency_us") == 8'000);
}

}  // namespace greenroom::tests
