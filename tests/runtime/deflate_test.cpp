// permessage-deflate beneath a WebSocket: what is agreed on, and what a client may then send.
#include <malloc.h>
#include <catch2/catch.hpp>

#include <random>

#include "runtime/deflate_offer.hpp"
#include "runtime/inflater.hpp"
#include "tests/support/raw_deflate.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/web_server.hpp"

namespace greenroom::runtime {
namespace {

using namespace tests;
using namespace std::literals;

constexpr auto hello = "\xf2\x48\xcd\xc9\xc9\x07\x00"sv;  // RFC 7692, 7.2.3.1
constexpr const char* offered = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

websocket_options deflating(int window_bits = 12) {
  websocket_options how;
  how.deflate_window_bits = static_cast<std::uint8_t>(window_bits);
  return how;
}

/// A client whose offer was accepted.
raw_socket open_deflating(web_server& server) {
  raw_socket client{server.address()};
  client.send(ws::handshake("/ws", offered));
  const auto answer = client.read_until("\r\n\r\n");
  if (answer.find("Sec-WebSocket-Extensions: permessage-deflate") == answer.npos) FAIL("not agreed: " << answer);
  return client;
}

/// A client's frame with RSV1.
std::string deflated_frame(ws::opcode op, std::string_view body, bool fin = true) {
  auto bytes = ws::frame(op, body, fin);
  bytes[0] = static_cast<char>(bytes[0] | 0x40);
  return bytes;
}
std::string message(std::string_view plain, ws::opcode op = ws::text) { return deflated_frame(op, squeezed(plain)); }

/// Text of which `size` bytes compress to a few.
std::string flat(std::size_t size) { return std::string(size, 'z'); }
std::string noise(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

}  // namespace

// --- what is agreed on ---

TEST_CASE("deflate offer: the first good one is accepted, a bad one is declined and fails nothing") {
  constexpr auto none = "";
  constexpr auto plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  constexpr auto with_9 =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9";
  constexpr auto with_12 =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12";
  constexpr auto with_15 =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15";
  struct row {
    const char* offers;
    int window_bits;
    const char* answer;
  };
  const auto row = GENERATE_COPY(values<struct row>({
      {"", 15, none},
      {"permessage-deflate", 15, plain},
      {"permessage-deflate", 12, with_12},  // a server may always say less
      {"PerMessage-Deflate", 15, plain},
      {"  permessage-deflate\t;\tclient_max_window_bits ", 15, plain},
      {"permessage-deflate; client_max_window_bits", 12, with_12},
      {"permessage-deflate; client_max_window_bits=8", 15, plain},  // we inflate with any window, and need not say so
      {"permessage-deflate; client_max_window_bits=15", 15, plain},
      {"permessage-deflate; client_max_window_bits=\"10\"", 15, plain},
      {"permessage-deflate; server_no_context_takeover", 15, plain},
      {"permessage-deflate; client_no_context_takeover", 15, plain},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", 12, with_12},
      {"permessage-deflate; server_max_window_bits=15", 15, with_15},  // what is asked must be answered
      {"permessage-deflate; server_max_window_bits=15", 12, with_12},
      {"permessage-deflate; server_max_window_bits=12", 12, with_12},
      {"permessage-deflate; server_max_window_bits=13", 12, with_12},
      {"permessage-deflate; server_max_window_bits=9", 9, with_9},
      {"permessage-deflate; server_max_window_bits=9", 12, with_9},  // the smaller one of both
      {"permessage-deflate; server_max_window_bits=9", 15, with_9},
      {"permessage-deflate; server_max_window_bits=\"9\"; client_max_window_bits=9", 15, with_9},
      {"permessage-deflate; server_max_window_bits=12; client_max_window_bits", 15, with_12},
      {"permessage-deflate; server_max_window_bits=9, permessage-deflate", 12, with_9},  // the first good one
      {"permessage-deflate; server_max_window_bits=7, permessage-deflate; server_max_window_bits=9", 12, with_9},
      {"permessage-deflate; server_max_window_bits=8", 9, none},  // zlib's raw deflate has no such window
      {"permessage-deflate; server_max_window_bits=8", 15, none},
      {"permessage-deflate; server_max_window_bits=8, permessage-deflate", 12, with_12},
      {"x-other, permessage-deflate", 15, plain},
      {"x-other; a=b; c=\"d\", permessage-deflate", 15, plain},
      {", ,permessage-deflate,", 15, plain},
      // parameters that make an offer bad (7.1)
      {"permessage-deflate; server_max_window_bits", 15, none},
      {"permessage-deflate; server_max_window_bits=7", 15, none},
      {"permessage-deflate; server_max_window_bits=16", 15, none},
      {"permessage-deflate; server_max_window_bits=015", 15, none},
      {"permessage-deflate; server_max_window_bits=1x", 15, none},
      {"permessage-deflate; server_max_window_bits=4294967311", 15, none},
      {"permessage-deflate; server_max_window_bits=15; server_max_window_bits=15", 15, none},
      {"permessage-deflate; client_max_window_bits=16", 15, none},
      {"permessage-deflate; client_max_window_bits=7", 15, none},
      {"permessage-deflate; client_max_window_bits; client_max_window_bits", 15, none},
      {"permessage-deflate; server_no_context_takeover=1", 15, none},
      {"permessage-deflate; client_no_context_takeover=1", 15, none},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover", 15, none},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", 15, none},
      {"permessage-deflate; window=15", 15, none},
      {"permessage-deflate; window=15, permessage-deflate", 15, plain},
      {"permessage-deflated", 15, none},
      {"permessage-bzip2", 15, none},
      // not well-formed
      {"permessage-deflate;", 15, none},
      {"permessage-deflate; =15", 15, none},
      {"permessage-deflate; client_max_window_bits=", 15, none},
      {"permessage-deflate; client_max_window_bits=\"15", 15, none},
      {"permessage-deflate; client_max_window_bits=\"\"", 15, none},
      {"permessage-deflate client_max_window_bits", 15, none},
      {"permessage-deflate, ;", 15, none},
      {"\"permessage-deflate\"", 15, none},
      {"permessage-deflate\xff", 15, none},
  }));
  CAPTURE(row.offers, row.window_bits);
  const auto agreed = accept_deflate(row.offers, row.window_bits);
  CHECK((agreed ? agreed->answer : "") == row.answer);
  if (!agreed) return;
  CHECK(agreed->window_bits == (row.answer == std::string{plain}     ? 15
                                : row.answer == std::string{with_15} ? 15
                                : row.answer == std::string{with_12} ? 12
                                                                     : 9));
}

TEST_CASE("deflate offer: random text is declined or accepted, and harms nothing", "[fuzz]") {
  const auto seed = 20'240'601U;
  CAPTURE(seed);
  std::mt19937 random{seed};
  const std::vector<std::string> parts{"permessage-deflate",
                                       ";",
                                       ",",
                                       "=",
                                       "\"",
                                       " ",
                                       "client_max_window_bits",
                                       "15",
                                       "server_max_window_bits",
                                       "9",
                                       "server_no_context_takeover",
                                       "\\",
                                       "x",
                                       "\t"};
  for (int round = 0; round != 20'000; ++round) {
    std::string offers;
    for (auto i = random() % 12; i != 0; --i) offers += parts[random() % parts.size()];
    const auto agreed = accept_deflate(offers, 12);
    if (agreed) CHECK(agreed->answer.ends_with("server_max_window_bits=" + std::to_string(agreed->window_bits)));
  }
}

TEST_CASE("websocket: compression is agreed on in the handshake, where the options have it") {
  web_server server{{}, deflating(15)};
  raw_socket one{server.address()};
  one.send(ws::handshake("/ws",
                         "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n"
                         "Sec-WebSocket-Extensions: permessage-deflate\r\n"));  // two fields are one list
  CHECK(one.read_until("\r\n\r\n")
            .find("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                  "client_no_context_takeover\r\n") != std::string::npos);
  CHECK(server.newest().wire->deflate_bits() == 15);

  raw_socket small{server.address()};
  small.send(ws::handshake("/ws", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n"));
  CHECK(small.read_until("\r\n\r\n").find("server_max_window_bits=9\r\n") != std::string::npos);
  CHECK(server.newest().wire->deflate_bits() == 9);

  raw_socket none{server.address()};
  none.send(ws::handshake("/ws", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n"));
  const auto answer = none.read_until("\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 101 "));
  CHECK(answer.find("Extensions") == std::string::npos);
  none.send(ws::frame(ws::text, "plain"));
  CHECK(ws::read_frame(none)->payload == "plain");
  CHECK(server.newest().wire->deflate_bits() == 0);

  web_server off;
  raw_socket declined{off.address()};
  declined.send(ws::handshake("/ws", offered) + ws::frame(ws::text, "early"));
  CHECK(declined.read_until("\r\n\r\n").find("Extensions") == std::string::npos);
  CHECK(ws::read_frame(declined)->payload == "early");
}

// --- what comes in ---

TEST_CASE("deflated: messages of every length and both kinds arrive as they were, mixed with plain ones") {
  web_server server{{}, deflating()};
  auto client = open_deflating(server);
  std::mt19937 random{7};
  for (const auto size :
       std::initializer_list<std::size_t>{0, 1, 95, 96, 97, 125, 126, 1'000, 4'096, 4'097, 20'000, 65'535, 65'536}) {
    CAPTURE(size);
    const auto hard = noise(random, size);
    client.send(message(hard, ws::binary) + ws::frame(ws::binary, hard) + message(flat(size)) +
                ws::frame(ws::text, flat(size)) + message(flat(size)));
    for (const auto& [op, plain] : {std::pair{ws::binary, hard},
                                    {ws::binary, hard},
                                    {ws::text, flat(size)},
                                    {ws::text, flat(size)},
                                    {ws::text, flat(size)}}) {
      const auto got = ws::read_frame(client);
      REQUIRE(got);
      CHECK(got->op == op);
      CHECK(got->payload == plain);
    }
  }
}

TEST_CASE("deflated: the examples of RFC 7692 are understood") {
  web_server server{{}, deflating()};
  auto client = open_deflating(server);
  client.send(deflated_frame(ws::text, hello));  // 7.2.3.1
  client.send(deflated_frame(ws::text, hello.substr(0, 3), false) + ws::frame(ws::continuation, hello.substr(3)));
  client.send(deflated_frame(ws::text, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"sv));  // 7.2.3.3: stored
  client.send(deflated_frame(ws::text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"sv));              // 7.2.3.4: BFINAL
  client.send(
      deflated_frame(ws::text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"sv));  // 7.2.3.5: two blocks
  for (int i = 0; i != 5; ++i) CHECK(ws::read_frame(client)->payload == "Hello");
  client.send(deflated_frame(ws::text, "\x00"sv));  // 7.2.3.6
  CHECK(ws::read_frame(client)->payload.empty());
}

TEST_CASE("deflated: fragments anywhere, control frames between them, and bytes one by one make one message") {
  web_server server{{}, deflating()};
  auto client = open_deflating(server);
  const std::string word = "\xce\xba\xe1\xbd\xb9\xcf\x83\xf0\x9f\x98\x80 and \xce\xba\xe1\xbd\xb9\xcf\x83";
  const auto body = squeezed(word);
  std::string frames = deflated_frame(ws::text, "", false);
  for (const char c : body) frames += ws::frame(ws::continuation, {&c, 1}, false) + ws::frame(ws::pong, "");
  frames += ws::frame(ws::ping, "here") + ws::frame(ws::continuation, "");
  client.send(frames);
  CHECK(ws::read_frame(client)->payload == "here");
  CHECK(ws::read_frame(client)->payload == word);
  for (const char c : message(word) + ws::frame(ws::text, "plain") + message("")) client.send({&c, 1});
  CHECK(ws::read_frame(client)->payload == word);
  CHECK(ws::read_frame(client)->payload == "plain");
  CHECK(ws::read_frame(client)->payload.empty());
}

TEST_CASE("deflated: hundreds of messages in one piece keep their kinds and their order") {
  web_server server{{}, deflating()};
  auto client = open_deflating(server);
  std::string all;
  for (int i = 0; i != 600; ++i) {
    const auto plain = std::to_string(i);
    all += i % 3 == 0 ? ws::frame(ws::text, plain) : message(plain, i % 3 == 1 ? ws::text : ws::binary);
  }
  client.send(all);
  for (int i = 0; i != 600; ++i) {
    const auto got = ws::read_frame(client);
    REQUIRE(got);
    CHECK(got->payload == std::to_string(i));
    CHECK(got->op == (i % 3 == 2 ? ws::binary : ws::text));
  }
}

TEST_CASE("deflated: what breaks the protocol is closed with its code and never heard") {
  const auto bomb = squeezed(flat(65'537), 9);
  REQUIRE(bomb.size() < 100);
  std::string many_small_blocks;  // each a stored block of nothing: what comes out is nothing, what goes in is bounded
  while (many_small_blocks.size() < 70'000) many_small_blocks += "\x00\x00\x00\xff\xff"sv;
  struct row {
    const char* what;
    std::string bytes;
    std::uint16_t code;
    const char* reason;
  };
  const std::vector<row> rows{
      {"RSV1 on a continuation",
       deflated_frame(ws::text, squeezed("ab").substr(0, 2), false) +
           deflated_frame(ws::continuation, squeezed("ab").substr(2)),
       1002, "protocol_error"},
      {"RSV1 on the continuation of a plain message",
       ws::frame(ws::text, "a", false) + deflated_frame(ws::continuation, "b"), 1002, "protocol_error"},
      {"RSV1 on a ping", deflated_frame(ws::ping, "hi"), 1002, "protocol_error"},
      {"RSV1 on a close", deflated_frame(ws::close, ws::close_payload(1000)), 1002, "protocol_error"},
      {"RSV1 on an unknown opcode", deflated_frame(static_cast<ws::opcode>(3), "hi"), 1002, "protocol_error"},
      {"RSV2 beside RSV1", "\xe1" + message("hi").substr(1), 1002, "protocol_error"},
      {"a compressed message within a fragmented one", deflated_frame(ws::text, "a", false) + message("b"), 1002,
       "protocol_error"},
      {"garbage", deflated_frame(ws::text, "this is not deflate"), 1007, "bad_deflate"},
      {"a block type that does not exist", deflated_frame(ws::binary, "\x06\x00"sv), 1007, "bad_deflate"},
      {"nothing at all", deflated_frame(ws::text, ""), 1007, "bad_deflate"},
      {"a message that stops within a block", deflated_frame(ws::text, squeezed("Hello, hello, hello").substr(0, 5)),
       1007, "bad_deflate"},
      {"a flush marker that was not cut off", deflated_frame(ws::text, squeezed("Hello") + std::string{flush_marker}),
       1007, "bad_deflate"},
      {"a reference into the message before",  // 7.2.3.2, with context takeover
       deflated_frame(ws::text, hello) + deflated_frame(ws::text, "\xf2\x00\x11\x00\x00"sv), 1007, "bad_deflate"},
      {"compressed text that is not UTF-8", message("\xff"), 1007, "bad_utf8"},
      {"compressed text with a surrogate", message("\xed\xa0\x80"), 1007, "bad_utf8"},
      {"compressed text beyond U+10FFFF", message("\xf4\x90\x80\x80"), 1007, "bad_utf8"},
      {"compressed text that ends within a character", message("\xe2\x82"), 1007, "bad_utf8"},
      {"plain text that is not UTF-8", ws::frame(ws::text, "\xff"), 1007, "bad_utf8"},
      {"a small frame that swells over the limit", deflated_frame(ws::text, bomb), 1009, "too_big"},
      {"fragments that swell over the limit",
       deflated_frame(ws::text, bomb.substr(0, 10), false) + ws::frame(ws::continuation, bomb.substr(10)), 1009,
       "too_big"},
      {"sixteen megabytes in one frame of sixteen kilobytes", deflated_frame(ws::binary, squeezed(flat(1U << 24), 9)),
       1009, "too_big"},
      {"a compressed message over the limit", deflated_frame(ws::binary, many_small_blocks), 1009, "too_big"},
      {"a plain message over the limit", ws::frame(ws::binary, flat(65'537)), 1009, "too_big"},
  };
  web_server server{{}, deflating()};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto client = open_deflating(server);
    auto& record = server.newest();
    client.send(row.bytes);
    const bool second = std::string_view{row.what} == "a reference into the message before";
    if (second) CHECK(ws::read_frame(client)->payload == "Hello");
    const auto said = ws::read_frame(client);
    REQUIRE(said);
    CHECK(said->op == ws::close);
    CHECK(said->code() == row.code);
    CHECK(said->reason() == row.reason);
    CHECK(client.at_end());
    CHECK(server.eventually([&] { return record.closes.size() == 1; }));
    server.on_shard([&] {
      CHECK(record.closes.front().code == row.code);
      CHECK(record.texts.size() == (second ? 1 : 0));
    });
  }
}

TEST_CASE("deflated: RSV1 is a protocol error where nothing was agreed on") {
  web_server server{{}, deflating()};
  auto client = open_socket(server);
  client.send(message("hi"));
  const auto said = ws::read_frame(client);
  REQUIRE(said);
  CHECK(said->code() == 1002);
}

TEST_CASE("deflated: a message that comes after our close frame is not inflated, and the goodbye is clean") {
  web_server server{{}, deflating()};
  auto client = open_deflating(server);
  auto& record = server.newest();
  server.on_shard([&] { record.wire->close(1001, "going"); });
  const auto last = ws::read_frame(client);
  client.send(deflated_frame(ws::text, "garbage") + ws::frame(ws::close, last->payload));
  CHECK(client.at_end());
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] {
    CHECK(record.closes.front().clean);
    CHECK(record.texts.empty());
  });
}

TEST_CASE("deflated: random frames, compressed or not, never disturb the server", "[fuzz]") {
  web_server server{{}, deflating()};
  const auto seed = 20'240'602U;
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int round = 0; round != 300; ++round) {
    auto client = open_deflating(server);
    std::string bytes;
    for (int i = 0; i != 8; ++i) {
      auto body = random() % 4 == 0 ? noise(random, random() % 200) : squeezed(noise(random, random() % 200));
      if (random() % 3 == 0 && !body.empty()) body[random() % body.size()] = static_cast<char>(random());
      const auto op = random() % 8 == 0 ? static_cast<ws::opcode>(random() % 16) : random() % 2 ? ws::text : ws::binary;
      bytes += random() % 4 == 0 ? ws::frame(op, body, random() % 8 != 0) : deflated_frame(op, body, random() % 8 != 0);
    }
    for (std::size_t at = 0; at < bytes.size();) {
      const auto size = std::min<std::size_t>(1 + random() % 400, bytes.size() - at);
      if (!client.send(std::string_view{bytes}.substr(at, size))) break;
      at += size;
    }
    client.close();
  }
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
}

TEST_CASE("inflater: what zlib compressed comes back at any level, and the bound is exact", "[fuzz]") {
  std::mt19937 random{11};
  inflater one;
  for (int round = 0; round != 300; ++round) {
    const auto size = random() % (round % 10 == 0 ? 400'000 : 3'000);
    const auto plain = round % 2 == 0 ? noise(random, size) : flat(size);
    const auto body = squeezed(plain, static_cast<int>(random() % 10), 9 + static_cast<int>(random() % 7));
    CAPTURE(round, size);
    const auto exact = one.inflate(body, size);
    REQUIRE(exact.what == inflater::verdict::whole);
    REQUIRE(exact.bytes == plain);
    if (size != 0) REQUIRE(one.inflate(body, size - 1).what == inflater::verdict::too_big);
  }
}

TEST_CASE("deflated: an idle connection that has agreed on compression keeps what one without it does") {
  if (tests::sanitized) {
    WARN("left out: a sanitizer's heap is not the one that is measured");
    return;
  }
  constexpr int count = 1'000;
  web_server server{{}, deflating()};
  std::vector<raw_socket> clients;
  clients.reserve(count);
  clients.push_back(open_deflating(server));
  const auto exercise = [](raw_socket& client) {
    for (const auto size : std::initializer_list<std::size_t>{3'000, 4, 100}) {
      client.send(message(flat(size)));
      ws::read_frame(client);
    }
  };
  exercise(clients.front());  // the thread's inflater is there
  const auto measure = [&] {
    return server.on_shard([] {
      ::malloc_trim(0);
      return ::mallinfo2().uordblks;
    });
  };
  server.on_shard([&] {
    server.records.reserve(2 * count);
    server.access.reserve(2 * count);
    server.requests.reserve(2 * count);
  });
  const auto before = measure();
  for (int i = 0; i != count; ++i) exercise(clients.emplace_back(open_deflating(server)));
  server.on_shard([&] {
    for (auto& each : server.records) {
      each->texts.clear(), each->texts.shrink_to_fit();
      each->kinds.clear(), each->kinds.shrink_to_fit();
    }
    server.access.clear();
  });
  const auto each = (measure() - before) / count - sizeof(socket_record) - 8;
  WARN("heap of an idle WebSocket with compression: " << each << " bytes");
  CHECK(each <= 1'126);
}

}  // namespace greenroom::runtime
