#include "tests/bench/process_meter.hpp"

#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

namespace greenroom::bench {
namespace {

std::string contents(pid_t process, const char* file) {
  std::ifstream input{"/proc/" + std::to_string(process) + "/" + file};
  std::stringstream text;
  text << input.rdbuf();
  if (text.str().empty()) throw std::runtime_error{"the measured process is gone"};
  return text.str();
}

void pin(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);  // where it is refused, the figure says nothing, and that is seen in it
}

}  // namespace

std::chrono::microseconds cpu_time(pid_t process) {
  const auto stat = contents(process, "stat");
  std::istringstream fields{stat.substr(stat.rfind(')') + 2)};  // the name before it may hold anything
  std::string skipped;
  constexpr int fields_before_utime = 11;
  for (int i = 0; i < fields_before_utime; ++i) fields >> skipped;
  std::int64_t user = 0, system = 0;
  fields >> user >> system;
  return std::chrono::microseconds{(user + system) * 1'000'000 / sysconf(_SC_CLK_TCK)};
}

std::uint64_t resident_bytes(pid_t process) {
  const auto status = contents(process, "status");
  constexpr std::string_view name = "VmRSS:";
  return std::stoull(status.substr(status.find(name) + name.size())) << 10;
}

std::chrono::nanoseconds cache_line_round_trip() {
  constexpr int warm_up = 1'000, rounds = 100'000;
  if (std::thread::hardware_concurrency() < 2 && sysconf(_SC_NPROCESSORS_ONLN) < 2) return {};
  alignas(64) std::atomic<int> line{0};
  const int last = 2 * (warm_up + rounds);
  std::thread other{[&] {
    pin(0);
    for (int turn = 1; turn < last; turn += 2) {
      while (line.load(std::memory_order_acquire) != turn) continue;
      line.store(turn + 1, std::memory_order_release);
    }
  }};
  std::chrono::nanoseconds taken{};
  std::thread measuring{[&] {
    pin(1);
    auto start = std::chrono::steady_clock::now();
    for (int turn = 0; turn < last; turn += 2) {
      if (turn == 2 * warm_up) start = std::chrono::steady_clock::now();
      line.store(turn + 1, std::memory_order_release);
      while (line.load(std::memory_order_acquire) != turn + 2) continue;
    }
    taken = std::chrono::steady_clock::now() - start;
  }};
  measuring.join();
  other.join();
  return taken / rounds;
}

}  // namespace greenroom::bench
