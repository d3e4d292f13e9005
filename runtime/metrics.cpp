#include "runtime/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <variant>

#include "runtime/log.hpp"

namespace greenroom::runtime {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using label_view = std::span<const std::string_view>;

constexpr std::string_view overflow_label = "other";

/// Orders label values, owned or not.
struct by_labels {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  }
};

template <class Cell>
using cell_map = std::map<label_values, std::unique_ptr<Cell>, by_labels>;

/// The cells of one histogram family, added up.
struct histogram_sum {
  std::vector<std::uint64_t> buckets;
  double sum = 0;
};

ClientMetric labelled(const family& what, const label_values& values) {
  ClientMetric metric;
  for (std::size_t i = 0; i < what.labels.size(); ++i) metric.label.push_back({what.labels[i], values[i]});
  return metric;
}

ClientMetric number(const family& what, const label_values& values, MetricType type, double value) {
  auto metric = labelled(what, values);
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

ClientMetric distribution(const family& what, const label_values& values, const histogram_shape& shape,
                          const histogram_sum& of) {
  auto metric = labelled(what, values);
  auto& out = metric.histogram;
  out.sample_sum = of.sum;
  for (std::size_t i = 0; i < of.buckets.size(); ++i) {
    out.sample_count += of.buckets[i];
    if (i < shape.upper_bounds.size())
      out.bucket.push_back({out.sample_count, static_cast<double>(shape.upper_bounds[i]) / shape.ticks_per_unit});
  }
  return metric;
}

}  // namespace

const histogram_shape& latency_shape() {
  constexpr std::uint64_t us = 1'000, ms = 1'000 * us, s = 1'000 * ms;
  static const histogram_shape shape{{50 * us, 100 * us, 250 * us, 500 * us, 1 * ms, 2'500 * us, 5 * ms, 10 * ms,
                                      25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, 1 * s, 2'500 * ms, 5 * s,
                                      10 * s}};
  return shape;
}

histogram::histogram(const histogram_shape& shape)
    : shape_{shape}, buckets_{std::make_unique<tally[]>(shape.upper_bounds.size() + 1)} {}

void histogram::observe(std::uint64_t ticks) noexcept {
  const auto& bounds = shape_.upper_bounds;
  buckets_[static_cast<std::size_t>(std::ranges::lower_bound(bounds, ticks) - bounds.begin())].add();
  sum_.add(ticks);
}

// What a family is, and where its values come from.
struct metrics::definition {
  struct counted {};
  struct observed {
    histogram_shape shape;
  };
  struct collected {
    kind type;
    std::function<std::vector<sample>()> read;
  };
  struct collected_histogram {
    histogram_shape shape;
    std::function<std::vector<histogram_sample>()> read;
  };

  family what;
  std::variant<counted, observed, collected, collected_histogram> source;
  std::set<label_values, by_labels> series{};  // of the cells of all books
};

struct metrics::catalog {
  mutable std::mutex mutex;
  std::vector<std::unique_ptr<definition>> families;
  std::atomic<std::uint64_t> failures{0};  // of collectors

  std::size_t add(definition made) {
    std::lock_guard guard{mutex};
    families.push_back(std::make_unique<definition>(std::move(made)));
    return families.size() - 1;
  }

  definition& get(std::size_t index, std::size_t labels) {
    std::lock_guard guard{mutex};
    auto& found = *families.at(index);
    if (found.what.labels.size() != labels)
      throw std::logic_error{"metrics: wrong number of labels for " + found.what.name};
    return found;
  }

  /// The values under which a cell counts: the given ones while there is place.
  label_values admit(definition& of, label_view labels) {
    std::lock_guard guard{mutex};
    if (of.series.contains(labels)) return {labels.begin(), labels.end()};
    if (of.series.size() >= of.what.series_max) return label_values(labels.size(), std::string{overflow_label});
    return *of.series.emplace(labels.begin(), labels.end()).first;
  }
};

struct metrics::book::cells {
  explicit cells(catalog& families) : of{families} {}

  catalog& of;
  mutable std::mutex mutex;  // the owner's finds need none: nobody else adds
  std::map<std::size_t, cell_map<counter>> counters;
  std::map<std::size_t, cell_map<histogram>> histograms;

  template <class Cell, class Make>
  Cell& at(std::map<std::size_t, cell_map<Cell>>& kept, std::size_t family, label_view labels, Make make) {
    if (const auto known = kept.find(family); known != kept.end())
      if (const auto cell = known->second.find(labels); cell != known->second.end()) return *cell->second;
    auto& definition = of.get(family, labels.size());
    auto values = of.admit(definition, labels);
    std::lock_guard guard{mutex};
    auto& cell = kept[family][std::move(values)];
    if (!cell) cell = make(definition);
    return *cell;
  }
};

metrics::book::book(catalog& of) : cells_{std::make_unique<cells>(of)} {}
metrics::book::~book() = default;

counter& metrics::book::at(counter_id family, std::initializer_list<std::string_view> labels) {
  return cells_->at(cells_->counters, family.index, labels,
                    [](const definition&) { return std::make_unique<counter>(); });
}

