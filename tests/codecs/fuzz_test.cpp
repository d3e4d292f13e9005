#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "codecs/transcode.hpp"
#include "tests/codecs/seed.hpp"
#include "tests/fuzz/codec_corpus.hpp"
#include "tests/fuzz/codec_targets.hpp"
#include "tests/fuzz/socketio_corpus.hpp"
#include "tests/fuzz/socketio_targets.hpp"

/// The fuzz targets in the ordinary tests: the corpus as it is, then seeded mutations of it. `./dev fuzz` runs the same
/// targets for longer, led by coverage.
namespace {

namespace fuzz = greenroom::codecs::fuzz;

using namespace greenroom;

constexpr int mutations = 40'000;
constexpr std::size_t input_bytes_max = 4096;

class mutator {
 public:
  explicit mutator(std::uint64_t seed) : random_{seed} {}

  std::string next(const std::vector<std::string>& corpus) {
    auto input = corpus[below(corpus.size())];
    for (auto steps = 1 + below(4); steps > 0; --steps) step(input, corpus);
    input.resize(std::min(input.size(), input_bytes_max));
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

  void step(std::string& input, const std::vector<std::string>& corpus) {
    const auto at = below(input.size() + 1);
    const auto length = below(std::min<std::size_t>(input.size() - at, 16) + 1);
    switch (below(7)) {
      case 0: input.insert(at, fuzz::codec_tokens[below(std::size(fuzz::codec_tokens))]); break;
      case 1: input.erase(at, length); break;
      case 2: input.insert(at, input.substr(at, length)); break;
      case 3: input.insert(at, 1, static_cast<char>(random_())); break;
      case 4: input.resize(at); break;
      case 5: {  // the end of another
        const auto& from = corpus[below(corpus.size())];
        input = input.substr(0, at) + from.substr(below(from.size() + 1));
        break;
      }
      default:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
    }
  }

  std::mt19937_64 random_;
};

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
  mutator random{codecs::announced_seed(name)};
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
