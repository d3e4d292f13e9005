#include <algorithm>
#include <chrono>
#include <iostream>

#include "tests/bench/figures.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

using std::chrono::milliseconds;

/// Open loop: publishes at their scheduled times, however long deliveries take; each delivery's latency counts from its
/// schedule.
class pacer {
 public:
  explicit pacer(std::uint32_t rate) : interval_{std::chrono::nanoseconds{1'000'000'000 / rate}} {}

  void run(load& all, crowd& rooms, std::size_t count, const std::string& payload) {
    if (start_ == clock::time_point{}) start_ = clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      all.run_until([] { return false; }, due(rooms.published()));
      rooms.publish(1, payload);
    }
  }
  /// When the message with that number, from 0, was due.
  clock::time_point due(std::uint64_t number) const { return start_ + interval_ * static_cast<std::int64_t>(number); }

 private:
  clock::duration interval_;
  clock::time_point start_{};
};

/// Rooms at a pace, with the latency of each delivery.
class paced_rooms {
 public:
  paced_rooms(const target& of, const order& what)
      : pace_{what.rate},
        all_{{.port = of.port,
              .on_frame =
                  [this](peer& who, std::string_view) {
                    if (room_ && &who != &room_->publisher())
                      samples.push_back(microseconds(clock::now() - pace_.due(room_->number_of_last(who))));
                  },
              .tls = of.tls}},
        made_{all_, of, what} {
    room_ = &made_;
  }

  void run(std::size_t count, const std::string& payload) { pace_.run(all_, made_, count, payload); }
  crowd& rooms() { return made_; }
  std::vector<double> samples;

 private:
  crowd* room_ = nullptr;  // none yet while it is being made
  pacer pace_;
  load all_;
  crowd made_;
};

}  // namespace

result fan_out(const target& of, const order& what) {
  constexpr std::size_t warm_up_rounds = 4;
  load all{{.port = of.port, .tls = of.tls, .deflate = of.deflate}};
  crowd rooms{all, of, what};
  const auto payload = words_of(what.bytes);
  const auto round = [&] { rooms.publish(what.at_once, payload), rooms.settle(); };
  for (std::size_t i = 0; i < warm_up_rounds || rooms.published() < what.rooms; ++i) round();
  const auto before = rooms.deliveries();
  const stopwatch watch{of.process};
  do round();
  while (seconds(watch.elapsed()) < what.seconds);
  const auto delivered = static_cast<double>(rooms.deliveries() - before);
  result measured{{"deliveries", delivered},
                  {"cpu_us_per_delivery", watch.cpu_us() / delivered},
                  {"per_second", delivered / seconds(watch.elapsed())}};
  rooms.frame_lengths(measured);
  return measured;
}

result paced(const target& of, const order& what) {
  paced_rooms paced{of, what};
  const auto payload = payload_of(what.bytes);
  paced.run(what.rate / 4, payload);  // warm-up
  paced.rooms().settle();
  paced.samples.clear();
  const stopwatch watch{of.process};
  paced.run(static_cast<std::size_t>(what.rate * what.seconds), payload);
  paced.rooms().settle();
  const auto delivered = static_cast<double>(paced.samples.size());
  result measured{{"deliveries", delivered},
                  {"per_second", delivered / seconds(watch.elapsed())},
                  {"cpu_us_per_delivery", watch.cpu_us() / delivered}};
  latencies(measured, paced.samples, "");
  paced.rooms().frame_lengths(measured);
  return measured;
}

result sustain(const target& of, const order& what) {
  const int parts = std::clamp(static_cast<int>(what.seconds / 60), 10, 60);
  paced_rooms paced{of, what};
  const auto payload = payload_of(what.bytes);
  const auto count = static_cast<std::size_t>(what.rate * what.seconds / parts);
  paced.run(what.rate, payload);  // warm-up: a second
  std::vector<double> p95s;
  double first_bytes = 0, last_bytes = 0;
  const stopwatch all{of.process};
  for (int part = 0; part < parts; ++part) {
    paced.samples.clear();
    const stopwatch watch{of.process};
    paced.run(count, payload);
    const auto cpu = watch.cpu_us() / microseconds(watch.elapsed());
    last_bytes = static_cast<double>(resident_bytes(of.process));
    if (part == 0) first_bytes = last_bytes;
    p95s.push_back(quantile(paced.samples, 0.95));
    std::cout << "sample {\"second\":" << seconds(all.elapsed()) << ",\"p95_us\":" << p95s.back()
              << ",\"p99_us\":" << quantile(paced.samples, 0.99) << ",\"resident_mib\":" << last_bytes / (1 << 20)
              << ",\"cpu_percent\":" << 100 * cpu << "}" << std::endl;
  }
  paced.rooms().settle();  // nothing is missing
  return {{"messages", static_cast<double>(count) * parts},
          {"p95_us", quantile(p95s, 0.5)},
          {"worst_p95_us", quantile(p95s, 1)},
          {"memory_mib", last_bytes / (1 << 20)},
          {"memory_growth_mib", (last_bytes - first_bytes) / (1 << 20)},
          {"cpu_percent", 100 * all.cpu_us() / microseconds(all.elapsed())}};
}

result slow_member(const target& of, const order&) {
  // 500 publishes a second: 10,000 deliveries, 40 MB, of which 20 MB are the slow one's
  constexpr std::uint32_t members = 20, rate = 500, publishes = 5'000, bytes = 4'096;
  std::vector<double> samples;
  pacer pace{rate};
  crowd* crowded = nullptr;
  load all{{.port = of.port,
            .on_frame =
                [&](peer& who, std::string_view) {
                  if (crowded && &who != &crowded->publisher())
                    samples.push_back(microseconds(clock::now() - pace.due(crowded->number_of_last(who))));
                },
            .tolerate_close = true}};
  crowd room{all, of, {.members = members}};
  crowded = &room;
  const auto before = resident_bytes(of.process);
  room.members().front()->stop_reading();
  pace.run(all, room, publishes, payload_of(bytes));
  all.must("the others' deliveries", [&] {
    return std::all_of(room.members().begin() + 1, room.members().end(),
                       [](auto* m) { return m->frames == publishes; });
  });
  result measured{{"memory_growth_mib", static_cast<double>(resident_bytes(of.process) - before) / (1 << 20)}};
  latencies(measured, samples, "others_");
  return measured;
}

}  // namespace greenroom::bench
