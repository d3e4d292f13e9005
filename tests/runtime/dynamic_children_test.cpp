#include "runtime/dynamic_children.hpp"

#include <stdexcept>

#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests::guest {

struct crash {};
struct greet {
  struct reply {
    std::uint32_t life;
  };
};

/// What happened to the guests of a test's house, in order.
using diary = std::vector<std::string>;

struct options {
  int number = 0;
  diary* seen = nullptr;
  bool deaf = false;
};

struct state {
  static inline const char* name = "guest";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {
    if (opts.deaf) self->set_exit_handler([](caf::exit_msg&) {});
  }
  ~state() { opts.seen->emplace_back("-").append(std::to_string(opts.number)); }

  caf::behavior start() {
    return {
        [this](const greet&) { return greet::reply{self->life()}; },
        [](const crash&) { throw std::runtime_error{"spilled the wine"}; },
    };
  }

  runtime::actor_base* self;
  options opts;
};

}  // namespace greenroom::tests::guest

GREENROOM_MESSAGE(greenroom::tests::guest::crash)
GREENROOM_REQUEST(greenroom::tests::guest::greet)

namespace greenroom::tests::house {

struct invite {
  guest::options who;
  struct reply {
    caf::actor guest;
  };
};
struct dismiss {
  caf::actor who;
};
struct shut {};

struct options {
  runtime::restart_limit limit = runtime::intensity{};
  runtime::restart restart = runtime::restart::permanent;
  guest::diary* seen = nullptr;
};

struct state {
  static inline const char* name = "house";
  state(runtime::actor_base* s, const options& o)
      : self{s},
        opts{o},
        guests{s,
               {.id = "house",
                .restart = o.restart,
                .limit = o.limit,
                .gave_up = [this](const caf::actor& who, const caf::error&) { note("gave up", who.id()); },
                .ended = [this](const caf::actor_addr& who, const caf::error&) { note("ended", who.id()); },
                .seed = 1}} {}

  caf::behavior start() {
    return guests.handlers().or_else(
        [this](const invite& m) {
          auto who = guests.start([&](const runtime::place& p) { return runtime::spawn<guest::state>(p, m.who); });
          return invite::reply{who};
        },
        [this](const dismiss& m) { guests.stop(m.who); },
        [this](const shut&) {
          guests.stop_all([this] {
            opts.seen->push_back("shut");
            self->quit();
          });
        });
  }
  void note(const std::string& what, caf::actor_id) { opts.seen->push_back(what); }

  runtime::actor_base* self;
  options opts;
  runtime::dynamic_children guests;
};

}  // namespace greenroom::tests::house

GREENROOM_REQUEST(greenroom::tests::house::invite)
GREENROOM_MESSAGE(greenroom::tests::house::dismiss)
GREENROOM_MESSAGE(greenroom::tests::house::shut)

namespace greenroom::tests {

namespace {

using guest::diary;
using runtime::child_state;
using runtime::supervisor::describe;

struct party : actor_fixture {
  diary seen;
  caf::actor host;
  ~party() {
    host = nullptr;
    end_actors();
  }

