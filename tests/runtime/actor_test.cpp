#include "runtime/actor.hpp"

#include <optional>
#include <random>
#include <stdexcept>

#include "runtime/promise.hpp"
#include "runtime/rehearsal.hpp"
#include "runtime/scheduler.hpp"
#include "runtime/supervisor.hpp"
#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests::clerk {

struct count {
  struct reply {
    int value;
    std::uint32_t life;
  };
};
struct write {
  int number;
};
struct crash {};
struct crash_asked {
  using reply = void;
};
struct crash_later {};  ///< asks its peer and throws in the callback
struct forget {};       ///< asks its peer; the callback writes -1
struct quit_and_crash {};
struct tick {};
struct defer {  ///< keeps a promise that is never kept
  struct reply {};
};
struct never {  ///< an answer that never comes
  using reply = void;
};
struct wait_in_vain {};  ///< asks its peer that; the error's callback writes -2
struct unknown {};
struct unknown_asked {
  struct reply {};
};

struct options {
  std::vector<int>* book = nullptr;
  caf::actor peer = {};
  bool dead_letter_crashes = false;
  bool* broken = nullptr;  ///< true there: the constructor throws
  bool deaf_at_first = false;
};

struct state {
  static inline const char* name = "clerk";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {
    if (opts.broken && *opts.broken) throw std::runtime_error{"no desk"};
    if (opts.deaf_at_first && self->life() == 0) self->set_exit_handler([](caf::exit_msg&) {});
  }

  caf::behavior start() {
    return {
        [this](const count&) {
          return count::reply{++counted, self->life()};
        },
        [this](const write& m) { opts.book->push_back(m.number); },
        [](const crash&) { throw std::runtime_error{"fell"}; },
        [](const crash_asked&) -> caf::result<void> { throw std::runtime_error{"fell, asked"}; },
        [this](const crash_later&) {
          runtime::ask(self, opts.peer, 5s, count{})
              .then([](const count::reply&) { throw std::runtime_error{"fell later"}; }, [](const caf::error&) {});
        },
        [this](const forget&) {
          runtime::ask(self, opts.peer, 5s, count{})
              .then([this](const count::reply&) { opts.book->push_back(-1); }, [](const caf::error&) {});
        },
        [this](const wait_in_vain&) {
          runtime::ask(self, opts.peer, 5s, never{})
              .then([] {},
                    [this](const caf::error& why) {
                      if (why == caf::sec::request_timeout) opts.book->push_back(-2);
                    });
        },
        [this](const quit_and_crash&) {
          self->quit();
          throw std::runtime_error{"fell on the way out"};
        },
        [this](const tick&) {
          opts.book->push_back(static_cast<int>(self->life()));
          self->later(1s, tick{});
        },
        [this](const defer&) { owed.emplace_back(self); },
        [this](const never&) { kept.push_back(self->make_response_promise()); },
    };
  }
  void dead_letter(const caf::message& cause, const caf::error&) {
    if (opts.dead_letter_crashes) throw std::runtime_error{"the bin is full"};
    if (cause.match_elements<crash>()) opts.book->push_back(-100);
  }

  runtime::actor_base* self;
  options opts;
  int counted = 0;
  std::vector<runtime::promise<defer>> owed;
  std::vector<caf::response_promise> kept;
};

}  // namespace greenroom::tests::clerk

GREENROOM_REQUEST(greenroom::tests::clerk::count)
GREENROOM_MESSAGE(greenroom::tests::clerk::write)
GREENROOM_MESSAGE(greenroom::tests::clerk::crash)
GREENROOM_MESSAGE(greenroom::tests::clerk::crash_asked)
GREENROOM_MESSAGE(greenroom::tests::clerk::crash_later)
GREENROOM_MESSAGE(greenroom::tests::clerk::forget)
GREENROOM_MESSAGE(greenroom::tests::clerk::quit_and_crash)
GREENROOM_MESSAGE(greenroom::tests::clerk::tick)
GREENROOM_REQUEST(greenroom::tests::clerk::defer)
GREENROOM_MESSAGE(greenroom::tests::clerk::never)
GREENROOM_MESSAGE(greenroom::tests::clerk::wait_in_vain)
GREENROOM_MESSAGE(greenroom::tests::clerk::unknown)
GREENROOM_REQUEST(greenroom::tests::clerk::unknown_asked)

