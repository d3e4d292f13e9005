// Reading what clients send, and writing what they are sent, in each protocol.
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "codecs/codec.hpp"
#include "codecs/document.hpp"
#include "codecs/phoenix.hpp"
#include "codecs/socketio.hpp"
#include "codecs/transcode.hpp"
#include "tests/bench/micro.hpp"

namespace greenroom::bench {
namespace {

using namespace codecs;

/// Counts the calls, and forgets them.
struct deaf final : sink {
  void on_call(reply_ref ref, call what) override {
    ++calls;
    last = std::move(ref);
    benchmark::DoNotOptimize(what);
  }
  void on_bad_call(reply_ref, error why) override { throw std::logic_error{"a bad call: " + why.message}; }
  void on_settled(reply_ref, outcome) override { throw std::logic_error{"it was settled"}; }
  void on_answer(std::string, outcome) override {}
  void on_batch_begin(format) override {}
  void on_batch_end() override {}

  std::int64_t calls = 0;
  reply_ref last;
};

std::string packed(std::string_view json) { return transcode(format::json, json).value(); }

std::string publish_json() {
  return R"({"jsonrpc":"2.0","id":1,"method":"room.publish","params":{"room":"lobby","event":"say","payload":)" +
         payload_128() + "}}";
}

// --- documents

void read_document(benchmark::State& state, format in, const std::string& bytes) {
  document doc;
  counted run{state};
  for (auto _ : state)
    if (doc.read(in, bytes)) state.SkipWithError("it is no document");
}
BENCHMARK_CAPTURE(read_document, json, format::json, publish_json())->Name("decode/document/json");
BENCHMARK_CAPTURE(read_document, msgpack, format::msgpack, packed(publish_json()))->Name("decode/document/msgpack");

// --- calls

std::unique_ptr<dialogue> socketio() {
  socketio_options how;
  how.to.nsp = "/";
  how.pushes = *socketio_codec(encoding::socketio, "/", offsets::left_out);
  auto talk = make_socketio_dialogue(std::move(how));
  deaf to;
  talk->decode(frame_kind::text, "0", to);
  talk->encode_reply(to.last, result{results::session_opened{"s1", "ann", "r1", true, {}, {}, {}, {}, 0}},
                     framing::websocket);
  return talk;
}

std::unique_ptr<dialogue> phoenix() {
  auto talk = make_phoenix_dialogue(std::make_shared<const phoenix_options>());
  deaf to;
  talk->decode(frame_kind::text, R"(["1","1","lobby","phx_join",{}])", to);
  talk->encode_reply(
      to.last,
      result{results::joined{
          .room = "lobby", .epoch = "abcdefgh", .seq = 0, .members = 1, .recovered = {}, .reason = {}, .missed = {}}},
      framing::websocket);
  return talk;
}

void read_call(benchmark::State& state, std::unique_ptr<dialogue> (*make)(), frame_kind kind,
               const std::string& input) {
  const auto talk = make();
  deaf to;
  {
    counted run{state};
    for (auto _ : state) talk->decode(kind, input, to);
  }
  if (to.calls != static_cast<std::int64_t>(state.iterations())) state.SkipWithError("it is no call");
}

std::unique_ptr<dialogue> native() { return make_native_dialogue(codec_id::native_json); }

BENCHMARK_CAPTURE(read_call, json, native, frame_kind::text, publish_json())->Name("decode/publish/json-rpc");
BENCHMARK_CAPTURE(read_call, msgpack, native, frame_kind::binary, packed(publish_json()))
    ->Name("decode/publish/json-rpc-msgpack");
BENCHMARK_CAPTURE(read_call, socketio, socketio, frame_kind::text,
                  R"(27["room.publish",{"room":"lobby","event":"say","payload":)" + payload_128() + "}]")
    ->Name("decode/publish/socketio");
BENCHMARK_CAPTURE(read_call, phoenix, phoenix, frame_kind::text, R"(["1","2","lobby","say",)" + payload_128() + ']')
    ->Name("decode/publish/phoenix");

// --- broadcasts

envelope message() {
  return {.room = "lobby",
          .epoch = "abcdefgh",
          .seq = 12'345,
          .id = "0190a2b4-1c2d-7e3f-8a4b-5c6d7e8f9a0b",
          .event = "say",
          .from = "ann",
          .at_ms = 1'767'225'600'000,
          .body = std::make_shared<payload>(format::json, payload_128())};
}

void write_broadcast(benchmark::State& state, codec_id id) {
  const auto what = message();
  const auto& how = codec_of(id);
  std::string out;
  how.encode_broadcast(what, out);
  counted run{state};
  for (auto _ : state) {
    out.clear();
    how.encode_broadcast(what, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK_CAPTURE(write_broadcast, json, codec_id::native_json)->Name("encode/broadcast/json");
BENCHMARK_CAPTURE(write_broadcast, msgpack, codec_id::native_msgpack)->Name("encode/broadcast/msgpack");
BENCHMARK_CAPTURE(write_broadcast, socketio, *socketio_codec(encoding::socketio, "/", offsets::left_out))
    ->Name("encode/broadcast/socketio");
BENCHMARK_CAPTURE(write_broadcast, phoenix, codec_id::phoenix)->Name("encode/broadcast/phoenix");

// --- answers

void write_answer(benchmark::State& state, std::unique_ptr<dialogue> (*make)(), frame_kind kind,
                  const std::string& call) {
  const auto talk = make();
  deaf to;
  talk->decode(kind, call, to);
  const outcome what = result{results::published{.id = message().id, .epoch = "abcdefgh", .seq = 12'345}};
  counted run{state};
  for (auto _ : state) benchmark::DoNotOptimize(talk->encode_reply(to.last, what, framing::websocket));
}
BENCHMARK_CAPTURE(write_answer, json, native, frame_kind::text, publish_json())->Name("encode/answer/json");
BENCHMARK_CAPTURE(write_answer, msgpack, native, frame_kind::binary, packed(publish_json()))
    ->Name("encode/answer/msgpack");
BENCHMARK_CAPTURE(write_answer, socketio, socketio, frame_kind::text,
                  R"(27["room.publish",{"room":"lobby","event":"say","payload":{}}])")
    ->Name("encode/answer/socketio");
BENCHMARK_CAPTURE(write_answer, phoenix, phoenix, frame_kind::text, R"(["1","2","lobby","say",{}])")
    ->Name("encode/answer/phoenix");

}  // namespace
}  // namespace greenroom::bench
