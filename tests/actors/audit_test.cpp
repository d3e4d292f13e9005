// The audit of a node: what is folded, what is lost and said to be, what the command line shows of it.
#include "actors/audit.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <sstream>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>
#include <csignal>

#include "actors/audit_command.hpp"
#include "actors/audit_fold.hpp"
#include "actors/doctor_audit.hpp"
#include "storage/audit_check.hpp"
#include "storage/audit_log.hpp"

namespace greenroom::tests {
namespace {

namespace fs = std::filesystem;
using runtime::audit_level;

constexpr std::int64_t noon = 1'796'000'000'123;

audit_entry refusal(std::string peer, std::string reason = "not allowed", std::string_view action = "room.join") {
  audit_entry entry{.what = audit_kind::refusal, .decision = audit_decision::refused, .action = action};
  entry.peer = std::move(peer);
  entry.reason = std::move(reason);
  return entry;
}

struct desk {
  desk() { fs::create_directories(data); }
  ~desk() { fs::remove_all(data); }

  std::unique_ptr<audit> open(audit_level level = audit_level::all, std::uint32_t queue_max = 1'000) {
    runtime::audit_config how{.level = level, .queue_max = queue_max};
    return std::make_unique<audit>(audit::options{data / "audit", how, [this] { return now_ms.load(); }});
  }
  std::vector<storage::audit_line> lines(std::string_view action = {}) const {
    std::vector<storage::audit_line> all;
    for (const auto file : storage::audit_files(data / "audit")) {
      std::ifstream in{data / "audit" / storage::audit_file_name(file)};
      for (std::string text; std::getline(in, text);)
        if (auto line = storage::read_audit_line(text); line && (action.empty() || line->action == action))
          all.push_back(std::move(*line));
    }
    return all;
  }
  bool whole() const { return !storage::check_audit(data / "audit", {}).broken; }

