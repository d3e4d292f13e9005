// The message that a durable room crashes on: a dead letter, and published after all when an operator replays it.
#include <boost/json/parse.hpp>

#include <memory>
#include <stdexcept>

#include "actors/admin.hpp"
#include "actors/behaviour_host.hpp"
#include "actors/limits.hpp"
#include "actors/room.hpp"
#include "runtime/local_socket.hpp"
#include "storage/store.hpp"
#include "tests/support/durable_fixture.hpp"
#include "tests/support/scripted_behaviour.hpp"

namespace greenroom::tests {

using codecs::error_code;

namespace {

struct desk : runtime::local_peer {
  strings lines;
  void send_line(std::string_view line) override { lines.emplace_back(line); }
  void close() override {}
};

class room_letters : public durable_fixture {
 public:
  room_letters() {
    policy("durable").behaviour = "scripted";
    policy().behaviour = "scripted";
    by.message = [this](room_control&, publish_request m) {
      if (m.event() == "poison" && !cured) throw std::runtime_error{"as the test wants"};
      m.accept();
    };
  }
  ~room_letters() {
    INFO("accepted = acknowledged + queued + dead letters + purged");
    CHECK(disk().counters().balanced());
  }

  client& player(std::string_view name) {
    ctx().behaviours.set(build_of(by));
    return member(name);
  }
  static std::string poison(std::string_view payload, std::string_view id = {}, std::string_view room = x) {
    json what{{"room", room}, {"event", "poison"}, {"payload", payload}};
    if (!id.empty()) what.as_object()["id"] = id;
    return dump(what);
  }
  /// Refused as a call that crashed its room is.
  void crash_with(client& who, const std::string& params) {
    const auto why = who.refused("room.publish", params);
    CHECK(why.code == error_code::internal);
    CHECK_FALSE(why.trace.empty());
  }
  json command(std::string_view name, std::string_view members = {}) {
    if (!admin_) admin_ = keep(admin::spawn(here(nurse()), {ctx(), {}}));
    std::string line = R"({"command":")";
    line.append(name).append("\"").append(members.empty() ? "" : ",").append(members).append("}");
    tell(admin_, admin::request{desk_, std::move(line)});
    settle();
    REQUIRE(desk_->lines.size() == 1);
    auto answer = boost::json::parse(desk_->lines.front());
    desk_->lines.clear();
    return answer;
  }
  std::string replay(std::string_view which = R"("room":"durable:x")") { return dump(command("dead_replay", which)); }
  void forget_admin() { admin_ = nullptr; }  ///< it was another process's
  std::vector<storage::dead_letter> letters() { return disk().dead_letters({}, 0, 1'000); }

  script by;
  bool cured = false;

 private:
  std::shared_ptr<desk> desk_ = std::make_shared<desk>();
  caf::actor admin_;
};

const std::string one_published =
    R"({"replayed":1,"published":1,"full":[],"refused":[],"crashed":[],"missing":[],"failed":[]})";
const std::string one_crashed =
    R"({"replayed":0,"published":0,"full":[],"refused":[],"crashed":[1],"missing":[],"failed":[]})";

}  // namespace

TEST_CASE_METHOD(room_letters, "room's dead letter: the message that a behaviour crashed on is kept, as it was sent",
                 "[actors][durable][behaviour][dead]") {
  by.message = [](room_control&, publish_request m) {
    m.rewrite("rewritten", json_document("1"));
    throw std::runtime_error{"as the test wants"};
  };
  auto& ann = player("ann");
  const auto id = GENERATE("", "m-1");
  crash_with(ann, poison("one", id));
  const auto all = letters();
  REQUIRE(all.size() == 1);
  CHECK(all[0].room == x);
  CHECK(all[0].reason == storage::dead_reason::crashed);
  CHECK(all[0].at_ms == ctx().now_ms());
  const auto page = command("dead_list", R"("room":"durable:x")");
  const auto& letter = page.at("letters").at(0);
  CHECK(text(letter, "room") == x);
  CHECK(text(letter, "reason") == "crashed");
  CHECK(text(letter, "event") == "poison");
  CHECK(text(letter, "payload") == "one");
  CHECK(text(letter, "from") == "ann");
  CHECK(dump(letter, "user") == "-");
  CHECK(dump(letter, "n") == "-");
  if (*id != 0) CHECK(text(letter, "id") == id);
  CHECK(disk().head(x)->last == 0);
  CHECK(command("dead_list", R"("room":"durable:y")").at("letters").as_array().empty());
}

TEST_CASE_METHOD(room_letters, "room's dead letter: an ephemeral room keeps none", "[actors][behaviour][dead]") {
  auto& ann = player("ann");
  ann.join("lobby");
  crash_with(ann, poison("one", "m-1", "lobby"));
  CHECK(letters().empty());
}

TEST_CASE_METHOD(room_letters, "room's dead letter: a repeat of its sender's is new, and published when it can be",
                 "[actors][durable][behaviour][dead]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", "m-1"));
  crash_with(ann, poison("one", "m-1"));
  REQUIRE(letters().size() == 1);
  CHECK(letters()[0].attempts == 2);
  cured = true;
  const auto ack = ann.call("room.publish", poison("one", "m-1"));
  CHECK(number(ack, "seq") == 1);
  CHECK(dump(ack, "duplicate") == "-");
  CHECK(letters().size() == 1);
  CHECK(replay() == one_published);  // what is published already is not published again
  CHECK(letters().empty());
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(room_letters, "room's dead letter: a replay publishes it with its id, event and sender, and it leaves",
                 "[actors][durable][behaviour][dead]") {
  auto& ann = player("ann");
  auto& bob = member("bob");
  std::string id = GENERATE("m-1", "");
  auto shown_first = identity::authenticated;
  by.message = [&](room_control&, publish_request m) {
    shown_first = m.from().kind;
    if (m.event() == "poison") throw std::runtime_error{"as the test wants"};
    m.accept();
  };
  crash_with(ann, poison("one", id));
  ann.publish(x, "two");
  bob.story();
  ann.story();
  party publisher;
  by.message = [&](room_control&, publish_request m) {
    publisher = m.from();
    m.accept();
  };
  CHECK(replay(R"("letters":[1])") == one_published);
  CHECK(letters().empty());
  CHECK(disk().counters().dead == 0);
  CHECK(disk().counters().replayed == 1);
  for (auto* each : {&ann, &bob}) {
    const auto got = each->messages(x);
    REQUIRE(got.size() == 1);
    CHECK(number(got[0].body, "seq") == 2);
    CHECK(text(got[0].body, "event") == "poison");
    CHECK(text(got[0].body, "payload") == "one");
    CHECK(text(got[0].body, "from") == "ann");
    if (!id.empty()) CHECK(text(got[0].body, "id") == id);
  }
  CHECK(publisher.user.value == "ann");
  CHECK(publisher.session.empty());
  CHECK(publisher.kind == shown_first);
  if (!id.empty()) CHECK(dump(ann.call("room.publish", poison("one", id)), "duplicate") == "true");
  CHECK(dump(command("dead_replay", R"("letters":[1])"), "missing") == "[1]");
}

TEST_CASE_METHOD(room_letters, "room's dead letter: one that crashes its room again is still one",
                 "[actors][durable][behaviour][dead]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", GENERATE("m-1", "")));
  CHECK(replay() == one_crashed);
  CHECK(replay() == one_crashed);
  REQUIRE(letters().size() == 1);
  CHECK(letters()[0].id == 1);
  CHECK(letters()[0].attempts == 3);
  CHECK(number(ann.publish(x, "after"), "seq") == 1);
}

