// Calls from client to worker and back, through the router; and random storms of workers that come and go.
#include <algorithm>
#include <random>

#include "actors/limits.hpp"
#include "tests/support/pool_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

TEST_CASE_METHOD(node_fixture, "worker: a client's call reaches it and its answer comes back, as rpc.discover promises",
                 "[actors][workers]") {
  shards = 2;
  auto& w = connect();
  w.open("w");
  w.call("service.register",
         R"({"methods":[{"name":"sum.add","summary":"Adds.","result":{"type":"number"},
             "params":{"properties":{"a":{"type":"number"}},"required":["a"]}}]})");
  w.story();
  auto& ann = connect({.shard = 1});
  ann.open("ann");
  ann.story();
  ann.send("sum.add", R"({"a":1})");
  settle();
  CHECK(w.story() == strings{R"(sum.add? "s1" {"a":1})"});
  w.answer(R"("s1")", "[3]");
  settle();
  const auto heard = ann.take();
  REQUIRE(heard.size() == 1);
  CHECK(dump(heard[0].body) == "[3]");

  const auto document = ann.call("rpc.discover");
  const auto& last = document.at("methods").as_array().back();
  CHECK(text(last, "name") == "sum.add");
  CHECK(text(last, "summary") == "Adds.");
  CHECK(dump(last.at("result").at("schema")) == R"({"type":"number"})");
  CHECK(dump(last, "params") == R"([{"name":"a","required":true,"schema":{"type":"number"}}])");

  w.call("service.unregister");
  CHECK(ann.refused("sum.add").code == error_code::method_not_found);
}

TEST_CASE_METHOD(node_fixture, "worker: a lost one's idempotent calls go to another, the others fail: timed out",
                 "[actors][workers]") {
  std::vector<client*> both;
  for (int i = 0; i < 2; ++i) {
    both.push_back(&connect());
    both.back()->open("w");
    both.back()->call("service.register", R"({"methods":["pay",{"name":"look","idempotent":true}],"capacity":4})");
    both.back()->story();
  }
  auto& ann = connect();
  ann.open("ann");
  ann.story();
  for (auto method : {"pay", "look", "pay", "look"}) {
    ann.send(method);
    settle();
  }
  CHECK(both[0]->story().size() == 2);
  CHECK(both[1]->story().size() == 2);
  both[0]->wire().break_off();
  settle();
  std::size_t looks = 0;
  for (std::size_t i = 1; i <= 4; ++i) both[1]->answer("\"s" + std::to_string(i) + '"', "1");
  settle();
  auto story = ann.story();
  std::sort(story.begin(), story.end());
  looks = static_cast<std::size_t>(std::ranges::count(story, "look ok"));
  CHECK(looks == 2);
  CHECK(std::ranges::count(story, "pay -32009") + std::ranges::count(story, "pay ok") == 2);
  CHECK(story.size() == 4);
}

TEST_CASE_METHOD(node_fixture, "worker: a caller that goes or is late frees the queue, not the worker's place",
                 "[actors][workers]") {
  auto& w = connect();
  w.open("w");
  w.call("service.register", R"({"methods":["slow"],"capacity":1})");
  w.story();
  auto& ann = connect();
  ann.open("ann");
  ann.send("slow");
  ann.send("slow");
  settle();
  ann.wire().break_off();
  settle();
  CHECK(ctx().workers_now.waiting == 0);
  auto& bob = connect();
  bob.open("bob");
  bob.story();
  bob.send("slow");
  settle();
  CHECK(ctx().workers_now.waiting == 1);
  CHECK(w.story().size() == 1);
  advance(limits::worker_time_limit);
  CHECK(bob.story() == strings{"slow -32009"});
  CHECK(ctx().workers_now.waiting == 0);
}

TEST_CASE_METHOD(node_fixture, "worker: a router that crashes knows the workers' methods again", "[actors][workers]") {
  auto& w = connect();
  w.open("w");
  w.call("service.register", R"({"methods":["sum"]})");
  w.story();
  crash(ctx().shards[0].router);
  settle();
  auto& ann = connect();
  ann.send("sum");
  settle();
  CHECK(w.story() == strings{R"(sum? "s1" {})"});
}

namespace {

/// Workers that come, answer, fail, unregister and die at random, under random schedules, with crashes of the pool.
class storm {
 public:
  storm(pool_fixture& node, std::uint32_t seed) : node_{node}, random_{seed} { node_.routers(); }

