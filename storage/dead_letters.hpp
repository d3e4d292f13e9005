/// The messages that left an inbox without an acknowledgement, and those that rooms crashed on, by growing id, for a
/// person to list, replay or purge.
/// Over `bytes_max` the oldest are purged at once, over `age_ms` by a sweep; both are counted as purged.
///
/// Threading: any thread; one lock, taken last of all, since letters are rare.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "storage/store.hpp"

namespace greenroom::storage {

class dead_letters {
 public:
  dead_letters(std::uint64_t bytes_max, std::int64_t age_ms) : bytes_max_{bytes_max}, age_ms_{age_ms} {}

  void bury(std::string_view user, inbox_message message, dead_reason reason, std::int64_t now_ms);
  std::optional<dead_letter> find(std::uint64_t id) const;
  bool take_for_replay(std::uint64_t id);  ///< false where somebody was faster
  outcome execute(const dead_purge& op);
  outcome execute(const dead_put& op);
  outcome execute(const dead_settle& op);
  std::size_t expire(std::int64_t now_ms, std::size_t removals_max);

  std::vector<dead_letter> list(std::optional<std::string_view> user, std::uint64_t after, std::size_t count_max) const;
  std::vector<dead_letter> list_room(std::string_view room, std::uint64_t after, std::size_t count_max) const;
  void count(statistics& into) const;

 private:
  /// A room's letter is known by the message that it holds.
  using message_key = std::tuple<std::string, std::string, std::array<std::byte, 16>>;
  using messages = std::map<message_key, std::uint64_t>;
  struct kept : dead_letter {
    std::optional<messages::iterator> message{};
  };
  using letters = std::map<std::uint64_t, kept>;

  template <class Fits>
  std::vector<dead_letter> select(std::uint64_t after, std::size_t count_max, Fits fits) const;
  letters::iterator add(kept&& letter);
  void shrink();
  static std::uint64_t cost(const dead_letter& letter) noexcept;
  letters::iterator purge(letters::iterator one);
  letters::iterator remove(letters::iterator one);

  const std::uint64_t bytes_max_;
  const std::int64_t age_ms_;
  mutable std::mutex mutex_;
  letters letters_;
  messages messages_;  ///< those of rooms
  std::uint64_t last_id_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t expired_ = 0, undeliverable_ = 0, crashed_ = 0, purged_ = 0, replayed_ = 0, settled_ = 0;
};

}  // namespace greenroom::storage