  void open(house::options opts = {}) {
    opts.seen = &seen;
    host = spawn<house::state>(opts);
  }
  caf::actor invite(int number, bool deaf = false) {
    return ask(host, house::invite{{.number = number, .seen = &seen, .deaf = deaf}}).guest;
  }
  runtime::dynamic_children& guests() { return state_of<house::state, house::options>(host)->guests; }
  void crash(const caf::actor& who) {
    tell(who, guest::crash{});
    settle();
  }
  diary page() { return std::exchange(seen, {}); }
};

}  // namespace

TEST_CASE_METHOD(party, "dynamic children: one that crashes is restarted in place, alone", "[runtime]") {
  open();
  auto a = invite(1), b = invite(2);
  crash(a);
  CHECK(page() == diary{"-1"});
  CHECK(ask(a, guest::greet{}).life == 1);
  CHECK(ask(b, guest::greet{}).life == 0);
  CHECK(guests().size() == 2);
  CHECK(guests().restarts() == 1);
}

TEST_CASE_METHOD(party, "dynamic children: one over its intensity is given up alone, and told once", "[runtime]") {
  open();
  auto a = invite(1), b = invite(2);
  for (int i = 0; i < 5; ++i) crash(a);
  CHECK(ask(a, guest::greet{}).life == 5);
  page();
  crash(a);
  CHECK(page() == diary{"-1", "gave up"});
  CHECK_FALSE(guests().owns(a.address()));
  CHECK(guests().size() == 1);
  CHECK(ask(b, guest::greet{}).life == 0);
}

TEST_CASE_METHOD(party, "dynamic children: the intensity is each child's own", "[runtime]") {
  open();
  std::vector<caf::actor> all;
  for (int i = 0; i < 10; ++i) all.push_back(invite(i));
  for (int round = 0; round < 5; ++round)
    for (auto& each : all) crash(each);
  CHECK(guests().size() == 10);
  CHECK(guests().restarts() == 50);
}

TEST_CASE_METHOD(party, "dynamic children: a back-off delays the restart and never gives up", "[runtime]") {
  open({.limit = runtime::backoff{}});
  auto a = invite(1);
  for (int i = 0; i < 12; ++i) {
    crash(a);
    CHECK(ask(host, describe{}).children.at(0).state == child_state::waiting);
    advance(36s);
  }
  CHECK(ask(a, guest::greet{}).life == 12);
}

TEST_CASE_METHOD(party, "dynamic children: a temporary child is not restarted", "[runtime]") {
  open({.restart = runtime::restart::temporary});
  auto a = invite(1);
  crash(a);
  CHECK(page() == diary{"-1", "gave up"});
  CHECK(guests().size() == 0);
}

TEST_CASE_METHOD(party, "dynamic children: one that ends by itself, or is stopped, is forgotten and told",
                 "[runtime]") {
  open();
  auto a = invite(1), b = invite(2);
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  settle();
  tell(host, house::dismiss{b});
  settle();
  CHECK(page() == diary{"-1", "ended", "-2", "ended"});
  CHECK(guests().size() == 0);
}

TEST_CASE_METHOD(party, "dynamic children: a stopped child that does not end is killed after its time", "[runtime]") {
  open();
  auto a = invite(1, true);
  tell(host, house::dismiss{a});
  settle();
  CHECK(page().empty());
  advance(5s - 1ms);
  CHECK(page().empty());
  advance(1ms);
  CHECK(page() == diary{"-1", "ended"});
}

TEST_CASE_METHOD(party, "dynamic children: all are stopped, the youngest first, in batches", "[runtime]") {
  auto seed = GENERATE(range(1U, 6U));
  INFO("seed " << seed);
  open();
  constexpr int count = 600;
  for (int i = 0; i < count; ++i) invite(i);
  tell(host, house::shut{});
  settle_randomly(seed);
  std::vector<int> order;
  for (auto& line : seen)
    if (line.front() == '-') order.push_back(-std::stoi(line));
  REQUIRE(order.size() == count);
  CHECK(seen.back() == "shut");
  constexpr int batch = runtime::limits::children_stopped_at_once;
  for (int i = 0; i < count; ++i) REQUIRE((count - 1 - order[static_cast<std::size_t>(i)]) / batch == i / batch);
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(party, "dynamic children: a batch that hangs is killed after its time, and the next one follows",
                 "[runtime]") {
  open();
  invite(1);
  for (int i = 0; i < static_cast<int>(runtime::limits::children_stopped_at_once); ++i) invite(100 + i, i == 7);
  tell(host, house::shut{});
  advance(5s - 1ms);
  CHECK(std::count(seen.begin(), seen.end(), "-1") == 0);
  CHECK(std::count(seen.begin(), seen.end(), "-107") == 0);
  advance(1ms);
  CHECK(std::count(seen.begin(), seen.end(), "-107") == 1);
  CHECK(std::count(seen.begin(), seen.end(), "-1") == 1);
  CHECK(seen.back() == "shut");
}

TEST_CASE_METHOD(party, "dynamic children: none is started while all are being stopped", "[runtime]") {
  open();
  invite(1, true);
  tell(host, house::shut{});
  settle();
  CHECK_FALSE(invite(2));
}

TEST_CASE_METHOD(party, "dynamic children: they do not outlive their supervisor", "[runtime]") {
  open();
  for (int i = 0; i < 20; ++i) invite(i);
  caf::anon_send_exit(host, caf::exit_reason::kill);
  settle();
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(party, "dynamic children: with their supervisor they end at once, whatever waits for them",
                 "[runtime]") {
  open();
  auto one = invite(1);
  const auto before = runtime::strays().crashes.load();
  caf::anon_send_exit(host, caf::exit_reason::kill);
  tell(one, guest::crash{});
  settle();
  CHECK(runtime::strays().crashes == before);
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(party, "dynamic children: describe lists a thousand, those that failed first, and counts all",
                 "[runtime]") {
  open();
  std::vector<caf::actor> all;
  for (int i = 0; i < 1200; ++i) all.push_back(invite(i));
  crash(all[1100]);
  auto seen_now = ask(host, describe{});
  CHECK(seen_now.id == "house");
  CHECK(seen_now.total == 1200);
  REQUIRE(seen_now.children.size() == 1000);
  CHECK(seen_now.children[0].handle == all[1100]);
  CHECK(seen_now.children[0].restarts == 1);
  CHECK(seen_now.children[0].last_error == "the actor failed while it handled this message: spilled the wine");
}

}  // namespace greenroom::tests
