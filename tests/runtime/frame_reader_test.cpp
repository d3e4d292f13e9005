#include "runtime/frame_reader.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

#include "tests/support/raw_socket.hpp"

namespace greenroom::runtime {
namespace {

using namespace tests;

/// Everything that a reader has told, as text.
class listener : public frame_sink {
 public:
  flow on_message(frame_kind kind, std::string_view payload, bool compressed) override {
    in_place = payload.data() >= piece.data() && payload.data() < piece.data() + piece.size();
    return note(std::string{kind == frame_kind::text ? "text" : "binary"} + (compressed ? ", deflated: " : ": "),
                payload);
  }
  flow on_ping(std::string_view payload) override { return note("ping: ", payload); }
  flow on_pong(std::string_view payload) override { return note("pong: ", payload); }
  void on_close(std::uint16_t code, std::string_view reason) override {
    closed = true;
    note("close " + std::to_string(code) + ": ", reason);
  }

  std::vector<std::string> heard;
  std::string piece;      ///< what is being fed
  bool in_place = false;  ///< the last message stood in it
  bool closed = false;
  flow answer = flow::on;

 private:
  flow note(std::string what, std::string_view payload) {
    heard.push_back(what.append(payload));
    return answer;
  }
};

struct reading {
  std::vector<std::string> heard;
  std::uint16_t wrong = 0;
  std::size_t used = 0;
  friend bool operator==(const reading&, const reading&) = default;
};

/// In pieces of that size.
reading read(std::string_view bytes, std::size_t size, frame_reader& reader) {
  listener to;
  reading all;
  while (all.used != bytes.size()) {
    to.piece = bytes.substr(all.used, size);
    const auto got = reader.feed(to.piece, to);
    all.used += got.used;
    all.wrong = got.wrong;
    if (got.wrong != 0 || to.closed || got.used != to.piece.size()) break;  // whoever said goodbye is not read any more
  }
  all.heard = to.heard;
  return all;
}
reading read(std::string_view bytes, std::size_t size) {
  frame_reader reader{{65'536, 8}};
  return read(bytes, size, reader);
}

}  // namespace

TEST_CASE("frame reader: what it tells does not depend on the pieces") {
  const auto bytes = ws::frame(ws::text, "h\xc3\xa9llo") + ws::frame(ws::ping, "p") +
                     ws::frame(ws::text, std::string(300, 'x'), false) + ws::frame(ws::pong, "") +
                     ws::frame(ws::continuation, "y") + ws::frame(ws::binary, std::string(70'000 - 5'000, 'z')) +
                     ws::frame(ws::binary, "") + ws::frame(ws::close, ws::close_payload(1001, "bye"));
  const auto whole = read(bytes, bytes.size());
  CHECK(whole.heard == std::vector<std::string>{"text: h\xc3\xa9llo", "ping: p",
                                                "pong: ", "text: " + std::string(300, 'x') + "y",
                                                "binary: " + std::string(65'000, 'z'), "binary: ", "close 1001: bye"});
  CHECK(whole.wrong == 0);
  for (std::size_t size = 1; size != 20; ++size) CHECK(read(bytes, size) == whole);
  CHECK(read(bytes, 4'096) == whole);
}

TEST_CASE("frame reader: a message that comes whole is told where it stands, one in pieces from a copy") {
  frame_reader reader{{65'536, 8}};
  listener to;
  const auto feed = [&](std::string bytes) {
    to.piece = std::move(bytes);
    return reader.feed(to.piece, to).used;
  };
  const auto one = ws::frame(ws::text, std::string(1'000, 'a'));
  feed(one);
  CHECK(to.in_place);
  feed(one.substr(0, 500));
  feed(one.substr(500));
  CHECK_FALSE(to.in_place);
  feed(one);
  CHECK(to.in_place);
  CHECK(to.heard.size() == 3);
}

TEST_CASE("frame reader: it stops behind the frame at which it is told to, and goes on there") {
  frame_reader reader{{65'536, 8}};
  listener to;
  const auto one = ws::frame(ws::text, "one"), all = one + ws::frame(ws::text, "two");
  to.answer = flow::stop;
  to.piece = all;
  CHECK(reader.feed(to.piece, to).used == one.size());
  CHECK(to.heard.size() == 1);
  std::string rest = to.piece.substr(one.size());
  CHECK(reader.feed(rest, to).used == rest.size());
  CHECK(to.heard == std::vector<std::string>{"text: one", "text: two"});
}

TEST_CASE("frame reader: behind a goodbye, or what is wrong, nothing is read") {
  const auto goodbye = ws::frame(ws::close, ws::close_payload(1000)), more = ws::frame(ws::text, "late");
  CHECK(read(goodbye + more, 1'000) == reading{{"close 1000: "}, 0, goodbye.size()});
  CHECK(read(ws::frame(ws::close, "") + more, 1'000).heard == std::vector<std::string>{"close 1005: "});
  const auto wrong = read("\x81\x02hi" + more, 1'000);
  CHECK(wrong == reading{{}, 1002, 2});
}

TEST_CASE("frame reader: a length that is too much is wrong before its payload comes") {
  const auto header = [](std::string bytes) { return bytes + std::string{ws::mask}; };
  CHECK(read(header(std::string("\x82\xFF\0\0\0\0\0\1\0\1", 10)), 1).wrong == 1009);
  CHECK(read(header(std::string("\x82\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 10)), 1).wrong == 1009);
  CHECK(read(header(std::string("\x82\xFF\0\0\0\0\0\1\0\0", 10)), 1).wrong == 0);
  CHECK(read(ws::frame(ws::binary, std::string(40'000, 'x'), false) + header(std::string("\x80\xFE\x63\xC1", 4)), 7)
            .wrong == 1009);
  std::string fragments = ws::frame(ws::text, "", false);
  for (int i = 0; i != 7; ++i) fragments += ws::frame(ws::continuation, "", false);
  CHECK(read(fragments, 3).wrong == 0);
  CHECK(read(fragments + "\x80", 3).wrong == 1009);
}

TEST_CASE("frame reader: RSV1 is for the first frame of a message, where compression was agreed on") {
  const auto rsv1 = [](std::string frame) { return frame[0] = static_cast<char>(frame[0] | 0x40), frame; };
  const auto read_deflated = [](std::string_view bytes) {
    frame_reader reader{{100, 8}};
    reader.allow_compression();
    return read(bytes, 5, reader);
  };
  const auto first = rsv1(ws::frame(ws::text, "\xff", false)), last = ws::frame(ws::continuation, "b");
  CHECK(read(first, 5).wrong == 1002);
  CHECK(read_deflated(first + last + ws::frame(ws::text, "c")).heard == std::vector<std::string>{"text, deflated: \xff"
                                                                                                 "b",
                                                                                                 "text: c"});
  CHECK(read_deflated(ws::frame(ws::text, "a", false) + rsv1(last)).wrong == 1002);
  CHECK(read_deflated(rsv1(ws::frame(ws::ping, ""))).wrong == 1002);
  CHECK(read_deflated(ws::frame(ws::binary, std::string(101, 'x'))).wrong == 1009);
  CHECK(read_deflated(rsv1(ws::frame(ws::binary, std::string(164, 'x')))).wrong == 0);  // deflate may add 64 bytes
  CHECK(read_deflated(rsv1(ws::frame(ws::binary, std::string(165, 'x')))).wrong == 1009);
}

TEST_CASE("frame reader: frames that are no message by themselves are counted in whatever pieces they come",
          "[limits]") {
  std::string bytes;
  for (const auto& each : {ws::frame(ws::ping, "p"), ws::frame(ws::text, std::string(300, 'x'), false),
                           ws::frame(ws::pong, ""), ws::frame(ws::continuation, "y"), ws::frame(ws::binary, "z")})
    bytes += each;
  for (std::size_t size = 1; size != 20; ++size) {
    frame_reader reader{{65'536, 8}};
    read(bytes, size, reader);
    CHECK(reader.take_loose() == 3);
    CHECK(reader.take_loose() == 0);
  }
}

TEST_CASE("frame reader: it knows what is under way, and which message that is") {
  frame_reader reader{{65'536, 8}};
  const auto feed = [&](const std::string& bytes) { CHECK(read(bytes, 1'000, reader).used == bytes.size()); };
  CHECK_FALSE(reader.is_under_way());
  const auto one = ws::frame(ws::text, "hello");
  for (std::size_t i = 0; i + 1 < one.size(); ++i) {
    feed(one.substr(i, 1));
    CHECK(reader.is_under_way());
    CHECK(reader.begun() == 1);
  }
  feed(one.substr(one.size() - 1));
  CHECK_FALSE(reader.is_under_way());
  feed(ws::frame(ws::text, "a", false));
  CHECK(reader.is_under_way());
  feed(ws::frame(ws::ping, "p") + ws::frame(ws::continuation, "b", false));
  CHECK(reader.is_under_way());
  CHECK(reader.begun() == 2);  // a ping within a message is no beginning
  feed(ws::frame(ws::continuation, "c") + one + one.substr(0, 3));
  CHECK(reader.is_under_way());
  CHECK(reader.begun() == 4);
  feed(one.substr(3) + ws::frame(ws::ping, "p").substr(0, 1));
  CHECK(reader.is_under_way());
  CHECK(reader.begun() == 5);
}

TEST_CASE("frame reader: random frames are the same in any pieces, and never more than their bounds", "[fuzz]") {
  std::mt19937 random{20'261'130U};
  for (int round = 0; round != 3'000; ++round) {
    std::string bytes;
    for (int i = 0; i != 6; ++i) {
      auto frame = ws::frame(static_cast<ws::opcode>(random() % 11),
                             std::string(random() % 300, static_cast<char>(random())), random() % 3 != 0);
      if (random() % 8 == 0) frame[random() % std::min<std::size_t>(frame.size(), 8)] = static_cast<char>(random());
      bytes += frame;
    }
    const auto whole = read(bytes, bytes.size());
    CAPTURE(round);
    REQUIRE(read(bytes, 1 + random() % 40) == whole);
    for (const auto& each : whole.heard) REQUIRE(each.size() <= 65'600);
  }
}

TEST_CASE("is_utf8: whole characters of one form, wherever they stand") {
  for (const std::string good : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"})
    for (std::size_t before = 0; before != 18; ++before) {
      CHECK(is_utf8(std::string(before, 'x') + good + "12345678"));
      CHECK(is_utf8(std::string(before, 'x') + good));
    }
  for (const std::string bad : {"\x80", "\xc3", "\xc0\x80", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff"})
    for (std::size_t before = 0; before != 18; ++before) {
      CHECK_FALSE(is_utf8(std::string(before, 'x') + bad + "12345678"));
      CHECK_FALSE(is_utf8(std::string(before, 'x') + bad));
    }
}

}  // namespace greenroom::runtime
