#include "clients/client.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "tests/clients/scripted_server.hpp"

using namespace greenroom::clients;
using namespace std::chrono_literals;
using greenroom::codecs::format;
using greenroom::test::scripted_server;
using upgrade = scripted_server::upgrade;
using peer = scripted_server::peer;

namespace {

constexpr auto short_time = 100ms;

/// The failure that `action` ends with.
template <class Action>
failure failure_of(Action action) {
  try {
    action();
  } catch (const failure& why) {
    return why;
  }
  return {errc::success, "nothing was thrown"};
}

const auto never = std::chrono::steady_clock::time_point::max();

}  // namespace

TEST_CASE("client: a call returns the answer with its id, notifications reach the handler in between") {
  scripted_server server{[](peer& client) {
    CHECK(client.offered() == "greenroom.json.1");
    CHECK(client.read() == R"({"jsonrpc":"2.0","id":1,"method":"room.join","params":{"room":"lobby"}})");
    client.text(R"({"jsonrpc":"2.0","method":"room.message","params":{"seq":1}})");
    client.text(R"({"jsonrpc":"2.0","id":99,"result":{"not":"asked"}})");
    client.text(R"({"jsonrpc":"2.0","id":1,"result":{"seq":0}})");
    client.read();
  }};
  std::vector<std::string> seen;
  client node{{.url = server.url()}, [&](std::string_view method, std::string_view params) {
                seen.push_back(std::string{method} + std::string{params});
              }};
  const auto got = node.call("room.join", R"({"room":"lobby"})");
  CHECK_FALSE(got.failure);
  CHECK(got.result == R"({"seq":0})");
  CHECK(seen == std::vector<std::string>{R"(room.message{"seq":1})"});
}

TEST_CASE("client: a request of the node's is refused at once, and reaches no handler") {
  scripted_server server{[](peer& client) {
    client.read();
    client.text(R"({"jsonrpc":"2.0","id":"s1","method":"game.confirm","params":{}})");
    client.text(R"({"jsonrpc":"2.0","id":"s2","method":"game.confirm","params":{}})");
    CHECK(client.read() == R"({"jsonrpc":"2.0","id":"s1","error":{"code":-32601,)"
                           R"("message":"This client does not answer game.confirm."}})");
    CHECK(client.read().starts_with(R"({"jsonrpc":"2.0","id":"s2","error":)"));
    client.text(R"({"jsonrpc":"2.0","id":1,"result":{}})");
    client.read();
  }};
  int seen = 0;
  client node{{.url = server.url()}, [&](std::string_view, std::string_view) { ++seen; }};
  CHECK(node.call("session.open", "{}").result == "{}");
  CHECK(seen == 0);
}

TEST_CASE("client: an error answer is an answer") {
  scripted_server server{[](peer& client) {
    client.read();
    client.text(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32002,"message":"no","data":{"path":"params.room"}}})");
    client.read();
  }};
  client node{{.url = server.url()}};
  const auto got = node.call("room.join", "{}");
  REQUIRE(got.failure);
  CHECK(got.failure->code == greenroom::codecs::error_code::forbidden);
  CHECK(got.failure->message == "no");
  CHECK(got.failure->path == "params.room");
}

TEST_CASE("client: where MessagePack is chosen, the subprotocol says so and the frames are binary") {
  scripted_server server{[](peer& client) {
    CHECK(client.offered() == "greenroom.msgpack.1");
    const auto request = client.read();
    CHECK(static_cast<unsigned char>(request.at(0)) >> 4 == 8);  // a fixmap
    client.close(1000, "");
  }};
  client node{{.url = server.url(), .format = format::msgpack}};
  CHECK(failure_of([&] { node.call("rpc.discover", "{}"); }).code() == errc::closed);
}

TEST_CASE("client: params that are no object and no list never leave") {
  scripted_server server{[](peer& client) { CHECK(client.read().empty()); }};
  client node{{.url = server.url()}};
  CHECK_THROWS_AS(node.call("room.join", "1"), std::invalid_argument);
  CHECK_THROWS_AS(node.call("room.join", "{"), std::invalid_argument);
}

TEST_CASE("client: a port where nobody listens is unreachable, and the address is named") {
  const auto why = failure_of([] { client{{.url = "ws://127.0.0.1:1/ws"}}; });
  CHECK(why.code() == errc::unreachable);
  CHECK_THAT(why.what(), Catch::Contains("127.0.0.1:1") && Catch::Contains("refused"));
}

