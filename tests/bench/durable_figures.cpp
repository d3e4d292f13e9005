#include "tests/bench/durable_figures.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "storage/sqlite_store.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/process_meter.hpp"
#include "tests/bench/session.hpp"

namespace greenroom::bench {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t message_bytes = 256;
constexpr auto warm_up = milliseconds{500}, measuring = milliseconds{5'000};
constexpr double part_of_peak = 0.7;
constexpr std::size_t inbox_messages = 10'000;

std::string call_frame(const std::string& method, const std::string& params, std::uint64_t id = 1) {
  return masked(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + method + R"(","params":)" +
                params + "}");
}

std::string durable_frame(std::uint64_t n, const std::string& payload) {
  return call_frame("room.publish", R"({"room":"durable:bench","event":"bench","id":"m)" + std::to_string(n) +
                                        R"(","payload":)" + payload + "}");
}

std::string send_frame(std::uint64_t n, const std::string& payload) {
  return call_frame("user.send",
                    R"({"to":"bob","event":"bench","id":"m)" + std::to_string(n) + R"(","payload":)" + payload + "}");
}

void wait(load& all, clock::time_point until) {
  all.run_until([] { return false; }, until);
}

/// Calls `tick(i)` for each i, `per_second` times a second, however late the loop is.
template <class Tick>
void open_loop(load& all, std::size_t count, double per_second, Tick tick) {
  const auto began = clock::now();
  const auto due = [&](std::size_t i) {
    return began + std::chrono::duration_cast<clock::duration>(
                       std::chrono::duration<double>(static_cast<double>(i) / per_second));
  };
  for (std::size_t i = 0; i < count;) {
    for (; i < count && due(i) <= clock::now(); ++i) tick(i, due(i));
    if (i < count) wait(all, std::min(due(i), clock::now() + milliseconds{1}));
  }
}

}  // namespace

result durable_publishes(const target& of, const order& what) {
  const auto payload = payload_of(message_bytes);
  std::uint64_t sent = 0, acked = 0;
  bool closed_loop = true;
  std::vector<clock::time_point> due;
  std::vector<double> samples;
  std::uint64_t base = 0;
  load all{{.port = of.port, .on_frame = [&](peer& who, std::string_view frame) {
              must_not_refuse(frame);
              if (acked >= base && acked - base < due.size())
                samples.push_back(microseconds(clock::now() - due[static_cast<std::size_t>(acked - base)]));
              ++acked;
              if (closed_loop) who.send(durable_frame(++sent, payload));
            }}};
  auto& publisher = all.connect({.path = "/ws"});
  all.must("the connection", [&] { return publisher.at() == peer::state::open; });
  base = UINT64_MAX;
  for (std::uint32_t i = 0; i < what.in_flight; ++i) publisher.send(durable_frame(++sent, payload));
  wait(all, clock::now() + warm_up);
  const auto before = acked;
  const stopwatch watch{of.process};
  wait(all, clock::now() + measuring);
  const auto done = static_cast<double>(acked - before);
  result measured{{"messages", done},
                  {"per_second", done / seconds(watch.elapsed())},
                  {"cpu_us_per_message", watch.cpu_us() / done}};
  closed_loop = false;
  all.must("the last acks", [&] { return acked == sent; });
  const auto rate = part_of_peak * measured["per_second"];
  const auto count = static_cast<std::size_t>(rate * seconds(measuring));
  due.reserve(count);
  base = acked;
  open_loop(all, count, rate, [&](std::size_t, clock::time_point when) {
    due.push_back(when);
    publisher.send(durable_frame(++sent, payload));
  });
  all.must("the last acks", [&] { return acked == sent; });
  latencies(measured, samples, "paced_ack_");
  return measured;
}

result direct_messages(const target& of, const order&) {
  constexpr double rate = 1'000;
  constexpr std::size_t count = 5'000, ack_every = 50;
  const auto payload = payload_of(message_bytes);
  std::vector<clock::time_point> due;
  due.reserve(count);
  std::vector<double> acks, arrivals;
  peer* receiver = nullptr;
  load all{{.port = of.port, .on_frame = [&](peer& who, std::string_view frame) {
              if (&who == receiver) {
                if (frame.find("inbox.message") == std::string_view::npos) return;
                arrivals.push_back(microseconds(clock::now() - due[arrivals.size()]));
                if (arrivals.size() % ack_every == 0)
                  who.send(call_frame("inbox.ack", R"({"upto":)" + std::to_string(arrivals.size()) + "}"));
                return;
              }
              if (due.empty()) return;
              must_not_refuse(frame);
              acks.push_back(microseconds(clock::now() - due[acks.size()]));
            }}};
  receiver = &all.connect({.path = "/ws"});
  auto& sender = all.connect({.path = "/ws"});
  all.must("the connections", [&] { return receiver->at() == peer::state::open && sender.at() == peer::state::open; });
  receiver->send(open_frame("bob"));
  sender.send(open_frame("ann"));
  all.must("the sessions", [&] { return receiver->frames == 1 && sender.frames == 1; });
  const stopwatch watch{of.process};
  open_loop(all, count, rate, [&](std::size_t i, clock::time_point when) {
    due.push_back(when);
    sender.send(send_frame(i, payload));
  });
  all.must("the last message", [&] { return arrivals.size() == count && acks.size() == count; });
  result measured{{"messages", static_cast<double>(count)},
                  {"cpu_us_per_message", watch.cpu_us() / static_cast<double>(count)}};
  latencies(measured, acks, "ack_");
  latencies(measured, arrivals, "delivery_");
  return measured;
}

