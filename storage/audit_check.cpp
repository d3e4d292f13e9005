#include "storage/audit_check.hpp"

#include <algorithm>
#include <fstream>

#include "storage/audit_log.hpp"

namespace greenroom::storage {
namespace {

namespace fs = std::filesystem;

std::string name_of(std::uint64_t n) { return "line " + std::to_string(n); }

class check {
 public:
  check(fs::path directory, const audit_expectation& expected)
      : directory_{std::move(directory)}, expected_{expected} {}

  audit_findings run() {
    const auto files = audit_files(directory_);
    for (std::size_t i = 0; i < files.size() && !found_.broken; ++i) {
      file_ = audit_file_name(files[i]);
      row_ = 0;
      ++found_.files;
      read_file(i + 1 == files.size());
    }
    if (!found_.broken) look_at_the_beginning();
    if (!found_.broken) look_at_the_end();
    return std::move(found_);
  }

 private:
  void fail(std::uint64_t n, std::string why) {
    if (!found_.broken) found_.broken = audit_break{file_, row_, n, std::move(why)};
  }

  void read_file(bool is_last) {
    std::ifstream in{directory_ / file_, std::ios::binary};
    if (!in) return fail(found_.head.n + 1, "the file cannot be read");
    for (std::string text; std::getline(in, text);) {
      ++row_;
      if (in.eof()) {  // no end of the line
        if (!is_last) return fail(found_.head.n + 1, "the file ends within a line");
        found_.torn_bytes = text.size();
        return;
      }
      take(text);
      if (found_.broken) return;
    }
    if (in.bad()) return fail(found_.head.n + 1, "the file cannot be read to its end");
    if (row_ == 0 && !is_last) fail(found_.head.n + 1, "the file is empty");
  }

  void take(const std::string& text) {
    const auto line = read_audit_line(text);
    const auto expected = found_.head.n + 1;
    const bool begins = found_.lines == 0;
    if (!line) return fail(begins ? 0 : expected, "this is no line of an audit log: it was changed or put in");
    if (!line->own_hash_fits)
      return fail(begins ? line->n : expected, name_of(line->n) + " was changed: its hash is not that of its text");
    if (begins) {
      found_.first = line->n;
      begin_ = {line->n - 1, line->prev};
    } else if (line->n > expected) {
      return fail(expected, line->n == expected + 1
                                ? name_of(expected) + " is missing"
                                : "lines " + std::to_string(expected) + " to " + std::to_string(line->n - 1) +
                                      " are missing, or moved behind others");
    } else if (line->n < expected) {
      return fail(expected,
                  name_of(line->n) + " stands where " + name_of(expected) + " should: it was put in, or moved");
    } else if (line->prev != found_.head.hash) {
      return fail(expected, name_of(line->n) + " does not follow the " + name_of(found_.head.n) +
                                " that is there: one of them was replaced, with a hash of its own");
    }
    if (row_ == 1 && line->action != audit_file_action)
      return fail(line->n, "the file does not begin with a line that names its key: lines are missing before it");
    if (line->action == audit_file_action || line->action == audit_checkpoint_action)
      if (!is_signed(*line)) return;
    note(*line);
  }

  bool is_signed(const audit_line& line) {
    const auto name = line.text("key");
    const auto key = audit_public_key::read(name);
    const auto is_one = [&](const auto& each) { return each.name() == name; };
    if (!key) return fail(line.n, "the checkpoint names no key"), false;
    if (!expected_.keys.empty() && std::ranges::none_of(expected_.keys, is_one))
      return fail(line.n, "another key has signed: " + name), false;
    if (!key->verifies(audit_signed_text(line.n, line.prev, line.at), line.text("signature")))
      return fail(line.n, "the signature is not of this chain: lines after " + name_of(found_.last_signed) +
                              " were written anew, or this one"),
             false;
    if (std::ranges::find(found_.keys, name) == found_.keys.end()) found_.keys.push_back(name);
    ++found_.checkpoints;
    found_.last_signed = line.n;
    return true;
  }

  void note(const audit_line& line) {
    ++found_.lines;
    found_.head = {line.n, line.hash};
    found_.head_at = line.at;
    if (line.action == "audit.lost") found_.lost += static_cast<std::uint64_t>(line.number("lines").value_or(0));
    if (line.action == audit_trimmed_action)
      if (const auto last = line.number("last"))
        trimmed_.push_back({static_cast<std::uint64_t>(*last), line.text("last_hash")});
    if (expected_.known && expected_.known->n == line.n && expected_.known->hash != line.hash)
      fail(line.n, name_of(line.n) + " is not the one whose hash was kept: the chain was written anew");
  }

  void look_at_the_beginning() {
    if (found_.lines == 0 || found_.first == 1) {
      if (found_.lines != 0 && begin_.hash != audit_place{}.hash) fail(1, "line 1 follows something");
      return;
    }
    if (std::ranges::find(trimmed_, begin_) != trimmed_.end()) return;
    file_ = {};
    row_ = 0;
    fail(1, "lines 1 to " + std::to_string(begin_.n) + " are missing, and no line says that the node has deleted them");
  }

  void look_at_the_end() {
    if (!expected_.known || expected_.known->n <= found_.head.n) return;
    row_ = 0;
    fail(found_.head.n + 1, "lines " + std::to_string(found_.head.n + 1) + " to " + std::to_string(expected_.known->n) +
                                " were there once: the end was cut off");
  }

  fs::path directory_;
  const audit_expectation& expected_;
  audit_findings found_;
  std::string file_;
  std::uint64_t row_ = 0;
  audit_place begin_;
  std::vector<audit_place> trimmed_;
};

}  // namespace

audit_findings check_audit(const fs::path& directory, const audit_expectation& expected) {
  return check{directory, expected}.run();
}

}  // namespace greenroom::storage
