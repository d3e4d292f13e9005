#pragma once
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace greenroom::fuzz {

/// The inputs that a target begins with: `corpus/TARGET.txt`, an input a line. `\\`, `\n` and `\xNN` stand for what
/// they look like; `corpus.mjs` reads and writes the same.
inline std::vector<std::string> corpus(const std::string& target) {
  std::ifstream in{GREENROOM_SOURCE_DIR "/tests/fuzz/corpus/" + target + ".txt"};
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) {
    std::string input;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '\\' || i + 1 == line.size()) {
        input += line[i];
      } else if (const char what = line[++i]; what == 'x' && i + 2 < line.size()) {
        input += static_cast<char>(std::stoi(line.substr(i + 1, 2), nullptr, 16));
        i += 2;
      } else {
        input += what == 'n' ? '\n' : what;
      }
    }
    all.push_back(std::move(input));
  }
  if (all.empty()) throw std::runtime_error{"there is no corpus of " + target};
  return all;
}

}  // namespace greenroom::fuzz
