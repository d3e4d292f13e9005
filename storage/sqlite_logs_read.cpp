// The half of the logs that any connection may do.
#include <algorithm>

#include "storage/checksum.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_logs.hpp"

namespace greenroom::storage {
namespace {

/// Fills a page with entries in either direction. What is missing or damaged has its place in it, without a body.
class page_filler {
 public:
  page_filler(log_page& page, sqlite_damage& damage, std::string_view log, std::uint64_t owner, std::size_t count_max,
              std::size_t bytes_max)
      : page_{page}, damage_{damage}, log_{log}, owner_{owner}, count_max_{count_max}, bytes_max_{bytes_max} {}

  bool full() const noexcept { return full_ || page_.records.size() >= count_max_; }

  /// The next entry of a query whose columns are seq, message, at_ms, size, sum, body.
  void add(const query& row) {
    const auto size = row.u64(3);
    if (!page_.records.empty() && bytes_ + size > bytes_max_) {
      full_ = true;
      return;
    }
    bytes_ += size;
    const auto seq = row.u64(0);
    const auto at_ms = row.i64(2);
    const auto body = row.bytes(5);
    const bool sound = !row.null(4) && row.i64(4) == message_sum(owner_, seq, row.u64(1), at_ms, body);
    if (!sound) damage_.found(place(seq));
    page_.records.push_back({seq, at_ms, sound ? std::make_shared<const std::string>(body) : nullptr});
  }

  void add_lost(std::uint64_t seq) {
    damage_.found(place(seq));
    page_.records.push_back({seq, 0, nullptr});
  }

 private:
  std::string place(std::uint64_t seq) const {
    return "message " + std::to_string(seq) + " of the log \"" + std::string{log_} + "\"";
  }

  log_page& page_;
  sqlite_damage& damage_;
  std::string_view log_;
  std::uint64_t owner_;
  std::size_t count_max_, bytes_max_;
  std::size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace

log_page sqlite_logs::page_of(connection& db, sqlite_damage& damage, std::string_view log, row& head) {
  switch (find(db, log, head)) {
    case found_as::nothing: return {.error = errc::not_found};
    case found_as::damaged:
      damage.found("the head of the log \"" + std::string{log} + "\"");
      return {.error = errc::unavailable};
    case found_as::sound: break;
  }
  return {.head = {head.epoch, head.first, head.last, head.bytes}};
}

std::optional<log_head> sqlite_logs::head(connection& db, sqlite_damage& damage, std::string_view log) {
  row found;
  auto page = page_of(db, damage, log, found);
  if (page.error != errc::success) return {};
  return std::move(page.head);
}

log_page sqlite_logs::read(connection& db, sqlite_damage& damage, std::string_view log, std::uint64_t after,
                           std::size_t count_max, std::size_t bytes_max) {
  row head;
  auto page = page_of(db, damage, log, head);
  if (page.error != errc::success || after >= head.last || count_max == 0) return page;
  page_filler fill{page, damage, log, head.id, count_max, bytes_max};
  auto next = std::max(after + 1, head.first);
  auto entries = db.ask(sql::entries_after, head.id, next, head.last, count_max);
  while (!fill.full() && entries.next()) {
    const auto seq = entries.u64(0);
    if (seq < next || seq > head.last) continue;  // a damaged entry; its place is filled below
    for (; next < seq && !fill.full(); ++next) fill.add_lost(next);
    if (!fill.full()) fill.add(entries);
    ++next;
  }
  for (; next <= head.last && !fill.full(); ++next) fill.add_lost(next);
  return page;
}

log_page sqlite_logs::read_before(connection& db, sqlite_damage& damage, std::string_view log, std::uint64_t before,
                                  std::size_t count_max, std::size_t bytes_max) {
  row head;
  auto page = page_of(db, damage, log, head);
  if (page.error != errc::success || before <= head.first || count_max == 0) return page;
  page_filler fill{page, damage, log, head.id, count_max, bytes_max};
  auto next = std::min(before - 1, head.last);
  auto entries = db.ask(sql::entries_before, head.id, head.first, next, count_max);
  while (!fill.full() && entries.next()) {
    const auto seq = entries.u64(0);
    if (seq > next || seq < head.first) continue;
    for (; next > seq && !fill.full(); --next) fill.add_lost(next);
    if (!fill.full()) fill.add(entries);
    --next;
  }
  for (; next >= head.first && !fill.full(); --next) fill.add_lost(next);
  std::ranges::reverse(page.records);
  return page;
}

bytes_ptr sqlite_logs::snapshot(connection& db, sqlite_damage& damage, std::string_view log) {
  auto row = db.ask(sql::snapshot_get, log);
  if (!row.next()) return nullptr;
  const auto body = row.bytes(2);
  if (row.i64(1) == (row_sum{} << row.u64(0) << log << body).value()) return std::make_shared<const std::string>(body);
  damage.found("the snapshot of the log \"" + std::string{log} + "\"");
  return nullptr;
}

std::vector<named_snapshot> sqlite_logs::snapshots(connection& db, sqlite_damage& damage, std::string_view after,
                                                   std::size_t count_max) {
  std::vector<named_snapshot> all;
  auto row = db.ask(sql::snapshots_after, after);
  while (all.size() < count_max && row.next()) {
    auto name = row.text(0);
    const auto body = row.bytes(3);
    if (row.i64(2) == (row_sum{} << row.u64(1) << name << body).value())
      all.push_back({std::move(name), std::make_shared<const std::string>(body)});
    else
      damage.found("the snapshot of the log \"" + name + "\"");
  }
  return all;
}

}  // namespace greenroom::storage
