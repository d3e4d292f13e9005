#include "runtime/metrics.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>
#include <thread>

#include "runtime/log.hpp"

namespace greenroom::runtime {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  const auto at = text.find(std::string{line}.append("\n"));
  return at != std::string::npos && (at == 0 || text[at - 1] == '\n');
}

}  // namespace

TEST_CASE("metrics: a counter is the sum of all books", "[metrics]") {
  metrics all{2};
  const auto frames = all.add_counter({"greenroom_frames_total", "Frames.", {"codec"}});
  all.of(0).at(frames, {"json"}).add();
  all.of(1).at(frames, {"json"}).add(41);
  all.of(1).at(frames, {"msgpack"}).add(7);
  const auto text = all.scrape();
  CHECK(has_line(text, "# HELP greenroom_frames_total Frames."));
  CHECK(has_line(text, "# TYPE greenroom_frames_total counter"));
  CHECK(has_line(text, "greenroom_frames_total{codec=\"json\"} 42"));
  CHECK(has_line(text, "greenroom_frames_total{codec=\"msgpack\"} 7"));
}

TEST_CASE("metrics: a cell is the same one each time, and another one in each book", "[metrics]") {
  metrics all{2};
  const auto calls = all.add_counter({"greenroom_calls_total", "Calls.", {"method", "error"}});
  auto& cell = all.of(0).at(calls, {"room.join", "0"});
  for (int i = 0; i < 90; ++i) all.of(0).at(calls, {std::to_string(i), "0"});
  CHECK(&all.of(0).at(calls, {"room.join", "0"}) == &cell);
  CHECK(&all.of(1).at(calls, {"room.join", "0"}) != &cell);
  CHECK(&all.of(0).at(calls, {"room.join", "-32002"}) != &cell);
}

TEST_CASE("metrics: what has no labels shows zero before it first counts", "[metrics]") {
  metrics all{1};
  all.add_counter({"greenroom_a_total", "A."});
  all.add_histogram({"greenroom_b_seconds", "B."});
  const auto text = all.scrape();
  CHECK(has_line(text, "greenroom_a_total 0"));
  CHECK(has_line(text, "greenroom_b_seconds_count 0"));
}

