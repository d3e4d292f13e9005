// No zombies: clients open, join, leave, show something, watch, close, break off and come back at random, while every
// kind of actor is killed at random moments. Within 2 s of fake time after the last kill the node and every client that
// is there know the truth: who is online and shows what, and who is in each room.
//
// The oracle is what the clients were answered. What a crash has left unanswered is asked again, as docs/protocol.md
// tells a client to. One test case kills 1,000 times; the seed of a failure is in its message.
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <deque>
#include <iostream>
#include <set>

#include "tests/support/node_fixture.hpp"
#include "tests/support/roster_view.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;

constexpr std::size_t people_max = 7, users_max = 4, kills_a_seed = 25;
constexpr std::uint32_t seeds = 40;
constexpr std::int64_t window_ms = 9'000;  // no whole number of rounds: what expires has time to be told
constexpr auto step = 200ms;
constexpr int steps = 10, asking_steps = 8;  // 2 s, and the last answers have time to be told
constexpr std::size_t told_lines = 60;       // of what happened, when it went wrong
const strings rooms{"lobby", "hall", "attic"};

enum class victim : std::uint8_t {
  connection,
  session,
  session_killed,
  room,
  room_directory,
  session_directory,
  relay,
  presence
};
constexpr std::size_t victims = 8;
using tally = std::map<victim, int>;

/// A client program and what it may rightly believe.
struct person {
  std::string user;
  client* line = nullptr;  ///< null: not connected
  json opened;             ///< the last answer of session.open; null before the first
  bool alive = false;      ///< its session is, attached or not
  std::int64_t lost_ms = 0;
  std::set<std::string> in;
  std::map<std::string, roster_view> views;
  std::string status;
  int status_order = 0;
  std::map<std::string, std::string> known;                            ///< watched users
  std::map<std::uint64_t, std::pair<std::string, std::string>> asked;  ///< calls without an answer: method, params
  bool acted = false, closing = false, cut = false;                    ///< in this round
};

}  // namespace

class zombie_node : public node_fixture {
 public:
  zombie_node(std::uint32_t seed, tally& killed) : random_{seed}, killed_{killed} {
    shards = 1 + seed % 2;
    config.sessions.resume_window_ms = window_ms;
    for (std::size_t i = 0; i < people_max; ++i) {
      people_.emplace_back().user = "user-" + std::to_string(i % users_max);
    }
    connect();  // there is a node now
    store().before_commit = [this](const storage::operation& what) { poison(what); };
  }

  void run() {
    while (kills_ < kills_a_seed) round();
  }

 private:
  std::uint32_t pick(std::size_t of) { return static_cast<std::uint32_t>(random_() % of); }

  void some_jobs() {
    for (auto some = pick(12); some-- > 0 && !jobs.jobs.empty();) {
      auto job = jobs.jobs.begin() + static_cast<std::ptrdiff_t>(pick(jobs.jobs.size()));
      std::rotate(jobs.jobs.begin(), job, job + 1);
      jobs.run_once();
    }
  }

  void round() {
    directory_died_ = false;
    set_in_round_.clear();
    for (auto& each : people_) each.acted = each.closing = each.cut = false;
    const auto actions = 2 + pick(5), kills = 1 + pick(3);
    for (std::uint32_t i = 0; i < actions; ++i) {
      act(people_[pick(people_max)]);
      some_jobs();
      if (i < kills) kill(), some_jobs();
    }
    poisoned_room_.clear();
    settle_randomly(random_);
    for (int i = 0; i < steps; ++i) {
      listen();
      if (i < asking_steps) ask_again();
      advance(step);
    }
    listen();
    check();
    if (pick(6) == 0) advance(std::chrono::milliseconds{window_ms}), listen();
  }

  // --- what people do

