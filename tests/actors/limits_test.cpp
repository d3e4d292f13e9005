// What a client hears that sends too much, and what becomes of one that goes on; what is given up when memory is short.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>

#include "actors/client_limits.hpp"
#include "actors/credential.hpp"
#include "actors/gateway.hpp"
#include "actors/limits.hpp"
#include "actors/memory_watch.hpp"
#include "actors/pressure.hpp"
#include "actors/session_directory.hpp"
#include "codecs/outcome.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

using codecs::error_code;

constexpr std::uint32_t burst = 4;

runtime::limit_config& config_of(runtime::limits_config& all, limit_scope scope) {
  switch (scope) {
    case limit_scope::connection: return all.connection;
    case limit_scope::session: return all.session;
    case limit_scope::user: return all.user;
    case limit_scope::address: return all.address;
    case limit_scope::key: break;
  }
  return all.key;
}

void bound(runtime::limits_config& all, limit_scope scope, limited what) {
  auto& of = config_of(all, scope);
  const bool opening_counts = scope == limit_scope::connection || scope == limit_scope::address;
  switch (what) {
    case limited::joins: of.joins_per_second = 1, of.joins_burst = burst; return;
    case limited::reads: of.reads_per_second = 1, of.reads_burst = burst; return;
    default: of.messages_per_second = 1, of.messages_burst = burst + (opening_counts ? 1 : 0);
  }
}

/// One call that takes one of it.
std::pair<std::string, std::string> call_of(limited what) {
  if (what == limited::joins) return {"room.join", R"({"room":"lobby"})"};
  if (what == limited::reads) return {"room.history", R"({"room":"lobby"})"};
  return {"room.publish", R"({"room":"lobby","event":"say","payload":1})"};
}

class limits_fixture : public node_fixture {
 public:
  void begin() { ctx().limits = make_rate_limits(config.limits); }
  client& user(std::string_view name) {
    auto& one = connect();
    one.open(name);
    return one;
  }
  client& robot(std::string_view key) {
    auto shown = std::make_shared<credential>();
    shown->key_id = key;
    auto& one =
        connect({.admitted = principal{.user = user_id{"robot"}, .kind = identity::authenticated, .shown = shown}});
    one.call("session.open");
    return one;
  }
  void short_of_memory(pressure_level level) {
    if (!ctx().pressure) ctx().pressure = std::make_shared<pressure>(100'000);
    constexpr std::array<std::uint64_t, 5> readings{0, 86'000, 91'000, 94'000, 96'000};
    ctx().pressure->measure(0);
    ctx().pressure->measure(readings[static_cast<std::size_t>(level)]);
    REQUIRE(ctx().pressure->level() == level);
  }
};

}  // namespace

