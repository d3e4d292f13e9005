// The quiet group: each user publishes into a room of its own, which takes a message through every part of the node; pings on a
// second connection, which takes it through the kernel and the loop only; and has a third one to a floor, where there is one: a
// server on the same cores that nobody attacks, and which shows what the attack does to the machine.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "tests/bench/attack.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

constexpr std::size_t users = 20;
constexpr std::chrono::milliseconds interval{50};
constexpr std::chrono::milliseconds look_at_input{5};

enum kind : std::uint32_t { messages, pings, floor, kinds };
constexpr std::array<const char*, kinds> names{"messages", "pings", "floor"};

/// One of a user's three connections: what it sends next, and when.
struct voice {
  peer* on = nullptr;
  kind what{};
  std::uint32_t room = 0;
  clock::time_point due{};
  clock::time_point sent{};  ///< of the one that is on its way
  bool waits = false;
};

class group {
 public:
  group(std::uint16_t port, const std::vector<std::uint16_t>& floors)
      : load_{{.port = port,
               .on_frame = [this](peer& from, std::string_view payload) { on_frame(from, payload); },
               .on_pong = [this](peer& from, std::string_view) { came(voices_[from.is().tag]); },
               .on_end = [this](peer&) { ++lost_; },
               .tolerate_close = true}} {
    for (std::uint32_t n = 0; n < users; ++n) {
      add(n, messages, {.path = "/ws"});
      add(n, pings, {.path = "/ws"});
      if (!floors.empty()) add(n, floor, {.how = speech::floor, .path = "/echo", .port = floors[n % floors.size()]});
    }
    load_.must("the quiet group's connections", [&] {
      return std::ranges::all_of(voices_, [](const voice& v) { return v.on->at() == peer::state::open; });
    });
    for (auto& each : voices_) {
      if (each.what != messages) continue;
      each.on->send(open_frame("quiet-" + std::to_string(each.room)) + join_frame(speech::native, each.room));
      load_.must("a quiet user's join", [&] { return each.on->frames >= 2; });
    }
    const auto now = clock::now();
    for (std::size_t n = 0; n < voices_.size(); ++n)
      voices_[n].due = now + interval * static_cast<int>(n) / static_cast<int>(voices_.size());
  }

  /// Sends what is due until a line comes: true, or standard input ends.
  bool speak_until_asked() {
    for (auto look = clock::now();;) {
      auto& next = *std::ranges::min_element(voices_, {}, &voice::due);
      load_.turn(std::min(next.due, look));
      const auto now = clock::now();
      if (now >= next.due) speak(next, now);
      if (now < look) continue;
      look = now + look_at_input;
      pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
      if (::poll(&input, 1, 0) <= 0) continue;
      std::array<char, 64> line;
      return ::read(STDIN_FILENO, line.data(), line.size()) > 0;
    }
  }

  void tell() {
    for (auto& each : voices_) still_waits(each);
    std::printf("{");
    for (std::size_t k = 0; k < kinds; ++k) {
      auto& took = took_[k];
      std::printf(R"("%s":{"count":%zu,"p50":%.3f,"p90":%.3f,"p99":%.3f,"max":%.3f},)", names[k], took.size(),
                  quantile(took, 0.5), quantile(took, 0.9), quantile(took, 0.99), quantile(took, 1));
      took.clear();
    }
    std::printf("\"lost\":%llu}\n", static_cast<unsigned long long>(lost_));
    std::fflush(stdout);
  }

 private:
  void add(std::uint32_t user, kind what, entry how) {
    how.tag = static_cast<std::uint32_t>(voices_.size());
    voices_.push_back({.on = &load_.connect(std::move(how)), .what = what, .room = user});
  }
  /// Nothing is sent while one is still on its way: what was due meanwhile has waited since then (`came`).
  void speak(voice& who, clock::time_point now) {
    who.due += interval;
    if (who.due <= now) who.due = now + interval;  // a stop of the whole machine
    if (who.waits || who.on->at() != peer::state::open) return;
    static const std::string question(52, 'x');
    who.waits = true;
    who.sent = now;
    switch (who.what) {
      case messages: return who.on->send(publish_frame(speech::native, who.room, ++published_, "1"));
      case pings: return who.on->send(masked("ping", opcode::ping));
      default: return who.on->send(masked(question));
    }
  }
  void on_frame(peer& from, std::string_view payload) {
    auto& who = voices_[from.is().tag];
    if (who.what == floor) return came(who);
    if (payload.find("\"error\"") != payload.npos) ++lost_;
    if (payload.find("\"room.message\"") != payload.npos) came(who);
  }
  void came(voice& who) {
    if (std::exchange(who.waits, false)) waited(who, clock::now());
  }
  /// What has not come counts for as long as it has waited; the rest of it counts the next time.
  void still_waits(voice& who) {
    const auto now = clock::now();
    if (!who.waits || now - who.sent < interval) return;
    waited(who, now);
    who.sent = now;
  }
  void waited(const voice& who, clock::time_point until) {
    using ms = std::chrono::duration<double, std::milli>;
    for (ms took = until - who.sent; took.count() > 0; took -= interval) took_[who.what].push_back(took.count());
  }

  load load_;
  std::vector<voice> voices_;
  std::array<std::vector<double>, kinds> took_;  ///< ms
  std::uint64_t published_ = 0, lost_ = 0;       ///< lost_: closed, or refused
};

}  // namespace

void stay_quiet(std::uint16_t port, const std::vector<std::uint16_t>& floors) {
  group all{port, floors};
  std::puts("ready");
  std::fflush(stdout);
  while (all.speak_until_asked()) all.tell();
}

}  // namespace greenroom::bench
