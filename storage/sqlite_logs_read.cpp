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
  page_filler(log_page& page, connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log,
              std::uint64_t owner, std::size_t count_max, std::size_t bytes_max)
      : page_{page},
        db_{db},
        damage_{damage},
        keys_{keys},
        log_{log},
        owner_{owner},
        count_max_{count_max},
        bytes_max_{bytes_max} {}

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
    const auto sum = message_sum(owner_, seq, row.u64(1), at_ms, body);
    bytes_ptr found;
    if (!row.null(4) && row.i64(4) == sum) found = std::make_shared<const std::string>(body);
    if (!row.null(4) && row.i64(4) == encrypted_form(sum)) found = opened(seq, at_ms, body);
    if (page_.error != errc::success) return;
    if (!found) damage_.found(place(seq));
    page_.records.push_back({seq, at_ms, std::move(found)});
  }

  void add_lost(std::uint64_t seq) {
    damage_.found(place(seq));
    page_.records.push_back({seq, 0, nullptr});
  }

 private:
  /// Null where it does not open. Without the key there is no page: what it holds is not lost, but nobody can say it.
  bytes_ptr opened(std::uint64_t seq, std::int64_t at_ms, std::string_view body) {
    if (!key_) {
      auto known = keys_.find(db_, row_keys::of_log(owner_));
      if (known.what == row_keys::state::locked) {
        page_.error = errc::unavailable;
        page_.records.clear();
        full_ = true;
      }
      key_ = std::move(known.key);
      if (!key_) return nullptr;
    }
    auto plain = open_row(*key_, bound_to_message(log_, owner_, seq, at_ms), body);
    return plain ? std::make_shared<const std::string>(std::move(*plain)) : nullptr;
  }

  std::string place(std::uint64_t seq) const {
    return "message " + std::to_string(seq) + " of the log \"" + std::string{log_} + "\"";
  }

  log_page& page_;
  connection& db_;
  sqlite_damage& damage_;
  row_keys& keys_;
  key_ptr key_{};
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

log_page sqlite_logs::read(connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log,
                           std::uint64_t after, std::size_t count_max, std::size_t bytes_max) {
  row head;
  auto page = page_of(db, damage, log, head);
  if (page.error != errc::success || after >= head.last || count_max == 0) return page;
  page_filler fill{page, db, damage, keys, log, head.id, count_max, bytes_max};
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

log_page sqlite_logs::read_before(connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log,
                                  std::uint64_t before, std::size_t count_max, std::size_t bytes_max) {
  row head;
  auto page = page_of(db, damage, log, head);
  if (page.error != errc::success || before <= head.first || count_max == 0) return page;
  page_filler fill{page, db, damage, keys, log, head.id, count_max, bytes_max};
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

namespace {

/// A behaviour's state as it was stored; null where it is locked, or damaged.
bytes_ptr state_of(connection& db, sqlite_damage& damage, row_keys& keys, std::uint64_t id, std::string_view log,
                   std::int64_t sum, std::string_view body) {
  const auto expected = (row_sum{} << id << log << body).value();
  if (sum == expected) return std::make_shared<const std::string>(body);
  if (sum == encrypted_form(expected)) {
    const auto found = keys.find(db, row_keys::of_log(id));
    if (found.what == row_keys::state::locked) return nullptr;  // its log cannot be opened, so nobody takes it for none
    if (found.key)
      if (auto plain = open_row(*found.key, bound_to_snapshot(log, id), body))
        return std::make_shared<const std::string>(std::move(*plain));
  }
  damage.found("the snapshot of the log \"" + std::string{log} + "\"");
  return nullptr;
}

}  // namespace

bytes_ptr sqlite_logs::snapshot(connection& db, sqlite_damage& damage, row_keys& keys, std::string_view log) {
  auto row = db.ask(sql::snapshot_get, log);
  if (!row.next()) return nullptr;
  return state_of(db, damage, keys, row.u64(0), log, row.i64(1), row.bytes(2));
}

std::vector<named_snapshot> sqlite_logs::snapshots(connection& db, sqlite_damage& damage, row_keys& keys,
                                                   std::string_view after, std::size_t count_max) {
  std::vector<named_snapshot> all;
  auto row = db.ask(sql::snapshots_after, after);
  while (all.size() < count_max && row.next()) {
    auto name = row.text(0);
    if (auto state = state_of(db, damage, keys, row.u64(1), name, row.i64(2), row.bytes(3)))
      all.push_back({std::move(name), std::move(state)});
  }
  return all;
}

}  // namespace greenroom::storage
