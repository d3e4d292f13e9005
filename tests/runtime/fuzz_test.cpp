#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/edge_corpus.hpp"
#include "tests/fuzz/edge_host.hpp"
#include "tests/fuzz/edge_targets.hpp"
#include "tests/fuzz/mutator.hpp"

/// The fuzz targets of the edge in the ordinary tests: the corpus as it is, then seeded mutations of it. `./dev fuzz` runs
/// the same targets for longer, led by coverage.
namespace greenroom::runtime {
namespace {

/// A new seed for each run, printed; GREENROOM_TEST_SEED repeats one.
std::uint64_t announced_seed(const char* what) {
  const char* given = std::getenv("GREENROOM_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::cout << what << ": seed " << seed << '\n';
  return seed;
}

void run(const char* name, void (*target)(std::string_view), const std::vector<std::string>& corpus, int mutations) {
  for (const auto& input : corpus) target(input);
  tests::mutator random{announced_seed(name), fuzz::edge_tokens};
  for (int i = 0; i < mutations; ++i) target(random.next(corpus));
  SUCCEED(mutations << " inputs without a broken promise");
}

}  // namespace

TEST_CASE("fuzz: requests do not depend on the pieces in which they come", "[fuzz]") {
  run("fuzz: http_request, 2,000 inputs", fuzz::http_request, fuzz::http_corpus(), 2'000);
}
TEST_CASE("fuzz: WebSocket messages do not depend on the pieces in which they come", "[fuzz]") {
  run("fuzz: websocket_frames, 2,000 inputs", fuzz::websocket_frames, fuzz::frames_corpus(), 2'000);
}
TEST_CASE("fuzz: what is inflated is bounded and comes back", "[fuzz]") {
  run("fuzz: deflate, 5,000 inputs", fuzz::deflate, fuzz::deflate_corpus(), 5'000);
}
TEST_CASE("fuzz: a config is good or has problems, with a sentence each", "[fuzz]") {
  run("fuzz: config_file, 2,000 inputs", fuzz::config_file, fuzz::config_corpus(), 2'000);
}
TEST_CASE("fuzz: a PROXY header does not depend on the pieces in which it comes", "[fuzz]") {
  run("fuzz: proxy_header, 40,000 inputs", fuzz::proxy_header, fuzz::proxy_corpus(), 40'000);
}
TEST_CASE("fuzz: an origin is one in one form", "[fuzz]") {
  run("fuzz: origin, 40,000 inputs", fuzz::origin, fuzz::origin_corpus(), 40'000);
}

}  // namespace greenroom::runtime
