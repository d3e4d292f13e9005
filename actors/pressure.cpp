#include "actors/pressure.hpp"

#include <string>
#include <vector>

#include "runtime/metrics.hpp"
#include "runtime/process_memory.hpp"

namespace greenroom {

pressure_level memory_ladder::step(std::uint64_t bytes, std::uint64_t budget) noexcept {
  constexpr std::uint64_t whole = 100;
  if (budget == 0) return level_ = pressure_level::none;
  const auto reaches = [&](std::uint32_t percent) { return bytes / percent >= budget / whole; };
  std::size_t up = 0, stay = 0;
  for (const auto each : steps_percent) {
    up += reaches(each) ? 1 : 0;
    stay += reaches(each - hysteresis_percent) ? 1 : 0;
  }
  const auto now = static_cast<std::size_t>(level_);
  const auto next = up > now ? up : stay < now ? stay : now;
  return level_ = static_cast<pressure_level>(next);
}

pressure::change pressure::measure(std::uint64_t bytes) noexcept {
  bytes_.store(bytes, std::memory_order_relaxed);
  const auto before = ladder_.level(), after = ladder_.step(bytes, budget_);
  level_.store(after, std::memory_order_relaxed);
  return {before, after};
}

void pressure::collect(runtime::metrics& into) const {
  using runtime::metrics;
  into.collect({"greenroom_memory_pressure",
                "The step of the ladder that memory has reached: 0 none, 1 idle, 2 doors, 3 outboxes, 4 writes."},
               metrics::kind::gauge, [this] { return static_cast<double>(level()); });
  into.collect({"greenroom_memory_bytes", "What of the process is resident in memory."}, metrics::kind::gauge,
               [this] { return static_cast<double>(bytes()); });
  into.collect({"greenroom_memory_budget_bytes", "What it may have."}, metrics::kind::gauge,
               [this] { return static_cast<double>(budget()); });
  into.collect({"greenroom_shed_total", "What was given up because memory was short.", {"what"}},
               metrics::kind::counter, [this] {
                 std::vector<runtime::sample> all;
                 const auto add = [&](shed what, std::string name) {
                   all.push_back({{std::move(name)}, static_cast<double>(given_up(what))});
                 };
                 add(shed::idle, "idle");
                 add(shed::connections, "connections");
                 add(shed::outboxes, "outboxes");
                 add(shed::writes, "writes");
                 return all;
               });
}

std::string_view word(pressure_level what) noexcept {
  switch (what) {
    case pressure_level::none: return "none";
    case pressure_level::idle: return "idle";
    case pressure_level::doors: return "doors";
    case pressure_level::outboxes: return "outboxes";
    case pressure_level::writes: return "writes";
  }
  return {};
}

std::shared_ptr<pressure> make_pressure(std::uint64_t budget_bytes) {
  return std::make_shared<pressure>(budget_bytes != 0 ? budget_bytes : runtime::memory_limit_bytes());
}

}  // namespace greenroom
