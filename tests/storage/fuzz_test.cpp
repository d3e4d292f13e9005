#include <catch2/catch.hpp>

#include "tests/fuzz/corpus.hpp"
#include "tests/fuzz/database_targets.hpp"
#include "tests/fuzz/mutator.hpp"
#include "tests/storage/contract.hpp"

/// The fuzz target of the database in the ordinary tests: the corpus as it is, then seeded mutations of it.
TEST_CASE("fuzz: a database that somebody changed is never served as if it were whole", "[sqlite][fuzz]") {
  constexpr int mutations = 500;
  const auto corpus = greenroom::fuzz::corpus("database_rows");
  for (const auto& input : corpus) greenroom::storage::fuzz::database_rows(input);
  const auto seed = greenroom::storage::testing::test_seed();
  CAPTURE(seed);
  greenroom::fuzz::mutator random{seed, {}};
  for (int i = 0; i < mutations; ++i) greenroom::storage::fuzz::database_rows(random.next(corpus));
  SUCCEED(mutations << " inputs without a broken promise");
}
