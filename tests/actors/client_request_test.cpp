// What a node asks of a client, what it says unasked, and how it sends one away.
#include "actors/connection.hpp"
#include "actors/limits.hpp"
#include "actors/session.hpp"
#include "actors/session_directory.hpp"
#include "codecs/fields.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;
using codecs::json_document;

struct put {
  std::string session, method;
  std::chrono::milliseconds limit{};
  std::string name;
};
struct no_options {};

/// Asks like a behaviour would, and writes down what it was told.
struct asker_state {
  static inline const char* name = "asker";
  struct options {
    context& ctx;
    strings& told;
  };
  asker_state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {}
  caf::behavior start();

  runtime::actor_base* self;
  const options& opts;
};

std::string told(const codecs::outcome& what) {
  if (const auto* why = std::get_if<codecs::error>(&what))
    return std::to_string(static_cast<int>(why->code)) + (why->reason.empty() ? "" : " " + why->reason);
  return std::string{
      std::get<codecs::results::document>(std::get<codecs::result>(what)).body->as(codecs::format::json)};
}

}  // namespace
}  // namespace greenroom::tests

GREENROOM_MESSAGE(greenroom::tests::put)

namespace greenroom::tests {
namespace {

caf::behavior asker_state::start() {
  return {[this](const put& m) {
    session_directory::ask_client question{session_id{m.session}, m.method, json_document(R"({"x":1})"), m.limit};
    auto tell = [this, who = m.name](const codecs::outcome& what) { opts.told.push_back(who + ' ' + told(what)); };
    runtime::ask(self, opts.ctx.sessions, m.limit + 1s, std::move(question))
        .then([tell](const session::ask::reply& r) { tell(r.what); },
              [tell](const caf::error& why) { tell(session_directory::explain(why)); });
  }};
}

/// A node, somebody who asks, and a client who is asked.
class asking_fixture : public node_fixture {
 public:
  client& ann() {
    if (!ann_) {
      ann_ = &connect();
      ann_session = text(ann_opened = ann_->open("ann"), "session");
      ann_->story();
    }
    return *ann_;
  }
  void ask(std::string_view name, std::chrono::milliseconds limit = 2s, std::string_view session = {}) {
    ann();
    if (!asker_) asker_ = keep(runtime::spawn<asker_state>(here(), asker_state::options{ctx(), told}));
    tell(asker_, put{std::string{session.empty() ? std::string_view{ann_session} : session}, "game.confirm", limit,
                     std::string{name}});
  }
  double ended(std::string_view how) {
    return figure("greenroom_client_requests_total{outcome=\"" + std::string{how} + "\"}");
  }

  strings told;
  std::string ann_session;
  json ann_opened;

