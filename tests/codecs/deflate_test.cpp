#include "codecs/deflate.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <vector>

#include "codecs/websocket_frame.hpp"
#include "tests/codecs/seed.hpp"
#include "tests/support/raw_deflate.hpp"

namespace greenroom::codecs {
namespace {

using tests::swollen;

std::string bytes(std::initializer_list<int> all) {
  std::string out;
  for (const int each : all) out += static_cast<char>(each);
  return out;
}

std::string framed(std::string_view body, frame_kind kind = frame_kind::text) {
  std::string out;
  {
    const websocket_frame frame{out, kind, framing::websocket, body.size()};
    out += body;
  }
  return out;
}

/// Text that compresses about as messages do: few words, in any order.
std::string prose(std::mt19937& random, std::size_t size) {
  static const std::vector<std::string> words{"room",      "\"seq\":", "payload",   "lobby",
                                              "{\"a\":1}", "héllo",    "0123456789"};
  std::string out;
  while (out.size() < size) out += words[random() % words.size()];
  return out.substr(0, size);
}
std::string noise(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

std::vector<frame_view> all_of(std::string_view frames) {
  std::vector<frame_view> all;
  while (!frames.empty()) all.push_back(take_frame(frames));
  return all;
}

}  // namespace

TEST_CASE("deflate: messages have the bytes of RFC 7692", "[codecs]") {
  deflater small{{.window_bits = 9, .level = 6, .bytes_min = 0}};
  // 7.2.3.1: "Hello" in a block with fixed codes, its flush marker cut
  CHECK(small.body("Hello") == bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}));
  CHECK(small.body("Hello") == bytes({0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}));  // 7.2.3.2: no context takeover
  CHECK(small.body("") == bytes({0x00}));                                           // 7.2.3.6: an empty stored block
}

TEST_CASE("deflate: a compressed frame is the original's with RSV1, a shorter length and a smaller body", "[codecs]") {
  deflater one{{.bytes_min = 8}};
  const std::string body(300, 'x');
  const auto done = one.deflate(framed(body, frame_kind::binary));
  CHECK(done.messages == 1);
  CHECK(done.runs == 1);
  CHECK(done.bytes_before == 300);
  CHECK(done.frames.substr(0, 2) == bytes({0xc2, static_cast<int>(done.bytes_after)}));  // FIN, RSV1, binary; 7 bits
  CHECK(done.frames.size() == 2 + done.bytes_after);
  CHECK(swollen(done.frames.substr(2)) == body);
}

TEST_CASE("deflate: what is short, or does not become smaller, stays as it is in its place", "[codecs]") {
  std::mt19937 random{1};
  deflater some{{.bytes_min = 100}};
  const auto hard = framed(noise(random, 400)), tiny = framed(std::string(99, 'x')),
             good = framed(std::string(100, 'x'));
  CHECK(some.deflate(tiny).frames.empty());
  CHECK(some.deflate(tiny).runs == 0);
  const auto failed = some.deflate(hard);
  CHECK(failed.frames.empty());
  CHECK(failed.runs == 1);
  CHECK(failed.bytes_after == failed.bytes_before);

  const auto done = some.deflate(tiny + good + hard + good + tiny);
  CHECK(done.messages == 2);
  CHECK(done.runs == 3);
  const auto frames = all_of(done.frames);
  REQUIRE(frames.size() == 5);
  CHECK(frames[0].whole == tiny);
  CHECK(frames[1].first == 0xc1);
  CHECK(swollen(frames[1].body) == std::string(100, 'x'));
  CHECK(frames[2].whole == hard);
  CHECK(frames[3].whole == frames[1].whole);
  CHECK(frames[4].whole == tiny);
}

TEST_CASE("deflate: one call compresses at most its bound, and the rest leaves as it came", "[codecs]") {
  deflater bounded{{.bytes_min = 10, .bytes_max = 1'000}};
  const auto large = framed(std::string(1'001, 'l')), half = framed(std::string(500, 'h'));
  CHECK(bounded.deflate(large).runs == 0);
  const auto done = bounded.deflate(half + large + half + half);
  CHECK(done.messages == 2);
  const auto frames = all_of(done.frames);
  REQUIRE(frames.size() == 4);
  CHECK(frames[1].whole == large);
  CHECK(frames[3].whole == half);
}

TEST_CASE("deflate: random messages come back from a receiver with exactly the agreed window", "[codecs]") {
  std::mt19937 random{static_cast<std::mt19937::result_type>(announced_seed("deflate"))};
  for (int window_bits = 9; window_bits <= 15; ++window_bits) {
    for (const int level : {1, 6, 9}) {
      deflater one{{.window_bits = window_bits, .level = level, .bytes_min = 0, .bytes_max = 1 << 20}};
      for (int round = 0; round != 30; ++round) {
        const auto size = random() % (round == 0 ? 200'000 : 3'000);
        const auto plain = round % 3 == 0 ? noise(random, size) : prose(random, size);
        CAPTURE(window_bits, level, size);
        REQUIRE(swollen(one.body(plain), window_bits) == plain);
        const auto done = one.deflate(framed(plain));
        if (done.messages == 0) continue;
        const auto frames = all_of(done.frames);
        REQUIRE(frames.size() == 1);
        REQUIRE(frames[0].whole.size() < framed(plain).size());
        REQUIRE(swollen(frames[0].body, window_bits) == plain);
      }
    }
  }
}

TEST_CASE("deflate: a window that zlib has not is refused", "[codecs]") {
  CHECK_THROWS(deflater{{.window_bits = 8}});
  CHECK_THROWS(deflater{{.window_bits = 16}});
  CHECK_THROWS(deflater{{.level = 10}});
}

TEST_CASE("frame: frames in a row are taken one by one, whatever their length", "[codecs]") {
  std::string row;
  const std::vector<std::size_t> sizes{0, 1, 125, 126, 65'535, 65'536};
  for (const auto size : sizes) row += framed(std::string(size, 'r'));
  const auto frames = all_of(row);
  REQUIRE(frames.size() == sizes.size());
  for (std::size_t i = 0; i != sizes.size(); ++i) {
    CHECK(frames[i].first == 0x81);
    CHECK(frames[i].body == std::string(sizes[i], 'r'));
    std::string header;
    append_header(header, 0x81, sizes[i]);
    CHECK(frames[i].whole == header + std::string(sizes[i], 'r'));
  }
}

}  // namespace greenroom::codecs
