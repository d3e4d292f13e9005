#include "actors/key_fetcher.hpp"

#include <algorithm>
#include <chrono>

#include "actors/context.hpp"
#include "actors/key_sets.hpp"
#include "actors/tokens.hpp"
#include "codecs/jwk.hpp"
#include "runtime/log.hpp"

namespace greenroom::key_fetcher {
namespace {

using namespace std::chrono_literals;

struct look_at_files {};  ///< To itself: have they changed?
struct look_at_clock {};  ///< To itself: what is due?
struct make_up {};        ///< To itself: for a look that came too soon.

constexpr std::chrono::milliseconds pause_min = 10ms, pause_max = 60s;

}  // namespace
}  // namespace greenroom::key_fetcher

GREENROOM_MESSAGE(greenroom::key_fetcher::look_at_files)
GREENROOM_MESSAGE(greenroom::key_fetcher::look_at_clock)
GREENROOM_MESSAGE(greenroom::key_fetcher::make_up)

namespace greenroom::key_fetcher {

struct state {
  static inline const char* name = "key_fetcher";
  state(runtime::actor_base* s, const options& o)
      : self{s}, opts{o}, between_looks{o.ctx.config.tokens.reload_interval_ms} {}

  caf::behavior start() {
    opts.checks.trust(opts.sets.trust());
    opts.checks.looked();
    if (between_looks != 0ms) self->later(between_looks, look_at_files{});
    if (opts.sets.remotes() != 0) self->later(0ms, look_at_clock{});
    return {
        [this](const look_at_files&) {
          self->later(between_looks, look_at_files{});
          read(key_sets::which::changed);
        },
        [this](const look_at_clock&) {
          fetch_due();
          if (opts.sets.expire(opts.ctx.now_ms())) opts.checks.trust(opts.sets.trust());
          const std::chrono::milliseconds left{opts.sets.next_due_ms() - opts.ctx.now_ms()};
          self->later(std::clamp(left, pause_min, pause_max), look_at_clock{});
        },
        [this](const reload&) {
          read(key_sets::which::all);
          fetch([](std::size_t) { return true; });
        },
        [this](const wanted& m) {
          if (m.under != opts.sets.trust() || fetch_due()) return opts.checks.looked();
          look_for_keys();
        },
        [this](const make_up&) {
          waits_for_minute = false;
          look_for_keys();
        },
        [this](const look& m) {
          if (!is_there(m.kid)) fetch_due();
          if (!is_there(m.kid)) look_for_keys();
        },
    };
  }

  void read(key_sets::which ones) {
    if (opts.sets.read_files(ones)) opts.checks.trust(opts.sets.trust());
  }

  bool is_there(const std::string& kid) const {
    return kid.empty() ? !opts.sets.trust()->keys->keys().empty() : opts.sets.knows(kid);
  }

  /// Whether there was something to fetch. What is due anyway, as all sets are at start, is no look of that minute.
  bool fetch_due() {
    const auto now = opts.ctx.now_ms();
    return fetch([&](std::size_t set) { return opts.sets.is_due(set, now); });
  }

  void look_for_keys() {
    const auto now = opts.ctx.now_ms();
    if (opts.sets.look(now)) {
      fetch([](std::size_t) { return true; });
      return opts.checks.looked();
    }
    if (opts.sets.remotes() == 0 || std::exchange(waits_for_minute, true)) return;
    self->later(std::chrono::milliseconds{opts.sets.next_look_ms() - now}, make_up{});
  }

  template <class Which>
  bool fetch(const Which& which) {
    bool any = false;
    const runtime::fetch_options how{
        .timeout = std::chrono::milliseconds{opts.ctx.config.tokens.fetch_timeout_ms},
        .bytes_max = codecs::limits::jwk_set_bytes_max,
        .version = opts.ctx.version,
        .cancelled = [&ctx = opts.ctx] { return ctx.at.load(std::memory_order_relaxed) == stage::draining; }};
    for (std::size_t set = 0; set < opts.sets.remotes(); ++set) {
      if (!which(set) || how.cancelled()) continue;
      any = true;
      const auto got = opts.fetch(opts.sets.url(set), how);
      if (opts.sets.take(set, got, opts.ctx.now_ms())) opts.checks.trust(opts.sets.trust());
      if (got.what == runtime::fetch_outcome::ok && !opts.directory.empty()) opts.sets.save(set, opts.directory);
    }
    return any;
  }

  runtime::actor_base* self;
  const options& opts;
  std::chrono::milliseconds between_looks;
  bool waits_for_minute = false;
};

caf::actor spawn(const runtime::place& where, options opts) {
  return runtime::spawn_detached<state>(where, std::move(opts));
}

}  // namespace greenroom::key_fetcher