  std::atomic<std::int64_t> now_ms{noon};
  fs::path data = fs::temp_directory_path() / ("greenroom-audit-" + std::to_string(::getpid()));
};

/// Until everything before it is on disk.
void flush(audit& to) {
  std::promise<void> done;
  to.record({.what = audit_kind::node, .action = "flush"}, [&] { done.set_value(); });
  done.get_future().wait();
}

}  // namespace

TEST_CASE("audit fold: of refusals that are alike the first few get lines, the others a number", "[actors][audit]") {
  audit_fold fold;
  std::size_t lines = 0;
  for (int i = 0; i < 25; ++i) lines += fold.passes(refusal("10.0.0.1:" + std::to_string(40'000 + i)), noon + i);
  CHECK(lines == limits::audit_fold_lines);
  CHECK(fold.passes(refusal("10.0.0.2:40000"), noon));
  CHECK(fold.passes(refusal("10.0.0.1:40000", "another reason"), noon));
  CHECK(fold.passes(refusal("10.0.0.1:40000", "not allowed", "room.publish"), noon));
  CHECK(fold.next_ms() == noon + limits::audit_fold_window.count());
  CHECK(fold.over(noon + limits::audit_fold_window.count() - 1).empty());
  const auto over = fold.over(noon + limits::audit_fold_window.count());
  REQUIRE(over.size() == 1);
  CHECK(over[0].times == 25 - limits::audit_fold_lines);
  CHECK(over[0].since_ms == noon);
  CHECK(over[0].like.peer == "10.0.0.1");
  CHECK(over[0].like.reason == "not allowed");
  CHECK(fold.passes(refusal("10.0.0.1:40000"), noon + limits::audit_fold_window.count()));  // a new minute
}

TEST_CASE("audit fold: over its bound all other addresses share one", "[actors][audit]") {
  audit_fold fold;
  const auto address = [](std::size_t i) {
    return "10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".1:1";
  };
  for (std::size_t i = 0; i < limits::audit_folds_max; ++i) CHECK(fold.passes(refusal(address(i)), noon));
  std::size_t lines = 0;
  for (std::size_t i = 0; i < 1'000; ++i)
    lines += fold.passes(refusal(address(limits::audit_folds_max + i), std::to_string(i)), noon);
  CHECK(lines == limits::audit_fold_lines);
  const auto rest = fold.rest();
  REQUIRE(rest.size() == 1);
  CHECK(rest[0].times == 1'000 - limits::audit_fold_lines);
  CHECK(rest[0].like.peer == "other addresses");
  CHECK_FALSE(fold.next_ms());
}

TEST_CASE("audit fold: an address goes without its port", "[actors][audit]") {
  for (const auto& [peer, host] : {std::pair{"10.0.0.1:80", "10.0.0.1"},
                                   {"[::1]:80", "[::1]"},
                                   {"::1", "::1"},
                                   {"10.0.0.1", "10.0.0.1"},
                                   {"", ""}})
    CHECK(host_of(peer) == host);
}

TEST_CASE("audit: an entry is a line of a signed chain, with what is known and nothing else", "[actors][audit]") {
  desk d;
  {
    auto to = d.open();
    audit_entry one{.what = audit_kind::refusal, .decision = audit_decision::refused, .action = "room.join"};
    one.user = "ann", one.session = "s1", one.peer = "10.0.0.1:80", one.target = "lobby", one.reason = "why";
    one.code = -32002;
    to->record(std::move(one));
    flush(*to);
    CHECK(to->counters().last == 3);
  }
  const auto found = d.lines("room.join");
  REQUIRE(found.size() == 1);
  using members = std::vector<std::pair<std::string, storage::audit_record::value>>;
  CHECK(found[0].members == members{{"user", "ann"},
                                    {"session", "s1"},
                                    {"peer", "10.0.0.1:80"},
                                    {"target", "lobby"},
                                    {"reason", "why"},
                                    {"code", std::int64_t{-32002}}});
  CHECK(found[0].decision == "refused");
  CHECK(found[0].at == "2026-11-30T00:53:20.123Z");
  const auto check = storage::check_audit(d.data / "audit", {});
  CHECK_FALSE(check.broken);
  CHECK(check.last_signed == check.head.n);  // closing signs
}

TEST_CASE("audit: the level says what is recorded", "[actors][audit]") {
  struct row {
    audit_level level;
    std::vector<audit_kind> wanted;
  };
  using enum audit_kind;
  const auto& [level, wanted] = GENERATE_COPY(values<row>({
      {audit_level::refusals, {node, refusal}},
      {audit_level::sessions, {node, refusal, session, administration}},
      {audit_level::all, {node, refusal, session, administration, use}},
  }));
  desk d;
  const auto to = d.open(level);
  for (const auto each : {node, audit_kind::refusal, session, administration, use})
    CHECK(to->wants(each) == (std::ranges::find(wanted, each) != wanted.end()));
  bool then = false;
  if (!to->wants(use)) {
    to->record({.what = use, .action = "call"}, [&] { then = true; });
    CHECK(then);  // nobody waits for what is not recorded
  }
  runtime::config off;
  off.audit.level = audit_level::off;
  CHECK(open_audit(off, d.data / "other", [] { return noon; }) == nullptr);
  CHECK_FALSE(fs::exists(d.data / "other"));
}

TEST_CASE("audit: repeated refusals do not fill the disk, also when the node ends", "[actors][audit]") {
  desk d;
  {
    auto to = d.open();
    for (int i = 0; i < 500; ++i) to->record(refusal("10.0.0.1:80"));
    flush(*to);
    CHECK(to->counters().folded == 500 - limits::audit_fold_lines);
  }
  const auto found = d.lines("room.join");
  REQUIRE(found.size() == limits::audit_fold_lines + 1);
  CHECK(found.back().number("repeated") == 500 - static_cast<std::int64_t>(limits::audit_fold_lines));
  CHECK(found.back().text("since") == "2026-11-30T00:53:20.123Z");
  CHECK(d.whole());
}

TEST_CASE("audit: over audit.queue_max entries are lost, and a line says how many", "[actors][audit]") {
  desk d;
  std::uint64_t lost = 0;
  {
    std::promise<void> held, go;  // the audit's thread may look at them until `to` is gone
    auto to = d.open(audit_level::all, 64);
    to->record({.what = audit_kind::node, .action = "hold"}, [&] {
      held.set_value();
      go.get_future().wait();
    });
    held.get_future().wait();  // the audit's thread is there now, and takes nothing
    for (int i = 0; i < 100; ++i) to->record({.what = audit_kind::use, .action = "call"});
    lost = to->counters().lost_queue;
    CHECK(lost == 36);
    go.set_value();
  }
  CHECK(d.lines("call").size() == 64);
  const auto said = d.lines("audit.lost");
  REQUIRE_FALSE(said.empty());
  CHECK(said[0].number("lines") == static_cast<std::int64_t>(lost));
  CHECK(said[0].text("reason") == "the queue was full");
  CHECK(d.whole());
}

TEST_CASE("audit: where the disk takes nothing the node goes on, and a line says how many are lost",
          "[actors][audit]") {
  desk d;
  {
    auto to = d.open();
    flush(*to);
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    auto* handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit full{10, old.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
    for (int i = 0; i < 3; ++i) {
      to->record({.what = audit_kind::use, .action = "call"});
      flush(*to);  // is told all the same
    }
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, handler);
    CHECK(to->counters().lost_disk == 6);
    CHECK(to->counters().failures >= 1);
    flush(*to);
  }
  const auto said = d.lines("audit.lost");
  REQUIRE(said.size() == 1);
  CHECK(said[0].number("lines") == 6);
  CHECK(said[0].text("reason") == "the disk took nothing");
  CHECK(d.lines("call").empty());
  CHECK(d.whole());
}

TEST_CASE("audit: what comes after its end is dropped, and who waits for it is told", "[actors][audit]") {
  desk d;
  auto to = d.open();
  to->close();
  to->close();
  flush(*to);
  CHECK(d.lines("flush").empty());
}

TEST_CASE("audit command: verify, tail and key read a directory, and say so where there is none", "[actors][audit]") {
  desk d;
  audit_command what{.chosen = audit_command::what::verify, .directory = d.data.string()};
  std::ostringstream out, err;
  CHECK(run_audit(what, out, err) == audit_exit::no_input);
  CHECK(err.str().find("there is no audit log") != std::string::npos);
  {
    auto to = d.open();
    for (const auto* user : {"ann", "bob"}) {
      auto one = refusal("10.0.0.1:80");
      one.user = user;
      to->record(std::move(one));
    }
    to->record(
        {.what = audit_kind::session, .decision = audit_decision::allowed, .action = "session.open", .user = "ann"});
  }
  CHECK(run_audit(what, out, err) == audit_exit::ok);
  const auto text = out.str();
  CHECK(text.starts_with("whole: lines 1 to 5 in 1 file, signed up to 5"));
  what.head = text.substr(text.find("head ") + 5, text.rfind('\n') - text.find("head ") - 5);
  CHECK(run_audit(what, out, err) == audit_exit::ok);
  what.head[0] = '9';
  CHECK(run_audit(what, out, err) == audit_exit::broken);
  what.head = "5";
  CHECK(run_audit(what, out, err) == audit_exit::usage);

  const auto tail = [&](auto change) {
    audit_command how{.chosen = audit_command::what::tail, .directory = (d.data / "audit").string()};
    change(how);
    std::ostringstream printed;
    CHECK(run_audit(how, printed, err) == audit_exit::ok);
    return std::ranges::count(printed.str(), '\n');
  };
  CHECK(tail([](audit_command&) {}) == 5);
  CHECK(tail([](audit_command& c) { c.lines = 2; }) == 2);
  CHECK(tail([](audit_command& c) { c.lines = 0; }) == 0);
  CHECK(tail([](audit_command& c) { c.user = "ann"; }) == 2);
  CHECK(tail([](audit_command& c) { c.refused = true; }) == 2);
  CHECK(tail([](audit_command& c) { c.action = "session.open"; }) == 1);
  CHECK(tail([](audit_command& c) { c.action = "audit."; }) == 2);
  std::ostringstream key;
  CHECK(run_audit({.chosen = audit_command::what::key, .directory = d.data.string()}, key, err) == audit_exit::ok);
  CHECK(storage::audit_public_key::read(key.str()));
}

TEST_CASE("doctor: a broken audit log and a key that others can read are problems", "[actors][audit][doctor]") {
  desk d;
  const auto verdicts = [&] {
    std::vector<verdict> all;
    for (const auto& each : examine_audit({}, d.data)) all.push_back(each.what);
    return all;
  };
  CHECK(verdicts() == std::vector{verdict::ok});
  {
    auto to = d.open();
    to->record(refusal("10.0.0.1:80"));
  }
  CHECK(verdicts() == std::vector{verdict::ok, verdict::ok});
  fs::permissions(d.data / "audit" / "key.pem", fs::perms::group_read, fs::perm_options::add);
  CHECK(verdicts() == std::vector{verdict::problem, verdict::ok});
  const auto file = d.data / "audit" / storage::audit_file_name(1);
  std::fstream{file, std::ios::in | std::ios::out}.seekp(-30, std::ios::end).put('!');
  CHECK(verdicts() == std::vector{verdict::problem, verdict::problem});
}

TEST_CASE("audit: what an entry costs its shard", "[.figures]") {
  desk d;
  auto to = d.open(audit_level::all, 1'000'000);
  constexpr int count = 200'000;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i) {
    audit_entry one{.what = audit_kind::session, .decision = audit_decision::allowed, .action = "session.open"};
    one.user = "user-123456", one.session = "abcdefghijklmno", one.peer = "127.0.0.1:54321";
    to->record(std::move(one));
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  std::printf("record: %.0f ns an entry\n", took.count() / count);
  to->close();
}

}  // namespace greenroom::tests
