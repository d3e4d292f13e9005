// What operators do to inboxes and dead letters, through the line protocol of admin.sock.
#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "actors/admin.hpp"
#include "actors/limits.hpp"
#include "actors/offline_queue.hpp"
#include "actors/store_backup.hpp"
#include "runtime/local_socket.hpp"
#include "storage/inbox.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

/// The one who types the commands.
struct operator_peer : runtime::local_peer {
  strings lines;
  void send_line(std::string_view line) override { lines.emplace_back(line); }
  void close() override {}
};

strings inbox_of(client& who) {
  auto story = who.story();
  std::erase_if(story, [](const std::string& line) { return !line.starts_with("inbox "); });
  return story;
}

/// The numbers of the messages that came.
numbers numbers_of(client& who) {
  numbers all;
  for (const auto& one : who.take())
    if (one.method == "inbox.message") all.push_back(number(one.body, "n"));
  return all;
}

/// One of `count` seeds in turn, others in each run of the program.
std::uint32_t random_seed(int count) {
  return Catch::rngSeed() + static_cast<std::uint32_t>(GENERATE_COPY(Catch::Generators::range(0, count)));
}

std::string quoted(std::string_view text) { return '"' + std::string{text} + '"'; }

}  // namespace

struct operator_fixture : node_fixture {
  ~operator_fixture() {
    INFO("accepted = acknowledged + queued + dead letters + purged");
    CHECK(disk().counters().balanced());
  }
  void type(std::string line) {
    if (!admin_) admin_ = keep(admin::spawn(here(nurse()), {ctx(), {}}));
    tell(admin_, admin::request{desk_, std::move(line)});
  }
  json command(std::string_view name, std::string_view members = {}) {
    std::string line = R"({"command":")";
    line.append(name).append("\"").append(members.empty() ? "" : ",").append(members).append("}");
    type(std::move(line));
    settle();
    REQUIRE(desk_->lines.size() == 1);
    auto answer = boost::json::parse(desk_->lines.front());
    desk_->lines.clear();
    return answer;
  }
  std::string refusal(std::string_view name, std::string_view members = {}) {
    return text(command(name, members), "error");
  }
  void send(std::string_view to, std::string_view payload, std::string_view more = {}) {
    if (!sender_) (sender_ = &connect())->open("sender");
    sender_->call("user.send", R"({"to":)" + quoted(to) + R"(,"event":"say","payload":)" + quoted(payload) +
                                   std::string{more} + "}");
  }
  client& user(std::string_view name) {
    auto& one = connect();
    one.open(name);
    return one;
  }
  /// A message of ann's that nobody could deliver in time: letter 1, 2 …
  void bury(std::string_view payload, std::string_view whose = "ann") {
    send(whose, payload, R"(,"ttl_s":1)");
    advance(2s);
    disk().commit(storage::inbox_expire{std::string{whose}, ctx().now_ms()});
  }

  std::shared_ptr<operator_peer> desk_ = std::make_shared<operator_peer>();

 private:
  caf::actor admin_;
  client* sender_ = nullptr;
};

TEST_CASE_METHOD(operator_fixture, "queue list: the users with messages that wait, page by page",
                 "[actors][operator]") {
  shards = 2;
  for (const auto* name : {"ann", "bob", "carl"}) send(name, "x");
  send("bob", "y");
  user("bob");
  user("bob");
  auto first = command("queue_list", R"("limit":2)");
  CHECK(dump(first, "inboxes") ==
        R"([{"user":"ann","messages":1,"bytes":)" + std::to_string(disk().inbox("ann").bytes) + R"(,"oldest_ms":)" +
            std::to_string(ctx().now_ms()) + R"(,"sessions":0},{"user":"bob","messages":2,"bytes":)" +
            std::to_string(disk().inbox("bob").bytes) + R"(,"oldest_ms":)" + std::to_string(ctx().now_ms()) +
            R"(,"sessions":2}])");
  CHECK(text(first, "next") == "bob");
  auto second = command("queue_list", R"("limit":2,"after":"bob")");
  CHECK(second.at("inboxes").as_array().size() == 1);
  CHECK(dump(second, "next") == "-");
}

