#include "runtime/websocket.hpp"

#include <catch2/catch.hpp>

#include <random>

#include "tests/support/web_server.hpp"

namespace greenroom::runtime {
namespace {

using namespace tests;

/// The code of the close frame that comes next, and of nothing else.
std::uint16_t closed_with(raw_socket& client) {
  const auto got = ws::read_frame(client);
  return got && got->op == ws::close ? got->code() : std::uint16_t{0};
}

}  // namespace

// --- the handshake ---

TEST_CASE("websocket: a handshake is answered with the accept key and no server version") {
  web_server server;
  raw_socket client{server.address()};
  client.send(ws::handshake("/ws", "Sec-WebSocket-Protocol: other, greenroom.json.1\r\n"));
  const auto answer = client.read_until("\r\n\r\n");
  CHECK(answer.starts_with("HTTP/1.1 101 "));
  CHECK(answer.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);  // RFC 6455, 1.3
  CHECK(answer.find("Sec-WebSocket-Protocol: greenroom.json.1\r\n") != std::string::npos);
  CHECK(answer.find("Server: greenroom\r\n") != std::string::npos);
  CHECK(answer.find("Extensions") == std::string::npos);
}

TEST_CASE("websocket: a handshake that is not quite one is refused") {
  struct row {
    const char* what;
    const char *from, *to;
    const char* answer;
  };
  const auto row = GENERATE(values<struct row>({
      {"another version", "Version: 13", "Version: 8", "HTTP/1.1 426 "},
      {"no version", "Sec-WebSocket-Version: 13", "X: 13", "HTTP/1.1 426 "},
      {"no key", "Sec-WebSocket-Key:", "X-Key:", "HTTP/1.1 400 "},
      {"a short key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j", "HTTP/1.1 400 "},
      {"a key that is not base64", "dGhlIHNhbXBsZSBub25jZQ==", "dGhl!HNhbXBsZSBub25jZQ==", "HTTP/1.1 400 "},
      {"a path without WebSocket", "GET /ws", "GET /no", "HTTP/1.1 404 "},
      {"a body", "Host: test", "Host: test\r\nContent-Length: 3", "HTTP/1.1 400 "},
      {"no Connection: upgrade", "keep-alive, Upgrade", "keep-alive", "HTTP/1.1 426 "},
      {"HTTP/1.0", "HTTP/1.1", "HTTP/1.0", "HTTP/1.1 426 "},
      {"another method", "GET /ws", "POST /ws", "HTTP/1.1 426 "},
      {"HEAD", "GET /ws", "HEAD /ws", "HTTP/1.1 426 "},
      {"no Upgrade", "Upgrade: websocket\r\n", "", "HTTP/1.1 426 "},
      {"another protocol", "Upgrade: websocket", "Upgrade: h2c", "HTTP/1.1 426 "},
      {"a protocol that begins alike", "Upgrade: websocket", "Upgrade: websockets", "HTTP/1.1 426 "},
      {"an empty Upgrade", "Upgrade: websocket", "Upgrade: ", "HTTP/1.1 426 "},
      {"no Connection", "Connection: keep-alive, Upgrade\r\n", "", "HTTP/1.1 426 "},
      {"a Connection that begins alike", "keep-alive, Upgrade", "upgraded", "HTTP/1.1 426 "},
      {"an empty version", "Version: 13", "Version: ", "HTTP/1.1 426 "},
      {"a version with a zero in front", "Version: 13", "Version: 013", "HTTP/1.1 426 "},
      {"a list of versions", "Version: 13", "Version: 13, 8", "HTTP/1.1 426 "},
      {"a version twice", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
       "HTTP/1.1 426 "},
      {"a negative version", "Version: 13", "Version: -13", "HTTP/1.1 426 "},
      {"an empty key", "Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: ", "HTTP/1.1 400 "},
      {"a key of 17 bytes", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZTE=", "HTTP/1.1 400 "},
      {"a key without its padding", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ", "HTTP/1.1 400 "},
      {"a key of another alphabet", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25-_Q==", "HTTP/1.1 400 "},
      {"a key twice", "Host: test", "Host: test\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "HTTP/1.1 400 "},
      {"a chunked body", "Host: test", "Host: test\r\nTransfer-Encoding: chunked", "HTTP/1.1 400 "},
      {"two Hosts", "Host: test", "Host: test\r\nHost: test", "HTTP/1.1 400 "},
      {"no Host", "Host: test\r\n", "", "HTTP/1.1 400 "},
      {"a body of nothing said twice", "Host: test", "Host: test\r\nContent-Length: 0\r\nContent-Length: 0",
       "HTTP/1.1 400 "},
  }));
  CAPTURE(row.what);
  web_server server;
  raw_socket client{server.address()};
  auto asked = ws::handshake();
  asked.replace(asked.find(row.from), std::string_view{row.from}.size(), row.to);
  client.send(asked);
  const auto answer = client.read_until("\r\n\r\n");
  CHECK(answer.substr(0, 13) == row.answer);
  if (answer[9] == '4' && answer[11] == '6') CHECK(answer.find("Sec-WebSocket-Version: 13\r\n") != std::string::npos);
}

TEST_CASE("websocket: what a handshake may have beside the rest does not disturb it") {
  web_server server;
  for (const auto* more :
       {"Content-Length: 0\r\n", "Upgrade: h2c\r\n", "Connection: TE\r\n", "Sec-WebSocket-Protocol: \r\n",
        "Sec-WebSocket-Protocol: , ,, ,\r\n", "Sec-WebSocket-Protocol: greenroom.json.1,greenroom.json.1\r\n",
        "Sec-WebSocket-Protocol: a b c\r\n", "Sec-WebSocket-Protocol: \"quoted\"\r\n", "Sec-WebSocket-Extensions: \r\n",
        "Sec-WebSocket-Extensions: ;;;,,,===\r\n", "Sec-WebSocket-Extensions: permessage-deflate; x=\"\r\n",
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99\r\n",
        "Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "Expect: 100-continue\r\n"}) {
    CAPTURE(more);
    raw_socket client{server.address()};
    client.send(ws::handshake("/ws", more));
    const auto answer = client.read_until("\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 101 "));
    CHECK(answer.find("Sec-WebSocket-Extensions") == std::string::npos);
    client.send(ws::frame(ws::text, "x"));
    CHECK(ws::read_frame(client)->payload == "x");
  }
}

TEST_CASE("websocket: the words of a handshake are read without regard to case") {
  web_server server;
  raw_socket client{server.address()};
  client.send(
      "GET /ws HTTP/1.1\r\nhOST: test\r\nuPGRADE: WebSocket\r\nCONNECTION: UPGRADE\r\n"
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nSEC-WEBSOCKET-VERSION: 13\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
}

TEST_CASE("websocket: a frame sent together with the handshake is heard") {
  web_server server;
  raw_socket client{server.address()};
  client.send(ws::handshake() + ws::frame(ws::text, "early") + ws::frame(ws::text, std::string(5'000, 'x')));
  client.read_until("\r\n\r\n");
  CHECK(ws::read_frame(client)->payload == "early");
  CHECK(ws::read_frame(client)->payload == std::string(5'000, 'x'));
}

TEST_CASE("websocket: a ping sent together with the handshake is answered behind the 101") {
  web_server server;
  for (int i = 0; i != 20; ++i) {
    raw_socket client{server.address()};
    client.send(ws::handshake() + ws::frame(ws::ping, "early") + ws::frame(ws::text, "text"));
    CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    const auto pong = ws::read_frame(client);
    REQUIRE(pong);
    CHECK(pong->op == ws::pong);
    CHECK(pong->payload == "early");
    CHECK(ws::read_frame(client)->payload == "text");
  }
}

// --- messages ---

TEST_CASE("websocket: text and binary messages of every length form arrive whole and in order") {
  web_server server;
  auto client = open_socket(server);
  for (const auto size :
       std::initializer_list<std::size_t>{0, 1, 125, 126, 127, 128, 129, 4'096, 16'384, 20'000, 65'535, 65'536}) {
    CAPTURE(size);
    client.send(ws::frame(ws::binary, std::string(size, '\xff')));
    const auto got = ws::read_frame(client);
    REQUIRE(got);
    CHECK(got->op == ws::binary);
    CHECK(got->payload == std::string(size, '\xff'));
  }
}

TEST_CASE("websocket: a message that arrives byte by byte is one message") {
  web_server server;
  auto client = open_socket(server);
  for (const char c : ws::frame(ws::text, "slowly", false) + ws::frame(ws::continuation, " does it"))
    client.send({&c, 1});
  CHECK(ws::read_frame(client)->payload == "slowly does it");
}

TEST_CASE("websocket: control frames between fragments are answered and do not touch the message") {
  web_server server;
  auto client = open_socket(server);
  client.send(ws::frame(ws::text, "fra", false) + ws::frame(ws::ping, "hello") + ws::frame(ws::pong, "stray") +
              ws::frame(ws::continuation, "gment"));
  CHECK(ws::read_frame(client)->payload == "hello");
  CHECK(ws::read_frame(client)->payload == "fragment");
}

TEST_CASE("websocket: a character may be cut by fragments anywhere") {
  web_server server;
  auto client = open_socket(server);
  const std::string word = "\xce\xba\xe1\xbd\xb9\xcf\x83\xf0\x9f\x98\x80";
  std::string frames = ws::frame(ws::text, "", false);
  for (const char c : word) frames += ws::frame(ws::continuation, {&c, 1}, false);
  client.send(frames + ws::frame(ws::continuation, ""));
  CHECK(ws::read_frame(client)->payload == word);
}

TEST_CASE("websocket: what breaks the protocol is closed with its code and never heard") {
  const auto long_form = [](char length, std::string_view more, std::string_view payload) {
    return std::string{'\x81', length} + std::string{more} + std::string{ws::mask} + ws::masked(payload);
  };
  struct row {
    const char* what;
    std::string bytes;
    std::uint16_t code;
  };
  const std::vector<row> rows{
      {"an unmasked frame", std::string("\x81\x02hi"), 1002},
      {"reserved bit 1", std::string("\xC1") + ws::frame(ws::text, "hi").substr(1), 1002},
      {"reserved bit 2", std::string("\xA1") + ws::frame(ws::text, "hi").substr(1), 1002},
      {"reserved bit 3", std::string("\x91") + ws::frame(ws::text, "hi").substr(1), 1002},
      {"reserved bit on a ping", std::string("\xC9") + ws::frame(ws::ping, "hi").substr(1), 1002},
      {"reserved bit on a continuation",
       ws::frame(ws::text, "a", false) + "\xC0" + ws::frame(ws::continuation, "b").substr(1), 1002},
      {"reserved data opcode 3", ws::frame(static_cast<ws::opcode>(3), "hi"), 1002},
      {"reserved data opcode 7", ws::frame(static_cast<ws::opcode>(7), "hi"), 1002},
      {"reserved control opcode 11", ws::frame(static_cast<ws::opcode>(11), "hi"), 1002},
      {"reserved control opcode 15", ws::frame(static_cast<ws::opcode>(15), "hi"), 1002},
      {"reserved data opcode 4", ws::frame(static_cast<ws::opcode>(4), "hi"), 1002},
      {"reserved data opcode 5", ws::frame(static_cast<ws::opcode>(5), ""), 1002},
      {"reserved data opcode 6", ws::frame(static_cast<ws::opcode>(6), "hi", false), 1002},
      {"reserved control opcode 12", ws::frame(static_cast<ws::opcode>(12), ""), 1002},
      {"reserved control opcode 13", ws::frame(static_cast<ws::opcode>(13), "hi"), 1002},
      {"reserved control opcode 14", ws::frame(static_cast<ws::opcode>(14), "hi", false), 1002},
      {"a reserved opcode within a message",
       ws::frame(ws::text, "a", false) + ws::frame(static_cast<ws::opcode>(3), "b"), 1002},
      {"all reserved bits", std::string("\xF1") + ws::frame(ws::text, "hi").substr(1), 1002},
      {"a reserved bit on a pong", std::string("\xAA") + ws::frame(ws::pong, "hi").substr(1), 1002},
      {"a reserved bit on a close frame", std::string("\x98") + ws::frame(ws::close, ws::close_payload(1000)).substr(1),
       1002},
      {"an unmasked ping", std::string("\x89\x02hi"), 1002},
      {"an unmasked close frame", std::string("\x88\x02\x03\xe8"), 1002},
      {"an unmasked continuation",
       ws::frame(ws::text, "a", false) + std::string("\x80\x01"
                                                     "b"),
       1002},
      {"an unmasked empty frame", std::string("\x81\x00", 2), 1002},
      {"a fragmented pong", ws::frame(ws::pong, "hi", false), 1002},
      {"a pong of 126 bytes", ws::frame(ws::pong, std::string(126, 'p')), 1002},
      {"a ping of 64 KiB", ws::frame(ws::ping, std::string(65'536, 'p')), 1002},
      {"a close frame of 126 bytes", ws::frame(ws::close, ws::close_payload(1000, std::string(124, 'r'))), 1002},
      {"a continuation of nothing that goes on", ws::frame(ws::continuation, "hi", false), 1002},
      {"binary within a fragmented text", ws::frame(ws::text, "a", false) + ws::frame(ws::binary, "b"), 1002},
      {"a fragmented message within one", ws::frame(ws::text, "a", false) + ws::frame(ws::text, "b", false), 1002},
      {"a 16 bit length of 125", long_form('\xFE', std::string("\0\x7d", 2), std::string(125, 'x')), 1002},
      {"a 16 bit length of nothing", long_form('\xFE', std::string("\0\0", 2), ""), 1002},
      {"a 64 bit length of 65535", long_form('\xFF', std::string("\0\0\0\0\0\0\xff\xff", 8), std::string(65'535, 'x')),
       1002},
      {"a 64 bit length of 2^63 and a little", long_form('\xFF', std::string("\x80\0\0\0\0\0\0\x05", 8), "hello"),
       1009},
      {"a 64 bit length of all ones", long_form('\xFF', std::string(8, '\xff'), "hi"), 1009},
      {"a 64 bit length of 2^63 - 1", long_form('\xFF', "\x7f" + std::string(7, '\xff'), "hi"), 1009},
      {"fragments whose sum passes 64 bits",
       ws::frame(ws::binary, "x", false) + std::string("\x80\xFF\x7f\xff\xff\xff\xff\xff\xff\xff", 10) +
           std::string{ws::mask},
       1009},
      {"UTF-8 of five bytes", ws::frame(ws::text, "\xf8\x88\x80\x80\x80"), 1007},
      {"a lone continuation byte", ws::frame(ws::text, "a\x80"), 1007},
      {"an overlong NUL", ws::frame(ws::text, std::string("\xc0\x80", 2)), 1007},
      {"bad UTF-8 behind a good message's length of it", ws::frame(ws::text, std::string(5'000, 'a') + "\xfe"), 1007},
      {"a surrogate split by fragments", ws::frame(ws::text, "\xed", false) + ws::frame(ws::continuation, "\xa0\x80"),
       1007},
      {"four bytes split thrice, the last one bad",
       ws::frame(ws::text, "\xf4", false) + ws::frame(ws::continuation, "\x8f", false) +
           ws::frame(ws::continuation, "\xbf", false) + ws::frame(ws::continuation, "\xc0"),
       1007},
      {"a close reason that ends within a character", ws::frame(ws::close, ws::close_payload(1000, "ok \xe2\x82")),
       1002},
      {"a close reason with a surrogate", ws::frame(ws::close, ws::close_payload(1000, "\xed\xa0\x80")), 1002},
      {"a fragmented ping", ws::frame(ws::ping, "hi", false), 1002},
      {"a fragmented close", ws::frame(ws::close, ws::close_payload(1000), false), 1002},
      {"a ping of 126 bytes", ws::frame(ws::ping, std::string(126, 'p')), 1002},
      {"a continuation of nothing", ws::frame(ws::continuation, "hi"), 1002},
      {"a final continuation twice",
       ws::frame(ws::text, "a", false) + ws::frame(ws::continuation, "b") + ws::frame(ws::continuation, "c"), 1002},
      {"a new message within a fragmented one", ws::frame(ws::text, "a", false) + ws::frame(ws::text, "b"), 1002},
      {"a 16 bit length that fits 7", long_form('\xFE', std::string("\0\x02", 2), "hi"), 1002},
      {"a 64 bit length that fits 16", long_form('\xFF', std::string("\0\0\0\0\0\0\0\x02", 8), "hi"), 1002},
      {"a 64 bit length with the top bit", long_form('\xFF', std::string("\x80\0\0\0\0\0\0\0", 8), "hi"), 1009},
      {"a message over the limit", ws::frame(ws::binary, std::string(65'537, 'x')), 1009},
      {"fragments over the limit",
       ws::frame(ws::binary, std::string(40'000, 'x'), false) + ws::frame(ws::continuation, std::string(40'000, 'x')),
       1009},
      {"text that is not UTF-8", ws::frame(ws::text, "\xff"), 1007},
      {"an overlong form", ws::frame(ws::text, "\xc0\xaf"), 1007},
      {"a surrogate", ws::frame(ws::text, "\xed\xa0\x80"), 1007},
      {"beyond U+10FFFF", ws::frame(ws::text, "\xf4\x90\x80\x80"), 1007},
      {"text that ends within a character", ws::frame(ws::text, "\xe2\x82"), 1007},
      {"bad UTF-8 across fragments", ws::frame(ws::text, "\xe2", false) + ws::frame(ws::continuation, "x"), 1007},
      {"a character cut off by an empty fragment",
       ws::frame(ws::text, "\xe2\x82", false) + ws::frame(ws::continuation, ""), 1007},
      {"four bytes cut off by an empty fragment",
       ws::frame(ws::text, "\xf0\x9f\x98", false) + ws::frame(ws::continuation, ""), 1007},
      {"a close frame of one byte", ws::frame(ws::close, "\x03"), 1002},
      {"a close reason that is not UTF-8", ws::frame(ws::close, ws::close_payload(1000, "\xff")), 1002},
  };
  web_server server;
  for (const auto& row : rows) {
    CAPTURE(row.what);
    auto client = open_socket(server);
    auto& record = server.newest();
    client.send(row.bytes);
    if (std::string_view{row.what} == "a final continuation twice") CHECK(ws::read_frame(client)->payload == "ab");
    const auto said = ws::read_frame(client);
    REQUIRE(said);
    CHECK(said->op == ws::close);
    CHECK(said->code() == row.code);
    CHECK(said->reason() == (row.code == 1002 ? "protocol_error" : row.code == 1007 ? "bad_utf8" : "too_big"));
    CHECK(client.at_end());
    CHECK_FALSE(client.was_reset());
    CHECK(server.eventually([&] { return record.closes.size() == 1; }));
    server.on_shard([&] {
      CHECK(record.closes.front().code == row.code);
      CHECK_FALSE(record.closes.front().clean);
      if (std::string_view{row.what} != "a final continuation twice") CHECK(record.texts.empty());
    });
  }
}

TEST_CASE("websocket: close codes that must not be sent are a protocol error, others are echoed") {
  web_server server;
  for (const int code : {0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999, 5000, 65'535}) {
    CAPTURE(code);
    auto client = open_socket(server);
    client.send(ws::frame(ws::close, ws::close_payload(static_cast<std::uint16_t>(code))));
    CHECK(closed_with(client) == 1002);
  }
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999}) {
    CAPTURE(code);
    auto client = open_socket(server);
    auto& record = server.newest();
    client.send(ws::frame(ws::close, ws::close_payload(static_cast<std::uint16_t>(code), "why")));
    CHECK(closed_with(client) == code);
    CHECK(client.at_end());
    CHECK(server.eventually([&] { return record.closes.size() == 1; }));
    server.on_shard([&] {
      CHECK(record.closes.front().code == code);
      CHECK(record.closes.front().reason == "why");
      CHECK(record.closes.front().clean);
    });
  }
}

TEST_CASE("websocket: a close frame without a code is reported as 1005") {
  web_server server;
  auto client = open_socket(server);
  auto& record = server.newest();
  client.send(ws::frame(ws::close, ""));
  CHECK(ws::read_frame(client)->op == ws::close);
  CHECK(server.eventually([&] { return record.closes.size() == 1; }));
  server.on_shard([&] { CHECK(record.closes.front().code == close_code::no_status); });
}

TEST_CASE("websocket: what comes behind a close frame is never heard") {
  web_server server;
  for (const auto& after : {ws::frame(ws::text, "late"), ws::frame(ws::ping, "late"),
                            ws::frame(ws::close, ws::close_payload(1001)), std::string("\xff\xff\xff\xff"),
                            ws::frame(ws::text, std::string(100'000, 'x')), std::string("GET / HTTP/1.1\r\n\r\n")}) {
    auto client = open_socket(server);
    auto& record = server.newest();
    client.send(ws::frame(ws::close, ws::close_payload(1000, "bye")) + after);
    CHECK(closed_with(client) == 1000);
    CHECK(client.read_to_end().empty());
    CHECK(client.ended());
    CHECK(server.eventually([&] { return record.closes.size() == 1; }));
    server.on_shard([&] {
      CHECK(record.texts.empty());
      CHECK(record.closes.front().reason == "bye");
    });
  }
}

TEST_CASE("websocket: what comes behind a broken frame, or after the node said goodbye, is never heard") {
  web_server server;
  auto broken = open_socket(server);
  auto& first = server.newest();
  broken.send(std::string("\x81\x02hi") + ws::frame(ws::text, "late"));
  CHECK(closed_with(broken) == 1002);
  CHECK(broken.at_end());
  server.on_shard([&] { CHECK(first.texts.empty()); });

  auto left = open_socket(server);
  auto& second = server.newest();
  server.on_shard([&] { second.wire->close(1000, "closed"); });
  left.send(ws::frame(ws::text, "late") + ws::frame(ws::close, ws::close_payload(1000)));
  CHECK(closed_with(left) == 1000);
  CHECK(left.at_end());
  server.on_shard([&] { CHECK(second.texts.empty()); });
}

// --- fragments ---

TEST_CASE("websocket: 128 fragments are a message, 129 are too many, whether empty or not") {
  web_server server;
  const auto fragments = [](std::size_t count, std::string_view each) {
    std::string all = ws::frame(ws::text, each, false);
    for (std::size_t i = 2; i < count; ++i) all += ws::frame(ws::continuation, each, false);
    return all + ws::frame(ws::continuation, each, true);
  };
  auto client = open_socket(server);
  client.send(fragments(128, "x") + fragments(128, ""));
  CHECK(ws::read_frame(client)->payload == std::string(128, 'x'));
  CHECK(ws::read_frame(client)->payload.empty());
  client.send(fragments(129, "x"));
  CHECK(closed_with(client) == 1009);

  auto endless = open_socket(server);
  auto& record = server.newest();
  std::string empties = ws::frame(ws::text, "", false);
  for (int i = 0; i != 10'000; ++i) empties += ws::frame(ws::continuation, "", false);
  endless.send(empties);
  CHECK(closed_with(endless) == 1009);
  CHECK(endless.at_end());
  server.on_shard([&] {
    REQUIRE(record.closes.size() == 1);
    CHECK(record.closes.front().reason == "too_big");
  });
}

TEST_CASE("websocket: random frames in random pieces never disturb the server", "[fuzz]") {
  web_server server;
  const auto seed = 20'240'517U;
  CAPTURE(seed);
  std::mt19937 random{seed};
  for (int round = 0; round != 300; ++round) {
    auto client = open_socket(server);
    std::string bytes;
    for (int i = 0; i != 8; ++i) {
      auto frame = ws::frame(static_cast<ws::opcode>(random() % 16),
                             std::string(random() % 200, static_cast<char>(random())), random() % 3 != 0);
      if (random() % 4 == 0) frame[random() % std::min<std::size_t>(frame.size(), 8)] = static_cast<char>(random());
      bytes += frame;
    }
    for (std::size_t at = 0; at < bytes.size();) {
      const auto size = std::min<std::size_t>(1 + random() % 400, bytes.size() - at);
      if (!client.send(std::string_view{bytes}.substr(at, size))) break;
      at += size;
    }
    client.close();
  }
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
  CHECK(server.on_shard([&] {
    return std::all_of(server.records.begin(), server.records.end(), [](auto& r) { return r->closes.size() == 1; });
  }));
}

}  // namespace greenroom::runtime
