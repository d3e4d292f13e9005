// Members that agreed on permessage-deflate: one compression for all of them, and nothing else is different for them.
#include <random>

#include "actors/compressor.hpp"
#include "storage/store.hpp"
#include "tests/support/node_fixture.hpp"

namespace greenroom::tests {
namespace {

constexpr auto compressions = "greenroom_compressions_total";
constexpr auto compressed_out = "greenroom_compressed_messages_out_total";

/// A payload that is worth compressing, and one that is not.
std::string long_text(char c = 'x') { return std::string(400, c); }

}  // namespace

struct compression_fixture : node_fixture {
  compression_fixture() {
    config.gateway.compression = runtime::compression_mode::deflate;
    policy().history_count = 1'000;
  }

  client& connect_deflating(codecs::codec_id codec = codecs::codec_id::native_json,
                            const runtime::outbox_bounds& outbox = {}) {
    return connect({.codec = codec, .outbox = outbox, .agreed = fake_transport::extension::deflate});
  }
  /// What was counted since the last look.
  double more(const char* series) {
    const auto now = figure(series);
    return now - std::exchange(seen[series], now);
  }
  void look() {
    for (auto* each : {compressions, compressed_out}) more(each);
  }
  std::map<std::string, double> seen;
};

TEST_CASE_METHOD(compression_fixture, "compression: one publish is compressed once for a hundred members of a codec",
                 "[actors][compression]") {
  std::vector<client*> all;
  for (int i = 0; i < 100; ++i) all.push_back(&connect_deflating());
  auto& plain = connect();
  auto& ann = *all.front();
  for (auto* each : all) each->join("lobby");
  plain.join("lobby");
  for (auto* each : all) each->take();
  plain.take();
  look();

  ann.send("room.publish", dump(json{{"room", "lobby"}, {"event", "say"}, {"payload", long_text()}}));
  settle();
  CHECK(more(compressions) == 1);  // the answer of the publish is short
  CHECK(more(compressed_out) == 100);
  for (auto* each : all) {
    const auto got = each->messages("lobby");
    REQUIRE(got.size() == 1);
    CHECK(got[0].compressed);
    CHECK(text(got[0].body, "payload") == long_text());
  }
  const auto got = plain.messages("lobby");
  REQUIRE(got.size() == 1);
  CHECK_FALSE(got[0].compressed);
  CHECK(text(got[0].body, "payload") == long_text());
  CHECK(figure("greenroom_compression_bytes_out_total") < figure("greenroom_compression_bytes_in_total") / 2);
  CHECK(figure("greenroom_compression_agreed_total") == 100);
}

TEST_CASE_METHOD(compression_fixture, "compression: a turn of several publishes is one compression a message and codec",
                 "[actors][compression]") {
  auto& ann = connect_deflating();
  auto& bob = connect_deflating();
  auto& eve = connect_deflating(codecs::codec_id::native_msgpack);
  auto& zoe = connect_deflating(codecs::codec_id::native_msgpack);
  for (auto* each : {&ann, &bob, &eve, &zoe}) each->join("lobby");
  for (auto* each : {&ann, &bob, &eve, &zoe}) each->take();
  look();
  for (int i = 0; i < 5; ++i)
    ann.send("room.publish", dump(json{{"room", "lobby"}, {"event", "say"}, {"payload", long_text()}}));
  ann.send("room.publish", dump(json{{"room", "lobby"}, {"event", "say"}, {"payload", "short"}}));
  settle();
  CHECK(more(compressions) == 2 * 5);
  CHECK(more(compressed_out) == 4 * 5);
  for (auto* each : {&ann, &bob, &eve, &zoe}) {
    const auto got = each->messages("lobby");
    REQUIRE(got.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) {
      CHECK(number(got[i].body, "seq") == i + 1);
      CHECK(got[i].compressed == (i < 5));
    }
  }
}

TEST_CASE_METHOD(compression_fixture, "compression: members of two shards share what one of them compressed",
                 "[actors][compression]") {
  shards = 2;
  auto& here = connect_deflating();
  auto& there = connect({.shard = 1, .agreed = fake_transport::extension::deflate});
  here.join("lobby");
  there.join("lobby");
  look();
  here.publish("lobby", long_text());
  CHECK(more(compressions) == 1);
  CHECK(here.seqs("lobby") == numbers{1});
  CHECK(there.seqs("lobby") == numbers{1});
}

TEST_CASE_METHOD(compression_fixture, "compression: who wants no echo gets the others' messages one by one, compressed",
                 "[actors][compression]") {
  auto& ann = connect_deflating();
  auto& bob = connect_deflating();
  ann.join("lobby");
  bob.join("lobby");
  for (const char* echo : {R"(,"echo":false)", ""})
    ann.send("room.publish", R"({"room":"lobby","event":"say","payload":")" + long_text() + '"' + echo + '}');
  settle();
  const auto hers = ann.messages("lobby"), his = bob.messages("lobby");
  REQUIRE(hers.size() == 1);
  CHECK(number(hers[0].body, "seq") == 2);
  CHECK(hers[0].compressed);
  REQUIRE(his.size() == 2);
  CHECK(his[0].compressed);
}

