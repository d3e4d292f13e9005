#include "tests/bench/figures.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <unordered_map>

#include "codecs/jwt_key.hpp"
#include "codecs/jwt_mint.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

using std::chrono::milliseconds;

/// Open loop: `count` publishes at their scheduled times, however long deliveries take; each delivery's latency counts
/// from its schedule. The members in `watched` are looked at.
class pacer {
 public:
  pacer(load& of, crowd& room, clock::duration interval) : load_{of}, room_{room}, interval_{interval} {}

  void run(std::size_t count, const std::string& payload) {
    start_ = clock::now();
    for (std::size_t i = 0; i < count; ++i) {
      load_.run_until([] { return false; }, start_ + interval_ * static_cast<int>(i));
      room_.publish(1, payload);
    }
  }
  /// When the message with that number (from 1) was due.
  clock::time_point due(std::uint64_t number) const { return start_ + interval_ * static_cast<int>(number - 1); }

 private:
  load& load_;
  crowd& room_;
  clock::duration interval_;
  clock::time_point start_{};
};

constexpr std::size_t sessions_opened = 10'000;

/// Opens sessions with what `opening` says for each, from 0.
result open_sessions(const target& of, speech how, const std::function<std::string(std::size_t)>& opening) {
  constexpr std::size_t count = sessions_opened, at_once = 128, sources = 8;
  std::size_t answered = 0, started = 0, opened = 0;
  load all{{.port = of.port,
            .on_frame = [&](peer& who, std::string_view) { answered += who.frames == greetings_of(how) + 1 ? 1 : 0; },
            .on_open = [&](peer& who) { who.send(opening(opened++)); }}};
  const auto idle = resident_bytes(of.process);
  const stopwatch watch{of.process};
  while (answered < count) {
    for (; started < count && started < answered + at_once; ++started)
      all.connect(of.kind == server_kind::floor ? "/echo" : path_of(how), 1 + started % sources);
    const auto before = answered;
    all.must("a session", [&] { return answered > before; });
  }
  const auto elapsed = watch.elapsed();
  const auto cpu = watch.cpu_us();
  all.run_until([] { return false; }, clock::now() + milliseconds{500});  // what opening borrowed is given back
  return {{"sessions", count},
          {"per_second", count / seconds(elapsed)},
          {"cpu_us_per_session", cpu / count},
          {"bytes_per_session", static_cast<double>(resident_bytes(of.process) - idle) / count}};
}

std::string contents_of(const char* file) {
  std::ifstream in{file ? file : ""};
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

result connect_sessions(const target& of, speech how) {
  return open_sessions(of, how, [how](std::size_t i) { return open_frame(how, "user-" + std::to_string(i)); });
}

/// Each session with a token of its own, so that the server remembers none of them. They are signed before the clock runs.
result connect_with_tokens(const target& of) {
  std::string why;
  const auto signer = codecs::jwt_signer::from_pem(codecs::jwt_algorithm::es256,
                                                   contents_of(std::getenv("GREENROOM_BENCH_KEY")), {}, why);
  if (!signer) throw std::runtime_error{"GREENROOM_BENCH_KEY must name a private key: " + why};
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  codecs::jwt_order order;
  order.issued_at_s = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  order.expires_at_s = order.issued_at_s + 3'600;
  std::vector<std::string> frames;
  while (frames.size() < sessions_opened) {
    order.subject = "user-" + std::to_string(frames.size());
    frames.push_back(masked(R"({"jsonrpc":"2.0","id":0,"method":"session.open","params":{"token":")" +
                            codecs::mint_jwt(order, *signer) + R"("}})"));
  }
  return open_sessions(of, speech::native, [&](std::size_t i) { return frames.at(i); });
}

result fan_out(const target& of, std::uint32_t members, compression with, speech how) {
  constexpr std::size_t at_once = 32, warm_up_rounds = 4, deliveries = 4'000'000;
  load all{{.port = of.port, .deflate = with == compression::deflate}};
  crowd room{all, of, "bench", members, how};
  const auto payload = words_of(payload_bytes);
  for (std::size_t i = 0; i < warm_up_rounds; ++i) room.publish(at_once, payload), room.settle();
  const auto before = room.published() * members;
  const stopwatch watch{of.process};
  while (room.published() * members - before < deliveries) room.publish(at_once, payload), room.settle();
  const auto delivered = static_cast<double>(room.published() * members - before);
  result measured{{"deliveries", delivered},
                  {"cpu_us_per_delivery", watch.cpu_us() / delivered},
                  {"per_second", delivered / seconds(watch.elapsed())}};
  room.frame_lengths(measured);
  return measured;
}

