#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace greenroom::runtime {

namespace limits {
inline constexpr std::size_t grant_pattern_bytes_max = 255;
}  // namespace limits

/// A GRANT_PATTERN says which rooms, methods or users a grant is about: `lobby`, `chat:*`, `inbox:${user}`,
/// `game:${user}:*`.
///
///  - `${user}` stands for the caller's own name. It is a whole part between colons, and a name with a colon in it
///    never fits one: else the user `a:b` would be let into what belongs to `a`.
///  - `*` stands for any rest, an empty one, too, and is the last character. So it cannot follow `${user}` directly:
///    the user `ann` has nothing to do with what is called `anna`.
///  - All else means itself. A user's name is never looked at for `*` or `${`.
///
/// Lifecycle: parsed once, immutable. Threading: any. Bounds: limits::grant_pattern_bytes_max.
class grant_pattern {
 public:
  /// The pattern, or what is wrong with it, as the end of a sentence: "a * stands only at the end".
  static std::variant<grant_pattern, std::string> parse(std::string_view text);

  bool matches(std::string_view name, std::string_view user) const noexcept;

 private:
  std::vector<std::string> literals_;  ///< between them stands the user; never empty
  bool open_ = false;                  ///< any rest
};

}  // namespace greenroom::runtime