TEST_CASE_METHOD(compression_fixture, "compression: long answers and pushes are compressed, short ones are not",
                 "[actors][compression]") {
  auto& ann = connect_deflating();
  const auto opened = ann.open("ann");
  ann.join("lobby");
  for (int i = 0; i < 20; ++i) ann.publish("lobby", "message " + std::to_string(i));
  ann.take();
  look();
  ann.call("room.history", R"({"room":"lobby"})");
  CHECK(more(compressed_out) == 1);
  ann.call("user.send", dump(json{{"to", "ann"}, {"event", "mail"}, {"payload", long_text()}}));
  CHECK(more(compressed_out) == 1);
  ann.call("user.send", R"({"to":"ann","event":"mail","payload":"short"})");
  CHECK(more(compressed_out) == 0);
  std::vector<std::string> compressed;
  for (const auto& each : ann.take())
    if (each.compressed) compressed.push_back(each.method);
  CHECK(compressed == strings{"room.history", "inbox.message"});
  ann.say(R"([{"jsonrpc":"2.0","id":900,"method":"room.history","params":{"room":"lobby"}}])");
  settle();
  CHECK(more(compressed_out) == 1);
}

TEST_CASE_METHOD(compression_fixture, "compression: what one answer compresses is bounded, and the rest leaves plain",
                 "[actors][compression]") {
  config.gateway.compression_bytes_max = 2'000;
  auto& ann = connect_deflating();
  ann.join("lobby");
  for (int i = 0; i < 10; ++i) ann.publish("lobby", long_text());
  ann.take();
  look();
  CHECK(ann.call("room.history", R"({"room":"lobby"})").at("messages").as_array().size() == 10);
  CHECK(more(compressions) == 0);
  for (int i = 0; i < 10; ++i)
    ann.send("room.publish", dump(json{{"room", "lobby"}, {"event", "say"}, {"payload", long_text()}}));
  settle();
  CHECK(more(compressions) == 3);  // of about 570 bytes each
  CHECK(ann.seqs("lobby") == range(11, 20));
}

TEST_CASE_METHOD(compression_fixture, "compression: a resumed member catches up with compressed messages",
                 "[actors][compression]") {
  auto& ann = connect();
  auto& bob = connect_deflating();
  const auto was = bob.open("bob");
  bob.join("lobby");
  bob.wire().break_off();
  settle();
  for (int i = 0; i < 30; ++i) ann.publish("lobby", long_text());
  auto& back = connect_deflating();
  back.resume(was);
  const auto got = back.messages("lobby");
  REQUIRE(got.size() == 30);
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(number(got[i].body, "seq") == i + 1);
    CHECK(got[i].compressed);
  }
}

TEST_CASE_METHOD(compression_fixture,
                 "compression: the policies for slow members count compressed bytes, lose nothing more",
                 "[actors][compression]") {
  constexpr runtime::outbox_bounds small{
      .bytes_max = 4'096, .frames_max = 100, .reply_bytes_max = 65'536, .reply_frames_max = 100};
  const auto how =
      GENERATE(runtime::slow_policy::disconnect, runtime::slow_policy::spill, runtime::slow_policy::latest);
  policy().slow_members = how;
  auto& fast = connect();
  auto& plain = connect({.outbox = small});
  auto& slow = connect_deflating(codecs::codec_id::native_json, small);
  for (auto* each : {&fast, &plain, &slow}) each->join("lobby");
  slow.take(), plain.take();
  slow.wire().stop_reading(), plain.wire().stop_reading();
  for (int i = 0; i < 12; ++i) fast.publish("lobby", long_text());  // 7 KB plain, 2 KB compressed
  CHECK_FALSE(slow.wire().over());
  CHECK(slow.wire().out().bytes() < 3'000);
  for (int i = 12; i < 60; ++i) fast.publish("lobby", long_text());
  slow.wire().read_again(), plain.wire().read_again();
  settle();
  switch (how) {
    case runtime::slow_policy::disconnect:
      CHECK(slow.wire().over());
      CHECK(plain.wire().over());
      break;
    case runtime::slow_policy::spill:
      CHECK(slow.seqs("lobby") == range(1, 60));
      CHECK(plain.seqs("lobby") == range(1, 60));
      break;
    case runtime::slow_policy::latest: {
      const auto story = slow.story();
      REQUIRE(story.size() > 2);
      CHECK(story.front().starts_with("lobby dropped 1.."));
      CHECK(story.back().starts_with("lobby 60 "));
      CHECK(story.size() > plain.story().size());
      break;
    }
  }
}

TEST_CASE_METHOD(compression_fixture, "compression: a random crowd hears what a plain one hears",
                 "[actors][compression]") {
  shards = 2;
  config.gateway.compression_bytes_min = 0;
  const auto seed = 20'240'603U;
  CAPTURE(seed);
  std::mt19937 random{seed};
  std::vector<client*> all;
  for (int i = 0; i < 12; ++i) {
    all.push_back(
        &connect({.codec = i % 2 ? codecs::codec_id::native_msgpack : codecs::codec_id::native_json,
                  .shard = static_cast<std::size_t>(i / 6),
                  .agreed = i % 3 == 0 ? fake_transport::extension::none : fake_transport::extension::deflate}));
    all.back()->join("lobby");
    all.back()->take();
  }
  std::vector<std::string> said;
  for (int i = 0; i < 200; ++i) {
    said.emplace_back(random() % 300, static_cast<char>('a' + random() % 26));
    all[random() % all.size()]->send("room.publish",
                                     dump(json{{"room", "lobby"}, {"event", "say"}, {"payload", said.back()}}));
    if (random() % 4 == 0) settle_randomly(random);
  }
  settle();
  const auto first = all.front()->messages("lobby");
  REQUIRE(first.size() == 200);
  for (auto* each : all) {
    if (each == all.front()) continue;
    const auto got = each->messages("lobby");
    REQUIRE(got.size() == 200);
    for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(dump(got[i].body) == dump(first[i].body));
  }
}

TEST_CASE_METHOD(compression_fixture, "compression: who is in a room is compressed once for all members of a codec",
                 "[actors][compression][presence]") {
  std::vector<client*> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(&connect_deflating(i % 2 ? codecs::codec_id::native_msgpack : codecs::codec_id::native_json));
    all.back()->open("somebody with a long name " + std::to_string(i));
  }
  look();
  for (auto* each : all) each->send("room.join", R"({"room":"lobby"})");
  settle();
  advance(std::chrono::seconds{5});
  std::size_t told = 0;
  for (auto* each : all)
    for (const auto& one : each->take()) told += one.method == "room.presence" && one.compressed ? 1 : 0;
  CHECK(told >= all.size());
  CHECK(more(compressed_out) == static_cast<double>(told));
  CHECK(more(compressions) == 2.0 * static_cast<double>(told / all.size()));
}

