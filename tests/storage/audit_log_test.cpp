// The audit log's files: what writes them, what a crash leaves of them, and that every way to tamper with them is found.
#include "storage/audit_log.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "storage/audit_check.hpp"
#include "tests/storage/temporary_directory.hpp"

namespace greenroom::storage::tests {
namespace {

namespace fs = std::filesystem;
using testing::temporary_directory;
using lines = std::vector<std::string>;

constexpr std::int64_t noon = 1'796'000'000'123;

audit_record record(std::string action, std::string user = "ann") {
  return {.at_ms = noon, .action = std::move(action), .decision = audit_decision::refused, .members = {{"user", user}}};
}

std::string read(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}
void write(const fs::path& file, const std::string& text) { std::ofstream{file, std::ios::binary} << text; }

lines lines_of(const fs::path& file) {
  std::ifstream in{file};
  lines all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}
void write_lines(const fs::path& file, const lines& all) {
  std::string text;
  for (const auto& each : all) text += each + '\n';
  write(file, text);
}

struct desk {
  explicit desk(std::uint64_t file_bytes_max = 1u << 20, std::uint32_t files_max = 64)
      : options{dir.path() / "audit", file_bytes_max, files_max} {}

  fs::path file(std::uint64_t number = 1) const { return options.directory / audit_file_name(number); }
  audit_findings check(audit_expectation expected = {}) const { return check_audit(options.directory, expected); }
  /// Lines 1 (the file's), then 2 to `count` + 1, and a checkpoint behind them.
  void fill(int count = 8) const {
    audit_log log{options};
    for (int i = 0; i < count; ++i) {
      const auto one = record("room.join", "user-" + std::to_string(i));
      REQUIRE_FALSE(log.append({&one, 1}, noon));
    }
    REQUIRE_FALSE(log.checkpoint(noon));
  }

