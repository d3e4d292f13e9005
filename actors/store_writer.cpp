#include "actors/store_writer.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iterator>
#include <string>

#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "storage/store.hpp"

namespace greenroom::store_writer {
namespace {

using namespace std::chrono_literals;
using storage::condition;
using storage::errc;

constexpr auto repair_pause_min = 100ms;
constexpr auto repair_pause_max = 30s;

struct go {};      ///< To itself: what was in the mailbox before it is the batch.
struct repair {};  ///< To itself: the disk may work again.

/// What the memory holds for it, roughly: the bodies.
std::uint64_t bytes_of(const operations& all) {
  std::uint64_t sum = 0;
  for (const auto& each : all) {
    if (const auto* one = std::get_if<storage::append>(&each)) sum += one->body->size();
    if (const auto* one = std::get_if<storage::inbox_append>(&each)) sum += one->body->size();
    if (const auto* one = std::get_if<storage::dead_put>(&each)) sum += one->body->size();
  }
  return sum;
}

std::string_view word(condition c) {
  switch (c) {
    case condition::good: return "good";
    case condition::full: return "full";
    case condition::broken: return "broken";
  }
  return {};
}

bool failed(const storage::outcome& each) {
  return each.error == errc::unavailable || each.error == errc::outcome_unknown;
}

}  // namespace
}  // namespace greenroom::store_writer

GREENROOM_MESSAGE(greenroom::store_writer::go)
GREENROOM_MESSAGE(greenroom::store_writer::repair)

namespace greenroom::store_writer {

parcel::parcel(const context& c, operations what) : all{std::move(what)}, ctx_{c}, bytes_{bytes_of(all)} {
  ctx_.uncommitted_bytes.fetch_add(bytes_, std::memory_order_relaxed);
}
parcel::~parcel() { ctx_.uncommitted_bytes.fetch_sub(bytes_, std::memory_order_relaxed); }

struct state {
  static inline const char* name = "store_writer";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx}, barred_logs{*o.barred} {}
  ~state() {
    for (const auto& each : waiting) bar(each.what->all);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  caf::behavior start() {
    if (ctx.disk.condition() == condition::broken) look_at(ctx.disk.condition());
    return {
        [this](const commit& m) {
          waiting.push_back({runtime::promise<commit>{self}, m.what, m.what->all.size()});
          go_on();
        },
        [this](const go&) { run(); },
        [this](const repair&) { mend(); },
    };
  }

  struct request {
    runtime::promise<commit> owed;
    std::shared_ptr<parcel> what;
    std::size_t size = 0;
  };

  void go_on() {
    if (!std::exchange(going, true)) runtime::tell(self, caf::actor{self}, go{});
  }
  void run();
  void bar(const operations& what);
  bool barred(const operations& what);
  void note_failures(const operations& what, const outcomes& all);
  void look_at(condition now);
  void mend();

  runtime::actor_base* self;
  context& ctx;
  logs& barred_logs;
  std::deque<request> waiting;
  bool going = false;  ///< `go` is in the mailbox
  condition known = condition::good;
  bool mending = false;
  std::chrono::milliseconds pause{repair_pause_min};
};

/// One transaction: whole requests, as many as fit.
void state::run() {
  going = false;
  std::vector<request> taken;
  operations batch;
  while (!waiting.empty() &&
         (batch.empty() || batch.size() + waiting.front().size <= storage::limits::batch_operations_max)) {
    auto one = std::move(waiting.front());
    waiting.pop_front();
    if (barred(one.what->all)) {
      one.owed.deliver(
          commit::reply{std::make_shared<outcomes>(one.size, storage::outcome{.error = errc::unavailable})});
      continue;
    }
    std::ranges::move(one.what->all, std::back_inserter(batch));
    taken.push_back(std::move(one));
  }
  if (!taken.empty()) {
    outcomes all;
    try {
      all = ctx.disk.commit(batch);
    } catch (...) {
      bar(batch);
      throw;
    }
    note_failures(batch, all);
    auto next = std::make_move_iterator(all.begin());
    for (auto& each : taken) {
      const auto end = next + static_cast<std::ptrdiff_t>(each.size);
      each.owed.deliver(commit::reply{std::make_shared<outcomes>(next, end)});
      next = end;
    }
    ctx.disk.upkeep();
  }
  if (!waiting.empty()) go_on();
}

/// Nobody knows what became of these.
void state::bar(const operations& what) {
  for (const auto& each : what)
    if (const auto* one = std::get_if<storage::append>(&each)) barred_logs.insert(one->log);
}

/// Whether it writes to a log behind a message that was not stored. To open the log is to know of it.
bool state::barred(const operations& what) {
  if (barred_logs.empty()) return false;
  for (const auto& each : what) {
    if (const auto* open = std::get_if<storage::log_open>(&each)) barred_logs.erase(open->log);
    if (const auto* one = std::get_if<storage::append>(&each); one && barred_logs.contains(one->log)) return true;
    if (const auto* one = std::get_if<storage::snapshot_put>(&each); one && barred_logs.contains(one->log)) return true;
  }
  return false;
}

void state::note_failures(const operations& batch, const outcomes& all) {
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (const auto* one = std::get_if<storage::append>(&batch[i]); one && failed(all[i]))
      barred_logs.insert(one->log);
    else if (const auto* letter = std::get_if<storage::dead_put>(&batch[i]); letter && !all[i].ok())
      runtime::log::error("a message that its room failed on was not kept",  // the room has forgotten it
                          {runtime::log::room(letter->room), {"message", letter->once.id}});
  look_at(ctx.disk.condition());
}

void state::look_at(condition now) {
  if (now != known) {
    known = now;
    if (now == condition::good)
      runtime::log::info("the store takes messages again", {});
    else
      runtime::log::error("the store takes no messages", {{"condition", std::string{word(now)}}});
  }
  if (now == condition::broken && !std::exchange(mending, true)) self->later(pause, repair{});
}

/// The handle that failed is never used again: the database is opened anew, however often that takes.
void state::mend() {
  mending = false;
  if (ctx.disk.condition() != condition::broken) return;
  const auto why = ctx.disk.repair();
  if (!why.empty()) {
    runtime::log::warn("the store cannot be opened", {{"reason", why}});
    pause = std::min<std::chrono::milliseconds>(pause * 2, repair_pause_max);
  } else {
    pause = repair_pause_min;
  }
  look_at(ctx.disk.condition());
}

void post(runtime::actor_base* self, const context& ctx, storage::operation what) {
  write_one(self, ctx, std::move(what), [](const storage::outcome&) {});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn_detached<state>(where, opts); }

}  // namespace greenroom::store_writer
