#include "storage/memory_logs.hpp"

#include <algorithm>

#include "storage/epoch.hpp"

namespace greenroom::storage {
namespace {

template <class Logs>
auto* find(Logs& logs, std::string_view name) {
  const auto found = logs.find(name);
  return found == logs.end() ? nullptr : &found->second;
}

}  // namespace

/// Carries what happened to a log over to the sums of its stripe and of the store.
class memory_logs::edit {
 public:
  edit(budget& all, stripe& in, const memory_log& log)
      : budget_{all}, in_{in}, log_{log}, records_{log.size()}, bytes_{log.bytes()} {}
  edit(const edit&) = delete;
  edit& operator=(const edit&) = delete;
  ~edit() { settle(); }

  void settle() {
    in_.used.sub(budget_, bytes_ + records_ * limits::message_overhead_bytes);
    in_.used.add(budget_, log_.bytes() + log_.size() * limits::message_overhead_bytes);
    in_.records += log_.size() - records_;
    in_.bytes += log_.bytes() - bytes_;
    records_ = log_.size();
    bytes_ = log_.bytes();
  }

 private:
  budget& budget_;
  stripe& in_;
  const memory_log& log_;
  std::uint64_t records_;
  std::uint64_t bytes_;
};

memory_logs::memory_logs(std::uint64_t bytes_max, std::size_t logs_max)
    : budget_{bytes_max}, per_stripe_max_{std::max<std::size_t>(1, logs_max / limits::stripes)} {}

memory_log* memory_logs::find_or_make(stripe& in, const std::string& name) {
  if (auto* log = find(in.logs, name)) return log;
  if (in.logs.size() >= per_stripe_max_) {
    ++in.refused;
    return nullptr;
  }
  return &in.logs.try_emplace(name, new_epoch()).first->second;
}

outcome memory_logs::execute(const log_open& op) {
  auto in = stripes_.at(op.log);
  auto* log = find_or_make(*in, op.log);
  if (!log) return {.error = errc::unavailable};
  log->keep = op.keep;
  return {.at = log->newest(), .first = log->first()};
}

outcome memory_logs::execute(const append& op) {
  auto in = stripes_.at(op.log);
  auto* log = find_or_make(*in, op.log);
  if (!log) return {.error = errc::unavailable};
  edit changes{budget_, *in, *log};
  log->keep = op.keep;
  log->append(op.body, op.at_ms);
  in->trimmed += log->trim(op.at_ms, limits::sweep_removals_max);
  if (op.snapshot) keep_snapshot(*in, op.log, *log, op.snapshot);
  ++in->appended;
  for (changes.settle(); log->size() > 0 && budget_.exceeded(); changes.settle()) {
    log->drop_oldest();
    ++in->shed;
  }
  return {.at = log->newest(), .first = log->first(), .at_ms = op.at_ms};
}

outcome memory_logs::execute(const snapshot_put& op) {
  auto in = stripes_.at(op.log);
  auto* log = find(in->logs, op.log);
  if (!log) return {.error = errc::not_found};
  keep_snapshot(*in, op.log, *log, op.snapshot);
  return {};
}

outcome memory_logs::execute(const epoch_reset& op) {
  auto in = stripes_.at(op.log);
  auto* log = find(in->logs, op.log);
  if (!log) return {.error = errc::not_found};
  edit changes{budget_, *in, *log};
  log->reset(new_epoch());
  in->with_snapshot.erase(op.log);
  return {.at = log->newest()};
}

outcome memory_logs::execute(const log_erase& op) {
  auto in = stripes_.at(op.log);
  auto* log = find(in->logs, op.log);
  if (!log) return {.error = errc::not_found};
  {
    edit changes{budget_, *in, *log};
    log->reset({});
  }
  in->with_snapshot.erase(op.log);
  in->logs.erase(op.log);
  return {};
}

std::size_t memory_logs::sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max) {
  auto in = stripes_.part(stripe);
  std::size_t removed = 0;
  for (auto& [name, log] : in->logs) {
    if (removed == removals_max) break;
    if (!log.overdue(now_ms)) continue;
    edit changes{budget_, *in, log};
    removed += log.trim(now_ms, removals_max - removed);
  }
  in->trimmed += removed;
  return removed;
}

std::optional<log_head> memory_logs::head(std::string_view log) const {
  const auto in = stripes_.at(log);
  const auto* found = find(in->logs, log);
  if (!found) return {};
  return found->head();
}

log_page memory_logs::read(std::string_view log, std::uint64_t after, std::size_t count_max,
                           std::size_t bytes_max) const {
  const auto in = stripes_.at(log);
  const auto* found = find(in->logs, log);
  if (!found) return {.error = errc::not_found};
  log_page page{.head = found->head()};
  found->read(after, count_max, bytes_max, page.records);
  return page;
}

log_page memory_logs::read_before(std::string_view log, std::uint64_t before, std::size_t count_max,
                                  std::size_t bytes_max) const {
  const auto in = stripes_.at(log);
  const auto* found = find(in->logs, log);
  if (!found) return {.error = errc::not_found};
  log_page page{.head = found->head()};
  found->read_before(before, count_max, bytes_max, page.records);
  return page;
}

bytes_ptr memory_logs::snapshot(std::string_view log) const {
  const auto in = stripes_.at(log);
  const auto* found = find(in->logs, log);
  return found ? found->snapshot : nullptr;
}

void memory_logs::keep_snapshot(stripe& in, const std::string& name, memory_log& log, bytes_ptr snapshot) {
  if (snapshot && !log.snapshot) in.with_snapshot.insert(name);
  if (!snapshot) in.with_snapshot.erase(name);
  log.snapshot = std::move(snapshot);
}

std::vector<named_snapshot> memory_logs::snapshots(std::string_view after, std::size_t count_max) const {
  std::vector<named_snapshot> found;
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    std::size_t taken = 0;
    for (auto name = in->with_snapshot.upper_bound(after); name != in->with_snapshot.end() && taken < count_max;
         ++name, ++taken)
      found.push_back({*name, find(in->logs, *name)->snapshot});
  }
  std::ranges::sort(found, {}, &named_snapshot::log);
  if (found.size() > count_max) found.resize(count_max);
  return found;
}

void memory_logs::count(statistics& into) const {
  for (std::size_t i = 0; i < limits::stripes; ++i) {
    const auto in = stripes_.part(i);
    into.logs += in->logs.size();
    into.records += in->records;
    into.record_bytes += in->bytes;
    into.appended += in->appended;
    into.trimmed += in->trimmed;
    into.shed += in->shed;
    into.unavailable += in->refused;
  }
}

}  // namespace greenroom::storage
