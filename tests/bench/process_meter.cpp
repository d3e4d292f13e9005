#include "tests/bench/process_meter.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
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

std::chrono::nanoseconds cpu_time(pid_t process) {
  clockid_t of{};
  timespec used{};
  if (clock_getcpuclockid(process, &of) != 0 || clock_gettime(of, &used) != 0)
    throw std::runtime_error{"the measured process is gone"};
  return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

std::uint64_t resident_bytes(pid_t process) {
  const auto status = contents(process, "status");
  constexpr std::string_view name = "VmRSS:";
  return std::stoull(status.substr(status.find(name) + name.size())) << 10;
}

/// The median of many short batches: other work on a core stretches a few of them, the machine's slow state all.
std::chrono::nanoseconds cache_line_round_trip() {
  constexpr int batches = 41, rounds = 2'000;
  if (std::thread::hardware_concurrency() < 2 && sysconf(_SC_NPROCESSORS_ONLN) < 2) return {};
  alignas(64) std::atomic<int> line{0};
  constexpr int last = 2 * batches * rounds;
  std::thread other{[&] {
    pin(0);
    for (int turn = 1; turn < last; turn += 2) {
      while (line.load(std::memory_order_acquire) != turn) continue;
      line.store(turn + 1, std::memory_order_release);
    }
  }};
  std::array<std::chrono::nanoseconds, batches> taken{};
  std::thread measuring{[&] {
    pin(1);
    int turn = 0;
    for (auto& each : taken) {
      const auto start = std::chrono::steady_clock::now();
      for (int i = 0; i < rounds; ++i, turn += 2) {
        line.store(turn + 1, std::memory_order_release);
        while (line.load(std::memory_order_acquire) != turn + 2) continue;
      }
      each = std::chrono::steady_clock::now() - start;
    }
  }};
  measuring.join();
  other.join();
  std::sort(taken.begin(), taken.end());
  return taken[batches / 2] / rounds;
}

}  // namespace greenroom::bench
