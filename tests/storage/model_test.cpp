// Random operations against the model: the same outcomes, the same content, the same sums, for every backend.
#include "tests/storage/model.hpp"

#include <algorithm>

#include "storage/vault.hpp"
#include "tests/storage/contract.hpp"

namespace greenroom::storage::testing {
namespace {

/// The durable backend whose rows lie encrypted, or not, as each operation says.
struct encrypted_backend {
  static std::shared_ptr<const vault> keys() {
    std::vector<vault::kek> all;
    all.push_back({"a", *secret_key::of(std::string(key_bytes, 'a'))});
    return std::make_shared<const vault>(std::move(all));
  }
  temporary_directory directory{};
  std::unique_ptr<sqlite_store> owned{};
  encrypted_backend() { restart(); }
  store& operator*() const { return *owned; }
  void restart() {
    owned.reset();
    owned = open_sqlite_store({.path = directory.file("greenroom.db"), .sync = synchronous::off, .keys = keys()});
  }
};

using model_backends = std::tuple<memory_backend, sqlite_backend, encrypted_backend>;

/// Makes operations over few names, small bounds and short times, so that everything collides.
class generator {
 public:
  generator(std::uint64_t seed, bool encrypts) : random_{seed}, encrypts_{encrypts} {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  operation next(std::int64_t now_ms, const std::vector<std::uint64_t>& dead_ids) {
    const auto kind = below(100);
    if (kind < 40) return make_append(now_ms);
    if (kind < 65) return make_inbox_append(now_ms);
    if (kind < 72) return inbox_ack{name("user", 4), below(200)};
    if (kind < 75) return inbox_expire{name("user", 4), now_ms};
    if (kind < 79) return inbox_attempt{name("user", 4), now_ms, 3};
    if (kind < 80) return inbox_purge{name("user", 4)};
    if (kind < 82) return dead_replay{a_dead(dead_ids), now_ms, now_ms + ttl(), {8, 200}};
    if (kind < 83) return make_dead_purge(dead_ids);
    if (kind < 85) return make_dead_put(now_ms);
    if (kind < 86) return dead_settle{a_dead(dead_ids)};
    if (kind < 87) return log_open{name("log", 5), keep(), rest()};
    if (kind < 89) return snapshot_put{name("log", 5), one_in(4) ? nullptr : text(), rest()};
    if (kind < 90) return epoch_reset{name("log", 5)};
    if (kind < 91) return log_erase{name("log", 5)};
    if (kind < 94) return make_session_put(now_ms);
    if (kind < 97) return membership_put{name("session", 6), membership(now_ms)};
    if (kind < 98) return sessions_restart{now_ms};
    if (kind < 99) return make_of_secret();
    return session_erase{name("session", 6)};
  }

 private:
  at_rest rest() { return encrypts_ && one_in(2) ? at_rest::encrypted : at_rest::plain; }
  operation make_of_secret() {
    const auto which = name("secret", 4);
    const auto wrapped = name("wrapped", 3);
    if (one_in(2)) return secret_put{{which, name("kek", 2), wrapped, *text(), static_cast<std::int64_t>(below(9))}};
    if (one_in(3)) return secret_erase{which};
    return secret_rewrap{which, wrapped, name("kek", 2), name("wrapped", 3)};
  }
  std::string name(std::string prefix, std::uint64_t of) {
    return numbered(std::move(prefix), static_cast<int>(below(of)));
  }
  bytes_ptr text() { return bytes(std::string(below(60), static_cast<char>('a' + below(26)))); }
  std::int64_t ttl() { return static_cast<std::int64_t>(1 + below(10'000)); }
  retention keep() {
    return {.count = below(12), .bytes = one_in(2) ? 0 : below(300), .age_ms = one_in(2) ? 0 : ttl()};
  }
  std::uint64_t a_dead(const std::vector<std::uint64_t>& ids) {
    return ids.empty() || one_in(5) ? 0 : ids[below(ids.size())];
  }
  dead_purge make_dead_purge(const std::vector<std::uint64_t>& ids) {
    dead_purge made{.upto = a_dead(ids)};
    if (one_in(3))
      made.user = name("user", 4);
    else if (one_in(2))
      made.room = name("log", 5);
    return made;
  }
  dead_put make_dead_put(std::int64_t now_ms) {
    auto which = once(name("sender", 3), name("id", 10), one_in(8) ? 2 : 1);
    const auto says = which.sender + which.id + std::to_string(static_cast<int>(which.content[0]));
    return {.room = name("log", 5),
            .body = bytes(says),  // says which message it is
            .now_ms = now_ms,
            .once = std::move(which),
            .kind = one_in(2) ? identity::anonymous : identity::authenticated,
            .rest = rest()};
  }
  std::optional<idempotency> maybe_once() {
    if (one_in(2)) return {};
    return once(name("sender", 3), name("id", 30), one_in(8) ? 2 : 1);
  }

  append make_append(std::int64_t now_ms) {
    return {.log = name("log", 5),
            .body = text(),
            .at_ms = now_ms,
            .keep = keep(),
            .once = maybe_once(),
            .snapshot = one_in(5) ? text() : nullptr,
            .rest = rest()};
  }
  inbox_append make_inbox_append(std::int64_t now_ms) {
    return {.user = name("user", 4),
            .body = text(),
            .at_ms = now_ms,
            .expires_ms = now_ms + ttl(),
            .bounds = {8, 200},
            .once = maybe_once()};
  }
  session_put make_session_put(std::int64_t now_ms) {
    stored_session s{.id = name("session", 6), .user = name("user", 4), .created_ms = now_ms};
    s.window_ms = ttl();
    if (one_in(2)) s.deadline_ms = now_ms + ttl();
    for (auto rooms = below(3); rooms > 0; --rooms) {
      auto one = membership(now_ms);
      if (one_in(4)) one.seen = {};
      if (std::ranges::find(s.rooms, one.room, &stored_membership::room) == s.rooms.end()) s.rooms.push_back(one);
    }
    return {s};
  }
  stored_membership membership(std::int64_t now_ms) {
    return {.room = name("log", 5),
            .seen = {"e", below(9)},
            .incarnation = below(9),
            .since_ms = now_ms,
            .presence = *text()};
  }

  std::mt19937_64 random_;
  const bool encrypts_;
};

void require_same_logs(const store& s, const model& m) {
  for (const auto& [name, expected] : m.logs) {
    CAPTURE(name);
    const auto page = s.read(name, 0, any, any);
    REQUIRE(page.error == errc::success);
    REQUIRE(position{page.head.epoch, page.head.last} == expected.newest);
    REQUIRE(page.head.first == expected.newest.seq - expected.records.size() + 1);
    REQUIRE(texts(page.records) == texts(expected.records));
    for (std::size_t i = 0; i < page.records.size(); ++i) {
      REQUIRE(page.records[i].seq == expected.records[i].seq);
      REQUIRE(page.records[i].at_ms == expected.records[i].at_ms);
    }
    const auto snapshot = s.snapshot(name);
    REQUIRE((snapshot != nullptr) == (expected.snapshot != nullptr));
    if (snapshot) REQUIRE(*snapshot == *expected.snapshot);
  }
}

void require_same_inboxes(const store& s, const model& m, std::int64_t now_ms) {
  for (const auto& [user, expected] : m.inboxes) {
    CAPTURE(user);
    auto living = expected.messages;
    std::erase_if(living, [now_ms](const auto& letter) { return letter.expires_ms <= now_ms; });
    const auto page = s.read_inbox(user, 0, any, any, now_ms);
    REQUIRE(texts(page.messages) == texts(living));
    for (std::size_t i = 0; i < living.size(); ++i) {
      REQUIRE(page.messages[i].n == living[i].n);
      REQUIRE(page.messages[i].attempts == living[i].attempts);
    }
    REQUIRE(page.state.count == expected.messages.size());
    REQUIRE(page.expired == expected.messages.size() - living.size());
  }
}

void require_same_sums(const store& s, const model& m) {
  const auto sums = s.counters();
  std::uint64_t records = 0;
  std::uint64_t queued = 0;
  for (const auto& [name, log] : m.logs) records += log.records.size();
  for (const auto& [user, box] : m.inboxes) queued += box.messages.size();
  REQUIRE(sums.logs == m.logs.size());
  REQUIRE(sums.records == records);
  REQUIRE(sums.queued == queued);
  REQUIRE(sums.dead == m.dead.size());
  REQUIRE(sums.sessions == m.sessions.size());
  REQUIRE(sums.accepted == m.accepted);
  REQUIRE(sums.acknowledged == m.acknowledged);
  REQUIRE(sums.purged == m.purged);
  REQUIRE(sums.balanced());
  for (int i = 0; i < 5; ++i) {
    const auto room = numbered("log", i);
    std::size_t there = 0;
    for (const auto& each : m.dead) there += each.room == room;
    REQUIRE(s.dead_letters_of_room(room, 0, any).size() == there);
  }
}

/// Compares the dead letters and takes over their ids and their order: that of one sweep is not in the contract.
void require_same_dead(const store& s, model& m) {
  const auto found = s.dead_letters({}, 0, any);
  REQUIRE(found.size() == m.dead.size());
  std::vector<model::letter> ordered;
  m.dead_ids.clear();
  for (const auto& letter : found) {
    const auto same = std::ranges::find_if(m.dead, [&](const auto& l) {
      return l.user == letter.user && l.message.n == letter.n && l.room == letter.room &&
             (l.room.empty() || *l.message.body == *letter.body);
    });
    REQUIRE(same != m.dead.end());
    REQUIRE(letter.kind == same->kind);
    REQUIRE(letter.sender == same->once.sender);
    REQUIRE(letter.reason == same->reason);
    REQUIRE(letter.died_ms == same->died_ms);
    REQUIRE(letter.attempts == same->message.attempts);
    REQUIRE(*letter.body == *same->message.body);
    REQUIRE((m.dead_ids.empty() || letter.id > m.dead_ids.back()));
    ordered.push_back(*same);
    m.dead_ids.push_back(letter.id);
  }
  m.dead = std::move(ordered);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("store: random operations have the outcomes of a simple model", "[contract][model]",
                        model_backends) {
  const auto seed = test_seed();
  CAPTURE(seed);
  generator random{seed, std::is_same_v<TestType, encrypted_backend>};
  TestType backend;
  model expected;
  auto now_ms = start_ms;

  constexpr int rounds = std::is_same_v<TestType, memory_backend> ? 4'000 : 2'000;
  for (int round = 0; round < rounds; ++round) {
    CAPTURE(round);
    if constexpr (requires { backend.restart(); })
      if (random.one_in(50)) backend.restart();
    require_same_dead(*backend, expected);
    std::vector<operation> batch;
    for (auto size = 1 + random.below(8); size > 0; --size) batch.push_back(random.next(now_ms, expected.dead_ids));
    const auto said = (*backend).commit(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      CAPTURE(i, batch[i].index(), said[i].error, said[i].at.epoch, said[i].at.seq, said[i].n, said[i].count);
      REQUIRE(said[i] == expected.execute(batch[i], said[i]));
    }
    now_ms += static_cast<std::int64_t>(random.below(500));
    if (random.one_in(200)) now_ms += random.one_in(2) ? day_ms / 2 : 20 * day_ms;
    if (random.one_in(10)) {
      sweep_all(*backend, now_ms, static_cast<std::uint32_t>(1 + random.below(20)));
      expected.sweep(now_ms);
    }
    if (!random.one_in(5)) continue;
    require_same_logs(*backend, expected);
    require_same_inboxes(*backend, expected, now_ms);
    require_same_sums(*backend, expected);
    auto secrets = (*backend).secrets({}, any);
    std::erase_if(secrets, [](const auto& each) { return each.reserved(); });
    REQUIRE(secrets.size() == expected.secrets.size());
    for (const auto& each : secrets) REQUIRE(each == expected.secrets.at(each.name));
    REQUIRE((*backend).sessions("", any).size() == expected.sessions.size());
    for (const auto& [id, session] : expected.sessions) REQUIRE((*backend).session(id) == session);
  }
}

}  // namespace greenroom::storage::testing