TEST_CASE_METHOD(room_letters, "room's dead letter: it stays until its message is stored, whatever the disk does",
                 "[actors][durable][behaviour][dead]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", GENERATE("m-1", "")));
  cured = true;
  const std::string one_failed =
      R"({"replayed":0,"published":0,"full":[],"refused":[],"crashed":[],"missing":[],"failed":[1]})";
  std::uint64_t stored = 0;
  SECTION("the message is refused") { disk().doom<storage::append>(fate::refused); }
  SECTION("the message is lost") { disk().doom<storage::append>(fate::lost); }
  SECTION("the message is stored, and nobody knows") {
    disk().doom<storage::append>(fate::lost_but_stored);
    stored = 1;
  }
  SECTION("the message is stored, the letter does not leave") {
    disk().doom<storage::dead_settle>(fate::lost);
    stored = 1;
  }
  CHECK(replay() == one_failed);
  CHECK(letters().size() == 1);
  CHECK(disk().head(x)->last == stored);
  CHECK(replay() == one_published);
  CHECK(letters().empty());
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(room_letters, "room's dead letter: an end of the process between publish and removal repeats nothing",
                 "[actors][durable][behaviour][dead][restart]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", GENERATE("m-1", "")));
  cured = true;
  disk().doom<storage::dead_settle>(fate::refused);
  replay();
  REQUIRE(disk().head(x)->last == 1);
  REQUIRE(letters().size() == 1);
  restart();
  player("bob");
  disk().fate_of = nullptr;
  forget_admin();
  CHECK(replay() == one_published);
  CHECK(letters().empty());
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(room_letters,
                 "room's dead letter: what waits beside the message that crashed is answered, and not kept",
                 "[actors][durable][behaviour][dead]") {
  std::vector<publish_request> undecided;
  by.message = [&](room_control&, publish_request m) {
    if (m.event() == "poison") throw std::runtime_error{"as the test wants"};
    undecided.push_back(m);
  };
  auto& ann = player("ann");
  ann.send("room.publish", saying(x, "undecided", "m-1"));
  settle();
  REQUIRE(undecided.size() == 1);
  ann.send("room.publish", poison("one", "m-2"));
  ann.send("room.publish", saying(x, "behind", "m-3"));  // waits while m-2 is looked for on disk
  settle();
  undecided.clear();
  settle();
  std::size_t internal = 0;
  for (const auto& each : ann.take()) internal += each.failure && each.failure->code == error_code::internal;
  CHECK(internal == 3);
  REQUIRE(letters().size() == 1);
  CHECK(dump(command("dead_list").at("letters").at(0), "id") == R"("m-2")");
}

