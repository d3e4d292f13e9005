#include "actors/audit.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "actors/audit_fold.hpp"
#include "runtime/log.hpp"
#include "storage/audit_log.hpp"

namespace greenroom {
namespace {

using storage::audit_record;
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds audit_group{100};  ///< what comes within it is written at once

struct waiting {
  std::int64_t at_ms = 0;
  audit_entry what;
  std::function<void()> then{};
};

audit_record record_of(audit_entry&& from, std::int64_t at_ms) {
  audit_record to{.at_ms = at_ms, .action = std::string{from.action}, .decision = from.decision};
  to.members.reserve(8);
  const auto add = [&](const char* name, std::string& text) {
    if (!text.empty()) to.members.emplace_back(name, std::move(text));
  };
  add("user", from.user);
  add("session", from.session);
  add("peer", from.peer);
  add("credential", from.credential);
  add("target", from.target);
  add("reason", from.reason);
  add("detail", from.detail);
  if (from.code != 0) to.members.emplace_back("code", std::int64_t{from.code});
  return to;
}

audit_record record_of(audit_fold::folded&& from, std::int64_t at_ms) {
  auto to = record_of(std::move(from.like), at_ms);
  to.members.emplace_back("repeated", static_cast<std::int64_t>(from.times));
  to.members.emplace_back("since", storage::audit_time(from.since_ms));
  return to;
}

audit_record record_of_loss(std::uint64_t lines, const char* why, std::int64_t at_ms) {
  return {.at_ms = at_ms,
          .action = "audit.lost",
          .members = {{"lines", static_cast<std::int64_t>(lines)}, {"reason", std::string{why}}}};
}

}  // namespace

struct audit::state {
  explicit state(options from)
      : how{from.how},
        now_ms{std::move(from.now_ms)},
        log{{from.directory, from.how.file_bytes_max, from.how.files_max}} {
    figures.last = log.head().n;
    if (!log.torn_file().empty())
      runtime::log::warn("half a line at the end of the audit log was put aside", {{"file", log.torn_file()}});
    runtime::log::info("the audit log goes on",
                       {{"line", log.head().n}, {"hash", log.head().hash}, {"key", log.key().public_key().name()}});
    thread = std::thread{[this] { run(); }};
  }

  void put(waiting one);
  void run();
  std::optional<steady::time_point> deadline() const;
  void write(std::vector<waiting> batch, std::uint64_t overflowed);
  void sign();
  void failed(const std::error_code& why);
  void worked();

  const runtime::audit_config how;
  const std::function<std::int64_t()> now_ms;
  audit::figures figures;

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<waiting> queue;
  std::uint64_t dropped = 0;  ///< since the last batch
  bool urgent = false, closing = false;

