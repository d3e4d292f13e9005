// Plugins: what is loaded, what is refused and in which words, and how a newer build takes over.
#include <unistd.h>

#include <filesystem>

#include "actors/plugins.hpp"
#include "actors/room_directory.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

fs::path built(std::string_view name) { return fs::path{GREENROOM_TEST_PLUGINS} / (std::string{name} + ".so"); }

/// A node with the plugin `tally`, whose file a test replaces.
class plugin_fixture : public node_fixture {
 public:
  plugin_fixture() {
    fs::create_directories(dir);
    policy().behaviour = "tally";
  }
  ~plugin_fixture() { fs::remove_all(dir); }

  void install(std::string_view build) { fs::copy_file(built(build), file, fs::copy_options::overwrite_existing); }
  client& user(std::string_view name) {
    if (!keeper) {
      install("tally_1");
      auto record = std::make_shared<plugins::record>();
      record->all.push_back({load_plugin(file, dir / "scratch")});
      for (const auto& [behaviour, make] : record->all.front().library.adds.rooms())
        ctx().behaviours.set(std::make_shared<const room_build>(room_build{behaviour, make}));
      keeper = keep(plugins::spawn(here(nurse()), {ctx(), record, dir / "scratch"}));
    }
    auto& one = connect();
    one.open(name);
    one.story();
    return one;
  }
  plugins::reload::reply reload(std::string name = "tally") { return ask(keeper, plugins::reload{std::move(name)}); }

  const fs::path dir = fs::temp_directory_path() / ("greenroom-plugins-" + std::to_string(::getpid()));
  const fs::path file = dir / "tally.so";
  caf::actor keeper;
};

std::string payload_of(const client::heard& message) { return dump(message.body, "payload"); }

}  // namespace

TEST_CASE("plugin: what does not fit is refused in words", "[actors][plugin]") {
  const auto scratch = fs::temp_directory_path() / ("greenroom-scratch-" + std::to_string(::getpid()));
  const auto load = [&](std::string_view name) { return load_plugin(built(name), scratch); };
  CHECK_THROWS_WITH(load("other_interface"), Contains("it was built for Greenroom 9.9.9, interface 0123456789ab") &&
                                                 Contains("build it again with this node's headers"));
  CHECK_THROWS_WITH(load("no_plugin"), Contains("is no plugin of Greenroom"));
  CHECK_THROWS_WITH(load("twice"), Contains("there are two room behaviours named quiet"));
  CHECK_THROWS_WITH(load("absent"), Contains("cannot be read"));
  CHECK_THROWS_WITH(load_plugin(fs::path{GREENROOM_TEST_PLUGINS} / "CTestTestfile.cmake", scratch),
                    Contains("cannot be loaded"));
  const auto tally = load("tally_1");
  CHECK(tally.name == "tally");
  CHECK(tally.version == "1.0");
  CHECK(tally.adds.rooms().contains("tally"));
  CHECK(fs::is_empty(scratch));
  fs::remove_all(scratch);
}

TEST_CASE_METHOD(plugin_fixture, "plugin: a newer build takes over with every room's state", "[actors][plugin]") {
  auto& ann = user("ann");
  ann.join("lobby");
  ann.publish("lobby", "a");
  ann.publish("other", "b");
  install("tally_2");
  const auto told = reload();
  CHECK(told.why.empty());
  CHECK(told.version == "2.0");
  CHECK(told.rooms == 2);
  ann.publish("lobby", "c");
  const auto got = ann.messages("lobby");
  REQUIRE(got.size() == 2);
  CHECK(payload_of(got[0]) == R"({"build":1,"count":1,"was":"a"})");
  CHECK(payload_of(got[1]) == R"({"build":2,"count":2,"was":"c"})");
  const auto listed = ask(keeper, plugins::list{}).plugins;
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].version == "2.0");
  CHECK(listed[0].loads == 2);
  CHECK(listed[0].rooms == strings{"tally"});
}

TEST_CASE_METHOD(plugin_fixture, "plugin: a trial that fails leaves all as it was, and names the room",
                 "[actors][plugin]") {
  auto& ann = user("ann");
  ann.publish("lobby", "a");
  ann.publish("this-stubborn", "b");
  install("tally_2");
  CHECK(reload().why == "room this-stubborn: build 2 does not understand this");
  ann.join("lobby");
  ann.publish("lobby", "c");
  CHECK(payload_of(ann.messages("lobby").at(0)) == R"({"build":1,"count":2,"was":"c"})");
  CHECK(ask(keeper, plugins::list{}).plugins.at(0).version == "1.0");
}

TEST_CASE_METHOD(plugin_fixture, "plugin: the state of a room that rests is tried, too", "[actors][plugin]") {
  auto& ann = user("ann");
  ann.publish("that-stubborn", "a");
  advance(3min);
  REQUIRE(ctx().meters.rooms == 0);
  install("tally_2");
  CHECK(reload().why == "room that-stubborn: build 2 does not understand this");
}

TEST_CASE_METHOD(plugin_fixture, "plugin: rooms that rest take the newer build when they come back",
                 "[actors][plugin]") {
  auto& ann = user("ann");
  ann.publish("lobby", "a");
  advance(3min);
  REQUIRE(ctx().meters.rooms == 0);
  install("tally_2");
  CHECK(reload().rooms == 0);
  ann.join("lobby");
  ann.publish("lobby", "b");
  CHECK(payload_of(ann.messages("lobby").at(0)) == R"({"build":2,"count":2,"was":"b"})");
}

TEST_CASE_METHOD(plugin_fixture, "plugin: an unknown name, another plugin's file, and a file that is gone are refused",
                 "[actors][plugin]") {
  user("ann");
  CHECK(reload("nobody").why == "there is no plugin named nobody");
  install("other_interface");
  CHECK_THAT(reload().why, Contains("does not fit"));
  install("no_plugin");
  CHECK_THAT(reload().why, Contains("is no plugin"));
  fs::remove(file);
  CHECK_THAT(reload().why, Contains("cannot be read"));
  install("tally_2");
  CHECK(reload().why.empty());
}

}  // namespace greenroom::tests
