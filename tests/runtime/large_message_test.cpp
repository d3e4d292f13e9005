// The largest message that a connection can be set to take, in the most frames, plain and compressed.
#include <catch2/catch.hpp>

#include <random>

#include "tests/support/raw_deflate.hpp"
#include "tests/support/web_server.hpp"

namespace greenroom::runtime {
namespace {

using namespace tests;

constexpr std::size_t bytes_max = 16U << 20, fragments_max = 65'536;

websocket_options largest() {
  websocket_options how;
  how.message_bytes_max = bytes_max;
  how.fragments_max = fragments_max;
  how.deflate_window_bits = 15;
  return how;
}

/// Words at random, the first of them of two bytes a character: compressible, and text.
std::string words(std::size_t size) {
  std::mt19937 random{16};
  std::string all = "\xc3\xa9\xc3\xa8";
  all.reserve(size);
  while (all.size() < size) {
    for (auto length = 2 + random() % 9; length != 0 && all.size() < size; --length)
      all += static_cast<char>('a' + random() % 7);
    if (all.size() < size) all += ' ';
  }
  return all;
}

/// `payload` as that many frames of as equal a size as may be; the first byte of the first one has `bits` added.
std::string fragmented(std::string_view payload, std::size_t count, char bits = 0) {
  std::string frames;
  frames.reserve(payload.size() + 16 * count);
  for (std::size_t i = 0; i != count; ++i) {
    const auto from = payload.size() * i / count, to = payload.size() * (i + 1) / count;
    frames += ws::frame(i == 0 ? ws::text : ws::continuation, payload.substr(from, to - from), i + 1 == count);
  }
  frames[0] = static_cast<char>(frames[0] | bits);
  return frames;
}

constexpr char rsv1 = 0x40;

struct large_fixture {
  large_fixture() { server.echo = false; }
  raw_socket open() {
    raw_socket client{server.address()};
    client.send(ws::handshake("/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    client.read_until("\r\n\r\n");
    return client;
  }
  bool hears(const std::string& plain) {
    auto& record = server.newest();
    return server.eventually([&] { return record.texts.size() == 1 && record.texts.front() == plain; });
  }
  std::uint16_t refused(const std::string& frames) {
    auto client = open();
    client.send(frames);  // maybe not all of it: the socket closes
    const auto said = ws::read_frame(client);
    return said && said->op == ws::close ? said->code() : std::uint16_t{0};
  }
  web_server server{{}, largest()};
};

}  // namespace

TEST_CASE_METHOD(large_fixture,
                 "large message: 16 MiB in one frame or in 65,536 arrive, one byte or one frame more does not") {
  const auto most = words(bytes_max);
  for (const std::size_t frames : {std::size_t{1}, fragments_max}) {
    CAPTURE(frames);
    auto client = open();
    CHECK(client.send(fragmented(most, frames)));
    CHECK(hears(most));
    client.send(ws::frame(ws::ping, "still here"));
    CHECK(ws::read_frame(client)->payload == "still here");
  }
  CHECK(refused(fragmented(most + 'x', 64)) == close_code::too_big);
  CHECK(refused(fragmented(most, fragments_max + 1)) == close_code::too_big);
}

TEST_CASE_METHOD(large_fixture, "large message: the same holds for what a compressed one inflates to") {
  const auto most = words(bytes_max);
  const auto body = squeezed(most, 1);
  REQUIRE(body.size() < bytes_max / 2);
  for (const std::size_t frames : {std::size_t{1}, fragments_max}) {
    CAPTURE(frames);
    auto client = open();
    CHECK(client.send(fragmented(body, frames, rsv1)));
    CHECK(hears(most));
    client.send(ws::frame(ws::ping, "still here"));
    CHECK(ws::read_frame(client)->payload == "still here");
  }
  CHECK(refused(fragmented(squeezed(most + 'x', 1), 64, rsv1)) == close_code::too_big);
  CHECK(refused(fragmented(body, fragments_max + 1, rsv1)) == close_code::too_big);
  std::mt19937 random{17};
  std::string noise(bytes_max, '\0');  // does not become smaller: what is sent is larger than what it says
  for (char& c : noise) c = static_cast<char>(random() & 0x7f);
  const auto stored = squeezed(noise, 0);
  REQUIRE(stored.size() > bytes_max);
  auto client = open();
  CHECK(client.send(fragmented(stored, fragments_max, rsv1)));
  CHECK(hears(noise));
}

}  // namespace greenroom::runtime
