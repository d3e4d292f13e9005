/// METRICS are the node's figures as Prometheus reads them. Each thread that counts has a `book` of its own and writes
/// plain numbers into it; a scrape reads all books and adds them up. Counting costs a load and a store, never a lock.
///
///   start-up:  auto drops = metrics.add_counter({"greenroom_drops_total", "Frames that …", {"reason"}});
///   a shard:   counter& slow = metrics.of(shard).at(drops, {"slow_consumer"});      // keep the reference
///              slow.add();
///   /metrics:  metrics.scrape()
///
/// Lifecycle: families are defined at start-up, before any book is used; references stay valid as long as the metrics.
/// Threading: a book belongs to one thread (the lock inside is taken only to add a cell and to scrape); `scrape` on any
/// thread. Gauges and collectors run inside `scrape` and must read only what may be read from any thread (`tally`,
/// atomics).
/// Bounds: a family has at most `series_max` combinations of labels; further ones are counted under the label "other".
/// Failure: a wrong number of labels or an unknown family is a broken invariant: std::logic_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tally.hpp"

namespace greenroom::runtime {

using counter = tally;

/// The bounds of a histogram's buckets in whole ticks, and how many ticks make the unit of the family (1e9: ns → s).
struct histogram_shape {
  std::vector<std::uint64_t> upper_bounds;  ///< growing; a last bucket without bound follows
  double ticks_per_unit = 1e9;
};

/// 50 µs to 10 s, for latencies in nanoseconds.
const histogram_shape& latency_shape();

class histogram {
 public:
  explicit histogram(const histogram_shape& shape);
  void observe(std::uint64_t ticks) noexcept;

  const histogram_shape& shape() const noexcept { return shape_; }
  std::uint64_t in_bucket(std::size_t i) const noexcept { return buckets_[i].get(); }
  std::uint64_t sum() const noexcept { return sum_.get(); }

 private:
  const histogram_shape& shape_;
  std::unique_ptr<tally[]> buckets_;
  tally sum_;
};

struct family {
  std::string name;  ///< greenroom_… with the unit last, `_total` for counters
  std::string help;
  std::vector<std::string> labels{};  ///< their names
  std::size_t series_max = 100;
};

struct counter_id {
  std::size_t index;
};
struct histogram_id {
  std::size_t index;
};

using label_values = std::vector<std::string>;

/// What a collector reports.
struct sample {
  label_values labels;
  double value;
};
/// A histogram that somebody else keeps, per bucket and not cumulated.
struct histogram_sample {
  label_values labels;
  std::vector<std::uint64_t> buckets;  ///< one more than the shape has bounds
  double sum;                          ///< in the unit of the family
};

class metrics {
 public:
  class book;

  explicit metrics(std::size_t books);  ///< one a shard, and one for each other thread that counts
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  // Start-up.
  counter_id add_counter(family what);
  histogram_id add_histogram(family what, histogram_shape shape = latency_shape());
  enum class kind : std::uint8_t { counter, gauge };
  /// Asked at each scrape.
  void collect(family what, kind type, std::function<std::vector<sample>()> read);
  void collect(family what, kind type, std::function<double()> read);
  void collect(family what, histogram_shape shape, std::function<std::vector<histogram_sample>()> read);

  book& of(std::size_t index) { return *books_.at(index); }

  /// The text exposition format, version 0.0.4. A collector that throws leaves its family out, and is counted.
  std::string scrape() const;

  static constexpr std::string_view content_type = "text/plain; version=0.0.4; charset=utf-8";

 private:
  struct definition;
  struct catalog;
  class gathering;

  std::unique_ptr<catalog> catalog_;
  std::vector<std::unique_ptr<book>> books_;
};

/// The cells of one thread.
class metrics::book {
 public:
  ~book();
  counter& at(counter_id family, std::initializer_list<std::string_view> labels = {});
  histogram& at(histogram_id family, std::initializer_list<std::string_view> labels = {});

 private:
  friend class metrics;
  explicit book(catalog& of);
  struct cells;
  std::unique_ptr<cells> cells_;
};

}  // namespace greenroom::runtime
