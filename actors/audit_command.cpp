#include "actors/audit_command.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <charconv>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>

#include "actors/audit_tail.hpp"
#include "codecs/json_writer.hpp"
#include "runtime/config.hpp"
#include "storage/audit_check.hpp"
#include "storage/audit_log.hpp"

namespace greenroom {
namespace {

namespace fs = std::filesystem;

void add_place(CLI::App& command, audit_command& to) {
  command.add_option("DIR", to.directory, "A data directory, or a copy of its audit/")->type_name("");
  command.add_option("--data", to.node.data, "The node's data directory")->type_name("DIR");
  command.add_option("--config", to.node.config, "The node's config file, which says where that is")->type_name("FILE");
  command.add_flag("--json", to.json, "Print JSON, one document a line");
}

/// Where the files are; empty: said on `err`.
std::optional<fs::path> place_of(const audit_command& what, std::ostream& err, audit_exit& how) {
  fs::path directory{what.directory};
  if (directory.empty()) {
    const auto loaded = load(what.node);
    for (const auto& each : loaded.problems) err << "greenroom: " << each.text() << '\n';
    if (!loaded.problems.empty()) return how = audit_exit::bad_config, std::nullopt;
    directory = loaded.value.node.data_dir;
  }
  for (const auto& each : {directory, directory / "audit"})
    if (!storage::audit_files(each).empty() || fs::exists(storage::audit_key::public_file_in(each))) return each;
  err << "greenroom: there is no audit log in " << directory.string() << '\n';
  return how = audit_exit::no_input, std::nullopt;
}

std::optional<std::string> contents_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

/// The keys that may have signed: those that were given, else the one beside the files.
std::optional<std::vector<storage::audit_public_key>> keys_of(const audit_command& what, const fs::path& directory,
                                                              std::ostream& err) {
  std::vector<storage::audit_public_key> all;
  for (const auto& each : what.keys) {
    auto key = storage::audit_public_key::read(contents_of(each).value_or(each));
    if (!key) return err << "greenroom: " << each << " is no Ed25519 public key\n", std::nullopt;
    all.push_back(std::move(*key));
  }
  if (all.empty())
    if (const auto text = contents_of(storage::audit_key::public_file_in(directory)))
      if (auto key = storage::audit_public_key::read(*text)) all.push_back(std::move(*key));
  return all;
}

std::optional<storage::audit_place> head_of(const std::string& text) {
  storage::audit_place place;
  const auto colon = text.find(':');
  const auto [end, failed] = std::from_chars(text.data(), text.data() + std::min(colon, text.size()), place.n);
  if (colon == std::string::npos || failed != std::errc{} || end != text.data() + colon) return std::nullopt;
  place.hash = text.substr(colon + 1);
  return place.n != 0 && place.hash.size() == storage::audit_place{}.hash.size() ? std::optional{place} : std::nullopt;
}

std::string as_json(const storage::audit_findings& found) {
  std::string out;
  codecs::json_writer json{out};
  json.begin_object();
  json.key("whole"), json.boolean(!found.broken);
  if (const auto& broken = found.broken) {
    json.key("file"), json.text(broken->file);
    json.key("row"), json.natural(broken->row);
    json.key("line"), json.natural(broken->n);
    json.key("why"), json.text(broken->why);
  }
  for (const auto& [name, value] : {std::pair{"files", found.files},
                                    {"first", found.first},
                                    {"last", found.head.n},
                                    {"checkpoints", found.checkpoints},
                                    {"signed_to", found.last_signed},
                                    {"lost", found.lost},
                                    {"torn_bytes", found.torn_bytes}})
    json.key(name), json.natural(value);
  json.key("head"), json.text(std::to_string(found.head.n) + ':' + found.head.hash);
  json.key("keys"), json.begin_array(found.keys.size());
  for (const auto& each : found.keys) json.item(), json.text(each);
  json.end_array();
  json.end_object();
  return out;
}

std::string as_text(const storage::audit_findings& found) {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  if (const auto& broken = found.broken)
    return "broken: " + (broken->file.empty() ? "" : broken->file + ": ") +
           (broken->row == 0 ? "" : "row " + number(broken->row) + ": ") + broken->why +
           (found.head.n == 0 ? ""
                              : "\nbefore it, lines " + number(found.first) + " to " + number(found.head.n) +
                                    " are as they were written");
  auto text = "whole: lines " + number(found.first) + " to " + number(found.head.n) + " in " + number(found.files) +
              (found.files == 1 ? " file" : " files") + ", signed up to " + number(found.last_signed);
  if (found.first > 1) text += "\nlines 1 to " + number(found.first - 1) + " were deleted by the node: audit.files_max";
  if (const auto open = found.head.n - found.last_signed; open != 0)
    text += "\nthe last " + number(open) + (open == 1 ? " is" : " are") + " not signed yet: they could be written anew";
  if (found.torn_bytes != 0) text += "\nthe last line is not whole: a node writes it, or was killed";
  if (found.lost != 0) text += "\nthe node says that it could not write " + number(found.lost) + " lines";
  for (const auto& each : found.keys) text += "\nkey " + each;
  return text + "\nhead " + number(found.head.n) + ':' + found.head.hash;
}

audit_exit verify(const audit_command& what, const fs::path& directory, std::ostream& out, std::ostream& err) {
  storage::audit_expectation expected;
  auto keys = keys_of(what, directory, err);
  if (!keys) return audit_exit::usage;
  expected.keys = std::move(*keys);
  if (!what.head.empty() && !(expected.known = head_of(what.head))) {
    err << "greenroom: --head is N:HASH, as `audit verify` has printed it\n";
    return audit_exit::usage;
  }
  const auto found = storage::check_audit(directory, expected);
  out << (what.json ? as_json(found) : as_text(found)) << '\n';
  return found.broken ? audit_exit::broken : audit_exit::ok;
}

}  // namespace

void add_audit_command(CLI::App& app, audit_command& to) {
  auto& command = *app.add_subcommand("audit", "Read and check the audit log; works on files, also on a copy of them");
  command.require_subcommand(1);
  auto& verify = *command.add_subcommand("verify", "Check that the log is what was written");
  add_place(verify, to);
  verify.add_option("--key", to.keys, "Who may have signed: a file, or its hexadecimal digits; may be repeated")
      ->type_name("KEY")
      ->allow_extra_args(false);  // what follows may be DIR
  verify.add_option("--head", to.head, "What an earlier verify has called the head: it must still be there")
      ->type_name("N:HASH");
  verify.footer(
      "Names the first line that was changed, taken out, put in or moved. That the end was cut off shows only against\n"
      "a head from before, kept elsewhere; so does that somebody with the key wrote all of it anew.\n\n"
      "Exit codes: 0 whole, 1 broken, 64 usage, 66 no audit log, 78 bad config.\n\n"
      "Examples:\n  greenroom audit verify --data /var/lib/greenroom\n  greenroom audit verify copy/ --key node1.pub");
  verify.parse_complete_callback([&to] { to.chosen = audit_command::what::verify; });
  auto& tail = *command.add_subcommand("tail", "Print the newest lines");
  add_place(tail, to);
  tail.add_option("-n,--lines", to.lines, "How many [20]")->type_name("N");
  tail.add_flag("-f,--follow", to.follow, "Stay and print what comes");
  tail.add_option("--user", to.user, "Of that user only")->type_name("NAME");
  tail.add_option("--action", to.action, "Of that action only, as session.open; with a . at its end of all such")
      ->type_name("ACTION");
  tail.add_flag("--refused", to.refused, "Only what was refused");
  tail.footer("Examples:\n  greenroom audit tail --refused -f\n  greenroom audit tail -n 1000 --user ann --json");
  tail.parse_complete_callback([&to] { to.chosen = audit_command::what::tail; });
  auto& key = *command.add_subcommand("key", "Print the public key, for whoever checks a copy");
  add_place(key, to);
  key.parse_complete_callback([&to] { to.chosen = audit_command::what::key; });
}

audit_exit run_audit(const audit_command& what, std::ostream& out, std::ostream& err) {
  auto how = audit_exit::ok;
  const auto directory = place_of(what, err, how);
  if (!directory) return how;
  if (what.chosen == audit_command::what::verify) return verify(what, *directory, out, err);
  if (what.chosen == audit_command::what::tail) {
    audit_tail{*directory, {what.user, what.action, what.refused, what.json}}.run(what.lines, what.follow, out);
    return audit_exit::ok;
  }
  const auto file = storage::audit_key::public_file_in(*directory);
  const auto text = contents_of(file);
  if (!text) return err << "greenroom: " << file.string() << " is not there\n", audit_exit::no_input;
  out << *text;
  return audit_exit::ok;
}

}  // namespace greenroom