result paced(const target& of) {
  constexpr std::size_t members = 100, publishes = 1'000;
  constexpr auto interval = milliseconds{10};  // 100 publishes a second to 100 members
  pacer* clockwork = nullptr;
  crowd* crowded = nullptr;
  std::vector<double> samples;
  samples.reserve(members * publishes);
  load all{{.port = of.port, .on_frame = [&](peer& who, std::string_view) {
              if (clockwork && &who != &crowded->publisher())
                samples.push_back(microseconds(clock::now() - clockwork->due(who.frames)));
            }}};
  crowd room{all, of, "bench", members};
  pacer pace{all, room, interval};
  crowded = &room;
  clockwork = &pace;
  const stopwatch watch{of.process};
  pace.run(publishes, payload_of(payload_bytes));
  room.settle();
  result measured{{"deliveries", static_cast<double>(samples.size())},
                  {"per_second", static_cast<double>(samples.size()) / seconds(watch.elapsed())},
                  {"cpu_us_per_delivery", watch.cpu_us() / static_cast<double>(samples.size())}};
  latencies(measured, samples, "");
  room.frame_lengths(measured);
  return measured;
}

result echo(const target& of, std::uint32_t in_flight) {
  constexpr std::size_t connections = 100;
  constexpr auto warm_up = milliseconds{500}, measuring = milliseconds{3'000};
  struct caller {
    std::string request;
    clock::time_point sent;
    std::uint32_t waits = 0;
  };
  std::unordered_map<peer*, caller> callers;
  std::vector<double> samples;
  bool going = true;
  const auto ask = [&](peer& who, caller& with) {  // all at once, and again when all are answered
    std::string frames;
    for (std::uint32_t i = 0; i < in_flight; ++i) frames += with.request;
    with.waits = in_flight;
    with.sent = clock::now();
    who.send(frames);
  };
  load all{{.port = of.port, .on_frame = [&](peer& who, std::string_view) {
              auto& mine = callers.at(&who);
              if (--mine.waits != 0) return;
              samples.push_back(microseconds(clock::now() - mine.sent));
              if (going) ask(who, mine);
            }}};
  for (std::size_t i = 0; i < connections; ++i) {
    auto& who = all.connect(of.kind == server_kind::floor ? "/echo" : "/ws");
    callers[&who].request = publish_frame("echo-" + std::to_string(i), 1, payload_of(payload_bytes));
  }
  all.must("the connections", [&] {
    return std::all_of(callers.begin(), callers.end(), [](auto& c) { return c.first->at() == peer::state::open; });
  });
  for (auto& [who, mine] : callers) ask(*who, mine);
  all.run_until([] { return false; }, clock::now() + warm_up);
  samples.clear();
  const auto before = all.received;
  const stopwatch watch{of.process};
  all.run_until([] { return false; }, clock::now() + measuring);
  const auto trips = static_cast<double>(all.received - before);
  result measured{{"round_trips", trips},
                  {"cpu_us_per_round_trip", watch.cpu_us() / trips},
                  {"per_second", trips / seconds(watch.elapsed())}};
  latencies(measured, samples, "");
  going = false;
  const auto& first = *callers.begin()->first;
  measured["reply_bytes"] = static_cast<double>(first.bytes) / static_cast<double>(first.frames);
  return measured;
}

result slow_member(const target& of) {
  constexpr std::size_t members = 20, publishes = 5'000, bytes = 4'096;
  constexpr auto interval =
      milliseconds{2};  // 500 publishes a second: 10,000 deliveries, 40 MB, of 20 MB to the slow one
  pacer* clockwork = nullptr;
  crowd* crowded = nullptr;
  std::vector<double> samples;
  load all{{.port = of.port,
            .on_frame =
                [&](peer& who, std::string_view) {
                  if (clockwork && &who != &crowded->publisher())
                    samples.push_back(microseconds(clock::now() - clockwork->due(who.frames)));
                },
            .tolerate_close = true}};
  crowd room{all, of, "bench", members};
  crowded = &room;
  const auto before = resident_bytes(of.process);
  room.members().front()->stop_reading();
  pacer pace{all, room, interval};
  clockwork = &pace;
  pace.run(publishes, payload_of(bytes));
  all.must("the others' deliveries", [&] {
    return std::all_of(room.members().begin() + 1, room.members().end(),
                       [&](auto* m) { return m->frames == publishes; });
  });
  result measured{{"memory_growth_mib", static_cast<double>(resident_bytes(of.process) - before) / (1 << 20)}};
  latencies(measured, samples, "others_");
  return measured;
}

}  // namespace greenroom::bench
