// Reading a room's past: room.history, and a join that says where it stood.
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {

struct history_fixture : node_fixture {
  numbers history(std::string_view bounds) {
    auto page = reader().call("room.history", R"({"room":"lobby")" + std::string{bounds} + "}");
    return seqs_of(page.at("messages"));
  }
  static numbers seqs_of(const json& messages) {
    numbers all;
    for (const auto& each : messages.as_array()) all.push_back(number(each, "seq"));
    return all;
  }
  client& reader() { return reader_ ? *reader_ : *(reader_ = &connect()); }
  void publish(int count, std::string_view payload = "x") {
    for (int i = 0; i < count; ++i) reader().publish("lobby", payload);
    reader().story();
  }
  json join_since(std::uint64_t seq, std::string epoch = {}) {
    if (epoch.empty()) epoch = text(reader().call("room.history", R"({"room":"lobby"})"), "epoch");
    return connect().call("room.join", dump(json{{"room", "lobby"}, {"since", {{"epoch", epoch}, {"seq", seq}}}}));
  }

 private:
  client* reader_ = nullptr;
};

TEST_CASE_METHOD(history_fixture, "history: without bounds the newest, oldest first", "[actors][history]") {
  policy().history_count = 200;
  publish(120);
  CHECK(history("") == range(21, 120));
  CHECK(history(R"(,"limit":3)") == numbers{118, 119, 120});
}

TEST_CASE_METHOD(history_fixture, "history: before and after a position, and past either end", "[actors][history]") {
  policy().history_count = 10;
  publish(25);  // 16 to 25 are kept
  CHECK(history(R"(,"before":20,"limit":2)") == numbers{18, 19});
  CHECK(history(R"(,"before":18)") == numbers{16, 17});
  CHECK(history(R"(,"before":16)").empty());
  CHECK(history(R"(,"before":1)").empty());
  CHECK(history(R"(,"before":999)") == range(16, 25));
  CHECK(history(R"(,"after":23)") == numbers{24, 25});
  CHECK(history(R"(,"after":25)").empty());
  CHECK(history(R"(,"after":999)").empty());
  CHECK(history(R"(,"after":3,"limit":2)") == numbers{16, 17});  // below the first: from the first on
  auto page = reader().call("room.history", R"({"room":"lobby"})");
  CHECK(number(page, "first") == 16);
  CHECK(number(page, "last") == 25);
}

TEST_CASE_METHOD(history_fixture, "history: of a room that never spoke is empty", "[actors][history]") {
  auto page = reader().call("room.history", R"({"room":"nobody"})");
  CHECK(number(page, "first") == 1);
  CHECK(number(page, "last") == 0);
  CHECK(dump(page, "messages") == "[]");
}

TEST_CASE_METHOD(history_fixture, "history: what is older than the namespace keeps is not served",
                 "[actors][history]") {
  policy().history_age_ms = 60'000;
  publish(3);
  advance(61s);
  publish(1);
  CHECK(history("") == numbers{4});
}

TEST_CASE_METHOD(history_fixture, "join: with a position it brings the whole gap, and then what follows",
                 "[actors][history]") {
  publish(5);
  auto& ann = connect();
  auto epoch = text(reader().call("room.history", R"({"room":"lobby"})"), "epoch");
  auto joined = ann.call("room.join", dump(json{{"room", "lobby"}, {"since", {{"epoch", epoch}, {"seq", 2}}}}));
  CHECK(dump(joined, "recovered") == "true");
  CHECK(number(joined, "seq") == 5);
  CHECK(seqs_of(joined.at("missed")) == numbers{3, 4, 5});
  ann.story();
  publish(2);
  CHECK(ann.seqs("lobby") == numbers{6, 7});
}

TEST_CASE_METHOD(history_fixture, "join: at the newest position nothing was missed", "[actors][history]") {
  publish(2);
  auto joined = join_since(2);
  CHECK(dump(joined, "recovered") == "true");
  CHECK(dump(joined, "missed") == "[]");
}

TEST_CASE_METHOD(history_fixture, "join: all or nothing, with the reason", "[actors][history]") {
  policy().history_count = 2'000;
  auto refused = [&](const json& joined, std::string_view reason) {
    CHECK(dump(joined, "recovered") == "false");
    CHECK(text(joined, "reason") == reason);
    CHECK(dump(joined, "missed") == "-");
  };
  SECTION("too far: over 1,000 messages") {
    publish(1'002);
    refused(join_since(1), "too_far");
    CHECK(seqs_of(join_since(2).at("missed")) == range(3, 1'002));
  }
  SECTION("too far: over 1 MiB") {
    publish(40, std::string(30'000, 'x'));
    refused(join_since(0), "too_far");
    CHECK(dump(join_since(10), "recovered") == "true");
  }
  SECTION("expired: older than the first that is kept") {
    policy().history_count = 5;
    publish(10);  // 6 to 10 are kept
    refused(join_since(4), "expired");
    CHECK(seqs_of(join_since(5).at("missed")) == range(6, 10));
  }
  SECTION("epoch changed: another epoch, or a position that was never given") {
    publish(3);
    refused(join_since(1, "elsewhere"), "epoch_changed");
    refused(join_since(4), "epoch_changed");
  }
}

TEST_CASE_METHOD(history_fixture, "join: where nothing is kept, every gap has expired", "[actors][history]") {
  auto& ann = connect();
  auto epoch = text(ann.publish("feed:x", "one"), "epoch");
  auto joined = ann.call("room.join", dump(json{{"room", "feed:x"}, {"since", {{"epoch", epoch}, {"seq", 0}}}}));
  CHECK(text(joined, "reason") == "expired");
}

}  // namespace greenroom::tests