namespace greenroom::tests {

namespace {

using runtime::errc;

struct office : actor_fixture {
  std::vector<int> book;
  ~office() { end_actors(); }

  caf::actor alone(clerk::options opts = {}) {
    opts.book = &book;
    return spawn<clerk::state>(opts);
  }
  /// Under a supervisor that restarts it after 100 ms, then 200 ms …
  caf::actor supervised(clerk::options opts = {}, runtime::restart_limit limit = runtime::backoff{.jitter = 0}) {
    opts.book = &book;
    auto top = keep(runtime::supervisor::spawn(
        here(),
        {.id = "office",
         .children = {{.id = "clerk",
                       .start = [opts](const runtime::place& p) { return runtime::spawn<clerk::state>(p, opts); },
                       .limit = limit}}}));
    settle();
    return ask(top, runtime::supervisor::describe{}).children.at(0).handle;
  }
  std::vector<int> page() { return std::exchange(book, {}); }
};

}  // namespace

// --- messages --------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(office, "actor: answers what it is asked", "[runtime]") {
  auto clerk = alone();
  ask(clerk, clerk::count{});
  CHECK(ask(clerk, clerk::count{}).value == 2);
}

TEST_CASE_METHOD(office, "actor: an unexpected message is counted and answered, and ends nobody", "[runtime]") {
  expect_strays(2);
  auto clerk = alone();
  tell(clerk, clerk::unknown{});
  settle();
  CHECK(refused(clerk, clerk::unknown_asked{}) == caf::sec::unexpected_message);
  CHECK(ask(clerk, clerk::count{}).value == 1);
}

TEST_CASE_METHOD(office, "actor: an error that nobody waits for is counted and ends nobody", "[runtime]") {
  auto before = runtime::strays().errors.load();
  auto clerk = alone();
  caf::anon_send(clerk, caf::error{caf::sec::runtime_error});
  settle();
  CHECK(runtime::strays().errors == before + 1);
  CHECK(ask(clerk, clerk::count{}).value == 1);
}

TEST_CASE_METHOD(office, "actor: an ask times out on the actor's clock, and an answered one leaves no timer",
                 "[runtime]") {
  auto peer = alone();
  auto clerk = alone({.peer = peer});
  tell(clerk, clerk::forget{});
  settle();
  CHECK(page() == std::vector{-1});
  CHECK_FALSE(jobs.has_pending_timeout());
  tell(clerk, clerk::wait_in_vain{});
  advance(5s - 1ms);
  CHECK(page().empty());
  advance(1ms);
  CHECK(page() == std::vector{-2});
}

TEST_CASE_METHOD(office, "actor: its depth is what waits in its mailbox", "[runtime]") {
  auto clerk = supervised();
  CHECK(runtime::supervisor::depth_of(clerk) == 0);
  tell(clerk, clerk::crash{});
  for (int i = 0; i < 5; ++i) tell(clerk, clerk::write{i});
  CHECK(runtime::supervisor::depth_of(clerk) == 6);
  settle();
  CHECK(runtime::supervisor::depth_of(clerk) == 5);
  advance(100ms);
  CHECK(runtime::supervisor::depth_of(clerk) == 0);
}

