#include "tests/tidy/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace greenroom::tidy {
namespace {

constexpr std::array layers{"actors", "clients", "codecs", "runtime", "storage"};

}  // namespace

bool is_header(std::string_view path) { return path.ends_with(".hpp"); }
bool is_cpp(std::string_view path) { return is_header(path) || path.ends_with(".cpp"); }
bool is_code(std::string_view path) {
  static constexpr std::array others{".mjs", ".js", ".ts", ".css", ".py"};
  return is_cpp(path) || std::any_of(others.begin(), others.end(), [path](auto end) { return path.ends_with(end); });
}
std::string_view folder_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}
std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string_view layer_of(std::string_view path) {
  const auto first = path.substr(0, path.find('/'));
  const auto found = std::find(layers.begin(), layers.end(), first);
  return found == layers.end() || first == path ? std::string_view{} : std::string_view{*found};
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const auto end = text.find('\n');
    all.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return all;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

std::vector<include> includes_of(const source& s) {
  std::vector<include> all;
  std::size_t number = 0;
  for (auto line : lines_of(s.text)) {
    ++number;
    if (!line.starts_with("#include")) continue;
    const auto open = line.find_first_of("<\"");
    const auto close = line.find_last_of(">\"");
    if (open != std::string_view::npos && close > open)
      all.push_back({number, line.substr(open + 1, close - open - 1)});
  }
  return all;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
bool has_word(std::string_view line, std::string_view word) {
  for (auto at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const bool begins = at == 0 || !is_word(line[at - 1]) || !is_word(word.front());
    const auto end = at + word.size();
    if (begins && (end == line.size() || !is_word(line[end]) || !is_word(word.back()))) return true;
  }
  return false;
}

const source* find(const tree& all, std::string_view path) {
  const auto found = std::find_if(all.begin(), all.end(), [path](const source& s) { return s.path == path; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> between(std::string_view text, std::string_view open, std::string_view close) {
  std::vector<std::string> all;
  for (auto at = text.find(open); at != std::string_view::npos; at = text.find(open, at)) {
    at += open.size();
    const auto end = text.find(close, at);
    if (end == std::string_view::npos) break;
    all.emplace_back(text.substr(at, end - at));
    at = end + close.size();
  }
  return all;
}

tree read_tree(const std::filesystem::path& root) {
  static const std::set<std::string> others{".git", ".cache", "node_modules", "greenroom-data"};
  static const std::set<std::string> texts{".hpp",  ".cpp",  ".mjs", ".py", ".sh",  ".md",  ".txt",  ".json",
                                           ".toml", ".html", ".js",  ".ts", ".css", ".svg", ".cmake"};
  tree all;
  for (auto i = std::filesystem::recursive_directory_iterator{root}; i != end(i); ++i) {
    const auto name = i->path().filename().string();
    if (i->is_directory()) {
      if (others.contains(name) || (i.depth() == 0 && name.starts_with("build"))) i.disable_recursion_pending();
      continue;
    }
    if (!texts.contains(i->path().extension().string()) && i->path().has_extension()) continue;
    std::ifstream file{i->path(), std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw std::runtime_error{"cannot read " + i->path().string()};
    all.push_back({i->path().lexically_relative(root).generic_string(), std::move(text).str()});
  }
  std::sort(all.begin(), all.end(), [](const source& a, const source& b) { return a.path < b.path; });
  return all;
}

std::string listing(const findings& all) {
  std::string out;
  for (const auto& each : all)
    out += each.path + (each.line == 0 ? "" : ":" + std::to_string(each.line)) + ": " + each.what + "\n";
  return out;
}

}  // namespace greenroom::tidy
