#include "codecs/engineio.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "codecs/websocket_frame.hpp"

using namespace greenroom::codecs;
using namespace std::string_literals;

namespace {

std::string body_of(const std::string& frame) {
  std::string_view left = frame;
  return std::string{take_frame(left).body};
}

}  // namespace

TEST_CASE("engine.io: a payload is packets between 0x1e, binary ones as b and base64", "[codecs][engineio]") {
  // What engine.io-parser writes for: open "x", message "hé", message 01 02 03 04, ping.
  const auto packets = read_engineio_payload("0x\x1e"s + "4h\xc3\xa9\x1e" + "bAQIDBA==\x1e" + "2");
  REQUIRE(packets.has_value());
  REQUIRE(packets->size() == 4);
  CHECK((*packets)[0].type == engineio_type::open);
  CHECK((*packets)[0].data == "x");
  CHECK((*packets)[1].type == engineio_type::message);
  CHECK((*packets)[1].data == "h\xc3\xa9");
  CHECK((*packets)[2].kind == frame_kind::binary);
  CHECK((*packets)[2].data == "\x01\x02\x03\x04");
  CHECK((*packets)[3].type == engineio_type::ping);
  CHECK((*packets)[3].data.empty());
}

TEST_CASE("engine.io: a payload with one record that is no packet is none", "[codecs][engineio]") {
  const auto refused =
      GENERATE(as<std::string>{}, "", "abc", "7", "4a\x1e", "\x1e", "4a\x1e\x1e", "b", "bAQIDBA", "b@@@@", "4\xff",
               "4a\x1e"
               "9");
  if (refused == "b")
    CHECK(read_engineio_payload(refused)->front().data.empty());  // no bytes are bytes, too
  else
    CHECK_FALSE(read_engineio_payload(refused).has_value());
}

TEST_CASE("engine.io: a payload has at most so many packets", "[codecs][engineio]") {
  CHECK(read_engineio_payload("2\x1e"
                              "2\x1e"
                              "2",
                              3)
            ->size() == 3);
  CHECK_FALSE(read_engineio_payload("2\x1e"
                                    "2\x1e"
                                    "2\x1e"
                                    "2",
                                    3)
                  .has_value());
}

TEST_CASE("engine.io: frames become the records of a payload until it is full", "[codecs][engineio]") {
  engineio_payload_writer body{16};
  CHECK(body.empty());
  CHECK(body.add(frame_kind::text, "4hello"));
  CHECK(body.add(frame_kind::binary, "\x01\x02\x03\x04"));
  CHECK_FALSE(body.add(frame_kind::text, "2"));  // 6 + 1 + 9 are there
  CHECK(body.take() ==
        "4hello\x1e"
        "bAQIDBA==");
}

TEST_CASE("engine.io: the first packet leaves whatever its size", "[codecs][engineio]") {
  engineio_payload_writer body{4};
  CHECK(body.add(frame_kind::text, "4longer"));
  CHECK_FALSE(body.add(frame_kind::text, "2"));
  CHECK(body.take() == "4longer");
}

TEST_CASE("engine.io: the golden bytes of the handshake, of packets and of refusals", "[codecs][engineio]") {
  CHECK(engineio_open({.sid = "s-1",
                       .upgrades = true,
                       .ping_interval_ms = 300,
                       .ping_timeout_ms = 200,
                       .max_payload = 1'000'000}) ==
        R"(0{"sid":"s-1","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000})");
  CHECK(engineio_open({.sid = "s-1"}) ==
        R"(0{"sid":"s-1","upgrades":[],"pingInterval":0,"pingTimeout":0,"maxPayload":0})");
  CHECK(engineio_frame(engineio_type::ping) ==
        "\x81\x01"
        "2");
  CHECK(engineio_frame(engineio_type::pong, "probe") ==
        "\x81\x06"
        "3probe");
  CHECK(engineio_frame(engineio_type::close) ==
        "\x81\x01"
        "1");
  CHECK(engineio_frame(engineio_type::noop) ==
        "\x81\x01"
        "6");
  CHECK(engineio_message(frame_kind::text, "hi") ==
        "\x81\x03"
        "4hi");
  CHECK(engineio_message(frame_kind::binary, "hi") ==
        "\x82\x02"
        "hi");
  CHECK(body_of(engineio_message(frame_kind::binary, std::string(70'000, 'x'))).size() == 70'000);

  CHECK(engineio_refusal_document(engineio_refusal::unknown_transport) ==
        R"({"code":0,"message":"Transport unknown"})");
  CHECK(engineio_refusal_document(engineio_refusal::unknown_sid) == R"({"code":1,"message":"Session ID unknown"})");
  CHECK(engineio_refusal_document(engineio_refusal::bad_handshake_method) ==
        R"({"code":2,"message":"Bad handshake method"})");
  CHECK(engineio_refusal_document(engineio_refusal::bad_request) == R"({"code":3,"message":"Bad request"})");
  CHECK(engineio_refusal_document(engineio_refusal::forbidden) == R"({"code":4,"message":"Forbidden"})");
  CHECK(engineio_refusal_document(engineio_refusal::unsupported_version) ==
        R"({"code":5,"message":"Unsupported protocol version"})");
}