TEST_CASE_METHOD(office, "actor: a supervisor's exit overtakes what waits in the mailbox", "[runtime]") {
  auto top = keep(runtime::supervisor::spawn(
      here(), {.id = "office", .children = {{.id = "clerk", .start = [this](const runtime::place& p) {
                                               return runtime::spawn<clerk::state>(p, clerk::options{.book = &book});
                                             }}}}));
  settle();
  auto clerk = ask(top, runtime::supervisor::describe{}).children.at(0).handle;
  for (int i = 0; i < 1000; ++i) tell(clerk, clerk::write{i});
  caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
  settle_randomly(1);
  CHECK(book.size() < 100);
  CHECK(system.registry().running() == 0);
}

// --- a crash ---------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(office, "actor: without a supervisor a crash ends it, and the asker is told", "[runtime]") {
  auto clerk = alone();
  CHECK(refused(clerk, clerk::crash_asked{}) == errc::crashed);
  CHECK(system.registry().running() == 0);
  CHECK(refused(clerk, clerk::count{}));
}

TEST_CASE_METHOD(office, "actor: a constructor that throws ends an actor without a supervisor", "[runtime]") {
  bool broken = true;
  alone({.broken = &broken});
  settle();
  CHECK(system.registry().running() == 0);
}

TEST_CASE_METHOD(office, "actor: a restart keeps the address and builds the State anew", "[runtime]") {
  auto before = runtime::restarts_by_actor()["clerk"];
  auto clerk = supervised();
  ask(clerk, clerk::count{});
  tell(clerk, clerk::crash{});
  advance(100ms);
  auto counted = ask(clerk, clerk::count{});
  CHECK(counted.value == 1);
  CHECK(counted.life == 1);
  CHECK(runtime::restarts_by_actor()["clerk"] == before + 1);
}

TEST_CASE_METHOD(office, "actor: a rehearsal fails it as an exception does, where rehearsals are allowed",
                 "[runtime]") {
  using namespace runtime::rehearsal;
  auto clerk = supervised();
  expect_strays(1);
  tell(clerk, fail{"not allowed"});
  advance(100ms);
  CHECK(ask(clerk, clerk::count{}).life == 0);
  allow(true);
  tell(clerk, fail{"as the test wants"});
  advance(100ms);
  allow(false);
  CHECK(ask(clerk, clerk::count{}).life == 1);
}

TEST_CASE_METHOD(office, "actor: a constructor that throws is tried again, and the mailbox waits", "[runtime]") {
  bool broken = true;
  auto clerk = supervised({.broken = &broken});
  tell(clerk, clerk::write{1});
  tell(clerk, clerk::write{2});
  advance(10s);
  CHECK(page().empty());
  broken = false;
  advance(30s);
  CHECK(page() == std::vector{1, 2});
}

TEST_CASE_METHOD(office, "actor: a crash changes neither the order nor the number of the messages around it",
                 "[runtime]") {
  auto seed = GENERATE(range(1U, 51U));
  auto limit = GENERATE(runtime::restart_limit{runtime::intensity{}}, runtime::restart_limit{runtime::backoff{}});
  INFO("seed " << seed << ", limit " << limit.index());
  std::mt19937 random{seed};
  auto clerk = supervised({}, limit);
  std::vector<int> written;
  int crashes = 0;
  for (int i = 0; i < 300; ++i) {
    if (random() % 100 == 0 && crashes < 5) {
      ++crashes;
      tell(clerk, clerk::crash{});
      written.push_back(-100);  // its dead letter, at the same place
    }
    tell(clerk, clerk::write{i});
    written.push_back(i);
    if (random() % 20 == 0) settle_randomly(seed);
    if (random() % 50 == 0) advance(50ms);
  }
  advance(60s);
  CHECK(book == written);
}

TEST_CASE_METHOD(office, "actor: who asked the message that crashed it gets errc::crashed, who waits gets an answer",
                 "[runtime]") {
  auto clerk = supervised();
  caf::scoped_actor a{system}, b{system};
  auto crashing = a->request(clerk, caf::infinite, clerk::crash_asked{});
  auto waiting = b->request(clerk, caf::infinite, clerk::count{});
  advance(1s);
  caf::error why;
  crashing.receive([] {}, [&](caf::error& e) { why = e; });
  CHECK(why == errc::crashed);
  CHECK(runtime::explain(why) == "the actor failed while it handled this message: fell, asked");
  std::uint32_t life = 0;
  waiting.receive([&](const clerk::count::reply& r) { life = r.life; }, [](caf::error&) {});
  CHECK(life == 1);
}

