// The plain classes of presence: who is online, who watches, what a client was told.
#include "actors/presence_table.hpp"
#include "actors/last_seen.hpp"
#include "actors/watches.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

struct table_fixture {
  last_seen away{100};
  presence_table table{away, 2};

  void arrive(const std::string& user, const std::string& session = "s", const std::string& status = {},
              std::int64_t stamp = 0, std::int64_t now = 10) {
    presence_words_ptr words;
    if (stamp != 0)
      words = std::make_shared<const presence_words>(presence_words{status, "at " + status, nullptr, stamp});
    table.arrive(user_id{user}, session_id{user + session}, words, now);
  }
  void depart(const std::string& user, const std::string& session = "s", std::int64_t now = 20) {
    table.depart(user_id{user}, session_id{user + session}, now);
  }
  std::string line(const std::string& user, std::int64_t now = 30) const {
    auto state = table.state_of(user, now);
    return (state.online ? "on " : "off ") + state.status +
           (state.last_seen_ms ? '@' + std::to_string(*state.last_seen_ms) : "");
  }
  /// "ann on 1,2; bob off 1"
  std::string changes() {
    std::string all;
    for (const auto& each : table.take(30)) {
      all += each.user + (each.now.online ? " on" : " off");
      for (auto watcher : each.watchers) all += ' ' + std::to_string(watcher);
      all += "; ";
    }
    return all;
  }
  strings page(std::string_view after, std::size_t limit) const {
    codecs::results::online page;
    table.page(after, limit, page);
    return page.users;
  }
};

}  // namespace

TEST_CASE_METHOD(table_fixture, "presence table: a user is there while a session is, and is seen last when it goes",
                 "[actors][presence][units]") {
  CHECK(line("ann") == "off ");
  arrive("ann");
  arrive("ann", "t");
  CHECK(line("ann") == "on @30");
  CHECK(table.online() == 1);
  depart("ann");
  depart("ann");
  depart("ann", "unknown");
  CHECK(line("ann") == "on @30");
  depart("ann", "t", 25);
  CHECK(line("ann") == "off @25");
  arrive("ann");
  CHECK(line("ann") == "on @30");
  CHECK(away.size() == 0);
}

TEST_CASE_METHOD(table_fixture, "presence table: a user shows what was set last, and what a session set goes with it",
                 "[actors][presence][units]") {
  arrive("ann", "s", "busy", 2);
  arrive("ann", "t", "away", 1);
  arrive("ann", "u");
  CHECK(line("ann") == "on busy@30");
  arrive("ann", "t", "back", 3);
  CHECK(line("ann") == "on back@30");
  depart("ann", "t");
  CHECK(line("ann") == "on busy@30");
  depart("ann", "s");
  CHECK(line("ann") == "on @30");
}

TEST_CASE_METHOD(table_fixture, "presence table: watchers hear of what is another at the end of a batch",
                 "[actors][presence][units]") {
  arrive("ann");
  CHECK_FALSE(table.has_changes());  // nobody watches
  table.watch(1, "ann");
  table.watch(2, "ann");
  table.watch(1, "bob");
  CHECK(table.watches() == 3);
  depart("ann");
  arrive("bob");
  CHECK(changes() == "ann off 1 2; bob on 1; ");
  CHECK_FALSE(table.has_changes());
  arrive("ann");
  depart("ann");
  CHECK(table.has_changes());
  CHECK(changes().empty());  // gone, as before, and at the same time
  arrive("ann");
  depart("ann", "s", 29);
  CHECK(changes() == "ann off 1 2; ");  // seen later
  depart("bob");
  arrive("bob");
  CHECK(changes().empty());
  arrive("bob", "s", "busy", 1);
  CHECK(changes() == "bob on 1; ");
  table.unwatch(1, "ann");
  table.unwatch(1, "nobody");
  table.forget(2);
  table.forget(3);
  arrive("ann");
  CHECK(changes().empty());
  CHECK(table.watches() == 1);
}

