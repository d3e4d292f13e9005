#include "runtime/log.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/log_line.hpp"

namespace greenroom::runtime {
namespace {

using strings = std::vector<std::string>;

/// A log file for one test.
struct file {
  std::string path =
      (std::filesystem::temp_directory_path() / ("greenroom-log-test-" + std::to_string(::getpid()))).string();
  file() { std::filesystem::remove(path); }
  ~file() { std::filesystem::remove(path); }
  file(const file&) = delete;
  file& operator=(const file&) = delete;

  strings lines() const {
    strings out;
    std::ifstream in{path};
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
};

/// Without the time, which is the first word.
std::string after_time(const std::string& line) { return line.substr(line.find(' ') + 1); }

}  // namespace

TEST_CASE("log: a text line has time, level, sentence and fields", "[log]") {
  file to;
  {
    const log::scoped on{{.file = to.path}};
    log::info("the member left", {log::connection(42), log::session("s1"), log::room("lobby"), {"left", -3}});
    log::warn("without fields");
  }
  const auto lines = to.lines();
  REQUIRE(lines.size() == 2);
  CHECK(after_time(lines[0]) == "info    the member left  connection=42 session=s1 room=lobby left=-3");
  CHECK(after_time(lines[1]) == "warning without fields");
  const auto time = lines[0].substr(0, lines[0].find(' '));
  CHECK(time.size() == std::string_view{"2027-01-02T03:04:05.678Z"}.size());
  CHECK(time.back() == 'Z');
}

TEST_CASE("log: a JSON line is one object with the same fields", "[log]") {
  file to;
  {
    const log::scoped on{{.format = log_format::json, .file = to.path}};
    log::error("it \"broke\"", {log::user("ann"), {"load", 0.5}, {"bytes", std::uint64_t{1} << 40}});
  }
  const auto lines = to.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with(R"({"time":"20)"));
  CHECK(
      lines[0].ends_with(R"("level":"error","message":"it \"broke\"","user":"ann","load":0.5,"bytes":1099511627776})"));
}

TEST_CASE("log: below its level nothing is written", "[log]") {
  file to;
  {
    const log::scoped on{{.level = log_level::warning, .file = to.path}};
    CHECK_FALSE(log::enabled(log_level::info));
    CHECK(log::enabled(log_level::error));
    log::info("quiet");
    log::access({.method = "GET"});
    log::warn("loud");
  }
  CHECK(to.lines().size() == 1);
}

TEST_CASE("log: whatever a value holds, the line stays one line", "[log]") {
  const std::string hostile = "a\nb\"c\\d\x01";
  CHECK(log::text_line("x", {{"room", hostile}}) == R"(x  room="a\nb\"c\\d\u0001")");
  CHECK(log::text_line("x\ny", {}) == R"(x\ny)");
  CHECK(log::text_line("say \"x\"", {{"a", "b=c"}, {"e", ""}}) == R"(say "x"  a="b=c" e="")");
  CHECK(log::json_line("x\r", {{"room", hostile}}) == R"("message":"x\r","room":"a\nb\"c\\d\u0001")");
}

TEST_CASE("log: bytes that are no UTF-8 are replaced, and what is UTF-8 stays", "[log]") {
  const std::string fine = "\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80";
  CHECK(log::json_line(fine, {}) == "\"message\":\"" + fine + "\"");
  const auto replaced = [](std::string_view text) { return log::json_line(text, {}); };
  const std::string mark = "\xEF\xBF\xBD";
  for (const std::string_view wrong : {"\x80", "\xC0", "\xC3", "\xFF", "\xC3(", "\xF5"}) {
    CAPTURE(wrong.size());
    CHECK(replaced(wrong).starts_with("\"message\":\"" + mark));
  }
  CHECK(replaced("\xED\xA0\x80") == "\"message\":\"" + mark + mark + mark + "\"");  // a surrogate
  CHECK(replaced("\xC0\xAF") == "\"message\":\"" + mark + mark + "\"");             // overlong
}

TEST_CASE("log: a long value is cut", "[log]") {
  const auto line = log::text_line("x", {{"room", std::string(1'000, 'r')}});
  CHECK(line.size() < 300);
  CHECK(line.ends_with("\xE2\x80\xA6\""));
}

TEST_CASE("log: an access line has what happened and never the query", "[log]") {
  file to;
  {
    const log::scoped on{{.file = to.path}};
    log::access({.peer = "127.0.0.1:5",
                 .method = "GET",
                 .target = "/ws?token=secret",
                 .status = 101,
                 .bytes = 7,
                 .duration_us = 250,
                 .trace = "t1"});
  }
  const auto lines = to.lines();
  REQUIRE(lines.size() == 1);
  CHECK(after_time(lines[0]) ==
        "info    access  peer=127.0.0.1:5 method=GET target=/ws status=101 bytes=7 duration_us=250 trace=t1");
}

TEST_CASE("log: a refused call's line says whose it was and why, on a connection and without one", "[log]") {
  file to;
  {
    const log::scoped on{{.file = to.path}};
    log::access({.peer = "127.0.0.1:5",
                 .method = "room.join",
                 .target = "vip:lounge",
                 .status = -32002,
                 .connection = 3,
                 .session = "s1",
                 .user = "ann",
                 .reason = "none allows it"});
    log::access({.peer = "127.0.0.1:6",
                 .method = "room.publish",
                 .target = "vip:lounge",
                 .status = -32002,
                 .user = "bob",
                 .reason = "none allows it"});
  }
  const auto lines = to.lines();
  REQUIRE(lines.size() == 2);
  CHECK(after_time(lines[0]) ==
        "info    access  peer=127.0.0.1:5 method=room.join target=vip:lounge status=-32002 connection=3 session=s1 "
        "user=ann reason=\"none allows it\"");
  CHECK(
      after_time(lines[1]) ==
      "info    access  peer=127.0.0.1:6 method=room.publish target=vip:lounge status=-32002 connection=0 session=\"\" "
      "user=bob reason=\"none allows it\"");
}

TEST_CASE("log: access lines can be turned off by themselves", "[log]") {
  file to;
  {
    const log::scoped on{{.file = to.path, .access = false}};
    log::access({.method = "GET"});
    log::info("still here");
  }
  CHECK(to.lines().size() == 1);
}

TEST_CASE("log: stop writes everything that waits, from all threads, in each one's order", "[log][threads]") {
  constexpr int threads_count = 4;
  constexpr int each = 2'000;
  file to;
  {
    const log::scoped on{{.file = to.path, .queue_max = threads_count * each}};
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < each; ++i) log::info("line", {{"thread", t}, {"i", i}});
      });
    for (auto& thread : threads) thread.join();
  }
  std::vector<int> next(threads_count);
  for (const auto& line : to.lines()) {
    int t = 0;
    int i = 0;
    REQUIRE(std::sscanf(after_time(line).c_str(), "info line thread=%d i=%d", &t, &i) == 2);
    REQUIRE(i == next[static_cast<std::size_t>(t)]++);
  }
  CHECK(next == std::vector<int>(threads_count, each));
}

TEST_CASE("log: over its queue the oldest lines give way, and each is counted", "[log]") {
  constexpr std::uint64_t written = 20'000;
  const auto before = log::dropped();
  file to;
  {
    const log::scoped on{{.file = to.path, .queue_max = 16}};
    for (std::uint64_t i = 0; i < written; ++i) log::info("line", {{"i", i}});
  }
  const auto lines = to.lines();
  CHECK(lines.size() + (log::dropped() - before) == written);
  CHECK(lines.back().ends_with("i=19999"));
}

TEST_CASE("log: a full disk costs lines, which are counted, and never the caller", "[log]") {
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{200, old.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto before = log::dropped();
  file to;
  constexpr std::uint64_t lines = 20, whole = 2;  // 80 bytes each
  {
    const log::scoped on{{.file = to.path}};
    for (std::uint64_t i = 0; i < lines; ++i) log::info("a line of some length that fills the disk soon");
    while (log::dropped() - before < lines - whole) std::this_thread::yield();
    CHECK(::setrlimit(RLIMIT_FSIZE, &old) == 0);
    log::info("there is room again");
  }
  std::signal(SIGXFSZ, handler);
  CHECK(log::dropped() - before == lines - whole);
  const auto written = to.lines();
  REQUIRE(written.size() == whole + 2);  // and what there was room for of one
  CHECK(after_time(written.back()) == "info    there is room again");
}

TEST_CASE("log: lines that come together are written together", "[log]") {
  const auto writes = [] {
    std::ifstream in{"/proc/self/io"};
    std::string name;
    for (std::uint64_t count = 0; in >> name >> count;)
      if (name == "syscw:") return count;
    FAIL("/proc/self/io does not say how often was written");
    return std::uint64_t{0};
  };
  constexpr std::uint64_t lines = 2'000;
  file to;
  const auto before = writes();
  {
    const log::scoped on{{.file = to.path, .queue_max = lines}};
    for (std::uint64_t i = 0; i < lines; ++i) log::info("line", {{"i", i}});
  }
  CHECK(writes() - before < lines / 4);
  CHECK(to.lines().size() == lines);
}

TEST_CASE("log: a file that cannot be opened is a failure of the start, and the old target stays", "[log]") {
  file to;
  {
    const log::scoped on{{.file = to.path}};
    CHECK_THROWS_AS(log::start({.file = "/nowhere/greenroom.log"}), std::system_error);
    log::info("still here");
  }
  CHECK(to.lines().size() == 1);
}

}  // namespace greenroom::runtime