TEST_CASE_METHOD(office, "actor: the message that crashed it is offered to dead_letter(), whose own crash is survived",
                 "[runtime]") {
  auto crashes = GENERATE(false, true);
  auto clerk = supervised({.dead_letter_crashes = crashes});
  tell(clerk, clerk::crash{});
  advance(1s);
  CHECK(page() == (crashes ? std::vector<int>{} : std::vector{-100}));
  CHECK(ask(clerk, clerk::count{}).life == 1);
}

TEST_CASE_METHOD(office, "actor: a callback that throws ends the life; what else that life asked is not called back",
                 "[runtime]") {
  auto peer = alone();
  auto clerk = supervised({.peer = peer});
  tell(clerk, clerk::crash_later{});
  tell(clerk, clerk::forget{});
  advance(1s);
  CHECK(page().empty());
  CHECK(ask(clerk, clerk::count{}).life == 1);
}

TEST_CASE_METHOD(office, "actor: a promise that its life still owed is answered with errc::crashed", "[runtime]") {
  auto clerk = supervised();
  caf::scoped_actor asker{system};
  auto pending = asker->request(clerk, caf::infinite, clerk::defer{});
  settle();
  tell(clerk, clerk::crash{});
  settle();
  caf::error why;
  pending.receive([](const clerk::defer::reply&) {}, [&](caf::error& e) { why = e; });
  CHECK(why == errc::crashed);
}

TEST_CASE_METHOD(office, "actor: handlers that one life set do not bind the next", "[runtime]") {
  auto clerk = supervised({.deaf_at_first = true});
  caf::anon_send_exit(clerk, caf::exit_reason::user_shutdown);
  settle();
  CHECK(ask(clerk, clerk::count{}).life == 0);
  tell(clerk, clerk::crash{});
  advance(1s);
  caf::anon_send_exit(clerk, caf::exit_reason::user_shutdown);
  settle();
  CHECK(refused(clerk, clerk::count{}));
}

TEST_CASE_METHOD(office, "actor: while it waits for its restart, an exit ends it at once", "[runtime]") {
  auto clerk = supervised();
  tell(clerk, clerk::crash{});
  tell(clerk, clerk::write{1});
  settle();
  caf::anon_send_exit(clerk, caf::exit_reason::user_shutdown);
  advance(0ms);
  CHECK(refused(clerk, clerk::count{}));
}

TEST_CASE_METHOD(office, "actor: one that quits and throws in the same handler has quit", "[runtime]") {
  auto clerk = alone();
  caf::error reason = errc::gave_up;
  clerk->attach_functor([&](const caf::error& why) { reason = why; });
  tell(clerk, clerk::quit_and_crash{});
  settle();
  CHECK_FALSE(reason);
}

namespace {

/// Skips its tick until it is woken up.
struct sleeper {
  static inline const char* name = "sleeper";
  sleeper(runtime::actor_base* s, const clerk::options& o) : self{s}, opts{o} { self->later(1s, clerk::tick{}); }
  caf::behavior start() {
    return {
        [](const clerk::tick&) { return caf::skip(); },
        [this](const clerk::write& m) {
          opts.book->push_back(m.number);
          self->become(caf::behavior{[this](const clerk::tick&) { opts.book->push_back(0); }});
        },
    };
  }
  runtime::actor_base* self;
  const clerk::options& opts;
};

}  // namespace