 private:
  client* ann_ = nullptr;
  caf::actor asker_;
};

}  // namespace

TEST_CASE_METHOD(asking_fixture, "client request: a client is asked by number and its answers find their askers",
                 "[actors][client_request]") {
  ask("one");
  ask("two");
  settle();
  CHECK(ann().story() == strings{R"(game.confirm? "s1" {"x":1})", R"(game.confirm? "s2" {"x":1})"});
  ann().answer(R"("s2")", R"({"go":true})");
  ann().answer(R"("s1")", "null");
  settle();
  CHECK(told == strings{R"(two {"go":true})", "one null"});
  CHECK(ann().story().empty());
  CHECK(ended("answered") == 2);
}

TEST_CASE_METHOD(asking_fixture,
                 "client request: on a MessagePack connection it is MessagePack, and so may be its answer",
                 "[actors][client_request]") {
  auto& bob = connect_msgpack();
  const auto session = text(bob.open("bob"), "session");
  bob.story();
  ask("one", 2s, session);
  settle();
  const auto heard = bob.take();
  REQUIRE(heard.size() == 1);
  CHECK(heard[0].in == codecs::format::msgpack);
  CHECK(heard[0].request == R"("s1")");
  bob.wire().say(runtime::frame_kind::binary, "\x82\xa2id\xa2s1\xa6result\xa2ok");  // no jsonrpc: MessagePack may
  settle();
  CHECK(told == strings{R"(one "ok")"});
}

TEST_CASE_METHOD(asking_fixture,
                 "client request: the error that a client answers is its own, also with a code of its own",
                 "[actors][client_request]") {
  ask("one");
  ask("two");
  settle();
  ann().fail(R"("s1")", 4711, "not today");
  ann().fail(R"("s2")", -32601, "what is that");
  settle();
  CHECK(told == strings{"one 4711", "two -32601"});
  CHECK(ended("refused") == 2);
}

TEST_CASE_METHOD(asking_fixture, "client request: answers in a batch are answers", "[actors][client_request]") {
  ask("one");
  ask("two");
  settle();
  ann().story();
  ann().say(R"([{"jsonrpc":"2.0","id":"s1","result":1},{"jsonrpc":"2.0","id":"s2","result":2}])");
  settle();
  CHECK(told == strings{"one 1", "two 2"});
  CHECK(ann().story().empty());  // nothing answers an answer
}

TEST_CASE_METHOD(asking_fixture, "client request: who does not answer in time is not waited for, each by its own time",
                 "[actors][client_request]") {
  ask("slow", 3s);
  ask("quick", 1s);
  ask("quicker", 500ms);
  advance(499ms);
  CHECK(told.empty());
  advance(1ms);
  CHECK(told == strings{"quicker -32009"});
  advance(500ms);
  CHECK(told == strings{"quicker -32009", "quick -32009"});
  ann().answer(R"("s2")", "1");  // too late
  settle();
  CHECK(ended("late") == 1);
  ann().answer(R"("s1")", "1");
  settle();
  advance(10s);
  CHECK(told == strings{"quicker -32009", "quick -32009", "slow 1"});
  CHECK(ended("timed_out") == 2);
}

TEST_CASE_METHOD(asking_fixture, "client request: an answer that nobody asked for is counted and changes nothing",
                 "[actors][client_request]") {
  auto& stranger = connect();
  stranger.answer(R"("s1")", "1");  // before it has a session
  settle();
  CHECK(ended("late") == 1);
  ask("one");
  settle();
  ann().story();
  for (auto id : {R"("s0")", R"("s2")", R"("s1x")", R"("s-1")", R"("t1")", R"("s")", R"("s18446744073709551617")"})
    ann().answer(id, "1");
  settle();
  CHECK(told.empty());
  CHECK(ended("late") == 8);
  ann().answer(R"("s1")", "1");
  ann().answer(R"("s1")", "2");
  settle();
  CHECK(told == strings{"one 1"});
  CHECK(ended("late") == 9);
  CHECK(ann().story().empty());
  CHECK_FALSE(ann().wire().over());
}

TEST_CASE_METHOD(asking_fixture, "client request: a connection that ends answers what is open: unavailable",
                 "[actors][client_request]") {
  ask("one");
  ask("two");
  settle();
  ann().wire().break_off();
  settle();
  CHECK(told == strings{"one -32008", "two -32008"});
  ask("detached");
  ask("unknown", 2s, "nobody");
  settle();
  std::sort(told.begin(), told.end());  // two ways back
  CHECK(told == strings{"detached -32008", "one -32008", "two -32008", "unknown -32008"});
  CHECK(ended("unavailable") == 4);
}

TEST_CASE_METHOD(asking_fixture,
                 "client request: a session that moves answers what is open, and its numbers begin anew",
                 "[actors][client_request]") {
  shards = 2;
  ask("one");
  settle();
  auto& again = connect({.shard = 1});
  again.resume(ann_opened);
  CHECK(told == strings{"one -32008"});
  again.story();
  ask("two");
  settle();
  CHECK(again.story() == strings{R"(game.confirm? "s1" {"x":1})"});
  again.answer(R"("s1")", "1");
  settle();
  CHECK(told == strings{"one -32008", "two 1"});
}

TEST_CASE_METHOD(asking_fixture, "client request: over the bound of open requests the next is unavailable",
                 "[actors][client_request]") {
  for (std::size_t i = 0; i < limits::requests_in_flight_max; ++i) ask("in");
  settle();
  CHECK(told.empty());
  ask("over");
  settle();
  CHECK(told == strings{"over -32008"});
  ann().answer(R"("s1")", "1");
  settle();
  ask("fits again");
  settle();
  CHECK(told == strings{"over -32008", "in 1"});
}

TEST_CASE_METHOD(asking_fixture, "client request: a session that crashes tells each asker once that its answer is lost",
                 "[actors][client_request]") {
  ask("one", 1min);
  ask("two", 1min);
  settle();
  ann().join("lobby");
  ann().story();
  fail(ann().peer().session());
  settle();
  std::sort(told.begin(), told.end());
  CHECK(told == strings{"one -32603", "two -32603"});
  ann().publish("lobby", "hi");
  CHECK(ann().story() == strings{R"(lobby 1 "hi")", "room.publish ok"});  // it noticed nothing
  ann().answer(R"("s1")", "1");
  settle();
  CHECK(told.size() == 2);
  ask("three");
  settle();
  CHECK(ann().story() == strings{R"(game.confirm? "s3" {"x":1})"});  // a number is never used twice
  ann().answer(R"("s3")", "3");
  settle();
  CHECK(told.back() == "three 3");
}

TEST_CASE_METHOD(asking_fixture, "client request: nothing is asked before session.open is answered",
                 "[actors][client_request]") {
  ann().join("lobby");
  ann().wire().break_off();
  settle();
  auto& again = connect();
  again.send("session.open",
             dump(json{{"resume", {{"session", ann_session}, {"token", ann_opened.at("resume_token")}}}}));
  std::mt19937 random{7};
  for (int i = 0; i < 5; ++i) ask("early");
  settle_randomly(random);
  settle();
  const auto story = again.story();
  REQUIRE_FALSE(story.empty());
  CHECK(story.front() == "session.open ok");
  for (std::size_t i = 1; i < story.size(); ++i) again.answer("\"s" + std::to_string(i) + '"', "1");
  settle();
  CHECK(told.size() == 5);
}

TEST_CASE_METHOD(asking_fixture,
                 "client push: a notification reaches the client; without one it is dropped and counted",
                 "[actors][client_request]") {
  ann();
  auto push = [this](codecs::push what) {
    tell(ctx().sessions, session_directory::push_to{session_id{ann_session}, std::move(what)});
    settle();
  };
  push(codecs::pushes::notification{"game.state", json_document(R"({"x":1})")});
  push(codecs::pushes::room_push{"lobby", "hint", json_document("[1]")});
  auto heard = ann().take();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0].method == "game.state");
  CHECK(dump(heard[0].body) == R"({"x":1})");
  CHECK(heard[1].method == "room.push");
  CHECK(dump(heard[1].body) == R"({"room":"lobby","event":"hint","payload":[1]})");
  CHECK(figure("greenroom_pushes_dropped_total") == 0);
  ann().wire().break_off();
  settle();
  push(codecs::pushes::notification{"game.state", nullptr});
  tell(ctx().sessions, session_directory::push_to{session_id{"nobody"}, codecs::pushes::inbox_acked{1}});
  settle();
  CHECK(figure("greenroom_pushes_dropped_total") == 2);
}

