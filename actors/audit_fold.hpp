/// AUDIT_FOLD keeps refusals that come again and again from filling the disk: of one action, reason and address the first few
/// a minute get a line each, and the others together one line with their number.
///
/// Threading: the audit's. Time is passed in.
/// Bounds: limits::audit_fold_lines a window of limits::audit_fold_window; limits::audit_folds_max windows at a time: over it all
/// other addresses share one for each action.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/audit.hpp"

namespace greenroom {

namespace limits {
inline constexpr std::size_t audit_fold_lines = 10;  ///< of refusals that are alike, in …
inline constexpr std::chrono::milliseconds audit_fold_window{60'000};
inline constexpr std::size_t audit_folds_max = 4'096;  ///< kinds of refusals at a time; over it addresses share one
}  // namespace limits

class audit_fold {
 public:
  /// Whether it gets a line of its own; if not, it is counted.
  bool passes(const audit_entry& what, std::int64_t now_ms);

  struct folded {
    audit_entry like;  ///< action, address and reason of all of them
    std::int64_t since_ms = 0;
    std::uint64_t times = 0;
  };
  /// What was counted in windows that are over by then, the oldest first.
  std::vector<folded> over(std::int64_t now_ms);
  /// Of all windows: nothing more will come.
  std::vector<folded> rest();
  /// When the next window is over; none: there is none.
  std::optional<std::int64_t> next_ms() const;

 private:
  struct window {
    audit_entry like;
    std::int64_t began_ms = 0;
    std::uint64_t lines = 0, folded = 0;
  };
  std::unordered_map<std::string, window> open_;
  std::deque<std::string> order_;  ///< by `began_ms`
};

/// An address without its port, which is another one each time.
std::string_view host_of(std::string_view peer) noexcept;

}  // namespace greenroom
