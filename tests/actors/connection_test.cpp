// One connection: batches, both encodings, and the limits of what it may have open.
#include "actors/gateway.hpp"
#include "actors/limits.hpp"
#include "runtime/supervisor.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

TEST_CASE_METHOD(node_fixture, "connection: a batch is answered as one array, its notifications are not",
                 "[actors][connection]") {
  auto& ann = connect();
  ann.open("ann");
  ann.story();
  ann.say(R"([{"jsonrpc":"2.0","id":11,"method":"room.join","params":{"room":"lobby"}},
             {"jsonrpc":"2.0","method":"room.publish","params":{"room":"lobby","event":"say","payload":1}},
             {"jsonrpc":"2.0","id":12,"method":"room.publish","params":{"room":"lobby","event":"say","payload":2}},
             {"jsonrpc":"2.0","id":13,"method":"no.such"},
             {"jsonrpc":"2.0","id":14,"method":"room.leave","params":{}}])");
  settle();
  std::map<std::uint64_t, int> codes;
  numbers seqs;
  std::size_t brackets = 0;
  for (const auto& each : ann.take()) {
    brackets += each.method == "[" || each.method == "]";
    if (each.answer()) codes[*each.id] = each.failure ? static_cast<int>(each.failure->code) : 0;
    if (each.method == "room.message") seqs.push_back(number(each.body, "seq"));
  }
  CHECK(codes == std::map<std::uint64_t, int>{{11, 0}, {12, 0}, {13, -32601}, {14, -32602}});
  CHECK(seqs == numbers{1, 2});
  CHECK(brackets == 2);
}

TEST_CASE_METHOD(node_fixture, "connection: a client that has left before its actor began leaves nothing behind",
                 "[actors][connection]") {
  auto& hasty = connect();
  hasty.send("session.open");
  hasty.wire().break_off();
  settle();
  CHECK(figure("greenroom_connections") == 0);
  CHECK(figure("greenroom_connections_closed_total{code=\"1006\"}") == 1);
  CHECK(connect().open("ann").at("resumed") == false);
}

TEST_CASE_METHOD(node_fixture, "connection: a batch of notifications alone gets no answer; an empty one is refused",
                 "[actors][connection]") {
  auto& ann = connect();
  ann.open("ann");
  ann.story();
  ann.say(R"([{"jsonrpc":"2.0","method":"room.publish","params":{"room":"lobby","event":"say","payload":1}}])");
  settle();
  CHECK(ann.story().empty());
  CHECK(store().counters().appended == 1);
  ann.say("[]");
  settle();
  CHECK(ann.story() == strings{"? -32600"});
}

TEST_CASE_METHOD(node_fixture, "connection: a batch may be what opens the session", "[actors][connection]") {
  auto& guest = connect();
  guest.say(R"([{"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby"}},
                {"jsonrpc":"2.0","id":2,"method":"room.leave","params":{"room":"lobby"}}])");
  settle();
  CHECK(guest.story() == strings{"[", "? ok", "? ok", "]"});
}

TEST_CASE_METHOD(node_fixture, "connection: answers come in the request's encoding, pushes in the connection's",
                 "[actors][connection]") {
  auto& ann = connect();
  ann.join("lobby");
  ann.story();
  ann.send_as(codecs::format::msgpack, "room.publish", R"({"room":"lobby","event":"say","payload":1})");
  settle();
  auto got = ann.take();
  REQUIRE(got.size() == 2);
  CHECK(got[0].in == codecs::format::json);
  CHECK(got[1].in == codecs::format::msgpack);
}

TEST_CASE_METHOD(node_fixture, "connection: what is no call is refused, and what came after it is answered",
                 "[actors][connection]") {
  auto& ann = connect();
  ann.open("ann");
  ann.story();
  ann.say("{");
  ann.say(R"({"jsonrpc":"2.0","id":1})");
  ann.send("rpc.discover");
  settle();
  CHECK(ann.story() == strings{"? -32700", "session.open -32600", "rpc.discover ok"});
}

TEST_CASE_METHOD(node_fixture, "connection: with too many calls open the socket is not read, until half are answered",
                 "[actors][connection]") {
  auto& ann = connect();
  ann.open("ann");
  ann.story();
  const auto calls = limits::calls_in_flight_max + 300;
  for (std::size_t i = 0; i < calls; ++i) ann.send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  while (!ann.wire().paused() && !jobs.jobs.empty()) jobs.run_once();
  CHECK(ann.wire().paused());
  CHECK(ann.peer().calls_in_flight() <= limits::calls_in_flight_max);
  settle();
  CHECK_FALSE(ann.wire().paused());
  CHECK(ann.take().size() == calls);
}

