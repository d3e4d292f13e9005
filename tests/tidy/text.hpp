/// TEXT is what the tidy rules read: the repository's files, their lines, words and includes.
///
/// Threading: none. Bounds: every file once. Failure: an unreadable file throws std::runtime_error.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace greenroom::tidy {

struct source {
  std::string path;  ///< from the root, with '/': "actors/room.hpp"
  std::string text;
};
using tree = std::vector<source>;

struct finding {
  std::string path;
  std::size_t line = 0;  ///< 0: the whole file
  std::string what;
};
using findings = std::vector<finding>;

/// Every text file that belongs to the repository: no build directories, packages or data directories.
tree read_tree(const std::filesystem::path& root);
const source* find(const tree& all, std::string_view path);
/// One line a finding.
std::string listing(const findings& all);

// --- paths ---
bool is_header(std::string_view path);
bool is_cpp(std::string_view path);
bool is_code(std::string_view path);
std::string_view folder_of(std::string_view path);  ///< empty: the root
std::string_view name_of(std::string_view path);
std::string_view layer_of(std::string_view path);  ///< "actors", "codecs" …; empty: none of them

// --- texts ---
std::vector<std::string_view> lines_of(std::string_view text);
std::string_view trimmed(std::string_view text);
bool is_word(char c);
bool has_word(std::string_view line, std::string_view word);  ///< as a word of its own
/// The texts between two marks, in order.
std::vector<std::string> between(std::string_view text, std::string_view open, std::string_view close);

struct include {
  std::size_t line;
  std::string_view path;
};
std::vector<include> includes_of(const source& s);

/// Every line of `s` in which `breaks` says something.
template <class Breaks>
findings by_line(const source& s, Breaks breaks) {
  findings all;
  std::size_t number = 0;
  for (auto line : lines_of(s.text)) {
    ++number;
    if (std::string what = breaks(line); !what.empty()) all.push_back({s.path, number, std::move(what)});
  }
  return all;
}

}  // namespace greenroom::tidy