TEST_CASE_METHOD(table_fixture, "presence table: who begins to watch in the middle of a batch misses nothing of it",
                 "[actors][presence][units]") {
  arrive("ann");
  table.watch(1, "ann");
  depart("ann");
  table.watch(2, "ann");  // and is told that she is gone
  arrive("ann");
  CHECK(changes() == "ann on 1 2; ");
}

TEST_CASE_METHOD(table_fixture, "presence table: a user is watched by so many and no more",
                 "[actors][presence][units]") {
  CHECK(table.watch(1, "ann"));
  CHECK(table.watch(1, "ann"));
  CHECK(table.watch(2, "ann"));
  CHECK_FALSE(table.watch(3, "ann"));
  CHECK(table.watches() == 2);
  table.forget(1);
  CHECK(table.watch(3, "ann"));
}

TEST_CASE_METHOD(table_fixture, "presence table: a page goes on after a name, over several tables",
                 "[actors][presence][units]") {
  for (const auto* each : {"b", "d", "a", "c"}) arrive(each);
  CHECK(page({}, 2) == strings{"a", "b"});
  CHECK(page("b", 2) == strings{"c", "d"});
  CHECK(page("bb", 9) == strings{"c", "d"});
  codecs::results::online both{.total = 3, .users = {"aa", "bb", "cc"}, .next = {}};
  table.page({}, 4, both);
  CHECK(both.total == 7);
  CHECK(both.users == strings{"a", "aa", "b", "bb"});
}

TEST_CASE("last seen: so many are remembered, and who went first is forgotten", "[actors][presence][units]") {
  last_seen away{2};
  away.write("ann", 1);
  away.write("bob", 2);
  away.write("ann", 3);
  away.write("carl", 4);
  CHECK(away.of("ann") == 3);
  CHECK_FALSE(away.of("bob"));
  CHECK(away.forgotten() == 1);
  away.erase("ann");
  away.erase("bob");
  CHECK(away.size() == 1);
}

TEST_CASE("watches: a client is told what it was not told, and again what was lost with its connection",
          "[actors][presence][units]") {
  watches all;
  all.add("ann");
  all.add("ann");
  CHECK(all.tell("ann", 5));
  CHECK_FALSE(all.tell("ann", 5));
  CHECK_FALSE(all.tell("bob", 5));
  all.ping_left();
  all.ping_answered();
  all.connection_lost();
  CHECK_FALSE(all.tell("ann", 5));  // that has arrived
  all.ping_left();
  CHECK(all.tell("ann", 6));
  CHECK(all.tell("ann", 5));
  all.ping_answered();
  all.connection_lost();
  CHECK(all.tell("ann", 5));  // it may have 5 of the first time, 6, or 5 again
  CHECK(all.users() == strings{"ann"});
  all.remove("ann");
  CHECK(all.size() == 0);
}

TEST_CASE_METHOD(table_fixture, "presence table: whatever happens, a watcher that is told each batch knows the truth",
                 "[actors][presence][units]") {
  const auto seed = GENERATE(Catch::Generators::range(1u, 40u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  std::map<watcher_id, std::map<std::string, std::uint64_t>> known;  ///< digests, by watcher and user
  std::int64_t now = 0;
  for (int step = 0; step < 500; ++step) {
    const auto user = std::string{"u"} + std::to_string(random() % 5), session = std::to_string(random() % 2);
    const watcher_id watcher = 1 + random() % 2;
    ++now;
    switch (random() % 6) {
      case 0:
      case 1: arrive(user, session, random() % 2 ? "x" : "y", static_cast<std::int64_t>(random() % 3), now); break;
      case 2: depart(user, session, now); break;
      case 3:
        if (table.watch(watcher, user)) known[watcher][user] = digest_of(table.state_of(user, now));
        break;
      case 4:
        if (random() % 8 == 0) table.forget(watcher), known.erase(watcher);
        break;
      default:
        for (const auto& each : table.take(now))
          for (auto to : each.watchers) known.at(to).at(each.user) = digest_of(each.now);
        for (const auto& [who, users] : known)
          for (const auto& [name, digest] : users) CHECK(digest == digest_of(table.state_of(name, now)));
    }
  }
}

}  // namespace greenroom::tests
