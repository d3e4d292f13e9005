#include <algorithm>
#include <array>
#include <map>

#include "tests/tidy/rules.hpp"

namespace greenroom::tidy {
namespace {

constexpr std::size_t line_columns_max = 160, file_lines_max = 500, function_lines_max = 60;

struct ban {
  std::string_view prefix, why;
};
std::vector<ban> bans_of(std::string_view layer) {
  static const std::map<std::string_view, std::vector<ban>> table{
      {"codecs",
       {{"caf/", "codecs know no actors"},
        {"boost/asio", "codecs know no sockets"},
        {"boost/beast", "codecs know no sockets"},
        {"sqlite3.h", "codecs know no database"},
        {"runtime/", "an arrow between leaves"},
        {"storage/", "an arrow between leaves"},
        {"actors/", "an arrow upwards"},
        {"clients/", "an arrow upwards"}}},
      {"storage",
       {{"caf/", "storage knows no actors"},
        {"boost/", "storage stands on the standard library"},
        {"codecs/", "storage keeps opaque bytes"},
        {"runtime/", "an arrow between leaves"},
        {"actors/", "an arrow upwards"},
        {"clients/", "an arrow upwards"}}},
      {"runtime",
       {{"codecs/", "runtime moves bytes"},
        {"storage/", "an arrow between leaves"},
        {"actors/", "an arrow upwards"},
        {"clients/", "an arrow upwards"}}},
      {"actors",
       {{"boost/asio", "actors know no sockets"},
        {"boost/beast", "actors know no sockets"},
        {"msgpack", "only codecs parse"},
        {"sqlite3.h", "only storage knows a database"},
        {"clients/", "clients are outside"}}},
      {"clients",
       {{"caf/", "clients have no actors"},
        {"actors/", "clients are outside"},
        {"storage/", "clients are outside"},
        {"runtime/", "clients are outside"}}},
  };
  const auto found = table.find(layer);
  return found == table.end() ? std::vector<ban>{} : found->second;
}
/// The sources that may include OpenSSL among the codecs: what makes keys and signatures of tokens.
bool is_of_tokens(std::string_view path) {
  return path == "codecs/jwt_key.cpp" || path == "codecs/jwt_signature.cpp" || path == "codecs/jwt_key_impl.hpp";
}

constexpr std::array umbrellas{"caf/all.hpp", "boost/asio.hpp", "boost/beast.hpp"};

}  // namespace

findings includes_only_what_its_layer_may(const source& s) {
  findings all;
  if (!is_cpp(s.path)) return all;
  const bool shows = is_header(s.path) && !s.path.ends_with("_impl.hpp") && !layer_of(s.path).empty();
  const auto bans = bans_of(layer_of(s.path));
  for (const auto& [line, path] : includes_of(s)) {
    auto break_with = [&, line = line](std::string_view why) {
      all.push_back({s.path, line, "#include of " + std::string{path} + ": " + std::string{why}});
    };
    for (const auto& each : bans)
      if (path.starts_with(each.prefix)) break_with(each.why);
    if (path.starts_with("spdlog/") && !layer_of(s.path).empty() && !s.path.starts_with("runtime/log"))
      break_with("spdlog's own logger writes to standard output; runtime/log.hpp is the log");
    if (path.starts_with("openssl/") && layer_of(s.path) == "codecs" && !is_of_tokens(s.path))
      break_with("of the codecs only the sources of tokens know OpenSSL");
    if (path.starts_with("openssl/") && layer_of(s.path) == "storage" && !s.path.starts_with("storage/audit_") &&
        !s.path.starts_with("storage/cipher"))
      break_with("of the storage only the audit log and the ciphers know OpenSSL");
    if (std::find(umbrellas.begin(), umbrellas.end(), path) != umbrellas.end()) break_with("name the part you need");
    if (!shows) continue;
    if (path.starts_with("boost/asio") || path.starts_with("boost/beast"))
      break_with("Asio and Beast stay in sources and in *_impl.hpp");
    if (path.ends_with("_impl.hpp")) break_with("no public header includes a private one");
  }
  return all;
}

findings has_pragma_once(const source& s) {
  if (!is_header(s.path) || s.text.find("#pragma once") != std::string::npos) return {};
  return {{s.path, 0, "no #pragma once"}};
}

findings explains_itself(const source& s) {
  if (!is_header(s.path)) return {};
  for (auto line : lines_of(s.text)) {
    if (line.starts_with("//")) return {};
    if (line.starts_with("struct ") || line.starts_with("class ")) break;
  }
  return {{s.path, 0, "no comment says what this is and why, before the first type"}};
}

findings says_how_an_actor_lives(const source& s) {
  findings all;
  if (layer_of(s.path) != "actors" || !is_header(s.path) || s.text.find("caf::actor spawn(") == std::string::npos)
    return all;
  const auto head = s.text.substr(0, s.text.find("#pragma once"));
  for (const std::string word : {"Parent:", "Crash:", "Bounds:"})
    if (head.find(word) == std::string::npos) all.push_back({s.path, 0, "the header's comment has no " + word});
  return all;
}

findings leaves_printing_to_the_command_line(const source& s) {
  const auto layer = layer_of(s.path);
  if (!is_cpp(s.path) || layer.empty() || layer == "clients") return {};
  return by_line(s, [](std::string_view line) -> std::string {
    for (const auto* word : {"std::cout", "std::cerr", "std::clog", "printf", "fprintf", "puts", "fputs", "perror"})
      if (has_word(line, word)) return std::string{word} + ": use the log";
    return {};
  });
}

findings never_sleeps(const source& s) {
  if (!is_cpp(s.path) || !s.path.starts_with("tests/")) return {};
  return by_line(s, [](std::string_view line) -> std::string {
    for (const auto* word : {"sleep_for", "sleep_until", "usleep", "nanosleep"})
      if (has_word(line, word)) return "a test sleeps; move the clock, or wait for a condition";
    return {};
  });
}

findings keeps_its_checks(const source& s) {
  if (!is_cpp(s.path)) return {};
  return by_line(s, [](std::string_view line) -> std::string {
    return has_word(line, "assert(") ? "gone in a release build: check, or leave it" : std::string{};
  });
}

findings opens_no_namespace(const source& s) {
  if (!is_header(s.path)) return {};
  return by_line(s, [](std::string_view line) -> std::string {
    const auto at = line.find("using namespace ");
    if (at == std::string_view::npos || line.find("literals;", at) != std::string_view::npos) return {};
    return "a header opens a namespace for whoever includes it";
  });
}

findings has_nothing_left_to_do(const source& s) {
  return by_line(s, [](std::string_view line) -> std::string {
    for (const auto* word : {"TODO", "FIXME", "XXX", "FIGURES"})
      if (has_word(line, word)) return std::string{word} + " is left";
    return {};
  });
}

findings has_lines_that_fit(const source& s) {
  if (!is_code(s.path)) return {};
  return by_line(s, [](std::string_view line) -> std::string {
    const auto columns = static_cast<std::size_t>(std::count_if(
        line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
    if (line.find('\t') != std::string_view::npos) return "a tab";
    if (!line.empty() && line.back() == ' ') return "a space at the end";
    return columns > line_columns_max ? std::to_string(columns) + " columns" : std::string{};
  });
}

findings is_short(const source& s) {
  const auto lines = lines_of(s.text).size();
  if (!is_code(s.path) || lines <= file_lines_max) return {};
  return {{s.path, 0, std::to_string(lines) + " lines, more than " + std::to_string(file_lines_max)}};
}

/// In formatted code a function outside of a class begins and ends in the first column.
findings has_short_functions(const source& s) {
  findings all;
  if (!is_cpp(s.path) || layer_of(s.path).empty()) return all;
  std::size_t number = 0, began = 0;
  for (auto line : lines_of(s.text)) {
    ++number;
    if (line.empty()) continue;
    if (line == "}" && began != 0) {
      if (number - began > function_lines_max)
        all.push_back({s.path, began, std::to_string(number - began) + " lines in one function"});
      began = 0;
    } else if (is_word(line.front()) && !line.starts_with("namespace ") && !line.starts_with("struct ") &&
               !line.starts_with("class ") && !line.starts_with("enum ") && line.find('(') != std::string_view::npos) {
      began = number;
    }
  }
  return all;
}

findings names_no_machine(const source& s) {
  return by_line(s, [](std::string_view line) -> std::string {
    for (const auto* path : {"/root/", "/home/", "/tmp/build"})
      if (has_word(line, path)) return std::string{path} + " is somebody's own machine";
    return {};
  });
}

findings is_a_whole_decision(const source& s) {
  findings all;
  const auto name = name_of(s.path);
  if (folder_of(s.path) != "docs/decisions" || name == "README.md") return all;
  if (!s.text.starts_with("# " + std::string{name.substr(0, 4)} + ": "))
    all.push_back({s.path, 1, "the title is not `# NNNN: …` with the file's number"});
  std::size_t after = 0;
  for (const std::string word : {"Context", "Decision", "Consequences", "Limits"}) {
    const auto heading = "\n## " + word + "\n";
    const auto at = s.text.find(heading, after);
    if (at == std::string::npos)
      all.push_back({s.path, 0, "no heading " + word + ", or not in its place"});
    else
      after = at + heading.size() - 1;
  }
  if (all.empty() && s.text.find_first_of("0123456789", after) == std::string::npos)
    all.push_back({s.path, 0, "the limits have no number"});
  return all;
}

findings each(const tree& all, findings (*rule)(const source&), const questions& allowed) {
  findings found;
  for (const auto& s : all) {
    auto here = rule(s);
    const bool asked = std::any_of(allowed.begin(), allowed.end(), [&](const question& q) { return q.path == s.path; });
    if (asked && here.empty()) found.push_back({s.path, 0, "stands among the questions and keeps the rule: strike it"});
    if (!asked) found.insert(found.end(), here.begin(), here.end());
  }
  for (const auto& q : allowed)
    if (!find(all, q.path)) found.push_back({std::string{q.path}, 0, "stands among the questions and is not there"});
  return found;
}

}  // namespace greenroom::tidy
