// Directed messages: stored first, delivered second, removed when a client of the user acknowledges.
#include "storage/inbox.hpp"
#include "actors/inbox_holders.hpp"
#include "actors/limits.hpp"
#include "actors/store_keeper.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

struct inbox_fixture : node_fixture {
  ~inbox_fixture() {
    INFO("accepted = acknowledged + queued + dead letters + purged");
    CHECK(disk().counters().balanced());
  }
  client& sender() {
    if (!sender_) (sender_ = &connect())->open("sender");
    return *sender_;
  }
  json send(std::string_view payload, std::string_view more = {}) {
    return sender().call("user.send", R"({"to":"ann","event":"say","payload":")" + std::string{payload} + "\"" +
                                          std::string{more} + "}");
  }
  client& ann() {
    auto& one = connect();
    one.open("ann");
    return one;
  }
  static strings inbox_of(client& who) {
    auto story = who.story();
    std::erase_if(story, [](const std::string& line) { return !line.starts_with("inbox "); });
    return story;
  }

 private:
  client* sender_ = nullptr;
};

TEST_CASE_METHOD(inbox_fixture, "inbox: a message for somebody who is away waits, and comes when he does",
                 "[actors][inbox]") {
  auto ack = send("one", R"(,"id":"m-1")");
  CHECK(dump(ack) == R"({"id":"m-1","ack":"accepted"})");
  send("two");
  CHECK(disk().inbox("ann").count == 2);
  auto& client = ann();
  auto got = client.take();
  REQUIRE(got.size() == 3);  // the answer of the open, then the messages
  CHECK(got[0].answer());
  CHECK(dump(got[1].body) == R"({"n":1,"id":"m-1","from":"sender","event":"say","payload":"one","at":)" +
                                 std::to_string(ctx().now_ms()) + "}");
  CHECK(number(got[2].body, "n") == 2);
  CHECK(dump(client.call("inbox.ack", R"({"upto":1})")) == R"({"upto":1,"left":1})");
  CHECK(dump(client.call("inbox.ack", R"({"upto":2})")) == R"({"upto":2,"left":0})");
  CHECK(disk().inbox("ann").count == 0);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: a repeat of an id is stored and delivered once", "[actors][inbox]") {
  auto& client = ann();
  send("one", R"(,"id":"m-1")");
  CHECK(dump(send("one", R"(,"id":"m-1")"), "duplicate") == "true");
  CHECK(inbox_of(client) == strings{R"(inbox 1 "one")"});
  CHECK(sender().refused("user.send", R"({"to":"ann","event":"say","payload":2,"id":"m-1"})").code ==
        error_code::conflict);
}

TEST_CASE_METHOD(inbox_fixture,
                 "inbox: every session of the user gets it; the first ack removes it and tells the others",
                 "[actors][inbox]") {
  auto& desk = ann();
  auto& phone = ann();
  send("one");
  send("two");
  CHECK(inbox_of(desk) == strings{R"(inbox 1 "one")", R"(inbox 2 "two")"});
  CHECK(inbox_of(phone) == strings{R"(inbox 1 "one")", R"(inbox 2 "two")"});
  phone.call("inbox.ack", R"({"upto":2})");
  CHECK(inbox_of(desk) == strings{"inbox acked 2"});
  CHECK(inbox_of(phone).empty());
  desk.call("inbox.ack", R"({"upto":2})");  // late: nothing is removed, nobody is told
  CHECK(inbox_of(phone).empty());
  CHECK(disk().counters().acknowledged == 2);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: an ack above what this session was sent is refused, with its path",
                 "[actors][inbox]") {
  auto& client = ann();
  send("one");
  auto why = client.refused("inbox.ack", R"({"upto":2})");
  CHECK(why.code == error_code::invalid_params);
  CHECK(why.path == "params.upto");
  CHECK(disk().inbox("ann").count == 1);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: what is not acknowledged comes again with the next connection, not before",
                 "[actors][inbox]") {
  send("one");
  send("two");
  auto& client = connect();
  auto was = client.open("ann");
  CHECK(inbox_of(client).size() == 2);
  advance(10min);
  CHECK(inbox_of(client).empty());
  client.call("inbox.ack", R"({"upto":1})");
  client.wire().break_off();
  settle();
  auto& back = connect();
  back.resume(was);
  CHECK(inbox_of(back) == strings{R"(inbox 2 "two")"});
}