  temporary_directory dir{temporary_directory::place::in_memory};
  audit_log_options options;
};

/// What somebody without the key would do: the text and the hash of every line from there on fit again.
lines hashed_anew(lines all, std::size_t from) {
  audit_place place;
  if (from > 0) {
    const auto before = read_audit_line(all[from - 1]);
    place = {before->n, before->hash};
  }
  for (auto i = from; i < all.size(); ++i) {
    const auto was = read_audit_line(all[i]);
    audit_record one{
        .at_ms = noon, .action = was->action, .decision = audit_decision::allowed, .members = was->members};
    all[i] = write_audit_line(one, place);
  }
  return all;
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("audit line: what is written is read again, and its hash covers every byte", "[storage][audit]") {
  audit_place place;
  const std::string odd = "a\"b\\c\n\x1b[31m\xC2\x9B \xFF \xC3\xA4 \xF0\x9F\x98\x80 \xED\xA0\x80";
  const audit_record one{.at_ms = noon,
                         .action = "room.join",
                         .decision = audit_decision::refused,
                         .members = {{"user", odd}, {"reason", ""}, {"code", std::int64_t{-32002}}}};
  const auto text = write_audit_line(one, place);
  CHECK(place.n == 1);
  CHECK(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }));
  CHECK(text.find("\xC2\x9B") == std::string::npos);
  const auto line = read_audit_line(text);
  REQUIRE(line);
  CHECK(line->own_hash_fits);
  CHECK(line->hash == place.hash);
  CHECK(line->prev == std::string(64, '0'));
  CHECK(line->at == "2026-11-30T00:53:20.123Z");
  CHECK(line->decision == "refused");
  CHECK(line->number("code") == -32002);
  CHECK(line->text("reason").empty());
  CHECK(line->text("user") ==
        "a\"b\\c\n\x1b[31m\xC2\x9B \xEF\xBF\xBD \xC3\xA4 \xF0\x9F\x98\x80 \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto seen = read_audit_line(changed);
    INFO(i << ": " << changed);
    CHECK_FALSE((seen && seen->own_hash_fits));
  }
}

TEST_CASE("audit line: a long text is cut where a character ends", "[storage][audit]") {
  std::string text(audit_text_bytes_max - 1, 'x');
  text += "\xC3\xA4 and more";
  audit_place place;
  const auto line = read_audit_line(write_audit_line(record("x", text), place));
  REQUIRE(line);
  CHECK(line->text("user") == std::string(audit_text_bytes_max - 1, 'x') + "\xE2\x80\xA6");
}

TEST_CASE("audit key: it is made once, its owner's alone, and only it signs", "[storage][audit]") {
  const desk d;
  fs::create_directories(d.options.directory);
  const auto first = audit_key::open(d.options.directory), again = audit_key::open(d.options.directory);
  CHECK(first.public_key().name() == again.public_key().name());
  struct stat found {};
  REQUIRE(::stat(audit_key::file_in(d.options.directory).c_str(), &found) == 0);
  CHECK((found.st_mode & 0777) == 0600);
  const auto kept = audit_public_key::read(read(audit_key::public_file_in(d.options.directory)));
  REQUIRE(kept);
  const auto signature = again.sign("text");
  CHECK(kept->verifies("text", signature));
  CHECK(audit_public_key::read(kept->name())->verifies("text", signature));
  CHECK_FALSE(kept->verifies("texT", signature));
  CHECK_FALSE(kept->verifies("text", "00" + signature.substr(2)));
  CHECK_FALSE(kept->verifies("text", ""));
  CHECK_FALSE(audit_public_key::read("nonsense"));
  write(audit_key::file_in(d.options.directory), "-----BEGIN PRIVATE KEY-----\nMARKER\n-----END PRIVATE KEY-----\n");
  try {
    audit_key::open(d.options.directory);
    FAIL("a key that is none was taken");
  } catch (const std::runtime_error& e) {
    CHECK(std::string{e.what()}.find("MARKER") == std::string::npos);
  }
}

TEST_CASE("audit log: the chain goes on over restarts and files, and is whole", "[storage][audit]") {
  const desk d{2'000};
  for (int i = 0; i < 5; ++i) d.fill();
  const auto found = d.check();
  INFO((found.broken ? found.broken->why : ""));
  CHECK_FALSE(found.broken);
  CHECK(found.first == 1);
  CHECK(found.files > 3);
  CHECK(found.head.n == found.lines);
  CHECK(found.last_signed == found.head.n);
  CHECK(found.keys.size() == 1);
}

TEST_CASE("audit check: every way to tamper is found, at the line where it was done", "[storage][audit]") {
  struct way {
    const char* what;
    std::function<void(lines&)> tamper;
    std::uint64_t row;
    const char* why;
  };
  const std::vector<way> ways{
      {"a text is edited", [](lines& l) { l[4] = replaced(l[4], "user-3", "user-9"); }, 5, "line 5 was changed"},
      {"a decision is edited", [](lines& l) { l[2] = replaced(l[2], "refused", "allowed"); }, 3, "line 3 was changed"},
      {"a line is edited and hashed anew",
       [](lines& l) {
         const auto anew = hashed_anew(l, 4);
         l[4] = anew[4];
       },
       6, "line 6 does not follow"},
      {"all lines from there on are hashed anew",
       [](lines& l) {
         const auto anew = hashed_anew({l.begin(), l.end() - 1}, 4);
         std::ranges::copy(anew, l.begin());
       },
       10, "line 10 does not follow"},
      {"all lines from there on are hashed anew, checkpoints too", [](lines& l) { l = hashed_anew(l, 4); }, 10,
       "lines after line 1 were written anew"},
      {"a line is removed", [](lines& l) { l.erase(l.begin() + 4); }, 5, "line 5 is missing"},
      {"lines are removed", [](lines& l) { l.erase(l.begin() + 4, l.begin() + 7); }, 5, "lines 5 to 7 are missing"},
      {"the first line is removed", [](lines& l) { l.erase(l.begin()); }, 1, "does not begin"},
      {"a line is repeated", [](lines& l) { l.insert(l.begin() + 5, l[2]); }, 6, "line 3 stands where line 6 should"},
      {"two lines change places", [](lines& l) { std::swap(l[4], l[5]); }, 5, "line 5 is missing"},
      {"nonsense is put in", [](lines& l) { l.insert(l.begin() + 3, "nonsense"); }, 4, "no line of an audit log"},
      {"an empty line is put in", [](lines& l) { l.insert(l.begin() + 3, ""); }, 4, "no line of an audit log"},
      {"a signature is edited",
       [](lines& l) {
         auto last = read_audit_line(l.back());
         last->members[1].second = std::string(128, 'a');
         audit_place place{last->n - 1, last->prev};
         l.back() = write_audit_line({.at_ms = noon, .action = last->action, .members = last->members}, place);
       },
       10, "the signature is not of this chain"},
  };
  for (const auto& each : ways) {
    const desk d;
    d.fill();
    REQUIRE_FALSE(d.check().broken);
    auto all = lines_of(d.file());
    REQUIRE(all.size() == 10);
    each.tamper(all);
    write_lines(d.file(), all);
    const auto found = d.check();
    INFO(each.what);
    REQUIRE(found.broken);
    INFO(found.broken->why);
    CHECK(found.broken->row == each.row);
    CHECK(found.broken->why.find(each.why) != std::string::npos);
  }
}

TEST_CASE("audit check: an end that was cut off shows against a head that was kept", "[storage][audit]") {
  const desk d;
  d.fill();
  const auto head = d.check().head;
  d.fill();
  CHECK_FALSE(d.check({.known = head}).broken);
  auto all = lines_of(d.file());
  all.resize(6);
  write_lines(d.file(), all);
  const auto seen = d.check();
  CHECK_FALSE(seen.broken);  // what is left is whole, but nobody vouches for it
  CHECK(seen.last_signed == 1);
  CHECK(seen.head.n == 6);
  const auto cut = d.check({.known = head});
  REQUIRE(cut.broken);
  CHECK(cut.broken->why.find("lines 7 to 10 were there once") != std::string::npos);
}

TEST_CASE("audit check: a chain that another key wrote anew is not taken for this one", "[storage][audit]") {
  const desk d, other;
  d.fill();
  other.fill();
  const auto kept = audit_public_key::read(read(audit_key::public_file_in(d.options.directory)));
  const auto head = d.check().head;
  fs::copy_file(other.file(), d.file(), fs::copy_options::overwrite_existing);
  CHECK_FALSE(d.check().broken);
  const auto by_key = d.check({.keys = {*kept}}), by_head = d.check({.known = head});
  REQUIRE(by_key.broken);
  CHECK(by_key.broken->why.find("another key has signed") != std::string::npos);
  REQUIRE(by_head.broken);
  CHECK(by_head.broken->why.find("is not the one whose hash was kept") != std::string::npos);
}

TEST_CASE("audit check: a missing file is found", "[storage][audit]") {
  const desk d{1'500};
  for (int i = 0; i < 3; ++i) d.fill();
  REQUIRE(audit_files(d.options.directory).size() > 3);
  const auto last_of_first = read_audit_line(lines_of(d.file(1)).back())->n;
  const auto which = GENERATE(1, 2);
  fs::remove(d.file(static_cast<std::uint64_t>(which)));
  const auto found = d.check();
  REQUIRE(found.broken);
  INFO(found.broken->why);
  CHECK(found.broken->why.find(which == 1 ? "lines 1 to " + std::to_string(last_of_first) + " are missing"
                                          : "lines " + std::to_string(last_of_first + 1) + " to ") == 0);
}

TEST_CASE("audit log: what a crash leaves of a line is put aside, and the chain goes on", "[storage][audit]") {
  struct rest {
    std::string text;
    bool line_ends;
  };
  const desk d;
  d.fill();
  const auto whole = read(d.file());
  const auto next = GENERATE(std::string{"{\"n\":11,\"at\":\"2026"}, std::string(4'096, '\0'),
                             std::string{"{}\n{\"n\":"}, std::string{"\n\n"});
  write(d.file(), whole + next);
  audit_log log{d.options};
  const auto one = record("session.open");
  REQUIRE_FALSE(log.append({&one, 1}, noon));
  REQUIRE_FALSE(log.checkpoint(noon));
  REQUIRE_FALSE(log.torn_file().empty());
  CHECK(read(d.options.directory / log.torn_file()) == next);
  const auto found = d.check();
  INFO((found.broken ? found.broken->why : ""));
  CHECK_FALSE(found.broken);
  const auto all = lines_of(d.file());
  CHECK(read_audit_line(all[10])->action == audit_torn_action);
  CHECK(read_audit_line(all[10])->number("bytes") == static_cast<std::int64_t>(next.size()));
  CHECK(read_audit_line(all[11])->action == "session.open");
}

TEST_CASE("audit log: a file that a crash has left empty, or with half its first line, is begun again",
          "[storage][audit]") {
  const desk d;
  d.fill();
  write(d.file(2), GENERATE(std::string{}, std::string{"{\"n\":11,"}));
  d.fill();
  const auto found = d.check();
  INFO((found.broken ? found.broken->why : ""));
  CHECK_FALSE(found.broken);
  CHECK(found.files == 2);
  CHECK(read_audit_line(lines_of(d.file(2)).front())->n == 11);
}

TEST_CASE("audit log: files over files_max go, a line says so, and the rest is whole from there", "[storage][audit]") {
  const desk d{1'500, 3};
  for (int i = 0; i < 10; ++i) d.fill();
  CHECK(audit_files(d.options.directory).size() == 3);
  const auto found = d.check();
  INFO((found.broken ? found.broken->why : ""));
  CHECK_FALSE(found.broken);
  CHECK(found.first > 1);
  // Somebody else's deletion is no trimming.
  fs::remove(d.file(audit_files(d.options.directory).front()));
  const auto cut = d.check();
  REQUIRE(cut.broken);
  CHECK(cut.broken->why.find("no line says that the node has deleted them") != std::string::npos);
}

TEST_CASE("audit log: another key begins another file", "[storage][audit]") {
  const desk d;
  d.fill();
  const auto old_key = *audit_public_key::read(read(audit_key::public_file_in(d.options.directory)));
  fs::remove(audit_key::file_in(d.options.directory));
  d.fill();
  const auto found = d.check();
  CHECK_FALSE(found.broken);
  CHECK(found.keys.size() == 2);
  CHECK(found.files == 2);
  const auto by_old = d.check({.keys = {old_key}});
  REQUIRE(by_old.broken);
  CHECK(by_old.broken->file == audit_file_name(2));
}

TEST_CASE("audit check: half a line at the end of a log that is being written is no break", "[storage][audit]") {
  const desk d;
  d.fill();
  write(d.file(), read(d.file()) + "{\"n\":11");
  const auto found = d.check();
  CHECK_FALSE(found.broken);
  CHECK(found.torn_bytes == 7);
}

TEST_CASE("audit log: where the disk is full nothing stays of an append, and the next one may succeed",
          "[storage][audit]") {
  const desk d;
  d.fill();
  audit_log log{d.options};
  const auto one = record("room.join");
  REQUIRE_FALSE(log.append({&one, 1}, noon));
  const auto before = log.head();
  const auto size = fs::file_size(d.file());
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit full{size + 100, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  const auto failed = log.append({&one, 1}, noon);
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(failed == std::errc::file_too_large);
  CHECK(log.head() == before);
  CHECK(fs::file_size(d.file()) == size);
  REQUIRE_FALSE(log.append({&one, 1}, noon));
  REQUIRE_FALSE(log.checkpoint(noon));
  CHECK_FALSE(d.check().broken);
}

}  // namespace greenroom::storage::tests
