#include "codecs/message_memory.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/sanitized.hpp"

using namespace greenroom;
using namespace greenroom::codecs;

TEST_CASE("message memory: what was freed is what the same size takes next", "[codecs][message_memory]") {
  if (tests::sanitized) {
    WARN("left out: in a sanitizer's build nothing is used again");
    return;
  }
  auto* one = take_block(100);
  give_block(one, 100);
  CHECK(take_block(65) == one);  // 65 to 128 bytes are one size
  auto* other = take_block(64);
  CHECK(other != one);
  give_block(one, 65);
  give_block(other, 64);
}

TEST_CASE("message memory: a block that is freed on another thread stays there", "[codecs][message_memory]") {
  if (tests::sanitized) {
    WARN("left out: in a sanitizer's build nothing is used again");
    return;
  }
  auto* one = take_block(300);
  std::thread{[one] {
    give_block(one, 300);
    auto* again = take_block(300);
    CHECK(again == one);
    give_block(again, 300);
  }}.join();
}

TEST_CASE("message memory: a shared string leaves its room when the last one lets go of it",
          "[codecs][message_memory]") {
  if (tests::sanitized) {
    WARN("left out: in a sanitizer's build nothing is used again");
    return;
  }
  auto text = spare_string();
  text.assign(500, 'x');
  const auto* bytes = text.data();
  auto held = share(std::move(text));
  auto other = held;
  CHECK(*held == std::string(500, 'x'));
  held.reset();
  CHECK(spare_string().data() != bytes);
  other.reset();
  const auto spare = spare_string();
  CHECK(spare.data() == bytes);
  CHECK(spare.empty());
}

TEST_CASE("message memory: strings with much room and those with none are not kept", "[codecs][message_memory]") {
  while (spare_string().capacity() > std::string{}.capacity()) continue;
  keep_spare(std::string(spare_bytes_max + 1, 'x'));
  keep_spare("short");
  CHECK(spare_string().capacity() == std::string{}.capacity());
}

TEST_CASE("message memory: no more strings are kept than the bound", "[codecs][message_memory]") {
  while (spare_string().capacity() > std::string{}.capacity()) continue;
  for (std::size_t i = 0; i != spare_strings_max + 10; ++i) keep_spare(std::string(100, 'x'));
  std::size_t kept = 0;
  while (spare_string().capacity() > std::string{}.capacity()) ++kept;
  CHECK(kept <= spare_strings_max);
}

TEST_CASE("message memory: blocks that four threads hand to each other are nobody else's", "[codecs][message_memory]") {
  struct block {
    unsigned char* bytes;
    std::size_t size;
    unsigned char mark;
  };
  std::mutex mutex;
  std::vector<block> shelf;
  std::atomic<int> damaged{0};
  const auto work = [&](unsigned seed) {
    std::mt19937 random{seed};
    for (int i = 0; i != 50'000; ++i) {
      const std::size_t size = 1 + random() % (block_bytes_max + 200);
      block mine{static_cast<unsigned char*>(take_block(size)), size, static_cast<unsigned char>(random())};
      std::memset(mine.bytes, mine.mark, size);
      {
        std::lock_guard guard{mutex};
        shelf.push_back(mine);
        if (shelf.size() < 200) continue;
        std::swap(shelf[random() % shelf.size()], shelf.back());
        mine = shelf.back();
        shelf.pop_back();
      }
      for (std::size_t n = 0; n != mine.size; ++n)
        if (mine.bytes[n] != mine.mark) ++damaged;
      give_block(mine.bytes, mine.size);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned seed = 1; seed != 5; ++seed) threads.emplace_back(work, seed);
  for (auto& each : threads) each.join();
  for (const auto& each : shelf) give_block(each.bytes, each.size);
  CHECK(damaged == 0);
}

TEST_CASE("message memory: objects and vectors live in it as anywhere", "[codecs][message_memory]") {
  auto text = make_recycled<std::string>("hello");
  const std::shared_ptr<const std::string> fixed = make_recycled<const std::string>(100, 'c');
  CHECK(*text == "hello");
  CHECK(fixed->size() == 100);
  std::vector<int, recycled<int>> numbers;
  for (int i = 0; i != 1'000; ++i) numbers.push_back(i);
  CHECK(numbers.back() == 999);
  auto moved = std::move(numbers);
  CHECK(moved[500] == 500);
}
