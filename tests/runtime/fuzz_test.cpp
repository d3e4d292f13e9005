#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/edge_host.hpp"
#include "tests/fuzz/edge_targets.hpp"
#include "tests/fuzz/edge_tokens.hpp"
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

void run(const std::string& name, void (*target)(std::string_view), int mutations) {
  const auto corpus = greenroom::fuzz::corpus(name);
  for (const auto& input : corpus) target(input);
  const auto what = "fuzz: " + name + ", " + std::to_string(mutations) + " inputs";
  greenroom::fuzz::mutator random{announced_seed(what.c_str()), fuzz::edge_tokens};
  for (int i = 0; i < mutations; ++i) target(random.next(corpus));
  SUCCEED(mutations << " inputs without a broken promise");
}

}  // namespace

TEST_CASE("fuzz: requests do not depend on the pieces in which they come", "[fuzz]") {
  run("http_request", fuzz::http_request, 2'000);
}
TEST_CASE("fuzz: WebSocket messages do not depend on the pieces in which they come", "[fuzz]") {
  run("websocket_frames", fuzz::websocket_frames, 2'000);
}
TEST_CASE("fuzz: what is inflated is bounded and comes back", "[fuzz]") { run("deflate", fuzz::deflate, 5'000); }
TEST_CASE("fuzz: a config is good or has problems, with a sentence each", "[fuzz]") {
  run("config_file", fuzz::config_file, 2'000);
}
TEST_CASE("fuzz: a PROXY header does not depend on the pieces in which it comes", "[fuzz]") {
  run("proxy_header", fuzz::proxy_header, 40'000);
}
TEST_CASE("fuzz: an origin is one in one form", "[fuzz]") { run("origin", fuzz::origin, 40'000); }

}  // namespace greenroom::runtime
