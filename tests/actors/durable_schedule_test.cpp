// Clients of durable rooms under random schedules, while batches fail, actors die and the process ends, against an
// oracle: every acknowledgement is what the disk has, every message is stored once however often it was sent, and every
// member sees every position once and in order.
#include <algorithm>
#include <map>
#include <set>

#include "codecs/envelope.hpp"
#include "tests/support/durable_fixture.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;

constexpr std::size_t people = 4, steps = 70;
constexpr std::uint32_t seeds = 120;
const strings rooms{"durable:x", "durable:y"};

struct view {
  enum class state : std::uint8_t { outside, member, unsure } at = state::outside;  ///< unsure: a call was lost
  std::optional<std::uint64_t> seq;  ///< up to here it has everything; none: nobody has told it where it stands
  std::string epoch;

  void hear(std::uint64_t next) {
    if (at == state::unsure) return;
    CHECK(at == state::member);
    if (seq) CHECK(next == *seq + 1);
    seq = next;
  }
};

struct message {
  std::string room, payload, id;
};

struct person {
  std::string name;
  client* line = nullptr;
  json session;
  std::map<std::string, view> views;
  std::map<std::string, message> unanswered;          ///< by id: sent again until it is acknowledged
  std::map<std::string, std::uint64_t> last_of_room;  ///< acknowledged first attempts on this connection
  std::set<std::string> first_attempts;               ///< ids of this connection
};

}  // namespace

struct durable_schedule : durable_fixture {
  durable_schedule() { policy("durable").slow_members = runtime::slow_policy::spill; }

  std::uint32_t pick(std::size_t of) { return static_cast<std::uint32_t>(random() % of); }