TEST_CASE_METHOD(asking_fixture,
                 "disconnect: the client is closed 1008 with the author's sentence and cannot come back",
                 "[actors][client_request]") {
  auto& bob = connect();
  bob.open("bob");
  bob.join("lobby");
  ann().join("lobby");
  ann().story();
  ask("open");
  settle();
  tell(ctx().sessions, session_directory::disconnect{session_id{ann_session}, "Be nice."});
  settle();
  CHECK(ann().story() == strings{R"(game.confirm? "s1" {"x":1})", "close 1008 Be nice."});
  CHECK(told == strings{"open -32008"});
  CHECK(number(bob.call("room.members", R"({"room":"lobby"})"), "total") == 1);
  CHECK(ctx().meters.sessions == 1);
  auto& again = connect();
  CHECK(text(again.resume(ann_opened), "reason") == "unknown_session");
}

TEST_CASE_METHOD(asking_fixture, "disconnect: without a sentence, or with one that is not UTF-8, the word is kicked",
                 "[actors][client_request]") {
  for (const std::string sentence : {"", "\xff"}) {
    auto& bob = connect();
    const auto session = text(bob.open("bob"), "session");
    bob.story();
    tell(ctx().sessions, session_directory::disconnect{session_id{session}, sentence});
    settle();
    CHECK(bob.story() == strings{"close 1008 kicked"});
  }
}

TEST_CASE_METHOD(asking_fixture, "disconnect: a detached session ends, and one that nobody knows is nobody's trouble",
                 "[actors][client_request]") {
  ann().join("lobby");
  ann().wire().break_off();
  settle();
  CHECK(ctx().meters.sessions == 1);
  tell(ctx().sessions, session_directory::disconnect{session_id{"nobody"}, {}});
  tell(ctx().sessions, session_directory::disconnect{session_id{ann_session}, {}});
  settle();
  CHECK(ctx().meters.sessions == 0);
  CHECK(disk().counters().sessions == 0);
}

}  // namespace greenroom::tests