TEST_CASE_METHOD(node_fixture, "connection: what one sends does not wait behind what others have sent at once",
                 "[actors][connection]") {
  constexpr std::size_t flooders = 3 * limits::turns_at_once, many = 40;
  auto& quiet = connect();
  quiet.open("quiet");
  quiet.join("hall");
  quiet.story();
  std::vector<client*> floods;
  for (std::size_t i = 0; i < flooders; ++i) floods.push_back(&connect());
  for (auto* each : floods) each->open("flood");
  settle();
  for (auto* each : floods) each->take();
  for (auto* each : floods)
    for (std::size_t i = 0; i < many; ++i) each->send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  while (ctx().shards[0].line->empty() && !jobs.jobs.empty()) jobs.run_once();
  const auto ahead = store().counters().appended;
  quiet.send("room.publish", R"({"room":"hall","event":"say","payload":2})");
  const auto is_there = [&] {
    const auto head = store().head("hall");
    return head && head->last != 0;
  };
  auto before = ahead;
  for (; !is_there() && !jobs.jobs.empty(); before = store().counters().appended) jobs.run_once();
  // Those that had come in already when the line began, and a few turns.
  CHECK(before - ahead <= flooders * limits::fair_share + 4 * limits::turns_at_once * limits::share_of_turn);
  settle();
  for (auto* each : floods) CHECK(each->take().size() == many);
  CHECK(store().counters().appended == flooders * many + 1);
  CHECK(ctx().shards[0].line->empty());
}

TEST_CASE_METHOD(node_fixture, "connection: one that goes gives its turn to the next", "[actors][connection]") {
  constexpr std::size_t flooders = 2 * limits::turns_at_once, many = 40;
  std::vector<client*> floods;
  for (std::size_t i = 0; i < flooders; ++i) floods.push_back(&connect());
  for (auto* each : floods) each->open("flood");
  settle();
  for (auto* each : floods)
    for (std::size_t i = 0; i < many; ++i) each->send("room.publish", R"({"room":"lobby","event":"say","payload":1})");
  while (ctx().shards[0].line->empty() && !jobs.jobs.empty()) jobs.run_once();
  for (std::size_t i = 0; i < flooders; i += 2) floods[i]->wire().break_off();
  settle();
  CHECK(ctx().shards[0].line->empty());
  for (std::size_t i = 1; i < flooders; i += 2) CHECK(floods[i]->take().size() > many);
}

TEST_CASE_METHOD(node_fixture, "connection: unread input pauses the socket, and reading it lets the socket go on",
                 "[actors][connection]") {
  auto& ann = connect();
  ann.open("ann");
  const std::string answer =
      R"({"jsonrpc":"2.0","id":"s1","result":")" + std::string(60'000, 'x') + "\"}";  // opens no call
  for (std::size_t bytes = 0; bytes < limits::input_bytes_max; bytes += answer.size()) ann.say(answer);
  CHECK(ann.wire().paused());
  settle();
  CHECK_FALSE(ann.wire().paused());
}

TEST_CASE_METHOD(node_fixture, "connection: a client that hangs up or vanishes leaves nothing behind but its session",
                 "[actors][connection]") {
  auto& ann = connect();
  auto& bob = connect();
  ann.open("ann");
  bob.join("lobby");  // implicit: without a window
  ann.wire().hang_up();
  bob.wire().break_off();
  settle();
  CHECK(ctx().meters.connections == 0);
  CHECK(ctx().meters.sessions == 1);
  CHECK(figure(R"(greenroom_connections_closed_total{code="1000"})") == 1);
  CHECK(figure(R"(greenroom_connections_closed_total{code="1006"})") == 1);
}

TEST_CASE_METHOD(node_fixture, "connection: one that ends while its session opens leaves a session that waits for it",
                 "[actors][connection]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 60u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect();
  settle();
  ann.send("session.open", R"({"user":"ann"})");
  for (auto steps = random() % 8; steps-- > 0 && !jobs.jobs.empty();) jobs.run_once();
  ann.wire().break_off();
  settle_randomly(random);
  CHECK(ctx().meters.connections == 0);
  CHECK(ctx().meters.sessions == ctx().meters.detached_sessions);
  advance(3min);
  CHECK(ctx().meters.sessions == 0);
}

TEST_CASE_METHOD(node_fixture, "connection: a draining gateway closes them 1012 in batches, sessions stay",
                 "[actors][connection]") {
  std::vector<client*> all;
  for (std::size_t i = 0; i < limits::closes_per_batch + 10; ++i) {
    all.push_back(&connect());
    all.back()->open("u");
    all.back()->story();
  }
  ctx().at = stage::draining;
  tell(ctx().shards[0].gateway, gateway::drain{});
  settle();
  CHECK(ctx().meters.connections == 10);
  advance(10ms);
  CHECK(ctx().meters.connections == 0);
  CHECK(all.front()->story() == strings{"close 1012 restart"});
}

TEST_CASE_METHOD(node_fixture, "connection: what it sends when its session is over joins nothing",
                 "[actors][connection]") {
  auto seed = GENERATE(Catch::Generators::range(1u, 60u));
  INFO("seed " << seed);
  std::mt19937 random{seed};
  auto& ann = connect();
  ann.open("ann");
  settle();
  ann.send("session.close");
  for (int i = 0; i < 4; ++i) {
    for (auto steps = random() % 3; steps-- > 0 && !jobs.jobs.empty();) jobs.run_once();
    ann.send("room.join", R"({"room":"lobby"})");
  }
  settle_randomly(random);
  CHECK(ann.wire().over());
  CHECK(number(connect().call("room.members", R"({"room":"lobby"})"), "total") == 0);
}

}  // namespace greenroom::tests