TEST_CASE_METHOD(office, "actor: a tick that is skipped is handled when the behaviour takes it", "[runtime]") {
  auto who = keep(runtime::spawn<sleeper>(here(), clerk::options{.book = &book}));
  advance(2s);
  CHECK(book.empty());
  tell(who, clerk::write{7});
  settle();
  CHECK(book == std::vector{7, 0});
}

TEST_CASE_METHOD(office, "actor: a tick belongs to the life that set it", "[runtime]") {
  auto clerk = supervised();
  tell(clerk, clerk::tick{});
  advance(3s + 500ms);
  CHECK(page() == std::vector{0, 0, 0, 0});
  tell(clerk, clerk::crash{});
  tell(clerk, clerk::tick{});
  advance(3s);  // 100 ms of back-off, then 0, 1 and 2 seconds
  CHECK(page() == std::vector{-100, 1, 1, 1});
}

// --- on real shards --------------------------------------------------------------------------------------------------

namespace {

struct node {
  struct config : caf::actor_system_config {
    config() { runtime::scheduler::install(*this, 2); }
  };
  config settings;
  caf::actor_system system{settings};
  runtime::scheduler& shards = runtime::scheduler::of(system);

  template <runtime::asked M>
  auto ask(const caf::actor& to, M message) {
    caf::scoped_actor self{system};
    std::optional<typename M::reply> got;
    self->request(to, 10s, std::move(message))
        .receive([&](const typename M::reply& r) { got = r; }, [](caf::error& why) { FAIL(runtime::explain(why)); });
    return *got;
  }
};

}  // namespace

TEST_CASE("actor: messages from another thread keep their order across crashes on a real shard", "[runtime]") {
  constexpr int messages = 20'000, crash_every = 5'000;
  std::vector<int> book, expected;
  node n;
  {
    auto top = runtime::supervisor::spawn({n.system, &n.shards.at(0)},
                                          {.id = "office",
                                           .children = {{.id = "clerk",
                                                         .start =
                                                             [&](runtime::place p) {
                                                               p.home = &n.shards.at(1);
                                                               return runtime::spawn<clerk::state>(
                                                                   p, clerk::options{.book = &book});
                                                             },
                                                         .limit = runtime::backoff{.first = 1ms, .longest = 2ms}}}});
    caf::actor clerk;
    while (!clerk) clerk = n.ask(top, runtime::supervisor::describe{}).children.at(0).handle;
    for (int i = 0; i < messages; ++i) {
      if (i % crash_every == crash_every - 1) {
        runtime::tell(clerk, clerk::crash{});
        expected.push_back(-100);
      }
      runtime::tell(clerk, clerk::write{i});
      expected.push_back(i);
    }
    CHECK(n.ask(clerk, clerk::count{}).life == messages / crash_every);
    CHECK(runtime::supervisor::depth_of(clerk) <= 1);  // the one that is being answered
    caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
  }
  CHECK(runtime::await_actors(n.system, std::chrono::steady_clock::now() + 10s));
  CHECK(book == expected);
}

TEST_CASE("actor: a detached actor has a thread of its own and is restarted in place", "[runtime]") {
  std::vector<int> book;
  node n;
  {
    auto top = runtime::supervisor::spawn(
        {n.system, &n.shards.at(0)},
        {.id = "office", .children = {{.id = "clerk", .start = [&](const runtime::place& p) {
                                         return runtime::spawn_detached<clerk::state>(p, clerk::options{.book = &book});
                                       }}}});
    auto clerk = n.ask(top, runtime::supervisor::describe{}).children.at(0).handle;
    runtime::tell(clerk, clerk::write{1});
    runtime::tell(clerk, clerk::crash{});
    runtime::tell(clerk, clerk::write{2});
    CHECK(n.ask(clerk, clerk::count{}).life == 1);
    caf::anon_send_exit(top, caf::exit_reason::user_shutdown);
  }
  CHECK(runtime::await_actors(n.system, std::chrono::steady_clock::now() + 10s));
  CHECK(book == std::vector{1, -100, 2});
}

}  // namespace greenroom::tests