TEST_CASE("client: an HTTP answer to the upgrade is told with its status") {
  scripted_server server{[](peer&) {}, upgrade::forbid};
  const auto why = failure_of([&] { client{{.url = server.url()}}; });
  CHECK(why.code() == errc::refused);
  CHECK(why.status() == 403);
  CHECK_THAT(why.what(), Catch::Contains("403 Forbidden"));
}

TEST_CASE("client: a server that speaks something else is garbled, not a node") {
  SECTION("no HTTP") {
    scripted_server server{[](peer&) {}, upgrade::not_http};
    CHECK(failure_of([&] { client{{.url = server.url()}}; }).code() == errc::garbled);
  }
  SECTION("a WebSocket server without our subprotocol") {
    scripted_server server{[](peer&) {}, upgrade::accept_without_subprotocol};
    CHECK(failure_of([&] { client{{.url = server.url()}}; }).code() == errc::garbled);
  }
  SECTION("frames that are no JSON-RPC") {
    scripted_server server{[](peer& client) {
      client.read();
      client.text("hello");
      client.read();
    }};
    client node{{.url = server.url()}};
    CHECK(failure_of([&] { node.call("a.b", "{}"); }).code() == errc::garbled);
  }
}

TEST_CASE("client: a close is told with its code and reason, and every later call fails at once") {
  scripted_server server{[](peer& client) {
    client.read();
    client.close(1013, "slow_consumer");
  }};
  client node{{.url = server.url()}};
  const auto why = failure_of([&] { node.call("a.b", "{}"); });
  CHECK(why.code() == errc::closed);
  CHECK(why.status() == 1013);
  CHECK_THAT(why.what(), Catch::EndsWith("1013 slow_consumer"));
  CHECK(failure_of([&] { node.call("a.b", "{}"); }).code() == errc::closed);
}

TEST_CASE("client: a connection that breaks without a close frame is closed with no code") {
  scripted_server server{[](peer& client) {
    client.read();
    client.drop();
  }};
  client node{{.url = server.url()}};
  const auto why = failure_of([&] { node.call("a.b", "{}"); });
  CHECK(why.code() == errc::closed);
  CHECK(why.status() == 0);
}

TEST_CASE("client: a node that does not answer costs the timeout and no more") {
  scripted_server server{[](peer& client) {
    while (!client.read().empty()) continue;
  }};
  client node{{.url = server.url(), .timeout = short_time}};
  const auto before = std::chrono::steady_clock::now();
  CHECK(failure_of([&] { node.call("a.b", "{}"); }).code() == errc::timed_out);
  CHECK(std::chrono::steady_clock::now() - before >= short_time);
  CHECK(failure_of([&] { node.call("a.b", "{}"); }).code() == errc::timed_out);
}

TEST_CASE("client: waiting ends when the handler has seen enough, or at the deadline") {
  scripted_server server{[](peer& client) {
    client.text(R"({"jsonrpc":"2.0","method":"session.notice","params":{"code":"draining"}})");
    client.read();
  }};
  std::size_t seen = 0;
  client node{{.url = server.url()}, [&](auto, auto) { ++seen; }};
  CHECK(node.wait_until(never, [&] { return seen == 1; }) == client::wait_end::done);
  CHECK(node.wait_until(std::chrono::steady_clock::now() + short_time, [&] { return seen == 2; }) ==
        client::wait_end::deadline);
}

TEST_CASE("client: what the handler throws leaves the wait, and the connection stands") {
  scripted_server server{[](peer& client) {
    client.text(R"({"jsonrpc":"2.0","method":"room.message","params":{}})");
    client.read();
    client.text(R"({"jsonrpc":"2.0","id":1,"result":{}})");
    client.read();
  }};
  client node{{.url = server.url()}, [](auto, auto) { throw std::logic_error{"enough"}; }};
  CHECK_THROWS_AS(node.wait_until(never, [] { return false; }), std::logic_error);
  CHECK(node.call("session.close", "{}").result == "{}");
}

TEST_CASE("client: a signal ends the wait, and the connection still says goodbye") {
  scripted_server server{[](peer& client) {
    client.read();
    client.text(R"({"jsonrpc":"2.0","id":1,"result":{}})");
    client.read();
  }};
  client node{{.url = server.url(), .signals = on_signal::interrupt}};
  std::raise(SIGINT);
  CHECK(failure_of([&] { node.wait_until(never, [] { return false; }); }).code() == errc::interrupted);
  CHECK(node.call("session.close", "{}").result == "{}");
}
