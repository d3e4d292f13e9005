#include <catch2/catch.hpp>

#include "tests/codecs/seed.hpp"
#include "tests/fuzz/codec_targets.hpp"
#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/jwt_targets.hpp"
#include "tests/fuzz/mutator.hpp"
#include "tests/fuzz/socketio_targets.hpp"
#include "tests/fuzz/tokens.hpp"

/// The fuzz targets in the ordinary tests: the corpus as it is, then seeded mutations of it. `./dev fuzz` runs the same
/// targets for longer, led by coverage.
namespace {

namespace fuzz = greenroom::codecs::fuzz;

constexpr int mutations = 40'000;

void run(const std::string& name, void (*target)(std::string_view), std::vector<std::string> corpus) {
  for (const auto& input : corpus) target(input);
  const auto seed = greenroom::codecs::announced_seed(("fuzz: " + name + ", 40,000 inputs").c_str());
  greenroom::fuzz::mutator random{seed, fuzz::codec_tokens};
  for (int i = 0; i < mutations; ++i) target(random.next(corpus));
  SUCCEED(mutations << " inputs without a broken promise");
}

void run(const std::string& name, void (*target)(std::string_view)) {
  run(name, target, greenroom::fuzz::corpus(name));
}

}  // namespace

TEST_CASE("fuzz: text frames break no promise", "[codecs][fuzz]") { run("json_decode", fuzz::json_decode); }
TEST_CASE("fuzz: binary frames break no promise", "[codecs][fuzz]") { run("msgpack_decode", fuzz::msgpack_decode); }
TEST_CASE("fuzz: what a socket of Phoenix says breaks no promise", "[codecs][fuzz]") {
  run("phoenix_decode", fuzz::phoenix_decode);
}
TEST_CASE("fuzz: documents cross and come back", "[codecs][fuzz]") { run("transcode", fuzz::transcode); }
TEST_CASE("fuzz: packets of Socket.IO break no promise", "[codecs][fuzz]") {
  run("socketio_decode", fuzz::socketio_decode);
}
TEST_CASE("fuzz: payloads of Engine.IO are written as they were read", "[codecs][fuzz]") {
  run("engineio_payload", fuzz::engineio_payload);
}
TEST_CASE("fuzz: only tokens that were signed are accepted", "[codecs][fuzz]") {
  auto all = greenroom::fuzz::corpus("jwt_verify");
  const auto& tokens = fuzz::signed_tokens();
  all.insert(all.end(), tokens.begin(), tokens.end());
  run("jwt_verify", fuzz::jwt_verify, std::move(all));
}
