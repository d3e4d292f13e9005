#pragma once
#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// What the ordinary tests have in libFuzzer's place: seeded mutations of a corpus, and pieces worth inserting.
namespace greenroom::tests {

class mutator {
 public:
  static constexpr std::size_t input_bytes_max = 4096;

  mutator(std::uint64_t seed, std::span<const std::string_view> tokens) : random_{seed}, tokens_{tokens} {}

  std::string next(const std::vector<std::string>& corpus) {
    auto input = corpus[below(corpus.size())];
    for (auto steps = 1 + below(4); steps > 0; --steps) step(input, corpus);
    input.resize(std::min(input.size(), input_bytes_max));
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

  void step(std::string& input, const std::vector<std::string>& corpus) {
    const auto at = below(input.size() + 1);
    const auto length = below(std::min<std::size_t>(input.size() - at, 16) + 1);
    switch (below(7)) {
      case 0: input.insert(at, tokens_[below(tokens_.size())]); break;
      case 1: input.erase(at, length); break;
      case 2: input.insert(at, input.substr(at, length)); break;
      case 3: input.insert(at, 1, static_cast<char>(random_())); break;
      case 4: input.resize(at); break;
      case 5: {  // the end of another
        const auto& from = corpus[below(corpus.size())];
        input = input.substr(0, at) + from.substr(below(from.size() + 1));
        break;
      }
      default:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
    }
  }

  std::mt19937_64 random_;
  std::span<const std::string_view> tokens_;
};

}  // namespace greenroom::tests