  // The thread's own.
  storage::audit_log log;
  audit_fold fold;
  std::optional<steady::time_point> sign_at;
  std::uint64_t not_told_queue = 0, not_told_disk = 0;
  bool is_failing = false;
  std::thread thread;
};

/// Only who finds the queue empty wakes the thread: that is once in a group, not once an entry.
void audit::state::put(waiting one) {
  one.at_ms = now_ms();
  std::unique_lock lock{mutex};
  if (closing || queue.size() >= how.queue_max) {
    if (!closing) ++dropped, ++figures.lost_queue;
    lock.unlock();
    if (one.then) one.then();
    return;
  }
  const bool wakes = queue.empty() || (one.then && !urgent);
  urgent = urgent || one.then;
  queue.push_back(std::move(one));
  lock.unlock();
  if (wakes) changed.notify_one();
}

std::optional<steady::time_point> audit::state::deadline() const {
  auto at = sign_at;
  if (const auto next = fold.next_ms()) {
    const auto then = steady::now() + std::chrono::milliseconds{std::max<std::int64_t>(0, *next - now_ms())};
    if (!at || then < *at) at = then;
  }
  return at;
}

void audit::state::run() {
  std::unique_lock lock{mutex};
  for (;;) {
    const auto comes = [this] { return closing || !queue.empty(); };
    if (const auto at = deadline())
      changed.wait_until(lock, *at, comes);
    else
      changed.wait(lock, comes);
    if (!queue.empty())
      changed.wait_for(lock, audit_group, [this] { return closing || urgent; });  // others come with it
    const bool last = closing;
    auto batch = std::exchange(queue, {});
    const auto overflowed = std::exchange(dropped, 0);
    urgent = false;
    lock.unlock();
    write(std::move(batch), overflowed);
    if (last || (sign_at && *sign_at <= steady::now())) sign();
    lock.lock();
    if (last) return;
  }
}

void audit::state::write(std::vector<waiting> batch, std::uint64_t overflowed) {
  const auto now = now_ms();
  not_told_queue += overflowed;
  std::vector<audit_record> records;
  records.reserve(batch.size() + 2);
  if (not_told_queue != 0) records.push_back(record_of_loss(not_told_queue, "the queue was full", now));
  if (not_told_disk != 0) records.push_back(record_of_loss(not_told_disk, "the disk took nothing", now));
  const auto about_losses = records.size();
  bool is_last = false;
  {
    std::lock_guard guard{mutex};
    is_last = closing;
  }
  for (auto& each : is_last ? fold.rest() : fold.over(now)) records.push_back(record_of(std::move(each), now));
  for (auto& each : batch) {
    if (each.what.what == audit_kind::refusal && !fold.passes(each.what, each.at_ms))
      ++figures.folded;
    else
      records.push_back(record_of(std::move(each.what), each.at_ms));
  }
  if (is_last)
    for (auto& each : fold.rest()) records.push_back(record_of(std::move(each), now));
  if (!records.empty()) {
    if (const auto why = log.append(records, now)) {
      const auto lost = records.size() - about_losses;
      not_told_disk += lost;
      figures.lost_disk += lost;
      failed(why);
    } else {
      not_told_queue = not_told_disk = 0;
      const auto not_synced = log.sync();
      not_synced ? failed(not_synced) : worked();
    }
  }
  figures.lines = log.lines();
  figures.last = log.head().n;
  if (log.unsigned_lines() == 0)
    sign_at.reset();
  else if (!sign_at)
    sign_at = steady::now() + std::chrono::milliseconds{how.checkpoint_interval_ms};
  for (const auto& each : batch)
    if (each.then) each.then();
}

void audit::state::sign() {
  sign_at.reset();
  if (const auto why = log.checkpoint(now_ms())) {
    failed(why);
    sign_at = steady::now() + std::chrono::milliseconds{how.checkpoint_interval_ms};
  }
  figures.lines = log.lines();
  figures.last = log.head().n;
}

void audit::state::failed(const std::error_code& why) {
  ++figures.failures;
  if (!std::exchange(is_failing, true))
    runtime::log::error("the audit log cannot be written, lines are lost", {{"reason", why.message()}});
}

void audit::state::worked() {
  if (std::exchange(is_failing, false)) runtime::log::warn("the audit log is written again");
}

audit::audit(options from) : state_{std::make_unique<state>(std::move(from))} {}

audit::~audit() { close(); }

bool audit::wants(audit_kind what) const noexcept {
  using enum runtime::audit_level;
  switch (what) {
    case audit_kind::node: return state_->how.level != off;
    case audit_kind::refusal: return state_->how.level >= refusals;
    case audit_kind::session:
    case audit_kind::administration: return state_->how.level >= sessions;
    case audit_kind::use: return state_->how.level >= all;
  }
  return false;
}

void audit::record(audit_entry what) {
  if (wants(what.what)) state_->put({.what = std::move(what)});
}

void audit::record(audit_entry what, std::function<void()> then) {
  if (wants(what.what)) return state_->put({.what = std::move(what), .then = std::move(then)});
  then();
}

void audit::close() {
  auto& s = *state_;
  {
    std::lock_guard guard{s.mutex};
    if (std::exchange(s.closing, true)) return;
  }
  s.changed.notify_one();
  s.thread.join();
  runtime::log::info("the audit log ends", {{"line", s.log.head().n}, {"hash", s.log.head().hash}});
}

const audit::figures& audit::counters() const noexcept { return state_->figures; }

std::shared_ptr<audit> open_audit(const runtime::config& config, const std::filesystem::path& data,
                                  std::function<std::int64_t()> now_ms) {
  if (config.audit.level == runtime::audit_level::off) return nullptr;
  return std::make_shared<audit>(audit::options{data / "audit", config.audit, std::move(now_ms)});
}

}  // namespace greenroom
