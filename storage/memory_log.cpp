#include "storage/memory_log.hpp"

#include <algorithm>

namespace greenroom::storage {

std::uint64_t memory_log::append(bytes_ptr body, std::int64_t at_ms) {
  if (keep.count == 0) return ++last_;
  if (!records_) records_ = std::make_unique<std::deque<entry>>();
  records_->push_back({std::move(body), at_ms});
  bytes_ += records_->back().body->size();
  return ++last_;
}

bool memory_log::overdue(std::int64_t now_ms) const {
  if (!records_) return false;
  return size() > keep.count || (keep.bytes != 0 && bytes_ > keep.bytes) ||
         (keep.age_ms != 0 && records_->front().at_ms <= now_ms - keep.age_ms);
}

std::size_t memory_log::trim(std::int64_t now_ms, std::size_t removals_max) {
  std::size_t removed = 0;
  while (removed < removals_max && overdue(now_ms)) {
    drop_oldest();
    ++removed;
  }
  return removed;
}

void memory_log::drop_oldest() {
  bytes_ -= records_->front().body->size();
  records_->pop_front();
  if (records_->empty()) records_.reset();
}

void memory_log::reset(std::string epoch) {
  epoch_ = std::move(epoch);
  last_ = 0;
  bytes_ = 0;
  records_.reset();
  snapshot.reset();
}

log_head memory_log::head() const { return {epoch_, first(), last_, bytes_}; }

void memory_log::copy(std::size_t from, std::size_t to, std::vector<record>& out) const {
  out.reserve(to - from);
  for (auto i = from; i < to; ++i) {
    const auto& found = (*records_)[i];
    out.push_back({first() + i, found.at_ms, found.body});
  }
}

void memory_log::read(std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
                      std::vector<record>& out) const {
  if (!records_ || after >= last_ || count_max == 0) return;
  const std::size_t from = after < first() ? 0 : after - first() + 1;
  const std::size_t end = from + std::min(count_max, size() - from);
  auto to = from;
  std::size_t bytes = 0;
  while (to < end && (to == from || bytes + (*records_)[to].body->size() <= bytes_max))
    bytes += (*records_)[to++].body->size();
  copy(from, to, out);
}

void memory_log::read_before(std::uint64_t before, std::size_t count_max, std::size_t bytes_max,
                             std::vector<record>& out) const {
  if (!records_ || before <= first() || count_max == 0) return;
  const std::size_t to = std::min<std::uint64_t>(before - first(), size());
  const std::size_t end = to - std::min(count_max, to);
  auto from = to;
  std::size_t bytes = 0;
  while (from > end && (from == to || bytes + (*records_)[from - 1].body->size() <= bytes_max))
    bytes += (*records_)[--from].body->size();
  copy(from, to, out);
}

}  // namespace greenroom::storage
