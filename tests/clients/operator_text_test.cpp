// Inboxes and dead letters as a person reads them.
#include <catch2/catch.hpp>

#include "clients/message_text.hpp"

using namespace greenroom::clients;

TEST_CASE("bytes: in the largest unit, with a tenth where that is short") {
  CHECK(describe_bytes(0) == "0 B");
  CHECK(describe_bytes(1'023) == "1023 B");
  CHECK(describe_bytes(1'024) == "1.0 KiB");
  CHECK(describe_bytes(1'536) == "1.5 KiB");
  CHECK(describe_bytes(20 << 20) == "20 MiB");
  CHECK(describe_bytes(5ull << 40) == "5.0 TiB");
  CHECK(describe_bytes(5'000ull << 40) == "5000 TiB");
}

TEST_CASE("inbox: how much waits, since when, and who is there") {
  CHECK(describe_inbox(R"({"user":"bob","messages":1,"bytes":1536,"oldest_ms":1000,"sessions":2})", 7'201'000) ==
        "bob: 1 message, 1.5 KiB, the oldest 2 h old, 2 sessions");
  CHECK(describe_inbox("{\"user\":\"b\\u001bob\",\"messages\":2,\"bytes\":3,\"oldest_ms\":9000,\"sessions\":1}",
                       1'000) == "b?ob: 2 messages, 3 B, the oldest 0 s old, 1 session");
}

TEST_CASE("waiting message: its content, age, end and attempts") {
  const auto text = [](std::string payload) {
    return describe_waiting_message(
        R"({"n":4,"at_ms":0,"expires_ms":604800000,"attempts":1,"id":"x","from":"ann","event":"alarm",)" + payload +
            "}",
        90'000);
  };
  CHECK(text(R"("payload_bytes":3,"payload":"a")") ==
        R"(#4 ann alarm "a" (1 min old, expires in 6 d, 1 failed delivery attempt))");
  CHECK(text(R"("payload_bytes":3000000)").starts_with("#4 ann alarm (2.8 MiB) ("));
  CHECK(describe_waiting_message(R"({"n":4,"at_ms":0,"expires_ms":5,"attempts":0,"damaged":true})", 5) ==
        "#4 (damaged: it cannot be read) (0 s old, expired, 0 failed delivery attempts)");
}

TEST_CASE("waiting message: a long payload is cut between two characters") {
  for (std::size_t before = 110; before < 125; ++before) {
    std::string payload = "\"" + std::string(before, 'x');
    for (int i = 0; i < 20; ++i) payload += "é";
    const auto line = describe_waiting_message(R"({"n":1,"from":"a","event":"e","payload":)" + payload + "\"}", 0);
    const auto shown = line.substr(0, line.find("…"));
    CAPTURE(before, shown);
    CHECK(line.find("…") != std::string::npos);
    CHECK(shown.size() <= std::string{"#1 a e "}.size() + 120);
    CHECK(std::count(shown.begin(), shown.end(), '\xc3') == std::count(shown.begin(), shown.end(), '\xa9'));
  }
}

TEST_CASE("dead letter: its number, whose, why and since when") {
  CHECK(describe_dead_letter(
            R"({"letter":17,"user":"bob","reason":"expired","died_ms":0,"from":"ann","event":"e","payload":{"a":1}})",
            3 * 86'400'000) == R"(17 bob expired 3 d ago: ann e {"a":1})");
  CHECK(describe_dead_letter(
            R"({"letter":18,"room":"chess:1","reason":"crashed","died_ms":0,"from":"ann","event":"e","payload":1})",
            2'000) == "18 [chess:1] crashed 2 s ago: ann e 1");
}