histogram& metrics::book::at(histogram_id family, std::initializer_list<std::string_view> labels) {
  return cells_->at(cells_->histograms, family.index, labels, [](const definition& of) {
    return std::make_unique<histogram>(std::get<definition::observed>(of.source).shape);
  });
}

metrics::metrics(std::size_t books) : catalog_{std::make_unique<catalog>()} {
  for (std::size_t i = 0; i < books; ++i) books_.push_back(std::unique_ptr<book>{new book{*catalog_}});
}
metrics::~metrics() = default;

counter_id metrics::add_counter(family what) { return {catalog_->add({std::move(what), definition::counted{}})}; }

histogram_id metrics::add_histogram(family what, histogram_shape shape) {
  return {catalog_->add({std::move(what), definition::observed{std::move(shape)}})};
}

void metrics::collect(family what, kind type, std::function<std::vector<sample>()> read) {
  catalog_->add({std::move(what), definition::collected{type, std::move(read)}});
}

void metrics::collect(family what, kind type, std::function<double()> read) {
  collect(std::move(what), type, [read = std::move(read)] { return std::vector<sample>{{{}, read()}}; });
}

void metrics::collect(family what, histogram_shape shape, std::function<std::vector<histogram_sample>()> read) {
  catalog_->add({std::move(what), definition::collected_histogram{std::move(shape), std::move(read)}});
}

/// Turns one family into what the serializer writes.
class metrics::gathering {
 public:
  gathering(const metrics& all, std::size_t index, const family& what) : all_{all}, index_{index}, what_{what} {}

  MetricFamily operator()(const definition::counted&) const {
    std::map<label_values, std::uint64_t> sums;
    if (what_.labels.empty()) sums[{}] = 0;
    for_each_cell(&book::cells::counters, [&](const auto& labels, const counter& cell) { sums[labels] += cell.get(); });
    auto out = family_of(MetricType::Counter);
    for (const auto& [labels, value] : sums)
      out.metric.push_back(number(what_, labels, MetricType::Counter, static_cast<double>(value)));
    return out;
  }

  MetricFamily operator()(const definition::observed& source) const {
    const auto buckets = source.shape.upper_bounds.size() + 1;
    std::map<label_values, histogram_sum> sums;
    if (what_.labels.empty()) sums[{}].buckets.resize(buckets);
    for_each_cell(&book::cells::histograms, [&](const auto& labels, const histogram& cell) {
      auto& sum = sums[labels];
      sum.buckets.resize(buckets);
      for (std::size_t i = 0; i < buckets; ++i) sum.buckets[i] += cell.in_bucket(i);
      sum.sum += static_cast<double>(cell.sum());
    });
    auto out = family_of(MetricType::Histogram);
    for (auto& [labels, sum] : sums) {
      sum.sum /= source.shape.ticks_per_unit;
      out.metric.push_back(distribution(what_, labels, source.shape, sum));
    }
    return out;
  }

  MetricFamily operator()(const definition::collected& source) const {
    const auto type = source.type == kind::counter ? MetricType::Counter : MetricType::Gauge;
    auto out = family_of(type);
    for (const auto& [labels, value] : source.read()) out.metric.push_back(number(what_, checked(labels), type, value));
    return out;
  }

  MetricFamily operator()(const definition::collected_histogram& source) const {
    auto out = family_of(MetricType::Histogram);
    for (auto& [labels, buckets, sum] : source.read())
      out.metric.push_back(distribution(what_, checked(labels), source.shape, {std::move(buckets), sum}));
    return out;
  }

 private:
  MetricFamily family_of(MetricType type) const { return {what_.name, what_.help, type, {}}; }

  const label_values& checked(const label_values& labels) const {
    if (labels.size() != what_.labels.size()) throw std::logic_error{"wrong number of labels"};
    return labels;
  }

  template <class Cells, class Use>
  void for_each_cell(Cells book::cells::*kept, Use use) const {
    for (const auto& book : all_.books_) {
      std::lock_guard guard{book->cells_->mutex};
      const auto& families = (*book->cells_).*kept;
      const auto found = families.find(index_);
      if (found == families.end()) continue;
      for (const auto& [labels, cell] : found->second) use(labels, *cell);
    }
  }

  const metrics& all_;
  std::size_t index_;
  const family& what_;
};

std::string metrics::scrape() const {
  std::vector<const definition*> families;
  {
    std::lock_guard guard{catalog_->mutex};
    for (const auto& family : catalog_->families) families.push_back(family.get());
  }
  std::vector<MetricFamily> out;
  for (std::size_t i = 0; i < families.size(); ++i) {
    try {
      out.push_back(std::visit(gathering{*this, i, families[i]->what}, families[i]->source));
    } catch (const std::exception& failed) {
      catalog_->failures.fetch_add(1, std::memory_order_relaxed);
      log::error("a figure could not be read", {{"family", families[i]->what.name}, {"reason", failed.what()}});
    }
  }
  const family failures{"greenroom_scrape_failures_total", "Families that could not be read at a scrape."};
  const auto failed = static_cast<double>(catalog_->failures.load(std::memory_order_relaxed));
  out.push_back(
      {failures.name, failures.help, MetricType::Counter, {number(failures, {}, MetricType::Counter, failed)}});
  return prometheus::TextSerializer{}.Serialize(out);
}

}  // namespace greenroom::runtime
