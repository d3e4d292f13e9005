/// All logs of the memory backend, by name. Over the bound of all bytes each append sheds the oldest messages of its
/// own log: history gets short and the counter `shed` moves, but nobody's publish is refused. Over `logs_max`, cut
/// evenly among the stripes, a new log is refused.
///
/// Threading: any thread; one lock a stripe.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/budget.hpp"
#include "storage/memory_log.hpp"
#include "storage/store.hpp"
#include "storage/striped.hpp"

namespace greenroom::storage {

class memory_logs {
 public:
  memory_logs(std::uint64_t bytes_max, std::size_t logs_max);

  outcome execute(const log_open& op);
  outcome execute(const append& op);
  outcome execute(const snapshot_put& op);
  outcome execute(const epoch_reset& op);
  outcome execute(const log_erase& op);
  std::size_t sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max);

  std::optional<log_head> head(std::string_view log) const;
  log_page read(std::string_view log, std::uint64_t after, std::size_t count_max, std::size_t bytes_max) const;
  log_page read_before(std::string_view log, std::uint64_t before, std::size_t count_max, std::size_t bytes_max) const;
  bytes_ptr snapshot(std::string_view log) const;
  std::vector<named_snapshot> snapshots(std::string_view after, std::size_t count_max) const;
  void count(statistics& into) const;

 private:
  struct stripe {
    std::unordered_map<std::string, memory_log, text_hash, std::equal_to<>> logs;
    std::set<std::string, std::less<>> with_snapshot;  ///< keys of `logs`
    share used;
    std::uint64_t records = 0, bytes = 0, appended = 0, trimmed = 0, shed = 0, refused = 0;
  };
  class edit;

  static void keep_snapshot(stripe& in, const std::string& name, memory_log& log, bytes_ptr snapshot);
  memory_log* find_or_make(stripe& in, const std::string& name);  // null: there are too many

  budget budget_;
  const std::size_t per_stripe_max_;
  striped<stripe> stripes_;
};

}  // namespace greenroom::storage