TEST_CASE_METHOD(inbox_fixture, "inbox: at most so much is in flight to a session; an ack lets more come",
                 "[actors][inbox]") {
  SECTION("1,000 messages") {
    for (int i = 0; i < 1'005; ++i) sender().notify("user.send", R"({"to":"ann","event":"say","payload":1})");
    settle();
    auto& client = ann();
    CHECK(inbox_of(client).size() == limits::inbox_in_flight_messages_max);
    client.call("inbox.ack", R"({"upto":3})");
    CHECK(inbox_of(client) == strings{"inbox 1001 1", "inbox 1002 1", "inbox 1003 1"});
  }
  SECTION("half a MiB") {
    for (int i = 0; i < 20; ++i) send(std::string(50'000, 'x'));
    auto& client = ann();
    const auto first = inbox_of(client).size();
    CHECK(first * 50'000 <= limits::inbox_in_flight_bytes_max + 50'000);
    CHECK(first >= 10);
    client.call("inbox.ack", R"({"upto":2})");
    CHECK(inbox_of(client).size() == 2);
  }
}

TEST_CASE_METHOD(inbox_fixture, "inbox: a full one refuses, and drops nothing that it holds", "[actors][inbox]") {
  config.inbox.messages_max = 3;
  for (int i = 0; i < 3; ++i) send("kept");
  CHECK(sender().refused("user.send", R"({"to":"ann","event":"say","payload":1})").code == error_code::queue_full);
  auto& client = ann();
  CHECK(inbox_of(client).size() == 3);
  client.call("inbox.ack", R"({"upto":1})");
  send("fits again");
}

TEST_CASE_METHOD(inbox_fixture, "inbox: a full one of expired messages makes room by their death", "[actors][inbox]") {
  config.inbox.messages_max = 2;
  send("short", R"(,"ttl_s":1)");
  send("long");
  advance(2s);
  send("fits");
  CHECK(disk().counters().dead_expired == 1);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: nothing is delivered after its time; it is a dead letter, not acknowledged",
                 "[actors][inbox]") {
  send("short", R"(,"ttl_s":5)");
  send("long");
  advance(5s);
  auto& client = ann();
  CHECK(inbox_of(client) == strings{R"(inbox 2 "long")"});
  client.call("inbox.ack", R"({"upto":2})");
  CHECK(disk().counters().acknowledged == 1);
  auto dead = disk().dead_letters("ann", 0, 10);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].reason == storage::dead_reason::expired);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: the keeper moves what has expired without anybody asking", "[actors][inbox]") {
  send("short", R"(,"ttl_s":5)");
  keep(store_keeper::spawn(here(nurse()), {ctx()}));
  advance(4s);
  CHECK(disk().counters().dead == 0);
  advance(4min);
  CHECK(disk().counters().dead_expired == 1);
  CHECK(disk().inbox("ann").count == 0);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: the keeper asks the disk again only where the disk has more to do",
                 "[actors][inbox]") {
  int asked = 0;  // the memory has 64 parts a round
  disk().now = storage::condition::full;
  disk().before_commit = [&](const storage::operation& what) { asked += std::holds_alternative<storage::sweep>(what); };
  keep(store_keeper::spawn(here(nurse()), {ctx()}));
  advance(10s);
  CHECK(asked >= 9);
  CHECK(asked <= 10);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: nobody reads the disk for a user who has no mail", "[actors][inbox]") {
  send("for ann");
  settle();
  int reads = 0;
  const auto count_reads = [&] {
    reads = 0;
    disk().before_inbox = [&](std::string_view) { ++reads; };
  };
  count_reads();
  connect().open("bob");
  CHECK(reads == 0);
  CHECK(inbox_of(ann()) == strings{R"(inbox 1 "for ann")"});
  CHECK(reads > 0);
  SECTION("and mail from before a restart is there") {
    restart();
    count_reads();
    connect().open("bob");
    CHECK(reads == 0);
    CHECK(inbox_of(ann()) == strings{R"(inbox 1 "for ann")"});
  }
  SECTION("while the disk cannot say whose there is, everybody's is read") {
    disk().lists_fail = 1;
    restart();
    count_reads();
    connect().open("bob");
    CHECK(reads == 1);
    CHECK(inbox_of(ann()) == strings{R"(inbox 1 "for ann")"});
    advance(1s);
    CHECK(disk().lists_fail == 0);
    reads = 0;
    connect().open("carl");
    CHECK(reads == 0);
  }
}

TEST_CASE_METHOD(inbox_fixture, "inbox: over its bound, the list of who may have mail is everybody",
                 "[actors][inbox]") {
  inbox_holders few;
  CHECK(few.may_hold("ann"));  // nobody has asked the disk yet
  few.listed();
  CHECK_FALSE(few.may_hold("ann"));
  few.add("ann");
  CHECK(few.may_hold("ann"));
  CHECK_FALSE(few.may_hold("bob"));
  for (std::size_t i = 0; i < limits::inbox_holders_max; ++i) few.add("user-" + std::to_string(i));
  CHECK(few.full());
  CHECK(few.may_hold("bob"));
}

TEST_CASE_METHOD(inbox_fixture, "inbox: after 20 connections that acknowledged nothing, the oldest is a dead letter",
                 "[actors][inbox]") {
  send("poison");
  send("good");
  auto& first = connect();
  auto session = first.open("ann");
  first.wire().break_off();
  for (std::uint32_t i = 1; i < config.inbox.delivery_attempts_max; ++i) {
    CHECK(disk().counters().dead == 0);
    auto& client = connect();
    session = client.resume(session);
    CHECK(inbox_of(client).size() == 2);
    client.wire().break_off();
    settle();
  }
  auto dead = disk().dead_letters("ann", 0, 10);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].n == 1);
  CHECK(dead[0].reason == storage::dead_reason::undeliverable);
  auto& client = connect();
  client.resume(session);
  CHECK(inbox_of(client) == strings{R"(inbox 2 "good")"});
}