TEST_CASE("metrics: a histogram puts a value at its bound into the bucket below", "[metrics]") {
  metrics all{2};
  const auto turns = all.add_histogram({"greenroom_turn_seconds", "Turns."}, {{1'000, 2'000}, 1e3});
  for (const auto ticks : std::initializer_list<std::uint64_t>{0, 1'000, 1'001, 2'000})
    all.of(0).at(turns).observe(ticks);
  all.of(1).at(turns).observe(5'499);
  const auto text = all.scrape();
  CHECK(has_line(text, "# TYPE greenroom_turn_seconds histogram"));
  CHECK(has_line(text, "greenroom_turn_seconds_bucket{le=\"1\"} 2"));
  CHECK(has_line(text, "greenroom_turn_seconds_bucket{le=\"2\"} 4"));
  CHECK(has_line(text, "greenroom_turn_seconds_bucket{le=\"+Inf\"} 5"));
  CHECK(has_line(text, "greenroom_turn_seconds_count 5"));
  CHECK(has_line(text, "greenroom_turn_seconds_sum 9.5"));
}

TEST_CASE("metrics: labels beyond the bound of a family count as other", "[metrics]") {
  metrics all{2};
  const auto drops =
      all.add_counter({.name = "greenroom_drops_total", .help = "D.", .labels = {"room"}, .series_max = 2});
  all.of(0).at(drops, {"a"}).add();
  all.of(1).at(drops, {"b"}).add();
  all.of(0).at(drops, {"c"}).add(10);
  all.of(1).at(drops, {"d"}).add(20);
  all.of(1).at(drops, {"a"}).add(1);
  const auto text = all.scrape();
  CHECK(has_line(text, "greenroom_drops_total{room=\"a\"} 2"));
  CHECK(has_line(text, "greenroom_drops_total{room=\"b\"} 1"));
  CHECK(has_line(text, "greenroom_drops_total{room=\"other\"} 30"));
  CHECK(text.find("\"c\"") == std::string::npos);
}

TEST_CASE("metrics: gauges and collectors are read at the scrape", "[metrics]") {
  metrics all{1};
  double rooms = 3;
  all.collect({"greenroom_rooms", "Rooms."}, metrics::kind::gauge, [&] { return rooms; });
  all.collect({"greenroom_restarts_total", "Restarts.", {"actor"}}, metrics::kind::counter, [] {
    return std::vector<sample>{{{"room"}, 2}, {{"store"}, 0}};
  });
  all.collect({"greenroom_depth", "Depth.", {"shard"}}, histogram_shape{{1, 10}, 1}, [] {
    return std::vector<histogram_sample>{{{"0"}, {4, 2, 1}, 40}};
  });
  CHECK(has_line(all.scrape(), "greenroom_rooms 3"));
  rooms = 4;
  const auto text = all.scrape();
  CHECK(has_line(text, "# TYPE greenroom_rooms gauge"));
  CHECK(has_line(text, "greenroom_rooms 4"));
  CHECK(has_line(text, "greenroom_restarts_total{actor=\"room\"} 2"));
  CHECK(has_line(text, "greenroom_restarts_total{actor=\"store\"} 0"));
  CHECK(has_line(text, "greenroom_depth_bucket{shard=\"0\",le=\"10\"} 6"));
  CHECK(has_line(text, "greenroom_depth_count{shard=\"0\"} 7"));
  CHECK(has_line(text, "greenroom_depth_sum{shard=\"0\"} 40"));
}

TEST_CASE("metrics: a collector that fails leaves the other families alone and is counted", "[metrics]") {
  metrics all{1};
  all.collect({"greenroom_bad", "Bad."}, metrics::kind::gauge, []() -> double { throw std::runtime_error{"no"}; });
  all.collect({"greenroom_wrong", "Wrong.", {"label"}}, metrics::kind::gauge, [] {
    return std::vector<sample>{{{}, 1}};
  });
  all.collect({"greenroom_good", "Good."}, metrics::kind::gauge, [] { return 1.0; });
  const log::scoped quiet{{.level = log_level::off}};
  const auto text = all.scrape();
  CHECK(has_line(text, "greenroom_good 1"));
  CHECK(text.find("greenroom_bad") == std::string::npos);
  CHECK(has_line(text, "greenroom_scrape_failures_total 2"));
}

TEST_CASE("metrics: label values are escaped", "[metrics]") {
  metrics all{1};
  const auto odd = all.add_counter({"greenroom_odd_total", "Odd.", {"name"}});
  all.of(0).at(odd, {"a\"b\\c\nd"}).add();
  CHECK(has_line(all.scrape(), "greenroom_odd_total{name=\"a\\\"b\\\\c\\nd\"} 1"));
}

TEST_CASE("metrics: a wrong number of labels is a broken invariant", "[metrics]") {
  metrics all{1};
  const auto id = all.add_counter({"greenroom_x_total", "X.", {"label"}});
  CHECK_THROWS_AS(all.of(0).at(id), std::logic_error);
  CHECK_THROWS(all.of(1));
}

TEST_CASE("metrics: threads count while another one scrapes", "[metrics][threads]") {
  constexpr int each = 20'000;
  metrics all{2};
  const auto frames = all.add_counter({"greenroom_frames_total", "Frames.", {"codec"}});
  const auto turns = all.add_histogram({"greenroom_turn_seconds", "Turns."});
  std::vector<std::thread> threads;
  for (std::size_t book = 0; book < 2; ++book)
    threads.emplace_back([&, book] {
      for (int i = 0; i < each; ++i) {
        all.of(book).at(frames, {i % 2 ? "json" : "msgpack"}).add();
        all.of(book).at(turns).observe(static_cast<std::uint64_t>(i));
      }
    });
  for (int i = 0; i < 20; ++i) CHECK(all.scrape().find("greenroom_turn_seconds_count") != std::string::npos);
  for (auto& thread : threads) thread.join();
  const auto text = all.scrape();
  CHECK(has_line(text, "greenroom_frames_total{codec=\"json\"} 20000"));
  CHECK(has_line(text, "greenroom_turn_seconds_count 40000"));
}

}  // namespace greenroom::runtime
