#include "codecs/bare_dialogue.hpp"

#include <catch2/catch.hpp>

#include "codecs/fields.hpp"
#include "tests/codecs/recorder.hpp"

namespace greenroom::codecs {
namespace {

using namespace std::literals;

outcome answer(std::string_view json, payload_shape shape = payload_shape::single) {
  return result{results::document{json_document(json), shape}};
}

}  // namespace

TEST_CASE("bare: a message is the one argument of an event of its channel", "[codecs][bare]") {
  const auto bare = make_bare_dialogue("echo");
  recorder to;
  CHECK(bare->decode(frame_kind::text, "h\xc3\xa9", to).go_on);
  CHECK(bare->decode(frame_kind::binary, "\0\1"sv, to).go_on);
  REQUIRE(to.calls.size() == 2);
  const auto& first = std::get<calls::channel_event>(to.calls[0]);
  CHECK(first.channel == "echo");
  CHECK(first.event == "message");
  CHECK(first.params->as(format::json) == "[\"h\xc3\xa9\"]");
  const auto& second = std::get<calls::channel_event>(to.calls[1]);
  CHECK(second.params->as(format::json) == R"([{"$bytes":"AAE="}])");
}

TEST_CASE("bare: an answer is a message, a list of arguments one for each", "[codecs][bare]") {
  const auto bare = make_bare_dialogue("echo");
  const auto said = [&](const outcome& what) { return bare->encode_reply({.id = "x"}, what, framing::websocket); };
  CHECK(said(answer("\"hi\"")) ==
        "\x81\x02"  // FIN, text; 2 bytes
        "hi");
  CHECK(said(answer(R"({"$bytes":"AAE="})")) ==
        "\x82\x02"  // FIN, binary; 2 bytes
        "\0\1"s);
  CHECK(said(answer("[1,2]")) ==
        "\x81\x05"  // any other document: its JSON
        "[1,2]");
  CHECK(said(answer(R"(["a","b"])", payload_shape::arguments)) ==
        "\x81\x01"
        "a"
        "\x81\x01"
        "b");
}

TEST_CASE("bare: what has no document says nothing", "[codecs][bare]") {
  const auto bare = make_bare_dialogue("echo");
  const auto said = [&](const outcome& what) { return bare->encode_reply({.id = "x"}, what, framing::websocket); };
  CHECK(said(result{results::nothing{}}).empty());
  CHECK(said(result{results::unanswered{}}).empty());
  CHECK(said(make_error(error_code::internal)).empty());
  CHECK(bare->encode_push(pushes::notification{.method = "tick", .params = nullptr}).empty());
  CHECK(bare->encode_push(pushes::session_notice{"draining", ""}).empty());
}

TEST_CASE("bare: a push of the event `message` is its arguments, and a room's message its payload", "[codecs][bare]") {
  const auto bare = make_bare_dialogue("echo");
  CHECK(bare->encode_push(pushes::notification{.method = "message", .params = json_document(R"(["hi"])")}) ==
        "\x81\x02hi");
  envelope message;
  message.body = json_document("\"yo\"");
  std::string out;
  codec_of(codec_id::bare).encode_broadcast(message, out);
  CHECK(out == "\x81\x02yo");
}

TEST_CASE("codec table: ids say how they write, and a full one gives none", "[codecs]") {
  CHECK(encoding_of(codec_id::phoenix_positions) == encoding::phoenix);
  CHECK(codec_of(codec_id::phoenix_positions).id() == codec_id::phoenix_positions);
  CHECK(codec_of(codec_id::bare).id() == codec_id::bare);
  CHECK(name_of(encoding::socketio_msgpack) == "socketio-msgpack");
}

}  // namespace greenroom::codecs