TEST_CASE_METHOD(room_letters, "room's dead letter: who was answered before the crash leaves none",
                 "[actors][durable][behaviour][dead]") {
  std::size_t kept = 0;
  auto& ann = player("ann");
  SECTION("refused") {
    by.message = [](room_control&, publish_request m) {
      m.refuse(codecs::make_error(error_code::conflict));
      throw std::runtime_error{"as the test wants"};
    };
    CHECK(ann.refused("room.publish", poison("one")).code == error_code::conflict);
  }
  SECTION("answered") {
    by.message = [](room_control&, publish_request m) {
      m.reply(json_document("7"));
      throw std::runtime_error{"as the test wants"};
    };
    ann.call("room.publish", poison("one"));
  }
  SECTION("accepted: its acceptance goes with the life that gave it") {
    by.message = [](room_control&, publish_request m) {
      m.accept();
      throw std::runtime_error{"as the test wants"};
    };
    crash_with(ann, poison("one"));
    kept = 1;
  }
  SECTION("accepted with a state that cannot be stored") {
    by.message = nullptr;
    by.padding = storage::limits::snapshot_bytes_max;
    crash_with(ann, poison("one"));
    kept = 1;
  }
  CHECK(letters().size() == kept);
  CHECK(disk().head(x)->last == 0);
}

TEST_CASE_METHOD(room_letters, "room's dead letter: of what another behaviour published, the server's again",
                 "[actors][durable][behaviour][dead]") {
  auto& ann = player("ann");
  const std::string id = GENERATE("", "round-1");
  strings publishers;
  by.message = [&](room_control& room, publish_request m) {
    if (m.event() == "go")
      room.publish(room_id{y}, {.event = "poison", .payload = json_document("1"), .from = "ann", .id = id});
    if (m.event() == "poison" && !cured) throw std::runtime_error{"as the test wants"};
    publishers.push_back(m.from().user.value);
    m.accept();
  };
  ann.call("room.publish", R"({"room":"durable:x","event":"go","payload":null})");
  settle();
  REQUIRE(letters().size() == 1);
  CHECK(letters()[0].room == y);
  cured = true;
  publishers.clear();
  CHECK(replay(R"("room":"durable:y")") == one_published);
  CHECK(publishers == strings{"server"});
  CHECK(disk().head(y)->last == 1);
}

TEST_CASE_METHOD(room_letters, "room's dead letter: a room without a behaviour that fails on a message keeps it, too",
                 "[actors][durable][dead]") {
  policy("durable").behaviour = "";
  auto& ann = member("ann");
  const auto clock = ctx().now_ms;
  int fails = 1;
  ctx().now_ms = [clock, &fails] {
    if (fails-- == 1) throw std::runtime_error{"as the test wants"};
    return clock();
  };
  crash_with(ann, poison("one", "m-1"));
  ctx().now_ms = clock;
  REQUIRE(letters().size() == 1);
  CHECK(replay() == one_published);
  CHECK(disk().head(x)->last == 1);
}

