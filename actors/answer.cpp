#include "actors/answer.hpp"

#include "actors/context.hpp"
#include "codecs/message_memory.hpp"
#include "runtime/log.hpp"
#include "runtime/secret.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

constexpr std::size_t trace_random_bytes = 9;

}  // namespace

struct answer::state {
  context& ctx;
  std::shared_ptr<replier> to;
  codecs::reply_ref ref;
  method_meter* meter;
  runtime::shard* home = runtime::shard::current();
  std::chrono::steady_clock::time_point asked = home ? home->now() : std::chrono::steady_clock::time_point{};

  state(context& c, std::shared_ptr<replier> r, codecs::reply_ref id, std::string_view method)
      : ctx{c}, to{std::move(r)}, ref{std::move(id)}, meter{&c.meters.method(method)} {}
  ~state() {
    if (to) settle(lost());
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  /// Whoever had the call is gone; the trace finds the line that says so.
  codecs::error lost() const {
    auto why = codecs::make_error(codecs::error_code::internal);
    why.trace = runtime::random_text(trace_random_bytes);
    runtime::log::warn("a call was lost on its way", {{"method", meter->name}, {"trace", why.trace}});
    return why;
  }
  void leave_unknown() {
    auto target = std::exchange(to, nullptr);
    if (!target) return;
    auto leave = [&c = ctx, target = std::move(target), m = meter, since = asked, id = ref] {
      c.meters.answered(*m, static_cast<int>(codecs::error_code::internal), since);
      target->leave_unknown(id);
    };
    if (home == runtime::shard::current())
      leave();
    else
      home->post(std::move(leave));
  }
  void settle(codecs::outcome what) {
    auto target = std::exchange(to, nullptr);
    if (!target) return;
    if (home == runtime::shard::current()) {
      write(ctx, *target, *meter, asked, ref, std::move(what));
    } else {
      home->post([&c = ctx, target = std::move(target), m = meter, since = asked, id = std::move(ref),
                  what = std::move(what)]() mutable { write(c, *target, *m, since, id, std::move(what)); });
    }
  }
  static void write(context& ctx, replier& to, method_meter& meter, std::chrono::steady_clock::time_point asked,
                    const codecs::reply_ref& ref, codecs::outcome what) {
    const auto* failure = std::get_if<codecs::error>(&what);
    ctx.meters.answered(meter, failure ? static_cast<int>(failure->code) : 0, asked);
    to.reply(ref, std::move(what));
  }
};

answer::answer(context& ctx, std::shared_ptr<replier> to, codecs::reply_ref ref, std::string_view method)
    : state_{codecs::make_recycled<state>(ctx, std::move(to), std::move(ref), method)} {}

void answer::operator()(codecs::outcome what) const {
  if (state_) state_->settle(std::move(what));
}

void answer_hint::operator()(codecs::outcome what) const {
  if (const auto there = state_.lock()) there->settle(std::move(what));
}

void answer::leave_unknown() const {
  if (state_) state_->leave_unknown();
}

void replier::leave_unknown(const codecs::reply_ref& to) {
  reply(to, codecs::make_error(codecs::error_code::internal));
}

runtime::shard* answer::home() const noexcept { return state_ ? state_->home : nullptr; }

std::chrono::steady_clock::time_point answer::asked() const noexcept {
  return state_ ? state_->asked : std::chrono::steady_clock::time_point{};
}

}  // namespace greenroom
