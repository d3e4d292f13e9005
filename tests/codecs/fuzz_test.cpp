#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "codecs/transcode.hpp"
#include "tests/codecs/seed.hpp"
#include "tests/fuzz/codec_corpus.hpp"
#include "tests/fuzz/codec_targets.hpp"
#include "tests/fuzz/jwt_corpus.hpp"
#include "tests/fuzz/jwt_targets.hpp"
#include "tests/fuzz/mutator.hpp"
#include "tests/fuzz/socketio_corpus.hpp"
#include "tests/fuzz/socketio_targets.hpp"

/// The fuzz targets in the ordinary tests: the corpus as it is, then seeded mutations of it. `./dev fuzz` runs the same
/// targets for longer, led by coverage.
namespace {

namespace fuzz = greenroom::codecs::fuzz;

using namespace greenroom;

constexpr int mutations = 40'000;

std::vector<std::string> json_corpus() { return {std::begin(fuzz::codec_corpus), std::end(fuzz::codec_corpus)}; }

std::vector<std::string> msgpack_corpus() {
  std::vector<std::string> corpus;
  for (const auto json : fuzz::codec_corpus) {
    if (auto packed = codecs::transcode(codecs::format::json, json)) corpus.push_back(std::move(*packed));
  }
  return corpus;
}

void run(const char* name, void (*target)(std::string_view), const std::vector<std::string>& corpus) {
  for (const auto& input : corpus) target(input);
  tests::mutator random{codecs::announced_seed(name), fuzz::codec_tokens};
  for (int i = 0; i < mutations; ++i) target(random.next(corpus));
  SUCCEED(mutations << " inputs without a broken promise");
}

}  // namespace

TEST_CASE("fuzz: text frames break no promise", "[codecs][fuzz]") {
  run("fuzz: json_decode, 40,000 inputs", fuzz::json_decode, json_corpus());
}
TEST_CASE("fuzz: binary frames break no promise", "[codecs][fuzz]") {
  run("fuzz: msgpack_decode, 40,000 inputs", fuzz::msgpack_decode, msgpack_corpus());
}
TEST_CASE("fuzz: what a socket of Phoenix says breaks no promise", "[codecs][fuzz]") {
  run("fuzz: phoenix_decode, 40,000 inputs", fuzz::phoenix_decode,
      {std::begin(fuzz::phoenix_corpus), std::end(fuzz::phoenix_corpus)});
}
TEST_CASE("fuzz: documents cross and come back", "[codecs][fuzz]") {
  run("fuzz: transcode of JSON, 40,000 inputs", fuzz::transcode, json_corpus());
  run("fuzz: transcode of MessagePack, 40,000 inputs", fuzz::transcode, msgpack_corpus());
}
TEST_CASE("fuzz: packets of Socket.IO break no promise", "[codecs][fuzz]") {
  run("fuzz: socketio_decode, 40,000 inputs", fuzz::socketio_decode,
      {std::begin(fuzz::socketio_corpus), std::end(fuzz::socketio_corpus)});
}
TEST_CASE("fuzz: payloads of Engine.IO are written as they were read", "[codecs][fuzz]") {
  run("fuzz: engineio_payload, 40,000 inputs", fuzz::engineio_payload,
      {std::begin(fuzz::engineio_corpus), std::end(fuzz::engineio_corpus)});
}
TEST_CASE("fuzz: only tokens that were signed are accepted", "[codecs][fuzz]") {
  run("fuzz: jwt_verify, 40,000 inputs", fuzz::jwt_verify, fuzz::jwt_corpus());
}