TEST_CASE_METHOD(limits_fixture, "limits: each scope bounds each thing, and says for how long", "[actors][limits]") {
  const auto scope = GENERATE(limit_scope::connection, limit_scope::session, limit_scope::user, limit_scope::address,
                              limit_scope::key);
  const auto what = GENERATE(limited::messages, limited::joins, limited::reads);
  CAPTURE(static_cast<int>(scope), static_cast<int>(what));
  bound(config.limits, scope, what);
  begin();
  auto& ann = scope == limit_scope::key ? robot("k1") : user("ann");
  const auto [method, params] = call_of(what);
  for (std::uint32_t i = 0; i != burst; ++i) ann.call(method, params);
  const auto why = ann.refused(method, params);
  CHECK(why.code == error_code::rate_limited);
  CHECK(ctx().limits->refusals(scope, what) == 1);
  REQUIRE(why.retry_after_ms);
  CHECK(*why.retry_after_ms == 1'000);  // nothing has happened to the clock
  advance(std::chrono::milliseconds{*why.retry_after_ms - 1});
  CHECK(ann.refused(method, params).retry_after_ms == 1u);
  advance(1ms);
  ann.call(method, params);
  CHECK(ann.refused(method, params).code == error_code::rate_limited);
}

TEST_CASE_METHOD(limits_fixture, "limits: who shares a bucket, and who does not", "[actors][limits]") {
  struct row {
    limit_scope scope;
    bool same_user, other_user;  // whether another connection from there is refused, too
  };
  const auto [scope, same_user, other_user] =
      GENERATE(row{limit_scope::connection, false, false}, row{limit_scope::session, false, false},
               row{limit_scope::user, true, false}, row{limit_scope::address, true, true});
  CAPTURE(static_cast<int>(scope));
  bound(config.limits, scope, limited::joins);
  begin();
  auto &ann = user("ann"), &again = user("ann"), &bob = user("bob");
  const auto [method, params] = call_of(limited::joins);
  for (std::uint32_t i = 0; i != burst; ++i) ann.call(method, params);
  ann.refused(method, params);
  const auto refused = [&, method = method, params = params](client& who) {  // clang 14 captures no bindings
    who.story();
    who.send(method, params);
    settle();
    return who.story().back() == "room.join -32003";
  };
  CHECK(refused(again) == same_user);
  CHECK(refused(bob) == other_user);
}

TEST_CASE_METHOD(limits_fixture, "limits: a session has what it had when it comes back", "[actors][limits]") {
  bound(config.limits, limit_scope::session, limited::joins);
  begin();
  auto& ann = connect();
  const auto was = ann.open("ann");
  const auto [method, params] = call_of(limited::joins);
  for (std::uint32_t i = 0; i != burst; ++i) ann.call(method, params);
  ann.wire().break_off();
  settle();
  auto& again = connect();
  again.resume(was);
  CHECK(again.refused(method, params).code == error_code::rate_limited);
}

TEST_CASE_METHOD(limits_fixture, "limits: a user has so many connections, at once and in a second",
                 "[actors][limits]") {
  config.limits.user.connections_max = 2;
  config.limits.user.connections_per_second = 1;
  config.limits.user.connections_burst = 3;
  begin();
  auto &one = user("ann"), &two = user("ann");
  auto& three = connect();
  const auto full = three.refused("session.open", R"({"user":"ann"})");
  CHECK(full.code == error_code::rate_limited);
  CHECK(full.message == "too many connections of this user");
  CHECK(full.retry_after_ms == 5'000u);
  user("bob");
  one.wire().break_off();
  settle();
  three.open("ann");  // it may ask again on the same connection
  two.wire().break_off();
  settle();
  auto& four = connect();
  const auto fast = four.refused("session.open", R"({"user":"ann"})");
  CHECK(fast.retry_after_ms == 1'000u);
  advance(1s);
  four.open("ann");
  CHECK(ctx().limits->refusals(limit_scope::user, limited::connections) == 2);
}

TEST_CASE_METHOD(limits_fixture, "limits: a session that is refused counts no more", "[actors][limits]") {
  config.limits.user.connections_max = 1;
  begin();
  auto& ann = connect();
  ctx().sessions_opening = limits::sessions_opening_max;
  for (int i = 0; i != 3; ++i) CHECK(ann.refused("session.open", R"({"user":"ann"})").message != "");
  ctx().sessions_opening = 0;
  ann.open("ann");
}

TEST_CASE_METHOD(limits_fixture, "limits: a client that opens by itself and may not is closed", "[actors][limits]") {
  config.limits.user.connections_max = 1;
  begin();
  const principal ann{.user = user_id{"ann"}, .kind = identity::authenticated};
  const auto arrive = [&] {
    auto one = std::make_shared<peer>(ctx(), 0, codecs::make_native_dialogue(codecs::codec_id::native_json));
    auto wire = std::make_shared<fake_transport>(*one);
    one->attach(wire);
    tell(ctx().shards[0].gateway,
         gateway::opened{.client = one, .admitted = ann, .opening = codecs::calls::session_open{}});
    settle();
    while (wire->flush()) settle();
    return wire;
  };
  const auto first = arrive(), second = arrive();
  CHECK_FALSE(first->over());
  REQUIRE(second->over());
  CHECK(second->how()->code == 1008);
  CHECK(second->how()->reason == "flood");
  first->break_off();
  settle();
  CHECK_FALSE(arrive()->over());
}

TEST_CASE_METHOD(limits_fixture, "limits: who goes on is closed with 1008", "[actors][limits]") {
  config.limits.connection.messages_per_second = 1;
  config.limits.connection.messages_burst = 10;
  begin();
  auto& ann = user("ann");
  ann.story();
  const auto [method, params] = call_of(limited::messages);
  for (int i = 0; i != 9 + 100; ++i) ann.send(method, params);
  settle();
  auto story = ann.story();
  CHECK(std::ranges::count(story, "room.publish ok") == 9);
  CHECK(std::ranges::count(story, "room.publish -32003") == 100);
  CHECK_FALSE(ann.wire().over());
  ann.send(method, params);
  ann.send(method, params);
  settle();
  CHECK(ann.story() == strings{"room.publish -32003", "close 1008 flood"});
  CHECK(figure(R"(greenroom_connections_closed_total{code="1008"})") == 1);
}

TEST_CASE_METHOD(limits_fixture, "limits: who waits as long as it is told is never closed", "[actors][limits]") {
  config.limits.connection.messages_per_second = 10;
  config.limits.connection.messages_burst = 10;
  begin();
  auto& ann = user("ann");
  const auto [method, params] = call_of(limited::messages);
  int granted = 0;
  for (int i = 0; i != 1'000; ++i) {
    const auto id = ann.send(method, params);
    settle();
    const auto heard = ann.take();
    const auto answer = std::ranges::find_if(heard, [id](const auto& each) { return each.id == id; });
    REQUIRE(answer != heard.end());
    if (answer->failure)
      advance(std::chrono::milliseconds{*answer->failure->retry_after_ms});
    else
      ++granted;
  }
  CHECK(granted >= 500);
  CHECK_FALSE(ann.wire().over());
}

TEST_CASE_METHOD(limits_fixture,
                 "limits: who has the whole line's turns for itself does not share them with who floods",
                 "[actors][limits]") {
  constexpr std::size_t flooders = 20, many = 20, busy_calls = limits::fair_share + limits::share_of_turn;
  config.limits.connection = {.messages_per_second = 1, .messages_burst = 100};
  begin();
  auto& busy = user("busy");
  std::vector<client*> floods;
  for (std::size_t i = 0; i < flooders; ++i) floods.push_back(&user("flood"));
  const auto publish = [](client& who, const char* room) {
    who.send("room.publish", std::string{R"({"room":")"} + room + R"(","event":"say","payload":1})");
  };
  for (auto* each : floods)
    for (std::size_t i = 0; i < 100; ++i) publish(*each, "lobby");
  settle();
  for (auto* each : floods) {
    REQUIRE(each->take().size() == 101);  // and its session
    for (std::size_t i = 0; i < many; ++i) publish(*each, "lobby");
  }
  busy.take();
  for (std::size_t i = 0; i < busy_calls; ++i) publish(busy, "hall");
  const auto heard = [&] {
    std::size_t count = 0;
    for (auto* each : floods) count += each->take().size();
    return count;
  };
  std::size_t of_busy = 0;
  while (of_busy < busy_calls && !jobs.jobs.empty()) {
    jobs.run_once();
    of_busy += busy.take().size();
  }
  CHECK(heard() <= 4 * limits::share_of_turn);  // of 400
  settle();
  CHECK(heard() != 0);
}

TEST_CASE_METHOD(limits_fixture, "limits: each call of a batch counts, and a flood ends it", "[actors][limits]") {
  config.limits.connection.messages_per_second = 1;
  config.limits.connection.messages_burst = 1;
  begin();
  auto& ann = connect();
  std::string batch = "[";
  for (int i = 0; i != 14; ++i)
    batch += std::string{i == 0 ? "" : ","} + R"({"jsonrpc":"2.0","id":)" + std::to_string(i) +
             R"(,"method":"room.publish","params":{"room":"lobby","event":"say","payload":1}})";
  ann.say(batch + "]");
  settle();
  const auto story = ann.story();
  CHECK(story.back() == "close 1008 flood");
}

TEST_CASE_METHOD(limits_fixture, "limits: bad calls and answers count, too", "[actors][limits]") {
  config.limits.connection.messages_per_second = 1;
  config.limits.connection.messages_burst = 3;
  begin();
  auto& ann = user("ann");
  ann.call("presence.get", R"({"users":["bob"]})");
  ann.answer(R"("s1")", "{}");  // asked by nobody
  settle();
  ann.story();
  ann.send("room.join", R"({"room":7})");
  settle();
  CHECK(ann.story() == strings{"room.join -32003"});
}

TEST_CASE_METHOD(limits_fixture, "limits: without any, nothing is looked up", "[actors][limits]") {
  begin();
  CHECK(ctx().limits == nullptr);
  auto& ann = user("ann");
  CHECK(ann.peer().limits() == nullptr);
  const auto [method, params] = call_of(limited::joins);
  for (int i = 0; i != 500; ++i) ann.call(method, params);
}

// --- memory

TEST_CASE("memory ladder: up at each step, down when clearly below it", "[actors][limits]") {
  struct row {
    std::uint64_t percent;
    pressure_level level;
  };
  memory_ladder ladder;
  constexpr std::uint64_t budget = 1'000'000;
  using enum pressure_level;
  for (const auto& [percent, level] :
       {row{84, none}, row{85, idle}, row{83, idle}, row{82, idle}, row{81, none}, row{92, doors}, row{88, doors},
        row{87, doors}, row{86, idle}, row{99, writes}, row{93, writes}, row{92, writes}, row{91, outboxes},
        row{90, outboxes}, row{89, doors}, row{80, none}, row{100, writes}, row{10, none}}) {
    CAPTURE(percent);
    CHECK(ladder.step(budget / 100 * percent, budget) == level);
  }
  CHECK(ladder.step(budget, 0) == none);
}

TEST_CASE_METHOD(limits_fixture, "memory: at the last step nothing is stored, and all else goes on",
                 "[actors][limits]") {
  begin();
  short_of_memory(pressure_level::outboxes);
  auto &ann = user("ann"), &bob = user("bob");
  const auto durable = R"({"room":"durable:x","event":"say","payload":1})";
  const auto directed = R"({"to":"bob","event":"say","payload":1})";
  ann.call("room.publish", durable);
  ann.call("user.send", directed);
  short_of_memory(pressure_level::writes);
  for (auto [method, params] : {std::pair{"room.publish", durable}, {"user.send", directed}}) {
    const auto why = ann.refused(method, params);
    CHECK(why.code == error_code::unavailable);
    CHECK(why.retry_after_ms == pressure::retry_after_ms);
  }
  bob.join("lobby");
  ann.publish("lobby", "one");
  bob.call("room.history", R"({"room":"durable:x"})");
  CHECK(ctx().pressure->given_up(shed::writes) == 2);
  ctx().pressure->measure(0);
  CHECK(number(ann.call("room.publish", durable), "seq") == 2);  // what was refused has no position
}

TEST_CASE_METHOD(limits_fixture, "memory: the connections with most unsent close, some at a time", "[actors][limits]") {
  config.namespaces[""].history_count = 0;
  begin();
  ctx().pressure = std::make_shared<pressure>(100'000);  // before the gateway looks
  crash(ctx().shards[0].gateway);
  settle();
  std::vector<client*> readers;
  for (std::size_t i = 0; i != limits::outboxes_shed_max + 4; ++i) {
    readers.push_back(&user("reader-" + std::to_string(i)));
    readers.back()->join("lobby");
    readers.back()->join("light");
  }
  auto& light = user("light");
  light.join("light");
  auto& ann = user("ann");
  settle();
  for (auto* each : readers) each->wire().stop_reading();
  light.wire().stop_reading();
  const std::string big(30'000, 'x');
  for (int i = 0; i != 3; ++i) ann.publish("lobby", big);
  ann.publish("light", "one");
  const auto closed = [&] { return std::ranges::count_if(readers, [](auto* each) { return each->wire().over(); }); };
  advance(limits::between_pressure_looks);
  CHECK(closed() == 0);
  short_of_memory(pressure_level::outboxes);
  advance(limits::between_pressure_looks);
  CHECK(closed() == static_cast<std::ptrdiff_t>(limits::outboxes_shed_max));
  advance(limits::between_pressure_looks);
  CHECK(closed() == static_cast<std::ptrdiff_t>(readers.size()));
  CHECK(readers.front()->wire().how()->code == 1013);
  CHECK(readers.front()->wire().how()->reason == "overloaded");
  CHECK_FALSE(light.wire().over());
  CHECK_FALSE(ann.wire().over());
  CHECK(ctx().pressure->given_up(shed::outboxes) == readers.size());
}

TEST_CASE_METHOD(limits_fixture, "memory: guests who have left end first, users keep their sessions",
                 "[actors][limits]") {
  begin();
  auto& guest = connect();
  const auto was_guest = guest.open("guest");
  auto& known = connect({.admitted = principal{.user = user_id{"ann"}, .kind = identity::authenticated}});
  const auto was_known = known.call("session.open");
  guest.wire().break_off();
  known.wire().break_off();
  settle();
  ctx().pressure = std::make_shared<pressure>(100'000);
  std::uint64_t resident = 50'000;
  keep(memory_watch::spawn(here(), {ctx(), [&resident] { return resident; }}));
  settle();
  CHECK(ctx().meters.detached_sessions == 2);
  resident = 86'000;
  advance(limits::between_pressure_looks);
  CHECK(ctx().pressure->level() == pressure_level::idle);
  CHECK(ctx().pressure->bytes() == 86'000);
  CHECK(ctx().meters.detached_sessions == 1);
  CHECK(ctx().pressure->given_up(shed::idle) == 1);
  CHECK(dump(connect().resume(was_guest), "resumed") == "false");
  auto& back = connect({.admitted = principal{.user = user_id{"ann"}, .kind = identity::authenticated}});
  CHECK(dump(back.resume(was_known), "resumed") == "true");
  resident = 10'000;
  advance(limits::between_pressure_looks);
  CHECK(ctx().pressure->level() == pressure_level::none);
}

// --- figures

TEST_CASE("figures: what all limits of a publish cost together", "[.figures]") {
  constexpr int rounds = 30, calls = 100'000;
  rate_limits all{runtime::default_config().limits};
  client_limits mine{all, "192.0.2.7:50312"};
  auto now = limit_now();
  if (mine.open({.user = user_id{"ann"}, .kind = identity::authenticated}, now)) FAIL("not let in");
  mine.belongs_to(session_id{"s1"});
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round != rounds; ++round) {
    int refused = 0;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i != calls; ++i) {
      now += 10ms;
      mine.on_bytes(200, now);
      refused += mine.take(limited::messages, now) ? 1 : 0;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    if (refused != 0) FAIL("refused");
    best = std::min(best, took.count() / calls);
  }
  std::printf("%.1f ns a publish: bytes and message, of connection, session, user and address\n", best);
}

}  // namespace greenroom::tests
