/// One log in memory. Positions are consecutive, so a message is found by its distance from the oldest one. A log
/// without messages owns no heap: a node may have a hundred thousand rooms that keep nothing.
///
/// Threading: none of its own; the table that holds it locks.
#pragma once

#include <deque>
#include <memory>

#include "storage/log.hpp"

namespace greenroom::storage {

class memory_log {
 public:
  explicit memory_log(std::string epoch) : epoch_{std::move(epoch)} {}

  /// Gives the message the next position and keeps it if `keep` keeps any; trims nothing.
  std::uint64_t append(bytes_ptr body, std::int64_t at_ms);
  bool overdue(std::int64_t now_ms) const;  ///< there is something to trim
  /// Removes up to `removals_max` of what `keep` does not hold at `now_ms`; answers how many.
  std::size_t trim(std::int64_t now_ms, std::size_t removals_max);
  void drop_oldest();  ///< there must be one
  void reset(std::string epoch);

  log_head head() const;
  std::uint64_t first() const noexcept { return last_ - size() + 1; }
  position newest() const { return {epoch_, last_}; }
  std::size_t size() const noexcept { return records_ ? records_->size() : 0; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  void read(std::uint64_t after, std::size_t count_max, std::size_t bytes_max, std::vector<record>& out) const;
  void read_before(std::uint64_t before, std::size_t count_max, std::size_t bytes_max, std::vector<record>& out) const;

  retention keep;
  bytes_ptr snapshot;

 private:
  struct entry {
    bytes_ptr body;
    std::int64_t at_ms;
  };

  void copy(std::size_t from, std::size_t to, std::vector<record>& out) const;

  std::string epoch_;
  std::uint64_t last_ = 0;
  std::uint64_t bytes_ = 0;
  std::unique_ptr<std::deque<entry>> records_;  // null while there are none
};

}  // namespace greenroom::storage
