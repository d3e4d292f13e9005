#include "actors/memory_watch.hpp"

#include <chrono>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/pressure.hpp"
#include "actors/rate_limits.hpp"
#include "actors/session_directory.hpp"
#include "runtime/ask.hpp"
#include "runtime/log.hpp"
#include "runtime/process_memory.hpp"

namespace greenroom::memory_watch {
namespace {

struct look {};  ///< To itself.

constexpr std::chrono::seconds between_returns{2};

}  // namespace
}  // namespace greenroom::memory_watch

GREENROOM_MESSAGE(greenroom::memory_watch::look)

namespace greenroom::memory_watch {

struct state {
  static inline const char* name = "memory_watch";
  state(runtime::actor_base* s, const options& o)
      : self{s}, ctx{o.ctx}, resident{o.resident ? o.resident : runtime::resident_bytes} {}

  caf::behavior start() {
    measure();
    return {[this](const look&) { measure(); }};
  }

  void measure() {
    self->later(limits::between_pressure_looks, look{});
    auto& pressure = *ctx.pressure;
    const auto [from, to] = pressure.measure(resident());
    if (from != to) say(from < to);
    if (to >= pressure_level::idle) runtime::tell(ctx.sessions, session_directory::shed_guests{});
    if (const auto now = self->now(); (to != pressure_level::none || from != to) && now - returned >= between_returns) {
      returned = now;
      runtime::return_free_memory();
    }
    if (ctx.limits) ctx.limits->sweep(limit_now());
  }

  void say(bool rises) const {
    const auto& p = *ctx.pressure;
    runtime::log::write(rises ? runtime::log_level::warning : runtime::log_level::info,
                        rises ? "memory is short: load is shed" : "memory is less short",
                        {{"step", word(p.level())}, {"bytes", p.bytes()}, {"budget", p.budget()}});
  }

  runtime::actor_base* self;
  context& ctx;
  std::function<std::uint64_t()> resident;
  caf::actor_clock::time_point returned{};
};

caf::actor spawn(const runtime::place& where, options opts) {
  return runtime::spawn_detached<state>(where, std::move(opts));
}

}  // namespace greenroom::memory_watch