TEST_CASE_METHOD(operator_fixture, "queue show: what waits for a user, expired or not, and it goes on waiting",
                 "[actors][operator]") {
  send("ann", "one", R"(,"id":"m-1","ttl_s":5)");
  send("ann", "two");
  advance(6s);
  auto page = command("queue_show", R"("user":"ann","limit":1)");
  CHECK(number(page, "waiting") == 2);
  CHECK(number(page, "next") == 1);
  const auto at = std::to_string(ctx().now_ms() - 6'000);
  CHECK(dump(page.at("messages").at(0)) ==
        R"({"n":1,"at_ms":)" + at + R"(,"expires_ms":)" + std::to_string(ctx().now_ms() - 1'000) +
            R"(,"attempts":0,"id":"m-1","from":"sender","event":"say","payload_bytes":5,"payload":"one"})");
  page = command("queue_show", R"("user":"ann","after":1)");
  CHECK(text(page.at("messages").at(0), "payload") == "two");
  CHECK(dump(page, "next") == "-");
  CHECK(disk().inbox("ann").count == 2);
  CHECK(command("queue_show", R"("user":"nobody")").at("messages").as_array().empty());
}

TEST_CASE_METHOD(operator_fixture, "queue show: an answer is one line, however a payload is spelled, and has a bound",
                 "[actors][operator]") {
  auto& carl = user("carl");
  carl.call("user.send", "{\"to\":\"ann\",\"event\":\"e\",\"payload\":[1,\n2]}");
  CHECK(dump(command("queue_show", R"("user":"ann")").at("messages").at(0), "payload") == "[1,2]");
  for (int i = 0; i < 10; ++i) send("ann", std::string(60'000, 'x'));
  const auto page = command("queue_show", R"("user":"ann")");
  CHECK(page.at("messages").as_array().size() < 6);
  CHECK(number(page, "next") > 0);
}

TEST_CASE_METHOD(operator_fixture, "queue replay: connected sessions get once more what they have not acknowledged",
                 "[actors][operator]") {
  for (const auto* each : {"one", "two", "three"}) send("ann", each);
  auto& desk = user("ann");
  auto& phone = user("ann");
  CHECK(inbox_of(desk).size() == 3);
  CHECK(inbox_of(phone).size() == 3);
  desk.call("inbox.ack", R"({"upto":1})");
  inbox_of(phone);
  const auto told = command("queue_replay", R"("user":"ann")");
  CHECK(dump(told) == R"({"messages":4,"sessions":2})");
  CHECK(inbox_of(desk) == strings{R"(inbox 2 "two")", R"(inbox 3 "three")"});
  CHECK(inbox_of(phone) == strings{R"(inbox 2 "two")", R"(inbox 3 "three")"});
  send("ann", "four");
  CHECK(inbox_of(desk) == strings{R"(inbox 4 "four")"});
  desk.call("inbox.ack", R"({"upto":4})");
  CHECK(disk().inbox("ann").count == 0);
  CHECK(dump(command("queue_replay", R"("user":"ann")")) == R"({"messages":0,"sessions":2})");
  CHECK(dump(command("queue_replay", R"("user":"nobody")")) == R"({"messages":0,"sessions":0})");
}

TEST_CASE_METHOD(operator_fixture, "queue purge: drops what waits, sent or not, and makes room in flight",
                 "[actors][operator]") {
  for (int i = 0; i < 20; ++i) send("ann", std::string(50'000, 'x'));
  auto& client = user("ann");
  CHECK(inbox_of(client).size() < 15);  // half a MiB in flight
  CHECK(dump(command("queue_purge", R"("user":"ann")")) == R"({"messages":20})");
  CHECK(disk().counters().purged == 20);
  CHECK(disk().inbox("ann").count == 0);
  inbox_of(client);
  send("ann", "new");
  CHECK(inbox_of(client) == strings{R"(inbox 21 "new")"});
  client.call("inbox.ack", R"({"upto":21})");
  CHECK(disk().counters().acknowledged == 1);
  CHECK(dump(command("queue_purge", R"("user":"ann")")) == R"({"messages":0})");
}

TEST_CASE_METHOD(operator_fixture, "queue purge: a session hears up to where nothing waits any more",
                 "[actors][operator]") {
  send("ann", "one");
  send("ann", "two");
  auto& client = user("ann");
  inbox_of(client);
  command("queue_purge", R"("user":"ann")");
  CHECK(inbox_of(client) == strings{"inbox acked 2"});
  CHECK(dump(client.call("inbox.ack", R"({"upto":2})")) == R"({"upto":2,"left":0})");
  CHECK(disk().counters().acknowledged == 0);
  CHECK(disk().counters().purged == 2);
}

TEST_CASE_METHOD(operator_fixture, "dead list: why, whose and what, of one user or of all, page by page",
                 "[actors][operator]") {
  bury("one");
  bury("two", "bob");
  bury("three");
  auto page = command("dead_list", R"("limit":2)");
  REQUIRE(page.at("letters").as_array().size() == 2);
  const auto& first = page.at("letters").at(0);
  CHECK(number(first, "letter") == 1);
  CHECK(text(first, "user") == "ann");
  CHECK(text(first, "reason") == "expired");
  CHECK(text(first, "payload") == "one");
  CHECK(number(page, "next") == 2);
  CHECK(command("dead_list", R"("after":2)").at("letters").as_array().size() == 1);
  CHECK(command("dead_list", R"("user":"ann")").at("letters").as_array().size() == 2);
}

TEST_CASE_METHOD(operator_fixture,
                 "dead replay: letters go to the tail with a new n and life, and to connected sessions",
                 "[actors][operator]") {
  bury("one");
  bury("two");
  auto& client = user("ann");
  send("ann", "three");
  CHECK(inbox_of(client) == strings{R"(inbox 3 "three")"});
  CHECK(dump(command("dead_replay", R"("letters":[2,99,1,2])")) ==
        R"({"replayed":2,"published":0,"full":[],"refused":[],"crashed":[],"missing":[99],"failed":[]})");
  CHECK(inbox_of(client) == strings{R"(inbox 4 "one")", R"(inbox 5 "two")"});
  const auto page = disk().read_inbox("ann", 3, 10, 1'000, ctx().now_ms());
  CHECK(page.messages.at(0).expires_ms == ctx().now_ms() + config.inbox.ttl_ms);
  CHECK(disk().counters().dead == 0);
  CHECK(disk().counters().replayed == 2);
  client.call("inbox.ack", R"({"upto":5})");
  CHECK(disk().inbox("ann").count == 0);
}

TEST_CASE_METHOD(operator_fixture, "dead replay: a letter whose inbox is full is reported and stays dead",
                 "[actors][operator]") {
  config.inbox.messages_max = 2;
  bury("one");
  bury("two");
  send("ann", "kept");
  CHECK(dump(command("dead_replay", R"("user":"ann")")) ==
        R"({"replayed":1,"published":0,"full":[2],"refused":[],"crashed":[],"missing":[],"failed":[]})");
  CHECK(disk().counters().dead == 1);
  auto& client = user("ann");
  CHECK(inbox_of(client).size() == 2);
  client.call("inbox.ack", R"({"upto":4})");
  CHECK(number(command("dead_replay", R"("letters":[2])"), "replayed") == 1);
  CHECK(inbox_of(client) == strings{R"(inbox 5 "two")"});
}

TEST_CASE_METHOD(operator_fixture, "dead replay: all of them, page by page, over all shards", "[actors][operator]") {
  shards = 3;
  for (const auto* name : {"ann", "bob", "carl", "dora", "ann"}) bury("x", name);
  std::uint64_t replayed = 0, pages = 0;
  for (std::string after = "0"; after != "-"; ++pages) {
    const auto told = command("dead_replay", R"("limit":2,"after":)" + after);
    replayed += number(told, "replayed");
    after = dump(told, "next");
  }
  CHECK(replayed == 5);
  CHECK(pages == 3);
  CHECK(disk().inbox("ann").count == 2);
}

TEST_CASE_METHOD(operator_fixture, "dead purge: up to a letter, of one user or of all", "[actors][operator]") {
  for (const auto* name : {"ann", "bob", "ann", "bob"}) bury("x", name);
  CHECK(dump(command("dead_purge", R"("user":"ann","upto":2)")) == R"({"letters":1})");
  CHECK(dump(command("dead_purge", R"("upto":2)")) == R"({"letters":1})");
  CHECK(dump(command("dead_purge")) == R"({"letters":2})");
  CHECK(disk().counters().purged == 4);
}

TEST_CASE_METHOD(operator_fixture, "operators: a command that is not right is refused with what is wrong",
                 "[actors][operator]") {
  CHECK(refusal("queue_show") == "`user` is missing");
  CHECK(refusal("queue_show", R"("user":7)") == "`user` is no text");
  CHECK(refusal("queue_list", R"("limit":0)") == "`limit` is 1 to 1000");
  CHECK(refusal("dead_list", R"("after":"x")") == "`after` is no number");
  CHECK(refusal("dead_replay", R"("letters":[])") == "`letters` are 1 to 1000");
  CHECK(refusal("dead_replay", R"("letters":["x"])") == "`letters` is no list of numbers");
  CHECK(refusal("backup", R"("file":"relative")") == "`file` is no absolute path");
  const auto unknown = command("queue_lost");
  CHECK(text(unknown, "error")
            .ends_with("queue_list, queue_show, queue_replay, queue_purge, dead_list, dead_replay, "
                       "dead_purge, backup"));
  CHECK(dump(unknown, "code") == "-32601");
}

TEST_CASE_METHOD(operator_fixture, "operators: a change whose outcome nobody knows is reported as that",
                 "[actors][operator]") {
  bury("one");
  send("ann", "two");
  disk().fail_next<storage::inbox_purge>();
  CHECK(refusal("queue_purge", R"("user":"ann")") == "whether the store has done it is not known: look again");
  disk().fail_next<storage::dead_replay>();
  CHECK(dump(command("dead_replay", R"("letters":[1])"), "failed") == "[1]");
  CHECK(number(command("dead_replay", R"("letters":[1])"), "replayed") == 1);
}

TEST_CASE_METHOD(operator_fixture, "backup: a store without one says so", "[actors][operator]") {
  ctx().backups = keep(store_backup::spawn(here(nurse()), {ctx()}));
  CHECK(refusal("backup", R"("file":"/nowhere/at/all")") == "This store has no backup.");
}

TEST_CASE_METHOD(operator_fixture, "queue replay: what was being read for a session does not hide what was sent before",
                 "[actors][operator]") {
  const auto seed = random_seed(200);
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 20; ++i) send("ann", std::string(50'000, 'x'));
  auto& client = user("ann");
  const auto first = numbers_of(client);
  client.send("inbox.ack", R"({"upto":2})");
  settle_randomly(random, random() % 30);  // somewhere between the acknowledgement and the page that it lets come
  type(R"({"command":"queue_replay","user":"ann"})");
  settle_randomly(random);
  auto got = first;
  std::ranges::copy(numbers_of(client), std::back_inserter(got));
  for (std::uint64_t n = 3; n <= first.back(); ++n) {
    CAPTURE(n, got);
    CHECK(std::ranges::count(got, n) == 2);
  }
}

TEST_CASE_METHOD(operator_fixture, "queue purge: what was being read for a session does not come after it",
                 "[actors][operator]") {
  const auto seed = random_seed(200);
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int i = 0; i < 20; ++i) send("ann", std::string(50'000, 'x'));
  auto& client = user("ann");
  client.take();
  client.send("inbox.ack", R"({"upto":2})");
  settle_randomly(random, random() % 30);
  type(R"({"command":"queue_purge","user":"ann"})");
  settle_randomly(random);
  bool purged = false;
  for (const auto& line : inbox_of(client)) {
    if (purged) CHECK_FALSE(line.starts_with("inbox "));
    purged = purged || line.starts_with("inbox acked");
  }
  CHECK(purged);
  send("ann", "new");
  CHECK(numbers_of(client) == numbers{21});
}

TEST_CASE_METHOD(operator_fixture,
                 "operators: whatever order things happen in, what is stored was sent to every session",
                 "[actors][operator]") {
  const auto seed = random_seed(100);
  CAPTURE(seed);
  std::mt19937 random{seed};
  config.inbox.messages_max = 40;
  auto& sender = user("sender");
  const std::array<client*, 2> anns{&user("ann"), &user("ann")};
  std::array<std::set<std::uint64_t>, 2> got;
  const auto listen = [&](std::size_t which) {
    for (const auto n : numbers_of(*anns[which])) got[which].insert(n);
  };
  for (int step = 0; step < 120; ++step) {
    const auto which = random() % anns.size();
    switch (random() % 8) {
      case 0: type(R"({"command":"queue_replay","user":"ann"})"); break;
      case 1:
        if (random() % 4 == 0) type(R"({"command":"queue_purge","user":"ann"})");
        break;
      case 2: type(R"({"command":"dead_replay"})"); break;
      case 3:
        listen(which);
        if (!got[which].empty() && random() % 2 == 0)
          anns[which]->send("inbox.ack", R"({"upto":)" + std::to_string(*got[which].rbegin()) + "}");
        break;
      case 4: disk().commit(storage::inbox_attempt{"ann", ctx().now_ms(), 1}); break;
      default: sender.notify("user.send", R"({"to":"ann","event":"say","payload":1})");
    }
    settle_randomly(random, random() % 20);
  }
  settle();
  listen(0);
  listen(1);
  std::uint64_t last = 0;
  for (const auto& each : disk().read_inbox("ann", 0, 1'000, 1u << 20, ctx().now_ms()).messages) {
    CHECK(got[0].contains(each.n));
    CHECK(got[1].contains(each.n));
    last = each.n;
  }
  if (last > 0) anns[0]->call("inbox.ack", R"({"upto":)" + std::to_string(last) + "}");
  CHECK(disk().inbox("ann").count == 0);
}

}  // namespace greenroom::tests