  void run() {
    for (int step = 0; step < 120; ++step) {
      switch (random_() % 12) {
        case 0: hire(); break;
        case 1: dismiss(); break;
        case 2: kill(); break;
        case 3:
          if (random_() % 4 == 0) {
            node_.crash(node_.ctx().workers);
            ++crashes_;
          }
          break;
        case 4:
        case 5:
        case 6: answer_some(); break;
        default: node_.call(++calls_, methods_[random_() % methods_.size()]); break;
      }
      if (random_() % 3 == 0) node_.settle_randomly(random_);
      look();
    }
    node_.settle_randomly(random_);
    for (bool more = true; more;) more = finish();
    node_.advance(limits::worker_linger);
  }

  void check() {
    auto& notes = node_.notes[0];
    for (std::uint64_t id = 1; id <= calls_; ++id) {
      INFO("call " << id);
      CHECK(notes.ends[id] == 1);
      CHECK(given_[id] <= 1);  // this router repeats nothing
      if (notes.last[id] == "lost") CHECK(killed_ + crashes_ > 0);
      // A result is this call's and no other's.
      if (notes.last[id].starts_with("answered {"))
        CHECK(notes.last[id] == "answered {\"n\":" + std::to_string(id) + '}');
    }
  }
  std::uint64_t calls() const { return calls_; }
  std::uint64_t answered() const { return answered_; }

 private:
  struct hand {
    client* who;
    std::size_t capacity;
    strings open;  ///< requests that it has not answered: id and params
  };

  void hire() {
    if (hands_.size() >= 5) return;
    const auto capacity = 1 + random_() % 3;
    auto& one = node_.connect({.shard = random_() % node_.shards});
    one.send("session.open", R"({"user":"w"})");
    boost::json::array some;
    for (const auto& each : methods_)
      if (random_() % 2 == 0) some.push_back(json(each.c_str()));
    if (some.empty()) some.push_back(json(methods_[0].c_str()));
    one.send("service.register", dump(json{{"methods", some}, {"capacity", capacity}}));
    hands_.push_back({&one, capacity, {}});
  }
  void dismiss() {
    if (!hands_.empty()) hands_[random_() % hands_.size()].who->send("service.unregister");
  }
  void kill() {
    if (hands_.empty()) return;
    auto which = hands_.begin() + static_cast<std::ptrdiff_t>(random_() % hands_.size());
    which->who->wire().break_off();
    ++killed_;
    hands_.erase(which);
  }
  /// What has come for the workers.
  void look() {
    for (auto& each : hands_) {
      for (const auto& heard : each.who->take()) {
        if (heard.request.empty()) continue;
        each.open.push_back(heard.request + '\n' + dump(heard.body));
        ++given_[number(heard.body, "n")];
      }
      if (crashes_ == 0) CHECK(each.open.size() <= each.capacity);  // a new life does not know what they still have
    }
  }
  void answer_some() {
    for (auto& each : hands_) {
      if (each.open.empty() || random_() % 2 == 0) continue;
      auto which = each.open.begin() + static_cast<std::ptrdiff_t>(random_() % each.open.size());
      answer(each, *which);
      each.open.erase(which);
    }
  }
  void answer(hand& by, const std::string& request) {
    const auto id = request.substr(0, request.find('\n')), params = request.substr(id.size() + 1);
    if (random_() % 5 == 0)
      by.who->fail(id, 4711, "no");
    else
      by.who->answer(id, params);
    ++answered_;
  }
  bool finish() {
    look();
    bool moved = false;
    for (auto& each : hands_) {
      for (const auto& request : std::exchange(each.open, {})) {
        answer(each, request);
        moved = true;
      }
    }
    node_.settle_randomly(random_);
    return moved;
  }

  pool_fixture& node_;
  std::mt19937 random_;
  strings methods_{"a", "b", "c"};
  std::vector<hand> hands_;
  std::uint64_t calls_ = 0, answered_ = 0, killed_ = 0, crashes_ = 0;
  std::map<std::uint64_t, int> given_;  ///< how often a call reached a worker
};

}  // namespace

TEST_CASE("worker: in any order of hiring, answering, leaving, dying and crashing each call ends exactly once",
          "[actors][workers][random]") {
  const auto first = std::random_device{}();
  std::uint64_t calls = 0, answered = 0;
  for (std::uint32_t i = 0; i < 60; ++i) {
    INFO("seed " << first + i);
    pool_fixture node;
    node.shards = 1 + i % 2;
    storm one{node, first + i};
    one.run();
    one.check();
    calls += one.calls();
    answered += one.answered();
  }
  CHECK(answered > calls / 10);
  WARN("60 storms, " << calls << " calls, " << answered << " answered, first seed " << first);
}

}  // namespace greenroom::tests
