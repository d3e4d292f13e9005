// Inboxes over a disk that takes its time, fails, and outlives the process.
#include "actors/limits.hpp"
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {

using codecs::error_code;

namespace {

struct durable_inbox : durable_fixture {
  ~durable_inbox() {
    INFO("accepted = acknowledged + queued + dead letters + purged");
    CHECK(disk().counters().balanced());
  }
  static std::string to_ann(std::string_view payload, std::string_view id = {}, int ttl_s = 0) {
    json what{{"to", "ann"}, {"event", "say"}, {"payload", payload}};
    if (!id.empty()) what.as_object()["id"] = id;
    if (ttl_s != 0) what.as_object()["ttl_s"] = ttl_s;
    return dump(what);
  }
  static numbers inbox_of(client& who) {
    numbers all;
    for (const auto& each : who.take())
      if (each.method == "inbox.message") all.push_back(number(each.body, "n"));
    return all;
  }
  /// A session of ann's that has not read yet what came.
  client& ann(json* session = nullptr) {
    disk().claims = storage::durability::durable;
    auto& one = connect();
    auto opened = one.open("ann");
    if (session) *session = std::move(opened);
    return one;
  }
  void send(client& from, int count, const std::string& what = "hi") {
    for (int i = 0; i < count; ++i) from.notify("user.send", to_ann(what));
  }
};

}  // namespace

TEST_CASE_METHOD(durable_inbox, "durable inbox: nothing is acknowledged or delivered before its COMMIT",
                 "[actors][durable][inbox]") {
  auto& bob = user("bob");
  auto& phone = ann();
  phone.story();
  bob.send("user.send", to_ann("hi"));
  settle_without_disk();
  CHECK(bob.story().empty());
  CHECK(phone.story().empty());
  settle();
  const auto told = bob.take();
  REQUIRE(told.size() == 1);
  CHECK(text(told[0].body, "ack") == "durable");
  CHECK(phone.story() == strings{R"(inbox 1 "hi")"});
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: sessions that read pages and those that are caught up get one order",
                 "[actors][durable][inbox]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 41u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& bob = user("bob");
  auto& desk = ann();
  std::vector<client*> late;
  for (int i = 0; i < 20; ++i) {
    send(bob, 1 + static_cast<int>(random() % 3));
    if (i % 8 == 4) {
      late.push_back(&connect());
      late.back()->send("session.open", R"({"user":"ann"})");
    }
    for (auto steps = random() % 15; steps-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }
  settle_randomly(random);
  const auto all = disk().inbox("ann").last;
  CHECK(inbox_of(desk) == range(1, all));
  for (auto* each : late) CHECK(inbox_of(*each) == range(1, all));
  desk.call("inbox.ack", R"({"upto":)" + std::to_string(all) + "}");
  CHECK(disk().inbox("ann").count == 0);
  for (auto* each : late) CHECK(each->story() == strings{"inbox acked " + std::to_string(all)});
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: a batch that fails refuses its message; later ones go on",
                 "[actors][durable][inbox]") {
  auto& bob = user("bob");
  auto& carl = user("carl");
  auto& phone = ann();
  during_commit<storage::inbox_append>([&] { carl.send("user.send", to_ann("behind it")); }, fate::refused);
  bob.send("user.send", to_ann("fails", "m-1"));
  settle();
  CHECK(bob.story() == strings{"user.send " + std::to_string(static_cast<int>(error_code::unavailable))});
  CHECK(carl.story() == strings{"user.send ok"});
  CHECK(dump(bob.call("user.send", to_ann("fails", "m-1")), "duplicate") == "-");
  CHECK(inbox_of(phone) == range(1, 2));
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: what was stored though nobody knew is there once, and is delivered",
                 "[actors][durable][inbox]") {
  json session;
  auto& bob = user("bob", &session);
  auto& phone = ann();
  phone.story();
  disk().doom<storage::inbox_append>(fate::lost_but_stored);
  bob.send("user.send", to_ann("hi", "m-1"));
  settle();
  CHECK(bob.story() == strings{"close 1013 store_unavailable"});
  auto& back = connect();
  back.resume(session);
  CHECK(dump(back.call("user.send", to_ann("hi", "m-1")), "duplicate") == "true");
  CHECK(inbox_of(phone) == numbers{1});
  phone.call("inbox.ack", R"({"upto":1})");
  CHECK(disk().inbox("ann").count == 0);
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: an ack that the disk does not take is refused, and may be repeated",
                 "[actors][durable][inbox]") {
  auto& bob = user("bob");
  auto& phone = ann();
  auto& desk = ann();
  send(bob, 2);
  settle();
  phone.story();
  desk.story();
  disk().now = storage::condition::full;
  CHECK(phone.refused("inbox.ack", R"({"upto":2})").code == error_code::unavailable);
  CHECK(desk.story().empty());
  disk().now = storage::condition::good;
  CHECK(dump(phone.call("inbox.ack", R"({"upto":2})")) == R"({"upto":2,"left":0})");
  CHECK(desk.story() == strings{"inbox acked 2"});
}

TEST_CASE_METHOD(durable_inbox,
                 "durable inbox: crashes of queue, reader and writer lose and repeat nothing on a connection",
                 "[actors][durable][inbox][crash]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 61u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& bob = user("bob");
  auto& desk = ann();
  auto& phone = ann();
  numbers of_desk, of_phone;
  const auto hear = [](client& who, numbers& into) {
    const auto more = inbox_of(who);
    into.insert(into.end(), more.begin(), more.end());
  };
  for (int i = 0; i < 15; ++i) {
    bob.send("user.send", to_ann("hi"));
    if (random() % 4 == 0) {
      const caf::actor all[]{ctx().shards[0].queue, ctx().readers[0], ctx().writer};
      crash(all[random() % 3]);
    }
    for (auto steps = random() % 20; steps-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(random() % jobs.jobs.size());
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
    if (bob.wire().over()) break;  // an outcome that nobody knows
    if (i == 8) {
      settle_randomly(random);
      hear(phone, of_phone);
      if (!of_phone.empty()) phone.send("inbox.ack", R"({"upto":)" + std::to_string(of_phone.back()) + "}");
    }
  }
  settle_randomly(random);
  advance(2s);
  std::uint64_t acked = 0;
  for (const auto& each : bob.take()) acked += each.answer() && !each.failure;
  const auto state = disk().inbox("ann");
  CHECK(disk().counters().accepted >= acked);
  hear(desk, of_desk);
  hear(phone, of_phone);
  for (const auto* each : {&of_desk, &of_phone}) {
    CHECK(std::is_sorted(each->begin(), each->end(), std::less_equal<>{}));  // no repeat
  }
  send(user("carl"), 1);  // what is stored comes at the latest with the next
  settle();
  hear(phone, of_phone);
  CHECK(of_phone == range(1, state.last + 1));
}

TEST_CASE_METHOD(durable_inbox,
                 "durable inbox: what expires between its read and an ack is a dead letter, not acknowledged",
                 "[actors][durable][inbox]") {
  auto& bob = user("bob");
  bob.call("user.send", to_ann("short", {}, 5));
  bob.call("user.send", to_ann("long"));
  SECTION("it had not been sent") {
    advance(5s);
    auto& phone = ann();
    CHECK(inbox_of(phone) == numbers{2});
    phone.call("inbox.ack", R"({"upto":2})");
    CHECK(disk().counters().acknowledged == 1);
    CHECK(disk().counters().dead_expired == 1);
  }
  SECTION("also where the batch that buries it fails at first") {
    advance(5s);
    disk().doom<storage::inbox_expire>(fate::refused);
    auto& phone = ann();
    CHECK(inbox_of(phone) == numbers{2});
    phone.call("inbox.ack", R"({"upto":2})");
    CHECK(disk().counters().acknowledged == 1);
    CHECK(disk().counters().dead_expired == 1);
  }
  SECTION("it had been sent: the client has it, and its ack counts") {
    auto& phone = ann();
    CHECK(inbox_of(phone) == range(1, 2));
    advance(6s);
    phone.call("inbox.ack", R"({"upto":2})");
    CHECK(disk().counters().acknowledged == 2);
  }
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: at most so much is in flight to a session, whatever crashes",
                 "[actors][durable][inbox]") {
  const bool crashes = GENERATE(false, true);
  auto& bob = user("bob");
  SECTION("1,000 messages") {
    send(bob, 1'005);
    settle();
    auto& phone = ann();
    if (crashes) crash(ctx().shards[0].queue);
    settle();
    send(bob, 1);
    settle();
    CHECK(inbox_of(phone) == range(1, limits::inbox_in_flight_messages_max));
    phone.call("inbox.ack", R"({"upto":3})");
    CHECK(inbox_of(phone) == range(1'001, 1'003));
  }
  SECTION("half a MiB") {
    send(bob, 20, std::string(50'000, 'x'));
    settle();
    auto& phone = ann();
    if (crashes) crash(ctx().shards[0].queue);
    settle();
    const auto first = inbox_of(phone);
    CHECK(first.size() >= 10);
    CHECK(first.size() <= 11);
    phone.call("inbox.ack", R"({"upto":2})");
    CHECK(inbox_of(phone).size() == 2);
  }
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: a restart keeps what is not acknowledged, and its numbers",
                 "[actors][durable][inbox][restart]") {
  auto& bob = user("bob");
  auto& phone = ann();
  send(bob, 3);
  settle();
  phone.call("inbox.ack", R"({"upto":1})");
  restart();
  auto& again = ann();
  CHECK(inbox_of(again) == range(2, 3));
  send(user("bob"), 1);
  settle();
  CHECK(inbox_of(again) == numbers{4});
}

TEST_CASE_METHOD(durable_inbox, "durable inbox: a page that cannot be read is read again",
                 "[actors][durable][inbox][crash]") {
  auto& bob = user("bob");
  send(bob, 3);
  settle();
  auto& phone = connect();
  phone.send("session.open", R"({"user":"ann"})");
  settle_without("store_reader");
  fail(ctx().readers[0]);
  settle();
  advance(1s);
  CHECK(inbox_of(phone) == range(1, 3));
}

TEST_CASE_METHOD(durable_inbox,
                 "durable inbox: what expired is moved before an ack passes it, though another ack was under way",
                 "[actors][durable][inbox]") {
  auto& bob = user("bob");
  auto& phone = ann();
  send(bob, 1);
  bob.call("user.send", R"({"to":"ann","event":"say","payload":"short","ttl_s":1})");
  send(bob, 1);
  advance(2s);
  auto& desk = connect();
  desk.send("session.open", R"({"user":"ann"})");
  settle_without("store_reader");
  bool acking = false;
  disk().fate_of = [&](std::span<const storage::operation> batch) {
    const bool acks = has<storage::inbox_ack>(batch);
    if (acks && !std::exchange(acking, true)) settle_without_disk();  // the desk's page: it passes over the second
    return acks || !has<storage::inbox_expire>(batch) ? fate::done : fate::refused;
  };
  phone.send("inbox.ack", R"({"upto":1})");
  settle_without("store_reader");
  settle();
  desk.story();
  desk.call("inbox.ack", R"({"upto":3})");
  CHECK(disk().counters().dead_expired == 1);
  CHECK(disk().counters().acknowledged == 2);
}

}  // namespace greenroom::tests
