/// One user's inbox in memory: messages by growing `n`, oldest first. An empty one owns no heap and remembers its last
/// number.
///
/// Threading: none of its own; the table that holds it locks.
#pragma once

#include <deque>
#include <limits>
#include <memory>
#include <optional>

#include "storage/inbox.hpp"

namespace greenroom::storage {

class memory_inbox {
 public:
  explicit memory_inbox(std::uint64_t last) : last_{last} {}

  bool fits(std::uint64_t body_bytes, const inbox_bounds& bounds) const noexcept;
  std::uint64_t append(bytes_ptr body, std::int64_t at_ms, std::int64_t expires_ms);
  /// The oldest message, counting one more failed delivery; null when empty.
  const inbox_message* attempt();
  std::optional<inbox_message> take_oldest_upto(std::uint64_t upto);  ///< none when the oldest is above
  bool may_have_expired(std::int64_t now_ms) const noexcept { return next_expiry_ms_ <= now_ms; }
  std::vector<inbox_message> take_expired(std::int64_t now_ms, std::size_t removals_max);

  inbox_state state() const;
  std::size_t size() const noexcept { return messages_ ? messages_->size() : 0; }
  inbox_page read(std::uint64_t after, std::size_t count_max, std::size_t bytes_max, std::int64_t now_ms) const;

 private:
  static constexpr auto never = std::numeric_limits<std::int64_t>::max();

  std::uint64_t last_;
  std::uint64_t bytes_ = 0;
  std::int64_t next_expiry_ms_ = never;                  // none of the messages expires before it
  std::unique_ptr<std::deque<inbox_message>> messages_;  // null while there are none
};

}  // namespace greenroom::storage
