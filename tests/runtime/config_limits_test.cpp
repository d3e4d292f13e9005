#include <catch2/catch.hpp>

#include "runtime/config.hpp"
#include "runtime/config_file.hpp"
#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

std::vector<std::string> problems_of(const config_result& result) {
  std::vector<std::string> texts;
  for (const auto& each : result.problems) texts.push_back(each.text());
  return texts;
}

bool bounded(const limit_config& c) {
  return c.connections_per_second + c.connections_burst + c.connections_max + c.messages_per_second + c.messages_burst +
             c.bytes_per_second + c.bytes_burst + c.joins_per_second + c.joins_burst + c.reads_per_second +
             c.reads_burst !=
         0;
}

}  // namespace

TEST_CASE("config limits: a node has them, and a node with --dev has none", "[config]") {
  const auto closed = default_config(preset::closed).limits, dev = default_config(preset::dev).limits;
  for (auto scope : {&limits_config::connection, &limits_config::session, &limits_config::user, &limits_config::address,
                     &limits_config::key}) {
    const auto& c = closed.*scope;
    CHECK(bounded(c));
    CHECK_FALSE(bounded(dev.*scope));
    CHECK(c.messages_burst >= c.messages_per_second);
    CHECK(c.bytes_burst >= c.bytes_per_second);
    CHECK(c.joins_burst >= c.joins_per_second);
    CHECK(c.reads_burst >= c.reads_per_second);
    CHECK(c.connections_burst >= c.connections_per_second);
  }
  CHECK(closed.connection.joins_burst >= default_config().sessions.rooms_max);  // who comes back joins all its rooms
}

TEST_CASE("config limits: a file, the environment and --set reach every scope", "[config]") {
  std::vector<config_problem> problems;
  const auto entries =
      parse_config_file("[limits.user]\nmessages_per_second = 7\nbytes_burst = \"2MiB\"\n", "f", problems);
  REQUIRE(problems.empty());
  CHECK(std::ranges::any_of(entries, [](const auto& e) { return e.key == "limits.user.messages_per_second"; }));
  const auto result = load_config(
      {.environment = {{"GREENROOM_LIMITS_ADDRESS_CONNECTIONS_MAX", "9"}, {"GREENROOM_LIMITS_KEY_READS_BURST", "3"}},
       .overrides = {{"limits.session.joins_per_second", "2"}, {"limits.connection.bytes_per_second", "64KiB"}}});
  REQUIRE(problems_of(result).empty());
  CHECK(result.value.limits.address.connections_max == 9);
  CHECK(result.value.limits.key.reads_burst == 3);
  CHECK(result.value.limits.session.joins_per_second == 2);
  CHECK(result.value.limits.connection.bytes_per_second == 64u << 10);
}

TEST_CASE("config limits: fewer bytes a second than one read brings are refused", "[config]") {
  CHECK(problems_of(load_config({.overrides = {{"limits.user.bytes_per_second", "16383"}}})) ==
        std::vector<std::string>{"limits.user.bytes_per_second must be 0 or at least 16 KiB"});
  CHECK(problems_of(load_config({.overrides = {{"limits.user.bytes_per_second", "16384"}}})).empty());
  CHECK(problems_of(load_config({.overrides = {{"limits.user.connections", "5"}}}))
            .front()
            .find("the nearest one is limits.user.connections_") != std::string::npos);
}

}  // namespace greenroom::runtime
