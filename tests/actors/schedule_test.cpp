// Clients that join, leave, publish, break off and come back at random, under random schedules, against an oracle:
// every member sees every position of its room once and in order, and every acknowledgement is what the store has.
#include <optional>
#include <set>

#include "codecs/envelope.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

constexpr std::size_t people = 5, steps = 60;
constexpr std::uint32_t seeds = 40;
const strings rooms{"lobby", "hall", "durable:vault"};

/// What one client knows of one room.
struct view {
  enum class state : std::uint8_t { outside, member, unsure } at = state::outside;  ///< unsure: a call was lost
  std::optional<std::uint64_t> seq;  ///< up to here it has everything; none: its join's answer was lost

  void hear(std::uint64_t next) {
    if (at == state::unsure) return;
    CHECK(at == state::member);
    if (seq) CHECK(next == *seq + 1);
    seq = next;
  }
};

/// One person: a session over several connections.
struct person {
  client* line = nullptr;
  json session;
  std::map<std::string, view> views;
};

}  // namespace

struct schedule_fixture : node_fixture {
  schedule_fixture() {
    for (auto& [name, policy] : config.namespaces) {
      policy.slow_members = runtime::slow_policy::spill;
      policy.history_count = 10'000;
    }
  }

  std::uint32_t pick(std::size_t of) { return static_cast<std::uint32_t>(random() % of); }

  client& dial() {
    return connect(
        {.codec = static_cast<codecs::codec_id>(pick(2)),
         .shard = pick(shards),
         .outbox = {.bytes_max = 8'192, .frames_max = 40, .reply_bytes_max = 1u << 20, .reply_frames_max = 900}});
  }

  void open(person& who, const std::string& name) {
    who.line = &dial();
    who.session = who.line->open(name);
    who.line->story();
  }

  /// Reads what came; every message must be the next one of its room.
  void listen(person& who) {
    for (const auto& each : who.line->take()) {
      if (each.failure)
        lost(who, each);
      else if (each.method == "room.join")
        who.views[text(each.body, "room")] = {view::state::member, number(each.body, "seq")};
      else if (each.method == "room.publish")
        acks.insert({text(each.body, "id"), number(each.body, "seq")});
      else if (each.method == "room.message")
        who.views[text(each.body, "room")].hear(number(each.body, "seq"));
      else if (each.method == "room.notice")
        FAIL_CHECK("a notice: " << dump(each.body));
    }
  }

  /// A directory that dies takes the calls with it that wait for its rooms: nobody knows what became of them.
  void lost(person& who, const client::heard& answer) {
    CHECK(answer.failure->code == codecs::error_code::internal);
    CHECK(crashes);
    if (answer.method != "room.publish")
      for (auto& [room, view] : who.views) view.at = view::state::unsure;
  }

  /// Breaks off, loses what was under way, and comes back with the positions that were read.
  void reconnect(person& who) {
    listen(who);
    if (pick(2) == 0) who.line->wire().break_off();  // else the old connection is replaced
    boost::json::object positions;
    for (const auto& [room, view] : who.views)
      if (view.at == view::state::member && view.seq) positions[room] = *view.seq;
    who.line = &dial();
    who.line->send("session.open", dump(json{{"resume",
                                              {{"session", who.session.at("session")},
                                               {"token", who.session.at("resume_token")},
                                               {"positions", positions}}}}));
    settle_randomly(random);
    auto all = who.line->take();
    REQUIRE(!all.empty());
    REQUIRE(all.front().method == "session.open");  // nothing of a room before it
    REQUIRE_FALSE(all.front().failure);
    who.session = all.front().body;
    REQUIRE(dump(who.session, "resumed") == "true");
    for (const auto& room : who.session.at("rooms").as_array()) {
      CHECK(dump(room, "recovered") == "true");
      auto& view = who.views[text(room, "room")];
      if (view.at == view::state::outside) view.at = view::state::member;
    }
    for (const auto& each : all)
      if (each.method == "room.message") who.views[text(each.body, "room")].hear(number(each.body, "seq"));
  }

  void step(person& who) {
    const auto& room = rooms[pick(rooms.size())];
    switch (pick(10)) {
      case 0:
      case 1: {  // waited for, so that the oracle knows who is a member
        who.line->wire().read_again();
        settle_randomly(random);
        listen(who);
        auto& view = who.views[room];
        if (view.at == view::state::unsure) break;
        const bool joins = view.at == view::state::outside;
        who.line->send(joins ? "room.join" : "room.leave", dump(json{{"room", room}}));
        settle_randomly(random);
        listen(who);
        if (!joins && view.at == view::state::member) view = {};
        break;
      }
      case 2:
        settle_randomly(random);
        reconnect(who);
        break;
      case 3: pick(2) == 0 ? who.line->wire().stop_reading() : who.line->wire().read_again(); break;
      default:
        who.line->send("room.publish", dump(json{{"room", room},
                                                 {"event", "say"},
                                                 {"payload", std::string(pick(200), 'x')},
                                                 {"id", "m-" + std::to_string(++published)}}));
    }
    for (auto some = pick(12); some-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(pick(jobs.jobs.size()));
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }

  std::mt19937 random;
  std::uint64_t published = 0;
  bool crashes = false;
  std::set<std::pair<std::string, std::uint64_t>> acks;
};

TEST_CASE_METHOD(schedule_fixture, "schedule: whatever the order of things, no member misses or repeats a message",
                 "[actors][schedule]") {
  shards = GENERATE(1u, 2u);
  const auto seed = GENERATE(Catch::Generators::range(1u, seeds + 1));
  INFO("seed " << seed << ", shards " << shards);
  random.seed(seed);
  crashes = seed % 2 == 0;  // every other time relays and directories die on the way

  std::vector<person> all(people);
  for (std::size_t i = 0; i < people; ++i) open(all[i], "user-" + std::to_string(i));
  for (std::size_t i = 0; i < steps; ++i) {
    step(all[pick(people)]);
    if (crashes && pick(10) == 0) {
      auto& here = ctx().shards[pick(shards)];
      crash(pick(2) == 0 ? here.relay : here.rooms);
    }
  }
  for (auto& each : all) each.line->wire().read_again();
  auto& visitor = connect();
  for (const auto& room : rooms) {  // a room that died with its directory sends the rest when it is called again
    visitor.send("room.members", dump(json{{"room", room}}));
  }
  settle_randomly(random);
  for (auto& each : all) listen(each);

  for (const auto& room : rooms) {
    auto head = store_of(room).head(room);
    for (const auto& each : all) {
      auto seen = each.views.find(room);
      if (seen == each.views.end() || seen->second.at != view::state::member) continue;
      if (seen->second.seq) CHECK(*seen->second.seq == (head ? head->last : 0));
    }
  }
  std::set<std::pair<std::string, std::uint64_t>> stored;
  for (const auto& room : rooms)
    for (const auto& record : store_of(room).read(room, 0, 100'000, SIZE_MAX).records)
      stored.insert({codecs::from_stored(*record.body)->id, record.seq});
  CHECK(std::includes(stored.begin(), stored.end(), acks.begin(), acks.end()));
}

}  // namespace greenroom::tests