TEST_CASE_METHOD(compression_fixture, "compression: one frame for several peers is compressed for the first of them",
                 "[actors][compression]") {
  compressors all{config.gateway, ctx().meters};
  auto& one = all.of(12);
  const auto plain = std::make_shared<const std::string>("\x81\x7e\x01\x90" + long_text());
  look();
  const auto made = one.pack_shared(plain);
  CHECK(made.compressed == 1);
  CHECK(made.bytes->size() < 40);
  one.pack_shared(std::make_shared<const std::string>("\x82\x02hi"));
  CHECK(one.pack_shared(plain).bytes == made.bytes);
  CHECK(more(compressions) == 1);
  CHECK(one.pack_shared(std::make_shared<const std::string>(*plain)).bytes != made.bytes);
  const auto hard = std::make_shared<const std::string>("\x81\x02hi");
  CHECK(one.pack(hard).bytes == hard);
}

TEST_CASE_METHOD(compression_fixture, "compression: members of different windows get what each of them can inflate",
                 "[actors][compression]") {
  shards = 2;
  std::vector<client*> all;
  for (const int bits : {9, 12, 15, 9, 0})
    all.push_back(&connect({.shard = all.size() % 2,
                            .agreed = bits == 0 ? fake_transport::extension::none : fake_transport::extension::deflate,
                            .window_bits = bits}));
  for (auto* each : all) each->join("lobby");
  for (auto* each : all) each->take();
  std::string noise;  // repeats after 3,000 bytes: beyond a window of 512, within one of 4,096
  std::mt19937 random{7};
  while (noise.size() < 3'000) noise += static_cast<char>('a' + random() % 26);
  look();
  all.front()->send("room.publish", dump(json{{"room", "lobby"}, {"event", "say"}, {"payload", noise + noise}}));
  settle();
  CHECK(more(compressions) == 3);  // one a window, though the two of 9 are on two shards
  for (auto* each : all) {
    const auto got = each->messages("lobby");  // throws where it was compressed for a larger window than its own
    REQUIRE(got.size() == 1);
    CHECK(text(got[0].body, "payload") == noise + noise);
    CHECK(got[0].compressed == (each != all.back()));
  }
  CHECK(all[1]->wire().stats().bytes < all[0]->wire().stats().bytes - 1'000);
}

TEST_CASE_METHOD(compression_fixture, "compression: a shard makes a compressor for each window that is asked for, once",
                 "[actors][compression]") {
  compressors all{config.gateway, ctx().meters};
  for (int bits = 9; bits <= 15; ++bits) {
    CHECK(all.of(bits).window_bits() == bits);
    CHECK(&all.of(bits) == &all.of(bits));
  }
  CHECK(&all.of(0) == &all.of(9));
  CHECK(&all.of(99) == &all.of(15));
}

TEST_CASE_METHOD(node_fixture, "compression: what an upgrade agreed on holds, whatever the gateway offers on its own",
                 "[actors][compression]") {
  auto& ann = connect({.agreed = fake_transport::extension::deflate});
  auto& bob = connect();
  ann.join("lobby");
  bob.join("lobby");
  ann.publish("lobby", long_text());
  CHECK(ann.messages("lobby").at(0).compressed);
  CHECK_FALSE(bob.messages("lobby").at(0).compressed);
}

}  // namespace greenroom::tests