TEST_CASE_METHOD(inbox_fixture, "inbox: a connection that acknowledged something is no failed delivery",
                 "[actors][inbox]") {
  config.inbox.delivery_attempts_max = 2;
  for (int i = 0; i < 10; ++i) send("x");
  auto session = connect().open("ann");
  for (std::uint64_t i = 1; i <= 9; ++i) {
    auto& client = connect();
    session = client.resume(session);
    client.call("inbox.ack", R"({"upto":)" + std::to_string(i) + "}");
    client.wire().break_off();
    settle();
  }
  CHECK(disk().counters().dead == 0);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: a crash of the queue loses nothing and repeats nothing on a live connection",
                 "[actors][inbox]") {
  auto& client = ann();
  send("one");
  crash(ctx().shards[0].queue);
  sender().notify("user.send", R"({"to":"ann","event":"say","payload":"two"})");
  settle();
  send("three");
  CHECK(inbox_of(client) == strings{R"(inbox 1 "one")", R"(inbox 2 "two")", R"(inbox 3 "three")"});
  client.call("inbox.ack", R"({"upto":3})");
  CHECK(disk().inbox("ann").count == 0);
}

TEST_CASE_METHOD(inbox_fixture, "inbox: a send whose outcome nobody knows is not answered, and its connection closes",
                 "[actors][inbox]") {
  auto& client = ann();
  auto& other = connect();
  other.open("carl");
  other.story();
  disk().fail_next<storage::inbox_append>();
  other.send("user.send", R"({"to":"ann","event":"say","payload":1})");
  settle();
  CHECK(other.story() == strings{"close 1013 store_unavailable"});
  send("two");
  CHECK(inbox_of(client) == strings{R"(inbox 1 "two")"});
}

}  // namespace greenroom::tests
