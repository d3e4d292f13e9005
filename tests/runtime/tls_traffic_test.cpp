// TLS: what goes through it: records, bodies, WebSockets, ends, moves between shards.
#include <sys/socket.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/tls.hpp"
#include "tests/support/raw_deflate.hpp"
#include "tests/support/tls_server.hpp"
#include "tests/support/web_pair.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;

namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i != size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

}  // namespace

// --- the wire by itself ---

TEST_CASE("tls wire: what is gathered leaves as one record, what is larger as full ones", "[tls]") {
  tls_fixture made;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
  const unique_fd ours{ends[0]}, theirs{ends[1]};
  const auto wire = made.context->accept(ours.get());
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ctx{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  const std::unique_ptr<SSL, decltype(&SSL_free)> peer{SSL_new(ctx.get()), SSL_free};
  SSL_set_fd(peer.get(), theirs.get());
  SSL_set_connect_state(peer.get());
  auto state = wire_result::state::wants_read;
  for (int i = 0; i != 20 && (SSL_do_handshake(peer.get()) != 1 || state != wire_result::state::moved); ++i)
    if (state != wire_result::state::moved) state = wire->establish(ours.get()).what;
  REQUIRE(state == wire_result::state::moved);

  std::vector<std::size_t> records;  // lengths of what their headers say
  SSL_set_msg_callback(peer.get(), [](int, int, int type, const void* bytes, std::size_t, SSL*, void* to) {
    const auto* head = static_cast<const unsigned char*>(bytes);
    if (type == SSL3_RT_HEADER && head[0] == SSL3_RT_APPLICATION_DATA)
      static_cast<std::vector<std::size_t>*>(to)->push_back(static_cast<std::size_t>(head[3] << 8 | head[4]));
  });
  SSL_set_msg_callback_arg(peer.get(), &records);
  std::string one(100, '1'), two(200, '2'), three(20'000, '3');
  const auto vec = [](std::string& of) { return iovec{of.data(), of.size()}; };
  std::string block(16'384, '\0');
  const auto read = [&] {
    std::string all;
    std::size_t got = 0;
    while (SSL_read_ex(peer.get(), block.data(), block.size(), &got) == 1) all.append(block, 0, got);
    return all;
  };
  read();  // the ticket
  records.clear();

  const std::array few{vec(one), vec(two)};
  CHECK(wire->write(ours.get(), few).bytes == 300);
  CHECK(read() == one + two);
  CHECK(records.size() == 1);
  records.clear();
  const std::array many{vec(one), vec(three)};
  CHECK(wire->write(ours.get(), many).bytes == 16'384);
  CHECK(read() == one + three.substr(0, 16'284));
  CHECK(records.size() == 1);
  CHECK_FALSE(wire->holds_output());

  // Until the socket takes no more: then a record is kept, and leaves unchanged whatever became of its bytes.
  std::string sent;
  const std::array large{vec(three)};
  while (!wire->holds_output()) sent += three.substr(0, wire->write(ours.get(), large).bytes);
  CHECK(wire->flush(ours.get()).what == wire_result::state::wants_write);
  three.assign(three.size(), 'x');
  auto came = read();
  CHECK(wire->flush(ours.get()).what == wire_result::state::moved);
  CHECK_FALSE(wire->holds_output());
  CHECK((came += read()) == sent);
}

// --- HTTP ---

TEST_CASE("tls: large bodies arrive whole, both ways and for a client that reads little at a time", "[tls]") {
  tls_server server;
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  tls_socket client{server.address(), {.version = version, .receive_buffer = 4'096}};
  const auto large = pattern(1U << 20);
  client.send(post(large) + get("/big") + get("/next"));
  CHECK(read_answer(client).body == "POST /echo?[" + large + "]");
  CHECK(read_answer(client).body == std::string(web_server::big_bytes, 'b'));
  CHECK(read_answer(client).body == "GET /next?[]");
}

TEST_CASE("tls: many requests at once are answered in order, however the records cut them", "[tls]") {
  tls_server server;
  tls_socket client{server.address()};
  std::string all;
  for (int i = 0; i != 300; ++i) all += i % 2 ? get("/" + std::to_string(i)) : post(std::to_string(i));
  SECTION("in large records") { client.send(all); }
  SECTION("in a record a byte, of the first few") {
    const auto some = all.substr(0, 600);
    for (const char c : some) client.send({&c, 1});
    client.send(all.substr(some.size()));
  }
  SECTION("in small records") {
    for (std::size_t at = 0; at < all.size(); at += 11) client.send(std::string_view{all}.substr(at, 11));
  }
  for (int i = 0; i != 300; ++i) {
    const auto n = std::to_string(i);
    REQUIRE(read_answer(client).body == (i % 2 ? "GET /" + n + "?[]" : "POST /echo?[" + n + "]"));
  }
}

TEST_CASE("tls: a client that said goodbye is still answered, and hears goodbye", "[tls]") {
  tls_server server;
  tls_socket client{server.address()};
  client.send(get("/one") + get("/two"));
  client.say_goodbye();
  CHECK(read_answer(client).body == "GET /one?[]");
  CHECK(read_answer(client).body == "GET /two?[]");
  CHECK(client.at_end());
  CHECK(client.heard_goodbye());
}

TEST_CASE("tls: a connection that ends says goodbye and waits for the client's", "[tls]") {
  tls_server server;
  tls_socket client{server.address()};
  client.send(get("/", "Connection: close\r\n"));
  CHECK(read_answer(client).status == 200);
  CHECK(client.at_end());
  CHECK(client.heard_goodbye());
  CHECK(server.stats().connections == 1);
  client.say_goodbye();
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
}

TEST_CASE("tls: a request that is cut off without goodbye is not served", "[tls]") {
  tls_server server;
  tls_socket client{server.address()};
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nhalf");
  client.raw().finish();
  CHECK(client.read_to_end().empty());
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
  CHECK(server.on_shard([&] { return server.requests.empty(); }));
}

TEST_CASE("tls: a large body that is refused does not cost the client its answer", "[tls]") {
  tls_server server;
  tls_socket client{server.address()};
  std::thread sends{[&] {
    client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  }};
  sends.join();
  CHECK(read_answer(client).status == 413);
}

// --- WebSocket ---

TEST_CASE("tls: WebSocket messages of every size come back, in both versions", "[tls]") {
  tls_server server;
  const auto version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
  auto client = open_tls_socket(server, {.version = version});
  for (const auto size :
       std::initializer_list<std::size_t>{0, 1, 125, 126, 1'535, 1'536, 16'383, 16'384, 16'385, 65'535}) {
    const auto text = pattern(size);
    client.send(ws::frame(ws::text, text));
    const auto got = ws::read_frame(client);
    REQUIRE(got);
    CHECK(got->payload == text);
  }
  client.send(ws::frame(ws::close, ws::close_payload(1'000)));
  CHECK(ws::read_frame(client)->code() == 1'000);
  CHECK(client.at_end());
  CHECK(client.heard_goodbye());
  CHECK(server.eventually([&] { return server.records.at(0)->closes.size() == 1; }));
  CHECK(server.on_shard([&] { return server.records.at(0)->closes.at(0).clean; }));
}

TEST_CASE("tls: messages that come in one read are all delivered, also those that OpenSSL has kept", "[tls]") {
  tls_server server;
  server.on_shard([&] { server.echo = false; });
  auto client = open_tls_socket(server);
  for (int i = 0; i != 2'000; ++i) client.send(ws::frame(ws::text, std::to_string(i)));  // a record each
  std::string joined;
  for (int i = 2'000; i != 4'000; ++i) joined += ws::frame(ws::text, std::to_string(i));
  client.send(joined);
  CHECK(server.eventually([&] { return server.records.at(0)->texts.size() == 4'000; }));
  server.on_shard([&] {
    for (int i = 0; i != 4'000; ++i)
      REQUIRE(server.records.at(0)->texts.at(static_cast<std::size_t>(i)) == std::to_string(i));
  });
}

TEST_CASE("tls: a reader that pauses hears nothing, and everything once it goes on", "[tls]") {
  tls_server server;
  server.on_shard([&] { server.echo = false; });
  auto client = open_tls_socket(server);
  auto& record = server.newest();
  server.on_shard([&] {
    record.when_message = [&](std::string_view) {
      if (record.texts.size() == 3) record.wire->pause_reading();
    };
  });
  std::string all;
  for (int i = 0; i != 500; ++i) all += ws::frame(ws::text, std::to_string(i));
  client.send(all);
  CHECK(server.eventually([&] { return record.texts.size() >= 3; }));
  client.read_for(30ms);
  CHECK(server.on_shard([&] { return record.texts.size(); }) <= 4);
  server.on_shard([&] {
    record.when_message = nullptr;
    record.wire->resume_reading();
  });
  CHECK(server.eventually([&] { return record.texts.size() == 500; }));
}

TEST_CASE("tls: compressed messages go both ways", "[tls]") {
  tls_server server{{}, {.deflate_window_bits = 12}};
  auto client = open_tls_socket(server, {}, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  const auto text = pattern(5'000);
  auto frame = ws::frame(ws::text, squeezed(text));
  frame[0] = static_cast<char>(frame[0] | 0x40);
  client.send(frame);
  CHECK(ws::read_frame(client)->payload == text);  // the echo is not compressed: who answers decides
}

TEST_CASE("tls: a slow reader gets everything in order, and pings overtake", "[tls]") {
  tls_server server{
      {},
      {.outbox = {
           .bytes_max = 64U << 20, .frames_max = 100'000, .reply_bytes_max = 64U << 20, .reply_frames_max = 100'000}}};
  auto client = open_tls_socket(server, {.receive_buffer = 4'096});
  auto& record = server.newest();
  const auto text = pattern(9'000);
  server.on_shard([&] {
    for (int i = 0; i != 2'000; ++i)
      record.wire->out().push_reply(socket_record::server_frame(ws::text, std::to_string(i) + text));
  });
  CHECK(server.eventually([&] { return server.server->stats().out.bytes > 100'000; }));
  client.send(ws::frame(ws::ping, "quick"));
  bool overtaken = false;
  for (int i = 0; i != 2'000;) {
    const auto got = ws::read_frame(client);
    REQUIRE(got);
    if (got->op == ws::pong) {
      overtaken = i < 1'999;
      continue;
    }
    REQUIRE(got->payload == std::to_string(i++) + text);
  }
  CHECK(overtaken);
}

TEST_CASE("tls: a WebSocket that is cut off without goodbye is closed uncleanly", "[tls]") {
  tls_server server;
  auto client = open_tls_socket(server);
  auto& record = server.newest();
  SECTION("by an end") { client.raw().finish(); }
  SECTION("by a reset") { client.raw().close_with_reset(); }
  SECTION("by a goodbye of TLS alone") { client.say_goodbye(); }
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  CHECK(server.on_shard([&] { return record.closes.at(0).clean; }) == false);
  CHECK(server.on_shard([&] { return record.closes.at(0).code; }) == 1'006);
}

TEST_CASE("tls: a damaged record ends the connection", "[tls]") {
  tls_server server;
  auto client = open_tls_socket(server);
  auto& record = server.newest();
  client.raw().send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  CHECK(client.at_end());
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  CHECK(server.on_shard([&] { return record.closes.at(0).clean; }) == false);
}

TEST_CASE("tls: new keys in the middle of a conversation change nothing, and a flood of them holds nobody", "[tls]") {
  tls_server server;
  auto client = open_tls_socket(server, {.version = TLS1_3_VERSION});
  for (int i = 0; i != 50; ++i) {
    REQUIRE(SSL_key_update(client.ssl(), i % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
    client.send(ws::frame(ws::text, std::to_string(i)));
    REQUIRE(ws::read_frame(client)->payload == std::to_string(i));
  }
  for (int i = 0; i != 1'000; ++i) {
    SSL_key_update(client.ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    SSL_do_handshake(client.ssl());
  }
  client.send(ws::frame(ws::text, "after"));
  CHECK(ws::read_frame(client)->payload == "after");
  tls_socket other{server.address()};
  other.send(get("/"));
  CHECK(read_answer(other).status == 200);
}

TEST_CASE("tls: a client that wants to negotiate anew is told no and goes on", "[tls]") {
  tls_server server;
  auto client = open_tls_socket(server, {.version = TLS1_2_VERSION});
  SSL_renegotiate(client.ssl());
  SSL_do_handshake(client.ssl());
  client.send(ws::frame(ws::text, "still"));
  const auto got = ws::read_frame(client);
  CHECK((!got || got->payload == "still"));  // OpenSSL's client gives up on the alert; others go on
  tls_socket other{server.address()};
  CHECK(other.established());
}

// --- moves ---

TEST_CASE("tls move: a connection goes to another shard and back with its keys", "[tls]") {
  tls_fixture made;
  web_pair node{made.options()};
  tls_socket client{node.where[0].text()};
  client.send(get("/a", to_1));
  CHECK(read_answer(client).body == "1 GET /a[]");
  client.send(get("/b"));
  CHECK(read_answer(client).body == "1 GET /b[]");
  const auto large = pattern(700'000);
  client.send(post(large, to_0));
  CHECK(read_answer(client).body == "0 POST /echo[" + large + "]");
  CHECK(node.stats(0).moved_in == 1);
  CHECK(node.stats(1).moved_in == 1);
}

TEST_CASE("tls move: pipelined requests keep their order, in one record and in one each", "[tls]") {
  tls_fixture made;
  web_pair node{made.options()};
  tls_socket client{node.where[0].text()};
  std::vector<std::string> all;
  for (int i = 0; i != 60; ++i) all.push_back(get("/" + std::to_string(i), i / 2 % 2 ? to_1 : to_0));
  SECTION("in one record") {
    std::string joined;
    for (const auto& each : all) joined += each;
    client.send(joined);
  }
  SECTION("in one each") {
    for (const auto& each : all) client.send(each);
  }
  for (int i = 0; i != 60; ++i)
    REQUIRE(read_answer(client).body == (i / 2 % 2 ? "1 GET /" : "0 GET /") + std::to_string(i) + "[]");
}

TEST_CASE("tls move: an answer that is not read yet arrives whole before the one from elsewhere", "[tls]") {
  tls_fixture made;
  web_pair node{made.options()};
  tls_socket client{node.where[0].text(), {.receive_buffer = 4'096}};
  constexpr std::size_t size = 100'000, answers = 80;
  std::string asked;
  for (std::size_t i = 0; i != answers; ++i) asked += get("/big?100000", i % 2 == 0 ? to_1 : to_0);
  client.send(asked + get("/next", to_1));
  CHECK(node.eventually(1, [&] { return node.sides[1].server->stats().out.bytes > size; }));
  for (std::size_t i = 0; i != answers; ++i) REQUIRE(read_answer(client).body == std::string(size, 'b'));
  CHECK(read_answer(client).body == "1 GET /next[]");
}

TEST_CASE("tls move: a WebSocket opens on another shard with what follows its handshake", "[tls]") {
  tls_fixture made;
  web_pair node{made.options()};
  tls_socket client{node.where[0].text()};
  client.send(ws::handshake("/ws", to_1) + ws::frame(ws::text, "early"));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
  CHECK(ws::read_frame(client)->payload == "early");
  client.send(ws::frame(ws::text, "later"));
  CHECK(ws::read_frame(client)->payload == "later");
  CHECK(node.stats(1).websockets == 1);
}

TEST_CASE("tls move: clients that hop between shards at once lose nothing", "[tls]") {
  tls_fixture made;
  web_pair node{made.options()};
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int c = 0; c != 8; ++c)
    clients.emplace_back([&, c] {
      tls_socket client{node.where[static_cast<std::size_t>(c % 2)].text()};
      for (int i = 0; i != 50; ++i) {
        const int to = (c + i) % 2;
        client.send(post(std::to_string(i), to ? to_1 : to_0));
        right += read_answer(client).body == std::to_string(to) + " POST /echo[" + std::to_string(i) + "]";
      }
    });
  for (auto& each : clients) each.join();
  CHECK(right == 8 * 50);
}

}  // namespace greenroom::runtime