  client& dial() {
    return connect(
        {.codec = static_cast<codecs::codec_id>(pick(2)),
         .shard = pick(shards),
         .outbox = {.bytes_max = 8'192, .frames_max = 40, .reply_bytes_max = 1u << 20, .reply_frames_max = 900}});
  }

  void listen(person& who) {
    for (const auto& each : who.line->take()) hear(who, each);
  }

  void hear(person& who, const client::heard& each) {
    if (each.method == "room.publish" && each.answer()) return acknowledged(who, each);
    if (each.failure) {
      CHECK((each.failure->code == error_code::internal || each.failure->code == error_code::unavailable));
      return;
    }
    if (each.method == "room.join") return joined(who, each.body);
    if (each.method == "room.message") return who.views[text(each.body, "room")].hear(number(each.body, "seq"));
    if (each.method == "room.notice") FAIL_CHECK("a notice: " << dump(each.body));
  }

  void joined(person& who, const json& answer) {
    auto& view = who.views[text(answer, "room")];
    if (view.seq && !view.epoch.empty()) CHECK(text(answer, "epoch") == view.epoch);
    view.at = view::state::member;
    view.epoch = text(answer, "epoch");
    if (dump(answer, "recovered") == "true")
      for (const auto& one : answer.at("missed").as_array()) view.hear(number(one, "seq"));
    else
      view.seq = number(answer, "seq");
    CHECK(view.seq == number(answer, "seq"));
  }

  void acknowledged(person& who, const client::heard& each) {
    if (each.failure) {
      CHECK((each.failure->code == error_code::internal || each.failure->code == error_code::unavailable));
      return;
    }
    const auto id = text(each.body, "id");
    acks.insert({id, number(each.body, "seq")});
    const auto found = who.unanswered.find(id);
    if (found == who.unanswered.end()) return;
    if (who.first_attempts.contains(id)) {  // sends on one connection keep their order
      auto& last = who.last_of_room[found->second.room];
      CHECK(number(each.body, "seq") > last);
      last = number(each.body, "seq");
    }
    who.unanswered.erase(found);
  }

  /// Comes back, with the positions that were read, until it is let in.
  void reconnect(person& who) {
    if (who.line) listen(who);
    if (who.line && pick(2) == 0) who.line->wire().break_off();  // else the old connection is replaced
    who.first_attempts.clear();
    who.last_of_room.clear();
    for (int i = 0; i < 20; ++i) {
      if (try_to_attach(who)) return;
      advance(600ms);  // the disk, or what has crashed, is back
    }
    FAIL("it does not come back");
  }

  bool try_to_attach(person& who) {
    who.line = &dial();
    boost::json::object positions;
    for (const auto& [room, view] : who.views)
      if (view.at == view::state::member && view.seq) positions[room] = {{"epoch", view.epoch}, {"seq", *view.seq}};
    const bool resumes = who.session.is_object() && who.session.as_object().contains("resume_token");
    who.line->send("session.open", resumes ? opening(who.session, positions) : dump(json{{"user", who.name}}));
    settle_randomly(random);
    auto all = who.line->take();
    for (int i = 0; all.empty() && i < 20; ++i) {  // it waits for what has failed
      advance(600ms);
      all = who.line->take();
    }
    if (all.empty() || all.front().failure || all.front().method == "close") return false;
    REQUIRE(all.front().method == "session.open");  // nothing of a room before it
    const auto& session = all.front().body;
    if (resumes && dump(session, "resumed") != "true") {
      CHECK(text(session, "reason") == "unavailable");  // it may try again
      who.line->wire().break_off();
      return false;
    }
    if (!resumes) who.views.clear();
    who.session = session;
    attached(who);
    for (std::size_t i = 1; i < all.size(); ++i) hear(who, all[i]);
    return true;
  }

  void attached(person& who) {
    const auto* told = who.session.as_object().if_contains("rooms");
    std::set<std::string> in;
    if (told) {
      for (const auto& room : told->as_array()) {
        auto& view = who.views[text(room, "room")];
        if (dump(room, "recovered") != "true") {
          CHECK(text(room, "reason") == "unavailable");
          view = {};
          continue;
        }
        in.insert(text(room, "room"));
        if (view.at != view::state::member) view = {view::state::member, {}, {}};
        view.epoch = text(room, "epoch");
      }
    }
    for (auto& [room, view] : who.views) {
      if (in.contains(room)) continue;
      CHECK((view.at != view::state::member || resume_refused(told, room)));  // a member stays one
      view.at = view::state::outside;
    }
  }
  static bool resume_refused(const json* told, std::string_view room) {
    if (told)
      for (const auto& each : told->as_array())
        if (text(each, "room") == room) return true;
    return false;
  }

  void join_or_leave(person& who, const std::string& room) {
    who.line->wire().read_again();
    settle_randomly(random);
    listen(who);
    if (who.line->wire().over()) return reconnect(who);
    auto& view = who.views[room];
    const bool joins = view.at == view::state::outside;
    const bool from = joins && view.seq && pick(2) == 0;
    if (joins && !from) view.seq.reset();
    const auto id = who.line->send(joins ? "room.join" : "room.leave",
                                   from ? since(room, view.epoch, *view.seq) : dump(json{{"room", room}}));
    settle_randomly(random);
    std::optional<client::heard> answer;
    for (int i = 0; !answer && i < 12 && !who.line->wire().over(); ++i) {
      if (i > 0) advance(600ms);  // it waits for what has failed
      for (auto& each : who.line->take()) {
        if (each.id == id) answer = each;
        const bool not_there = each.failure && each.failure->code == error_code::not_found;
        if (!not_there) hear(who, each);
      }
    }
    if (!answer)
      view.at = view::state::unsure;
    else if (!answer->failure)
      view.at = joins ? view::state::member : view::state::outside;
    else if (answer->failure->code == error_code::not_found)
      view.at = view::state::outside;
    else if (!joins || answer->failure->code == error_code::internal)
      view.at = view::state::unsure;
    if (view.at != view::state::member) view.epoch.clear(), view.seq.reset();
  }

  void publish(person& who, const message& what) {
    who.line->send("room.publish", saying(what.room, what.payload, what.id));
  }

  void retry(person& who) {
    for (const auto& [id, what] : who.unanswered) {
      if (who.first_attempts.contains(id) && pick(4) != 0) continue;
      who.first_attempts.erase(id);
      publish(who, what);
    }
  }

  void fault() {
    auto& here = ctx().shards[pick(shards)];
    switch (pick(10)) {
      case 0: return crash(ctx().writer);
      case 1: return crash(ctx().readers[0]);
      case 2: return crash(here.relay);
      case 3: return crash(here.rooms);
      case 4: return crash(ctx().sessions);
      case 5: return fail(ctx().writer);
      case 6: return restart();
      case 7: return fail_next("room");
      default:
        disk().fate_of = [what = static_cast<fate>(1 + pick(3)),
                          left = 1 + pick(3)](std::span<const storage::operation> batch) mutable {
          if (left == 0 || !has<storage::append>(batch)) return fate::done;
          return --left, what;
        };
    }
  }

  void step(person& who) {
    if (who.line->wire().over()) {
      reconnect(who);
      retry(who);
    }
    const auto& room = rooms[pick(rooms.size())];
    switch (pick(12)) {
      case 0:
      case 1: join_or_leave(who, room); break;
      case 2: reconnect(who); break;
      case 3: pick(2) == 0 ? who.line->wire().stop_reading() : who.line->wire().read_again(); break;
      case 4: who.line->wire().ping(); break;
      case 5: listen(who), retry(who); break;
      default:
        for (auto burst = 1 + pick(3); burst-- > 0;) {
          const message what{room, std::string(pick(200), 'x'), "m-" + std::to_string(++published)};
          who.unanswered.emplace(what.id, what);
          who.first_attempts.insert(what.id);
          publish(who, what);
        }
    }
    for (auto some = pick(16); some-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(pick(jobs.jobs.size()));
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }

  /// No fault any more: everything that was sent is acknowledged in the end.
  void come_to_rest(std::vector<person>& all) {
    disk().fate_of = nullptr;
    for (int round = 0; round < 10; ++round) {
      advance(3s);
      for (auto& each : all) {
        if (each.line->wire().over()) reconnect(each);
        each.line->wire().read_again();
        settle();
        listen(each);
        for (const auto& [id, what] : each.unanswered) {
          each.first_attempts.erase(id);
          publish(each, what);
        }
        settle();
        listen(each);
      }
    }
    advance(3s);
    for (auto& each : all) {
      listen(each);
      CHECK(each.unanswered.empty());
    }
  }

  void compare(const std::vector<person>& all) {
    std::set<std::pair<std::string, std::uint64_t>> stored;
    std::set<std::string> ids;
    for (const auto& room : rooms) {
      std::uint64_t last = 0;
      for (const auto& record : disk().read(room, 0, 100'000, SIZE_MAX).records) {
        const auto id = codecs::from_stored(*record.body)->id;
        CHECK(record.seq == ++last);
        CHECK(ids.insert(id).second);  // once in effect
        stored.insert({id, record.seq});
      }
      for (const auto& each : all) {
        const auto seen = each.views.find(room);
        if (seen == each.views.end() || seen->second.at != view::state::member || !seen->second.seq) continue;
        INFO(each.name << " in " << room);
        CHECK(*seen->second.seq == last);
      }
    }
    CHECK(std::includes(stored.begin(), stored.end(), acks.begin(), acks.end()));
    CHECK(ids.size() == published);
  }

  std::mt19937 random;
  std::uint64_t published = 0;
  std::set<std::pair<std::string, std::uint64_t>> acks;
};

TEST_CASE_METHOD(
    durable_schedule,
    "durable schedule: whatever fails, no acknowledgement is lost, nothing is stored twice, nobody misses a "
    "position",
    "[actors][durable][schedule]") {
  shards = GENERATE(1u, 2u);
  const auto seed = GENERATE(Catch::Generators::range(1u, seeds + 1));
  INFO("seed " << seed << ", shards " << shards);
  random.seed(seed);
  disk().claims = storage::durability::durable;

  std::vector<person> all(people);
  for (std::size_t i = 0; i < people; ++i) {
    all[i].name = "user-" + std::to_string(i);
    reconnect(all[i]);
  }
  for (std::size_t i = 0; i < steps; ++i) {
    step(all[pick(people)]);
    if (pick(8) == 0) fault();
  }
  come_to_rest(all);
  compare(all);
}

}  // namespace greenroom::tests
