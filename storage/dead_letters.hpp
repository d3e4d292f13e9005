/// The messages that left an inbox without an acknowledgement, by growing id, for a person to list, replay or purge.
/// Over `bytes_max` the oldest are purged at once, over `age_ms` by a sweep; both are counted as purged.
///
/// Threading: any thread; one lock, taken last of all, since letters are rare.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/store.hpp"

namespace greenroom::storage {

class dead_letters {
 public:
  dead_letters(std::uint64_t bytes_max, std::int64_t age_ms) : bytes_max_{bytes_max}, age_ms_{age_ms} {}

  void bury(std::string_view user, inbox_message message, dead_reason reason, std::int64_t now_ms);
  std::optional<dead_letter> find(std::uint64_t id) const;
  bool take_for_replay(std::uint64_t id);  ///< false where somebody was faster
  std::size_t purge(std::uint64_t upto, const std::optional<std::string>& user);
  std::size_t expire(std::int64_t now_ms, std::size_t removals_max);

  std::vector<dead_letter> list(std::optional<std::string_view> user, std::uint64_t after, std::size_t count_max) const;
  void count(statistics& into) const;

 private:
  using letters = std::map<std::uint64_t, dead_letter>;

  static std::uint64_t cost(const dead_letter& letter) noexcept;
  letters::iterator purge(letters::iterator one);
  letters::iterator remove(letters::iterator one);

  const std::uint64_t bytes_max_;
  const std::int64_t age_ms_;
  mutable std::mutex mutex_;
  letters letters_;
  std::uint64_t last_id_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t expired_ = 0, undeliverable_ = 0, purged_ = 0, replayed_ = 0;
};

}  // namespace greenroom::storage