TEST_CASE_METHOD(room_letters, "dead replay: of all, users' are queued and rooms' published, the refused stay",
                 "[actors][durable][behaviour][dead][operator]") {
  shards = 2;
  auto& ann = player("ann");
  crash_with(ann, poison("one", "m-1"));
  crash_with(ann, poison("two", "m-2", y));
  ann.call("user.send", R"({"to":"carl","event":"say","payload":1,"ttl_s":1})");
  advance(2s);
  disk().commit(storage::inbox_expire{"carl", ctx().now_ms()});
  crash_with(ann, poison("three", "m-3"));
  by.message = [](room_control& room, publish_request m) {
    if (room.id().value == y) return m.refuse("not here");
    m.accept();
  };
  CHECK(replay(R"("after":0)") ==
        R"({"replayed":3,"published":2,"full":[],"refused":[2],"crashed":[],"missing":[],"failed":[]})");
  CHECK(disk().inbox("carl").count == 1);
  strings payloads;
  for (const auto& each : ann.messages(x)) payloads.push_back(text(each.body, "payload"));
  CHECK(payloads == strings{"one", "three"});
  CHECK(dump(command("dead_purge", R"("room":"durable:x")")) == R"({"letters":0})");
  CHECK(dump(command("dead_purge", R"("room":"durable:y")")) == R"({"letters":1})");
  CHECK(text(command("dead_list", R"("user":"ann","room":"durable:y")"), "error") == "`user` or `room`, not both");
}

TEST_CASE_METHOD(room_letters, "dead replay: a letter that the behaviour answers itself has been dealt with",
                 "[actors][durable][behaviour][dead][operator]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", "m-1"));
  by.message = [](room_control&, publish_request m) { m.reply(json_document("7")); };
  CHECK(replay() == one_published);
  CHECK(letters().empty());
  CHECK(disk().head(x)->last == 0);
}

TEST_CASE_METHOD(room_letters, "dead replay: what an ephemeral room would not keep stays a letter",
                 "[actors][durable][behaviour][dead][operator]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", "m-1"));
  cured = true;
  policy("durable").durable = false;
  restart();
  player("bob");
  forget_admin();
  CHECK(dump(command("dead_replay", R"("room":"durable:x")"), "refused") == "[1]");
  CHECK(letters().size() == 1);
}

TEST_CASE_METHOD(room_letters, "dead replay: a room is not crashed until it is given up",
                 "[actors][durable][behaviour][dead][operator]") {
  auto& ann = player("ann");
  for (int i = 1; i <= 9; ++i) {
    crash_with(ann, poison("x", "m-" + std::to_string(i)));
    advance(10s);
  }
  advance(30s);
  ann.story();
  const auto told = command("dead_replay", R"("room":"durable:x")");
  CHECK(dump(told, "crashed") == "[1,2]");
  CHECK(dump(told, "failed") == "[3,4,5,6,7,8,9]");
  CHECK(ann.story().empty());
  CHECK(number(ann.publish(x, "goes on"), "seq") == 1);
}

TEST_CASE_METHOD(room_letters, "dead replay: a behaviour that keeps the message undecided does not hold it up",
                 "[actors][durable][behaviour][dead][operator]") {
  auto& ann = player("ann");
  crash_with(ann, poison("one", "m-1"));
  std::vector<publish_request> undecided;
  by.message = [&](room_control&, publish_request m) { undecided.push_back(m); };
  const auto peer = std::make_shared<desk>();
  auto admin = keep(admin::spawn(here(nurse()), {ctx(), {}}));
  tell(admin, admin::request{peer, R"({"command":"dead_replay","room":"durable:x"})"});
  settle();
  CHECK(peer->lines.empty());
  advance(limits::ask_timeout);
  settle();
  REQUIRE(peer->lines.size() == 1);
  CHECK(dump(boost::json::parse(peer->lines[0]), "failed") == "[1]");
  CHECK(letters().size() == 1);
  undecided.clear();
  settle();
}

}  // namespace greenroom::tests
