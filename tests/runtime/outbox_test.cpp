#include "runtime/outbox.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <deque>
#include <random>

namespace greenroom::runtime {
namespace {

frame text(std::string of) { return std::make_shared<const std::string>(std::move(of)); }

struct fixture : outbox_port {
  void on_dirty() override { ++wakes; }
  frame on_gap(const gap& lost) override {
    gaps.push_back(lost);
    return notices ? text("<" + std::to_string(lost.from) + "-" + std::to_string(lost.to) + ">") : nullptr;
  }

  /// Writes at most `limit` bytes, as a socket does.
  std::string write(std::size_t limit = std::string::npos) {
    std::array<iovec, 64> parts;
    std::string all;
    const auto count = box.gather(parts);
    for (std::size_t i = 0; i != count; ++i) all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    all.resize(std::min(all.size(), limit));
    box.consume(all.size());
    return all;
  }
  std::string write_all() {
    std::string all;
    while (!box.empty()) all += write();
    return all;
  }
  static delivery at(std::uint64_t seq, std::string bytes, room_key room = 1, event_key event = 1) {
    return {text(std::move(bytes)), room, event, seq, seq, 1};
  }

  int wakes = 0;
  bool notices = true;
  std::vector<gap> gaps;
  outbox_stats stats;
  outbox box{{.bytes_max = 40, .frames_max = 8, .reply_bytes_max = 100, .reply_frames_max = 10}, *this, stats};
};

using verdict = outbox::verdict;

}  // namespace

TEST_CASE_METHOD(fixture, "outbox: replies and rooms' frames leave in the order in which they came") {
  CHECK(box.push_reply(text("a")) == verdict::queued);
  CHECK(box.push(at(1, "b")) == verdict::queued);
  CHECK(box.push_reply(text("c")) == verdict::queued);
  CHECK(wakes == 1);
  CHECK(box.bytes() == 3);
  CHECK(write_all() == "abc");
  CHECK(box.empty());
  CHECK(box.bytes() == 0);
  CHECK(stats.frames == 3);
  CHECK(stats.messages == 1);
  CHECK(stats.bytes == 3);
}

TEST_CASE_METHOD(fixture, "outbox: a short write is continued at the byte where it stopped") {
  box.push_reply(text("hello"));
  box.push_reply(text("world"));
  CHECK(write(3) == "hel");
  CHECK(box.bytes() == 7);
  CHECK(write(4) == "lowo");
  CHECK(write() == "rld");
}

TEST_CASE_METHOD(fixture, "outbox: its port hears of new work once until it gathers") {
  box.push_reply(text("a"));
  box.push_reply(text("b"));
  write();
  box.push_reply(text("c"));
  CHECK(wakes == 2);
}

TEST_CASE_METHOD(fixture, "outbox: a room's frame that does not fit changes nothing") {
  CHECK(box.push(at(1, std::string(40, 'x'))) == verdict::queued);
  CHECK(box.push(at(2, "y")) == verdict::full);
  CHECK(box.frames() == 1);
  CHECK(box.bytes() == 40);
  write_all();
  for (std::uint64_t i = 0; i != 8; ++i) CHECK(box.push(at(i, "z")) == verdict::queued);
  CHECK(box.push(at(9, "z")) == verdict::full);
}

TEST_CASE_METHOD(fixture,
                 "outbox: a reply is queued although rooms filled it, and overflows only beyond its own bounds") {
  box.push(at(1, std::string(40, 'x')));
  CHECK(box.push_reply(text(std::string(100, 'r'))) == verdict::queued);
  CHECK_FALSE(box.overflowed());
  CHECK(box.push_reply(text("!")) == verdict::full);
  CHECK(box.overflowed());
}

TEST_CASE_METHOD(fixture, "outbox: what was written makes space for replies again") {
  for (int i = 0; i != 10; ++i) box.push_reply(text("0123456789"));
  write(55);
  CHECK(box.push_reply(text("abcdefghij")) == verdict::queued);
  CHECK_FALSE(box.overflowed());
}

TEST_CASE_METHOD(fixture, "outbox: control frames overtake unsent data but never a partly written frame") {
  box.push_reply(text("first"));
  box.push_reply(text("second"));
  write(2);
  box.push_ping(text("[ping]"));
  box.push_pong(text("[pong]"));
  CHECK(write_all() == "rst[ping][pong]second");
}

TEST_CASE_METHOD(fixture, "outbox: only the newest unsent ping and pong wait") {
  box.push_reply(text("data"));
  for (int i = 0; i != 1'000; ++i) {
    box.push_pong(text("[o" + std::to_string(i) + "]"));
    box.push_ping(text("[i" + std::to_string(i) + "]"));
  }
  CHECK(box.frames() == 3);
  CHECK(write_all() == "[o999][i999]data");
}

TEST_CASE_METHOD(fixture, "outbox: a close frame is the last, behind everything queued") {
  box.push(at(1, "a"));
  box.finish(text("[close]"));
  CHECK(box.push_reply(text("late")) == verdict::closed);
  CHECK(box.push(at(2, "late")) == verdict::closed);
  CHECK(box.push_latest(at(3, "late")).result == verdict::closed);
  box.push_pong(text("late"));
  box.finish(text("[again]"));
  CHECK(write_all() == "a[close]");
}

TEST_CASE_METHOD(fixture, "outbox: cutting completes the partly written frame and drops the rest, counted") {
  box.push(at(1, "first"));
  box.push(at(2, "second"));
  box.push_reply(text("third"));
  write(2);
  box.cut(text("[close]"));
  CHECK(write_all() == "rst[close]");
  CHECK(stats.dropped_closed == 1);
}

TEST_CASE_METHOD(fixture, "outbox: a connection that is gone leaves nothing behind") {
  box.push(at(1, "first"));
  box.push_reply(text("second"));
  write(2);
  box.clear();
  CHECK(box.empty());
  CHECK(box.bytes() == 0);
  CHECK(box.frames() == 0);
  CHECK(stats.dropped_closed == 1);
  CHECK(box.push_reply(text("late")) == verdict::closed);
}

TEST_CASE_METHOD(fixture, "outbox: what is unsent can go on elsewhere, from the byte where it stopped") {
  box.push_reply(text("first"));
  box.push_reply(text("second"));
  box.push_reply(text("third"));
  write(7);
  CHECK(box.take_unsent() == "condthird");
  CHECK(stats.bytes == 7);
  CHECK(stats.dropped_closed == 0);
  CHECK(box.empty());
  CHECK(box.bytes() == 0);
  CHECK(box.push_reply(text("late")) == verdict::closed);
}

TEST_CASE_METHOD(fixture,
                 "outbox latest: an older frame of the same event gives way and a notice stands in its place") {
  box.push_latest(at(1, std::string(20, 'a'), 1, 7));
  box.push_latest(at(2, std::string(20, 'b'), 1, 8));
  auto third = box.push_latest(at(3, std::string(20, 'c'), 1, 8));
  CHECK(third.result == verdict::queued);
  CHECK(third.dropped == gap{1, 2, 2});
  CHECK(write_all() == std::string(20, 'a') + "<2-2>" + std::string(20, 'c'));
  CHECK(stats.dropped_latest == 1);
}

TEST_CASE_METHOD(fixture,
                 "outbox latest: without one of its event the oldest of its room gives way, never another room's") {
  box.push(at(9, std::string(10, 'o'), 2));
  box.push_latest(at(1, std::string(15, 'a'), 1, 7));
  box.push_latest(at(2, std::string(15, 'b'), 1, 8));
  CHECK(box.push_latest(at(3, std::string(15, 'c'), 1, 9)).dropped == gap{1, 1, 1});
  CHECK(write_all() == std::string(10, 'o') + "<1-1>" + std::string(15, 'b') + std::string(15, 'c'));
}

TEST_CASE_METHOD(fixture,
                 "outbox latest: neighbouring gaps become one notice, and a stopped reader costs bounded memory") {
  for (std::uint64_t seq = 1; seq <= 10'000; ++seq) box.push_latest(at(seq, "0123456789", 1, 7));
  CHECK(box.bytes() == 40);
  CHECK(box.frames() == 4);
  CHECK(write_all() ==
        "<1-9996>"
        "0123456789"
        "0123456789"
        "0123456789"
        "0123456789");
  CHECK(stats.dropped_latest == 9'996);
}

TEST_CASE_METHOD(fixture, "outbox latest: when other rooms fill it the newer frame itself is dropped, and noticed") {
  box.push(at(1, std::string(40, 'o'), 2));
  auto none = box.push_latest(at(5, "mine"));
  CHECK(none.result == verdict::full);
  CHECK(none.dropped == gap{1, 5, 5});
  box.push_latest(at(6, "mine"));
  CHECK(write_all() == std::string(40, 'o') + "<5-6>");
  CHECK(box.push_latest(at(7, "mine")).result == verdict::queued);
}

TEST_CASE_METHOD(fixture, "outbox latest: a partly written frame is never dropped") {
  box.push_latest(at(1, std::string(30, 'a')));
  write(1);
  CHECK(box.push_latest(at(2, std::string(15, 'b'))).result == verdict::full);
  CHECK(write_all() == std::string(29, 'a') + "<2-2>");
}

TEST_CASE_METHOD(fixture, "outbox latest: gaps need no notice where nobody wants one") {
  notices = false;
  for (std::uint64_t seq = 1; seq <= 6; ++seq) box.push_latest(at(seq, "0123456789"));
  CHECK(write_all().size() == 40);
  CHECK(gaps == std::vector<gap>{{1, 1, 2}});
  CHECK(box.empty());
}

TEST_CASE_METHOD(fixture, "outbox: a room that is left takes its unsent frames and gaps with it") {
  box.push(at(1, "a", 1));
  box.push(at(2, "b", 1));
  box.push(at(7, "c", 2));
  box.push_reply(text("d"));
  write(1);
  auto gone = box.remove_room(1);
  CHECK(gone.first == 2);
  CHECK(gone.frames == 1);
  CHECK(write_all() == "cd");
  CHECK(stats.dropped_removed == 1);
  CHECK(box.remove_room(1).first == 0);
}

TEST_CASE_METHOD(fixture, "outbox: it tells once that it fell under half its bounds") {
  CHECK_FALSE(box.take_drained());
  box.push(at(1, std::string(30, 'a')));
  box.push(at(2, "b"));
  CHECK_FALSE(box.below_half());
  write(5);
  CHECK_FALSE(box.take_drained());
  write(20);
  CHECK(box.below_half());
  CHECK(box.take_drained());
  CHECK_FALSE(box.take_drained());
}

TEST_CASE_METHOD(fixture, "outbox: a removed room that makes space wakes the connection, which tells") {
  box.push(at(1, std::string(30, 'a'), 1));
  write(0);
  const auto before = wakes;
  box.remove_room(1);
  CHECK(wakes == before + 1);
  CHECK(box.take_drained());
}

TEST_CASE_METHOD(fixture, "outbox: random operations keep the order and the sums of a simple model") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U);
  CAPTURE(seed);
  std::mt19937 random{seed};
  struct item {
    std::string bytes;
    room_key room;
  };
  std::deque<item> model;  // what is unsent
  std::string sent, expected;
  std::size_t head = 0;  // written bytes of the model's first item
  const auto model_bytes = [&] {
    std::size_t sum = 0;
    for (const auto& i : model) sum += i.bytes.size();
    return sum - head;
  };
  for (std::uint64_t step = 0; step != 4'000; ++step) {
    const auto room = 1 + random() % 3;
    const std::string bytes(1 + random() % 12, static_cast<char>('a' + step % 26));
    switch (random() % 8) {
      case 0:
        if (box.push_reply(text(bytes)) == verdict::queued) model.push_back({bytes, 0});
        break;
      case 1:
      case 2:
      case 3:
        if (box.push(at(step, bytes, room)) == verdict::queued) model.push_back({bytes, room});
        break;
      case 4: {
        box.remove_room(room);
        const auto keep = head != 0 ? 1 : 0;
        model.erase(std::remove_if(model.begin() + keep, model.end(), [&](const item& i) { return i.room == room; }),
                    model.end());
        break;
      }
      default: {
        auto some = write(random() % 20);
        sent += some;
        for (auto left = some.size(); left != 0;) {
          const auto n = std::min(left, model.front().bytes.size() - head);
          expected += model.front().bytes.substr(head, n);
          head += n;
          left -= n;
          if (head == model.front().bytes.size()) model.pop_front(), head = 0;
        }
      }
    }
    REQUIRE(box.bytes() == model_bytes());
    REQUIRE(box.frames() == model.size());
    REQUIRE(sent == expected);
    if (sent.size() > 4'096) sent.clear(), expected.clear();
  }
}

}  // namespace greenroom::runtime
