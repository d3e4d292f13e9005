#include "storage/sqlite_logs.hpp"

#include <sqlite3.h>

#include <limits>
#include <set>
#include <utility>

#include "storage/checksum.hpp"
#include "storage/epoch.hpp"
#include "storage/planted.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"

namespace greenroom::storage {
namespace {

constexpr std::int64_t long_ago = std::numeric_limits<std::int64_t>::min();

}  // namespace

std::int64_t sqlite_logs::row::sum(std::string_view name) const {
  return (row_sum{} << name << id << epoch << first << last << bytes << keep.count << keep.bytes << keep.age_ms
                    << due_ms.value_or(-1))
      .value();
}

sqlite_logs::found_as sqlite_logs::find(connection& db, std::string_view name, row& into) {
  auto found = db.ask(sql::log_get, name);
  if (!found.next()) return found_as::nothing;
  into.id = found.u64(0);
  into.epoch = found.text(1);
  into.first = found.u64(2);
  into.last = found.u64(3);
  into.bytes = found.u64(4);
  into.keep = {.count = found.u64(5), .bytes = found.u64(6), .age_ms = found.i64(7)};
  if (!found.null(8)) into.due_ms = found.i64(8);
  return found.i64(9) == into.sum(name) ? found_as::sound : found_as::damaged;
}

/// For a planted bug.
[[maybe_unused]] static bool is_first_look(const std::string& name) {
  static std::set<std::string> seen;
  return seen.insert(name).second;
}

sqlite_logs::log& sqlite_logs::look(const std::string& name) {
  const auto [place, is_new] = heads_.try_emplace(name);
  auto& log = place->second;
  if (!is_new) return log;
  switch (find(db_, name, log)) {
    case found_as::nothing: break;
    case found_as::sound:
      log.stored = log.alive = true;
      if (planted("seq_reuse") && is_first_look(name) && log.last > 0) {
        db_.change(sql::entry_delete, log.id, log.last--);
        log.changed = true;
      }
      break;
    case found_as::damaged:
      damage_.found("the head of the log \"" + name + "\"; it begins a new epoch");
      db_.change(sql::snapshot_delete, name);
      static_cast<row&>(log) = {.id = sums_.next_id(), .epoch = new_epoch()};
      log.stored = log.alive = log.changed = true;
      sums_.doubtful = true;
      break;
  }
  return log;
}

sqlite_logs::log* sqlite_logs::find_or_make(const std::string& name) {
  auto& log = look(name);
  if (log.alive) return &log;
  if (sums_.seen.logs >= logs_max_) {
    ++sums_.seen.unavailable;
    return nullptr;
  }
  static_cast<row&>(log) = {.id = sums_.next_id(), .epoch = new_epoch()};
  log.alive = log.changed = true;
  log.oldest.reset();
  ++sums_.seen.logs;
  return &log;
}

const sqlite_logs::oldest_entry& sqlite_logs::oldest(log& of) {
  if (of.oldest) return *of.oldest;
  auto row = db_.ask(sql::entry_get, of.id, of.first);
  if (row.next())
    of.oldest = {row.u64(0), row.i64(1), row.u64(2)};
  else
    of.oldest = {0, long_ago, 0};  // lost: the first to go
  return *of.oldest;
}

bool sqlite_logs::overdue(log& of, std::int64_t now_ms) {
  if (of.count() == 0) return false;
  if (of.count() > of.keep.count || (of.keep.bytes != 0 && of.bytes > of.keep.bytes)) return true;
  return of.keep.age_ms != 0 && oldest(of).at_ms <= now_ms - of.keep.age_ms;
}

void sqlite_logs::drop_oldest(log& of) {
  const auto entry = oldest(of);
  db_.change(sql::message_delete, entry.message);
  db_.change(sql::entry_delete, of.id, of.first);
  ++of.first;
  of.oldest.reset();
  const auto bytes = of.count() == 0 ? of.bytes : std::min(entry.size, of.bytes);
  of.bytes -= bytes;
  of.changed = true;
  take(sums_.seen.records, 1);
  take(sums_.seen.record_bytes, bytes);
}

std::size_t sqlite_logs::trim(log& of, std::int64_t now_ms, std::size_t removals_max) {
  std::size_t removed = 0;
  for (; removed < removals_max && overdue(of, now_ms); ++removed) drop_oldest(of);
  sums_.seen.trimmed += removed;
  return removed;
}

/// Whether the log's key is there, where it has one or is to have one: without it neither what it holds can be read nor
/// anything be added.
bool sqlite_logs::unlocked(const log& of, at_rest rest) {
  const auto name = row_keys::of_log(of.id);
  const auto found = rest == at_rest::encrypted ? keys_.find_or_make(db_, name) : keys_.find(db_, name);
  return found.key || (rest == at_rest::plain && found.what == row_keys::state::absent);
}

outcome sqlite_logs::execute(const log_open& op) {
  auto* log = op.rest == at_rest::plain || keys_.can_make() ? find_or_make(op.log) : nullptr;
  if (!log || !unlocked(*log, op.rest)) return {.error = errc::unavailable};
  log->changed = log->changed || log->keep != op.keep;
  log->keep = op.keep;
  return {.at = {log->epoch, log->last}, .first = log->first};
}

outcome sqlite_logs::execute(const append& op) {
  auto* log = op.rest == at_rest::plain || keys_.can_make() ? find_or_make(op.log) : nullptr;
  if (!log || (op.rest == at_rest::encrypted && !unlocked(*log, op.rest))) return {.error = errc::unavailable};
  log->keep = op.keep;
  log->changed = true;
  const auto seq = ++log->last;
  ++sums_.seen.appended;
  sums_.saw(op.at_ms);
  if (op.keep.count == 0 && log->count() == 1) {
    log->first = seq + 1;  // kept by nobody, and nothing older is left
    ++sums_.seen.trimmed;
  } else {
    const auto message = sums_.next_id();
    const auto& body = *op.body;
    if (op.rest == at_rest::encrypted) {
      const auto key = keys_.find_or_make(db_, row_keys::of_log(log->id)).key;
      const auto sealed = seal_row(*key, bound_to_message(op.log, log->id, seq, op.at_ms), body);
      const auto sum = encrypted_form(message_sum(log->id, seq, message, op.at_ms, sealed));
      db_.change(sql::message_put, message, sum, sealed);
    } else {
      db_.change(sql::message_put, message, message_sum(log->id, seq, message, op.at_ms, body), body);
    }
    db_.change(sql::entry_put, log->id, seq, message, op.at_ms, body.size());
    log->bytes += body.size();
    if (log->count() == 1) log->oldest = {message, op.at_ms, body.size()};
    ++sums_.seen.records;
    sums_.seen.record_bytes += body.size();
    trim(*log, op.at_ms, 1 + trimmed_an_append);
  }
  if (op.snapshot) put_snapshot(op.log, *log, op.snapshot, op.rest);
  return {.at = {log->epoch, seq}, .first = log->first, .at_ms = op.at_ms};
}

void sqlite_logs::put_snapshot(const std::string& name, const log& of, const bytes_ptr& snapshot, at_rest rest) {
  if (!snapshot) {
    db_.change(sql::snapshot_delete, name);
    return;
  }
  if (rest == at_rest::encrypted) {
    const auto key = keys_.find_or_make(db_, row_keys::of_log(of.id)).key;
    const auto sealed = seal_row(*key, bound_to_snapshot(name, of.id), *snapshot);
    db_.change(sql::snapshot_put, of.id, name, encrypted_form((row_sum{} << of.id << name << sealed).value()), sealed);
    return;
  }
  db_.change(sql::snapshot_put, of.id, name, (row_sum{} << of.id << name << *snapshot).value(), *snapshot);
}

outcome sqlite_logs::execute(const snapshot_put& op) {
  auto& log = look(op.log);
  if (!log.alive) return {.error = errc::not_found};
  if (op.rest == at_rest::encrypted && !unlocked(log, op.rest)) return {.error = errc::unavailable};
  put_snapshot(op.log, log, op.snapshot, op.rest);
  return {};
}

void sqlite_logs::leave_behind(const std::string& name, log& of) {
  if (of.count() > 0) db_.change(sql::gone_put, of.id);
  db_.change(sql::snapshot_delete, name);
  keys_.erase(db_, row_keys::of_log(of.id));
  take(sums_.seen.records, of.count());
  take(sums_.seen.record_bytes, of.bytes);
  of.oldest.reset();
  of.changed = true;
}

outcome sqlite_logs::execute(const epoch_reset& op) {
  auto& log = look(op.log);
  if (!log.alive) return {.error = errc::not_found};
  leave_behind(op.log, log);
  static_cast<row&>(log) = {.id = sums_.next_id(), .epoch = new_epoch(), .keep = log.keep};
  return {.at = {log.epoch, 0}};
}

outcome sqlite_logs::execute(const log_erase& op) {
  auto& log = look(op.log);
  if (!log.alive) return {.error = errc::not_found};
  leave_behind(op.log, log);
  log.alive = false;
  take(sums_.seen.logs, 1);
  return {};
}

void sqlite_logs::set_due(log& of) {
  if (of.count() == 0) {
    of.due_ms.reset();
  } else if (of.count() > of.keep.count || (of.keep.bytes != 0 && of.bytes > of.keep.bytes)) {
    of.due_ms = 0;
  } else if (of.keep.age_ms == 0) {
    of.due_ms.reset();
  } else {
    const auto at_ms = oldest(of).at_ms;
    const auto due = at_ms == long_ago ? 0 : at_ms + of.keep.age_ms;
    if (!of.due_ms || *of.due_ms == 0 || *of.due_ms > due) of.due_ms = due;  // else it is a lower bound, still
  }
}

void sqlite_logs::write(const std::string& name, log& of) {
  if (!of.changed) return;
  of.changed = false;
  if (!of.alive) {
    if (std::exchange(of.stored, false)) db_.change(sql::log_delete, name);
    return;
  }
  set_due(of);
  db_.change(std::exchange(of.stored, true) ? sql::log_update : sql::log_insert, name, of.id, of.epoch, of.first,
             of.last, of.bytes, of.keep.count, of.keep.bytes, of.keep.age_ms, of.due_ms, of.sum(name));
}

void sqlite_logs::flush() {
  for (auto& [name, log] : heads_) write(name, log);
  heads_.clear();
}

void sqlite_logs::renew_epochs() {
  flush();
  std::string next;  // the least name that was not seen yet
  for (bool more = true; more; flush()) {
    constexpr std::size_t at_once = 1'000;
    std::vector<std::string> names;
    {
      auto logs = db_.ask(sql::logs_from, next, at_once);
      while (logs.next()) names.push_back(logs.text(0));
    }
    more = names.size() == at_once;
    if (more) next = names.back() + '\0';
    for (const auto& name : names) {
      auto& log = look(name);
      log.epoch = new_epoch();
      log.changed = true;
    }
  }
}

std::size_t sqlite_logs::sweep(std::int64_t now_ms, sweep_budget& budget) {
  flush();
  std::size_t removed = 0;
  while (budget.left > 0) {
    std::string name;
    {
      auto due = db_.ask(sql::log_due, now_ms);
      if (!due.next()) break;
      name = due.text(0);
    }
    auto& log = look(name);
    if (!log.alive) throw sqlite_error{SQLITE_CORRUPT, "an index of logs names one that is not there"};
    while (budget.left > 0 && overdue(log, now_ms)) {
      budget.spend(oldest(log).size);
      removed += trim(log, now_ms, 1);
    }
    log.changed = true;
    log.due_ms.reset();
    write(name, log);
    heads_.erase(name);
  }
  return removed;
}

std::size_t sqlite_logs::sweep_gone(sweep_budget& budget) {
  std::size_t removed = 0;
  while (budget.left > 0) {
    std::uint64_t id = 0;
    {
      auto next = db_.ask(sql::gone_next);
      if (!next.next()) break;
      id = next.u64(0);
    }
    std::uint64_t seq = 0;
    std::uint64_t message = 0;
    std::uint64_t size = 0;
    {
      auto oldest = db_.ask(sql::entry_oldest, id);
      if (oldest.next()) {
        seq = oldest.u64(0);
        message = oldest.u64(1);
        size = oldest.u64(2);
      }
    }
    budget.spend(size);
    ++removed;
    if (seq == 0) {
      db_.change(sql::gone_delete, id);
      continue;
    }
    db_.change(sql::message_delete, message);
    db_.change(sql::entry_delete, id, seq);
  }
  return removed;
}

}  // namespace greenroom::storage
