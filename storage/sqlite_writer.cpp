#include "storage/sqlite_writer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <utility>

#include "storage/planted.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {
namespace {

constexpr std::uint64_t removed_at_once = 300;  // by a sweep: it keeps the writer for some milliseconds

/// For a planted bug: the records of ids, half a second after their messages.
struct late_id {
  std::chrono::steady_clock::time_point due;
  idempotency once;
  outcome original;
};
std::deque<late_id>& late_ids() {
  static std::deque<late_id> all;
  return all;
}
[[maybe_unused]] void remember_late(const idempotency& once, const outcome& original) {
  late_ids().push_back({std::chrono::steady_clock::now() + std::chrono::milliseconds{500}, once, original});
}
[[maybe_unused]] void record_late(sqlite_ids& into) {
  for (auto& all = late_ids(); !all.empty() && all.front().due < std::chrono::steady_clock::now(); all.pop_front())
    into.record(all.front().once, all.front().original, at_rest::plain);
}

template <class Op>
at_rest rest_of(const Op& op) {
  if constexpr (requires { op.rest; })
    return op.rest;
  else
    return at_rest::plain;
}

template <class Part, class Op>
concept executes = requires(Part& part, const Op& op) {
  part.execute(op);
};

}  // namespace

sqlite_writer::sqlite_writer(std::unique_ptr<connection> db, const sqlite_options& o, sqlite_damage& damage,
                             row_keys& keys)
    : db_{std::move(db)},
      damage_{damage},
      keys_{keys},
      ids_{*db_, sums_, damage, keys, o.ids_per_sender_max, o.id_age_ms},
      logs_{*db_, sums_, damage, keys, o.logs_max},
      dead_{*db_, sums_, damage, keys, o.dead_bytes_max, o.dead_age_ms},
      inboxes_{*db_, sums_, damage, dead_, o.inboxes_max},
      secrets_{*db_, sums_, damage},
      sessions_{*db_, sums_, damage, o.sessions_max},
      access_{*db_} {
  try {
    load(*db_, sums_, damage);
  } catch (const sqlite_error&) {
    db_->abandon();  // it is set aside as it is
    throw;
  }
  committed_ = sums_;
}

template <class Op>
outcome sqlite_writer::run(const Op& op) {
  const auto execute = [&]() -> outcome {
    if constexpr (executes<sqlite_logs, Op>)
      return logs_.execute(op);
    else if constexpr (executes<sqlite_inboxes, Op>)
      return inboxes_.execute(op);
    else if constexpr (executes<sqlite_sessions, Op>)
      return sessions_.execute(op);
    else if constexpr (executes<sqlite_dead, Op>)
      return dead_.execute(op);
    else if constexpr (executes<sqlite_secrets, Op>)
      return secrets_.execute(op);
    else if constexpr (executes<sqlite_access, Op>)
      return access_.execute(op);
    else
      return run_sweep(op);
  };
  if constexpr (requires { *op.once; }) {
    if (op.once) {
      if (auto known = ids_.known(*op.once, op.at_ms)) return *std::move(known);
      const auto rest = rest_of(op);
      if (rest == at_rest::encrypted && !keys_.find_or_make(*db_, row_keys::of_ids).key)
        return {.error = errc::unavailable};
      const auto stored = execute();
      if (stored.ok() && planted("dedupe_outside"))
        remember_late(*op.once, stored);
      else if (stored.ok())
        ids_.record(*op.once, stored, rest);
      return stored;
    }
  }
  return execute();
}

outcome sqlite_writer::run_sweep(const sweep& op) {
  const std::array<std::size_t (*)(sqlite_writer&, std::int64_t, sweep_budget&), 5> parts{
      [](sqlite_writer& w, std::int64_t now_ms, sweep_budget& b) { return w.ids_.sweep(now_ms, b); },
      [](sqlite_writer& w, std::int64_t now_ms, sweep_budget& b) { return w.logs_.sweep(now_ms, b); },
      [](sqlite_writer& w, std::int64_t now_ms, sweep_budget& b) { return w.inboxes_.sweep(now_ms, b); },
      [](sqlite_writer& w, std::int64_t now_ms, sweep_budget& b) { return w.dead_.sweep(now_ms, b); },
      [](sqlite_writer& w, std::int64_t now_ms, sweep_budget& b) { return w.sessions_.sweep(now_ms, b); },
  };
  outcome out;
  sweep_budget budget{std::min<std::uint64_t>(op.removals_max, removed_at_once)};
  while (budget.left > 0 && next_part_ < parts.size()) {
    out.count += parts[next_part_](*this, op.now_ms, budget);
    if (budget.left > 0) ++next_part_;
  }
  if (next_part_ == parts.size() && budget.left > 0) logs_.sweep_gone(budget);
  if (next_part_ < parts.size() || budget.left == 0) {
    out.left = parts.size() + 1 - next_part_;
    return out;
  }
  next_part_ = 0;
  return out;
}

void sqlite_writer::execute(std::span<const operation> batch, std::span<outcome> out) {
  if (!planted("ack_before_commit") || !db_->in_transaction()) db_->change(sql::begin_write);
  if (planted("dedupe_outside")) record_late(ids_);
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (out[i].ok()) out[i] = std::visit([this](const auto& op) { return run(op); }, batch[i]);
  flush();
}

void sqlite_writer::flush() {
  ids_.flush();
  logs_.flush();
  inboxes_.flush();
  if (std::exchange(sums_.doubtful, false)) recount(*db_, sums_);
  if (!same_row(sums_, committed_)) save(*db_, sums_);
}

void sqlite_writer::commit() {
  db_->change(sql::commit);
  committed_ = sums_;
  keys_.committed();
}

void sqlite_writer::renew() {
  db_->change(sql::begin_write);
  logs_.renew_epochs();
  inboxes_.skip_numbers();
  sessions_.erase_all();
  flush();
  commit();
}

bool sqlite_writer::roll_back() noexcept {
  ids_.forget();
  logs_.forget();
  inboxes_.forget();
  keys_.rolled_back();
  access_.forget();
  sums_ = committed_;
  if (!db_->in_transaction()) return true;
  try {
    db_->change(sql::rollback);
  } catch (const sqlite_error&) {
    return false;
  }
  return !db_->in_transaction();
}

}  // namespace greenroom::storage
