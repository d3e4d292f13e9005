/// CHANNEL_PATTERNS are the channels that the node's services serve: names of Socket.IO's namespaces (`/chat`), of topics
/// and rooms (`game:7`), or all that begin alike (`game:*`).
///
/// Threading: any; fixed when the node starts. Bounds: what its services register.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace greenroom {

/// Whether that name is meant: the same, or one that begins as a pattern does that ends with a `*`.
inline bool matches(std::string_view pattern, std::string_view name) noexcept {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

/// The pattern that fits best: the name itself, else the longest; null: none.
template <class Patterns, class PatternOf>
auto best_match(Patterns& patterns, std::string_view name, PatternOf pattern_of) -> decltype(&*patterns.begin()) {
  decltype(&*patterns.begin()) best = nullptr;
  std::size_t length = 0;
  for (auto& each : patterns) {
    const std::string_view pattern = pattern_of(each);
    if (pattern == name) return &each;
    if (matches(pattern, name) && (!best || pattern.size() > length)) best = &each, length = pattern.size();
  }
  return best;
}

class channel_patterns {
 public:
  channel_patterns() = default;
  explicit channel_patterns(std::vector<std::string> all) : all_{std::move(all)} {}

  bool serves(std::string_view name) const noexcept {
    for (const auto& each : all_)
      if (matches(each, name)) return true;
    return false;
  }

 private:
  std::vector<std::string> all_;
};

}  // namespace greenroom
