#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

constexpr std::uint32_t connections = 100;

/// 100 connections, each with `in_flight` calls that are sent at once, and again when all of them are answered.
class callers {
 public:
  using request = std::function<std::string(std::uint32_t caller)>;

  callers(const target& of, const order& what)
      : how_{of.how.front()},
        in_flight_{what.in_flight},
        all_{{.port = of.port,
              .on_frame =
                  [this](peer& who, std::string_view answer) {
                    if (who.frames % 256 == 1) must_not_refuse(answer);
                    if (going_) answered(who);
                  },
              .tls = of.tls}} {
    for (std::uint32_t i = 0; i < connections; ++i)
      peers_.push_back(&all_.connect({.how = how_, .path = caller_path(how_), .tag = i}));
    all_.must("the connections", [this] { return every([](auto* p) { return p->at() == peer::state::open; }); });
    std::uint64_t said = 0;
    const auto say = [&](const char* what_for, const request& words) {
      for (auto* each : peers_) each->send(words(each->is().tag));
      ++said;
      all_.must(what_for, [&] { return every([&](auto* p) { return p->frames == greetings_of(how_) + said; }); });
    };
    if (opens_first(how_)) say("the sessions", [this](std::uint32_t i) { return open_frame(how_, std::to_string(i)); });
    if (!before_calls_frame(how_, 0).empty())
      say("the subscriptions", [this](std::uint32_t i) { return before_calls_frame(how_, i); });
    for (auto* each : peers_) each->frames = each->bytes = 0;
  }

  result run(pid_t process, const order& what, const request& asks) {
    for (std::uint32_t i = 0; i < connections; ++i) {
      std::string frames;
      for (std::uint32_t k = 0; k < in_flight_; ++k) frames += asks(i);
      calls_.push_back({.frames = std::move(frames)});
    }
    going_ = true;
    for (auto* each : peers_) ask(*each);
    turn(what.seconds / 4);  // warm-up
    samples_.clear();
    const auto before = all_.received;
    const stopwatch watch{process};
    turn(what.seconds);
    const auto trips = static_cast<double>(all_.received - before);
    result measured{{"round_trips", trips},
                    {"cpu_us_per_round_trip", watch.cpu_us() / trips},
                    {"per_second", trips / seconds(watch.elapsed())}};
    going_ = false;
    latencies(measured, samples_, "");
    measured["reply_bytes"] = static_cast<double>(peers_[0]->bytes) / static_cast<double>(peers_[0]->frames);
    return measured;
  }

 private:
  struct call {
    std::string frames;
    clock::time_point sent{};
    std::uint32_t waits = 0;
  };
  void ask(peer& who) {
    auto& mine = calls_[who.is().tag];
    mine.waits = in_flight_;
    mine.sent = clock::now();
    who.send(mine.frames);
  }
  void answered(peer& who) {
    auto& mine = calls_[who.is().tag];
    if (--mine.waits != 0) return;
    samples_.push_back(microseconds(clock::now() - mine.sent));
    ask(who);
  }
  void turn(double for_seconds) {
    const std::chrono::duration<double> time{for_seconds};
    all_.run_until([] { return false; }, clock::now() + std::chrono::duration_cast<clock::duration>(time));
  }
  template <class Holds>
  bool every(Holds holds) const {
    return std::all_of(peers_.begin(), peers_.end(), holds);
  }

  speech how_;
  std::uint32_t in_flight_;
  bool going_ = false;
  std::vector<peer*> peers_;
  std::vector<call> calls_;
  std::vector<double> samples_;
  load all_;
};

}  // namespace

result echo(const target& of, const order& what) {
  const auto payload = payload_of(what.bytes);
  return callers{of, what}.run(of.process, what,
                               [&](std::uint32_t caller) { return call_frame(of.how.front(), caller, 1, payload); });
}

result lonely_publishes(const target& of, const order& what) {
  const auto payload = payload_of(what.bytes);
  return callers{of, what}.run(of.process, what,
                               [&](std::uint32_t caller) { return publish_frame(of.how.front(), caller, 1, payload); });
}

}  // namespace greenroom::bench