  std::string name(const person& who) const { return who.user + '#' + std::to_string(&who - people_.data()); }
  void note(const std::string& what) { log_.push_back(std::to_string(ctx().now_ms() % 100'000) + ' ' + what); }

  void ask(person& who, std::string_view method, const json& params) {
    note(name(who) + " asks " + std::string{method} + ' ' + dump(params));
    who.asked[who.line->send(method, dump(params))] = {std::string{method}, dump(params)};
  }

  void act(person& who) {
    if (std::exchange(who.acted, true)) return;
    if (!who.line) return open(who);
    const auto& room = rooms[pick(rooms.size())];
    switch (pick(9)) {
      case 0:
      case 1: return ask(who, "room.join", json{{"room", room}, {"presence", pick(3)}});
      case 2:
        if (who.in.contains(room)) return ask(who, "room.leave", json{{"room", room}});
        return ask(who, "room.join", json{{"room", room}});
      case 3:
        // A set that is lost with its session may show after the resume: the oracle could not say which.
        if (!directory_died_ && set_in_round_.insert(who.user).second)
          ask(who, "presence.set", json{{"status", "s" + std::to_string(pick(3))}});
        return;
      case 4: {
        boost::json::array users;
        for (std::size_t i = 0; i < users_max; ++i)
          if (pick(2) == 0) users.emplace_back("user-" + std::to_string(i));
        return ask(who, "presence.watch", json{{"users", std::move(users)}});
      }
      case 5: who.closing = true; return ask(who, "session.close", json(boost::json::object{}));
      case 6: return open(who);  // from elsewhere: the old connection is replaced
      default: return lose(who);
    }
  }

  void lose(person& who) {
    note(name(who) + " breaks off");
    hear(who);  // what has arrived has been read: it may have been proven
    if (!who.line) return;
    who.line->wire().break_off();
    lost(who);
  }
  void lost(person& who) {
    if (std::exchange(who.line, nullptr)) who.lost_ms = ctx().now_ms();
    who.asked.clear();
  }

  void open(person& who) {
    hear(who);
    if (who.line) who.line->wire().answer_pings(false);  // what comes to the old connection from here on is not heard
    who.line = &connect({.codec = static_cast<codecs::codec_id>(pick(2)), .shard = pick(shards)});
    who.asked.clear();
    if (who.opened.is_null()) return ask(who, "session.open", json{{"user", who.user}});
    ask(who, "session.open",
        json{{"user", who.user},
             {"resume", {{"session", who.opened.at("session")}, {"token", who.opened.at("resume_token")}}}});
  }

  // --- what kills

  void count(victim what) {
    note("kill " + std::to_string(static_cast<int>(what)));
    ++killed_[what];
    ++kills_;
  }
  /// Supervision gives up a child that fails more than 5 times in 30 s; this test is not about that.
  bool may_fail(const std::string& whom) {
    auto& times = failures_[whom];
    while (!times.empty() && times.front() < ctx().now_ms() - 31'000) times.pop_front();
    if (times.size() >= 4) return false;
    times.push_back(ctx().now_ms());
    return true;
  }
  void poison(const storage::operation& what) {
    if (const auto* append = std::get_if<storage::append>(&what); append && append->log == poisoned_room_) {
      poisoned_room_.clear();
      count(victim::room);
      throw std::runtime_error{"the room's store fails"};
    }
  }

  void kill() {
    auto& who = people_[pick(people_max)];
    auto& here = ctx().shards[pick(shards)];
    const auto what = static_cast<victim>(pick(victims));
    switch (what) {
      case victim::room_directory: crash(here.rooms); return count(what);
      case victim::relay: crash(here.relay); return count(what);
      case victim::presence: crash(here.presence); return count(what);
      case victim::session_directory:
        if (pick(3) != 0 || !set_in_round_.empty()) return;  // it ends everything: not too often
        directory_died_ = true;
        crash(ctx().sessions);
        return count(what);
      case victim::room:
        poisoned_room_ = rooms[pick(rooms.size())];
        if (who.line && may_fail(poisoned_room_))
          who.line->send("room.publish", dump(json{{"room", poisoned_room_}, {"event", "say"}, {"payload", 1}}));
        else
          poisoned_room_.clear();
        return;
      case victim::session:
        if (!who.line || who.opened.is_null() || !may_fail(text(who.opened, "session"))) return;
        if (!who.line->peer().session()) return;
        fail(who.line->peer().session());
        return count(what);
      case victim::session_killed:
        if (who.acted || !who.line || !who.line->peer().session()) return;
        who.acted = true;
        caf::anon_send_exit(who.line->peer().session(), caf::exit_reason::kill);
        return count(what);
      case victim::connection:
        if (who.acted || !who.line || !who.line->peer().connection()) return;
        who.acted = who.cut = true;
        caf::anon_send_exit(who.line->peer().connection(), caf::exit_reason::kill);
        return count(what);
    }
  }

  // --- what people hear

  void hear(person& who) {
    if (!who.line) return;
    for (const auto& each : who.line->take()) {
      if (each.answer())
        answered(who, each);
      else if (each.method == "close")
        closed(who);
      else
        told(who, each);
      if (!who.line) return;
    }
  }

  void listen() {
    for (auto& who : people_) {
      hear(who);
      if (!who.line && who.alive && (directory_died_ || ctx().now_ms() - who.lost_ms >= window_ms)) die(who);
    }
  }

  /// Its session has ended; the client does not know, and may try to resume it.
  void die(person& who) {
    who.alive = false;
    who.in.clear();
  }
  void start_afresh(person& who) {
    who.in.clear();
    who.views.clear();
    who.known.clear();
    who.status.clear();
  }

  void closed(person& who) {
    note(name(who) + " is closed");
    const bool session_stays = who.cut;  // only its connection was killed
    lost(who);
    if (session_stays) return;
    die(who);
    if (who.closing) who.opened = nullptr;
  }

  void told(person& who, const client::heard& what) {
    if (what.method == "room.presence") {
      const auto room = text(what.body, "room");
      if (who.in.contains(room)) who.views[room].hear(what.body);
    } else if (what.method == "presence.changed") {
      note(name(who) + " hears " + dump(what.body));
      if (auto known = who.known.find(text(what.body, "user")); known != who.known.end())
        known->second = state_line(what.body);
    }
  }

  void answered(person& who, const client::heard& what) {
    auto found = who.asked.find(*what.id);
    if (found == who.asked.end()) return;  // a publish
    if (what.failure) return refused(who, found->first, *what.failure);
    const auto [method, params] = std::exchange(found->second, {});
    who.asked.erase(found);
    const auto said = boost::json::parse(params);
    note(name(who) + " hears " + method + ' ' + dump(what.body));
    if (method == "session.open") {
      came_in(who, what.body);
    } else if (method == "room.join") {
      who.in.insert(text(said, "room"));
    } else if (method == "room.leave") {
      who.in.erase(text(said, "room"));
      who.views.erase(text(said, "room"));
    } else if (method == "presence.set") {
      who.status = text(said, "status");
      who.status_order = ++sets_;
    } else if (method == "presence.watch") {
      for (const auto& [user, state] : what.body.at("users").as_object()) who.known[user] = state_line(state);
    }
  }

  void refused(person& who, std::uint64_t id, const codecs::error& why) {
    auto& [method, params] = who.asked.at(id);
    note(name(who) + " is refused " + method + ' ' + std::to_string(static_cast<int>(why.code)));
    if (method == "room.leave" && why.code == error_code::not_found) {
      const auto room = text(boost::json::parse(params), "room");
      who.in.erase(room);
      who.views.erase(room);
      who.asked.erase(id);
      return;
    }
    // Unknown, or not now: it is asked again, under the number 0 until then.
    auto again = who.asked.extract(id);
    again.key() = 0;
    if (again.mapped().first == "session.open") {
      who.line->wire().break_off();
      return lost(who);
    }
    who.asked.insert(std::move(again));
  }

  void came_in(person& who, const json& answer) {
    const bool resumed = dump(answer, "resumed") == "true";
    if (!resumed) start_afresh(who);
    if (!resumed && !who.opened.is_null()) CHECK(text(answer, "reason") == "unknown_session");
    who.opened = answer;
    who.alive = true;
    const auto before = std::exchange(who.in, {});
    for (const auto& each : answer.at("rooms").as_array()) {
      const auto reason = dump(each, "reason");
      if (dump(each, "recovered") == "true" || reason == R"("expired")" || reason == R"("epoch_changed")")
        who.in.insert(text(each, "room"));
    }
    std::erase_if(who.views, [&](const auto& each) { return !who.in.contains(each.first); });
  }

  void ask_again() {
    for (auto& who : people_) {
      if (!who.line) continue;
      if (auto call = who.asked.extract(0); !call.empty())
        who.asked[who.line->send(call.mapped().first, call.mapped().second)] = call.mapped();
    }
  }

  // --- the truth

  static std::string state_line(const json& state) { return dump(state, "online") + ' ' + dump(state, "status"); }

  std::map<std::string, std::string> online() const {
    std::map<std::string, std::string> all;
    std::map<std::string, int> newest;
    for (const auto& who : people_) {
      if (!who.alive) continue;
      auto& line = all.try_emplace(who.user, "true -").first->second;
      if (!who.status.empty() && who.status_order > newest[who.user]) {
        newest[who.user] = who.status_order;
        line = "true \"" + who.status + '"';
      }
    }
    return all;
  }

  void expect(const std::string& what, const std::string& got, const std::string& wanted) {
    if (got != wanted) wrong_ += "\n  " + what + ": " + got + "\n    in truth " + wanted;
  }
  static std::string join(const std::set<std::string>& all) {
    std::string line;
    for (const auto& each : all) line += each + ' ';
    return line;
  }

  void check() {
    auto& visitor = connect();
    const auto there = online();
    boost::json::array users;
    for (std::size_t i = 0; i < users_max; ++i) users.emplace_back("user-" + std::to_string(i));
    const auto states = visitor.call("presence.get", dump(json{{"users", users}}));
    std::map<std::string, std::string> truth;
    for (const auto& each : users) {
      const auto user = std::string{each.as_string()};
      truth[user] = there.contains(user) ? there.at(user) : "false -";
      expect("presence.get of " + user, state_line(states.at("users").at(user)), truth[user]);
    }
    const auto page = visitor.call("presence.online");
    std::set<std::string> listed, expected;
    for (const auto& each : page.at("users").as_array())
      if (!each.as_string().starts_with("guest-")) listed.emplace(each.as_string());
    for (const auto& [user, line] : there) expected.insert(user);
    expect("presence.online", join(listed), join(expected));
    const auto guests = page.at("users").as_array().size() - listed.size();
    expect("guests", std::to_string(guests), "1");  // the visitor, and none of those before
    expect("total online", dump(page, "total"), std::to_string(expected.size() + 1));
    expect("users_online", std::to_string(ctx().meters.users_online), std::to_string(expected.size() + 1));

    for (const auto& room : rooms) check_room(room, visitor.call("room.members", dump(json{{"room", room}})));
    for (const auto& who : people_) {
      if (!who.line) continue;
      for (const auto& [id, call] : who.asked) expect(who.user + "'s " + call.first, "no answer", "an answer");
      for (const auto& [user, line] : who.known) expect(who.user + " watches " + user, line, truth.at(user));
    }
    visitor.call("session.close");
    if (!wrong_.empty()) {
      std::string before;
      for (auto i = log_.size() - std::min(log_.size(), told_lines); i < log_.size(); ++i) before += "\n  " + log_[i];
      FAIL("not the truth:" << wrong_ << "\nbefore that" << before);
    }
    CHECK(wrong_.empty());
  }

  void check_room(const std::string& room, const json& members) {
    std::set<std::string> expected, listed;
    for (const auto& who : people_)
      if (who.alive && who.in.contains(room)) expected.insert(who.user + '/' + text(who.opened, "session"));
    for (const auto& each : members.at("members").as_array())
      for (const auto& entry : each.at("entries").as_array())
        listed.insert(text(each, "user") + '/' + text(entry, "session"));
    expect(room, join(listed), join(expected));
    for (auto& who : people_) {
      if (!who.line || !who.in.contains(room)) continue;
      expect(who.user + " in " + room, who.views[room].line(), roster_line(members));
      expect(who.user + " in " + room + ", total", std::to_string(who.views[room].total), dump(members, "total"));
    }
  }

  std::mt19937 random_;
  tally& killed_;
  std::vector<person> people_;
  std::size_t kills_ = 0;
  int sets_ = 0;
  std::string wrong_;
  strings log_;
  bool directory_died_ = false;
  std::string poisoned_room_;
  std::set<std::string> set_in_round_;
  std::map<std::string, std::deque<std::int64_t>> failures_;
};

TEST_CASE("zombies: 1,000 kills at random moments leave none, and everybody knows so within 2 s",
          "[actors][presence][zombies]") {
  tally killed;
  for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
    INFO("seed " << seed);
    zombie_node{seed, killed}.run();
  }
  int all = 0;
  for (const auto& [what, times] : killed) {
    INFO("victim " << static_cast<int>(what));
    CHECK(times >= 10);
    all += times;
  }
  CHECK(killed.size() == victims);
  CHECK(all >= 1'000);
  std::cout << "zombies: " << all << " kills, seeds 1 to " << seeds << '\n';
}

}  // namespace greenroom::tests