result drained_inbox(const target& of, const order&) {
  constexpr std::size_t ack_every = 200, in_flight = 64;
  const auto payload = payload_of(message_bytes);
  std::uint64_t sent = 0, accepted = 0, came = 0, last = 0;
  peer* receiver = nullptr;
  load all{{.port = of.port, .on_frame = [&](peer& who, std::string_view frame) {
              if (&who != receiver) {
                must_not_refuse(frame);
                ++accepted;
                if (sent < inbox_messages) who.send(send_frame(++sent, payload));
                return;
              }
              const auto at = frame.find("\"n\":");
              if (at == std::string_view::npos) return;
              const auto n = std::strtoull(frame.data() + at + 4, nullptr, 10);
              if (n <= last) throw std::runtime_error{"the inbox is not in order"};
              last = n;
              if (++came % ack_every == 0) who.send(call_frame("inbox.ack", R"({"upto":)" + std::to_string(n) + "}"));
            }}};
  auto& sender = all.connect({.path = "/ws"});
  all.must("the sender's connection", [&] { return sender.at() == peer::state::open; });
  for (std::size_t i = 0; i < in_flight; ++i) sender.send(send_frame(++sent, payload));
  all.must("the messages", [&] { return accepted == inbox_messages; });
  auto& reader = all.connect({.path = "/ws"});
  receiver = &reader;
  all.must("the receiver's connection", [&] { return reader.at() == peer::state::open; });
  const stopwatch watch{of.process};
  reader.send(open_frame("bob"));
  all.must("the inbox", [&] { return came == inbox_messages; });
  const auto elapsed = watch.elapsed();
  return {{"messages", static_cast<double>(came)},
          {"per_second", static_cast<double>(came) / seconds(elapsed)},
          {"cpu_us_per_message", watch.cpu_us() / static_cast<double>(came)}};
}

result fill(const target& of, const order& what) {
  constexpr std::size_t large_bytes = 60'000, in_flight = 16;
  const auto payload = payload_of(large_bytes);
  const auto count = (std::uint64_t{what.mib} << 20) / large_bytes;
  std::uint64_t sent = 0, acked = 0;
  load all{{.port = of.port, .on_frame = [&](peer& who, std::string_view frame) {
              must_not_refuse(frame);
              ++acked;
              if (sent < count) who.send(durable_frame(++sent, payload));
            }}};
  auto& publisher = all.connect({.path = "/ws"});
  all.must("the connection", [&] { return publisher.at() == peer::state::open; });
  for (std::size_t i = 0; i < in_flight; ++i) publisher.send(durable_frame(++sent, payload));
  all.must(
      "the messages", [&] { return acked == sent && sent >= count; }, std::chrono::seconds{100});
  std::cout << "kill" << std::endl;
  return {{"mib", static_cast<double>(what.mib)}, {"messages", static_cast<double>(acked)}};
}

result raw_store(const target&, const order& what) {
  const auto where = std::filesystem::temp_directory_path() / ("greenroom-raw-" + std::to_string(::getpid()));
  std::filesystem::create_directories(where);
  result measured;
  {
    auto disk = storage::open_sqlite_store({.path = (where / "greenroom.db").string()});
    const auto body = std::make_shared<const std::string>(message_bytes + 64, 'x');  // with the envelope
    std::uint64_t n = 0;
    const auto began = clock::now();
    while (clock::now() - began < measuring) {
      std::vector<storage::operation> all;
      for (std::uint32_t i = 0; i < what.in_flight; ++i) {
        storage::idempotency once{.sender = "ann", .id = "m" + std::to_string(++n)};
        all.push_back(storage::append{.log = "durable:bench",
                                      .body = body,
                                      .at_ms = 1'800'000'000'000 + static_cast<std::int64_t>(n / 40),
                                      .keep = {.count = 1'000'000},
                                      .once = std::move(once),
                                      .snapshot = {}});
      }
      for (const auto& each : disk->commit(all))
        if (!each.ok()) throw std::runtime_error{"the store refuses"};
      disk->upkeep();
    }
    measured = {{"messages", static_cast<double>(n)},
                {"per_second", static_cast<double>(n) / seconds(clock::now() - began)}};
  }
  std::filesystem::remove_all(where);
  return measured;
}

}  // namespace greenroom::bench
