/// API_KEYS knows the API keys of the node: what each is for, and whether a text is one of them.
///
/// Lifecycle: made at start with what the store has; who changes a key in the store (admin_access) changes it here, too.
/// Threading: any. A reader takes one lock for as long as it takes to copy a pointer; a change makes a new table.
/// Bounds: storage::limits::api_keys_max, a change costs as many pointers. Failure: a verdict; why a text is no key is for
///   the log, a stranger learns only that it is so.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "actors/credential.hpp"
#include "storage/api_key.hpp"

namespace greenroom {

class permissions;

enum class key_refusal : std::uint8_t { ill_formed, wrong_sum, unknown, wrong_secret, expired, in_url };
inline constexpr std::size_t key_refusals = 6;

std::string_view word_of(key_refusal why) noexcept;      ///< for metrics
std::string_view sentence_of(key_refusal why) noexcept;  ///< for the log

class api_keys {
 public:
  struct key {
    storage::stored_key stored;               ///< but for its last use
    std::shared_ptr<const credential> shown;  ///< what all who come with it have
    mutable std::atomic<std::int64_t> used_ms{0};
    mutable std::atomic<std::int64_t> written_ms{0};  ///< as the store has it
  };
  using key_ptr = std::shared_ptr<const key>;
  struct use {
    std::string id;
    std::int64_t at_ms = 0;
  };

  api_keys() = default;
  /// `config`: the grants of the config, which keys have by their users and scopes; null: there are none.
  explicit api_keys(std::vector<storage::stored_key> all, std::shared_ptr<const permissions> config = {});

  /// Which key that is, or why it is none. Counts, and notes that it was used.
  std::variant<key_ptr, key_refusal> verify(std::string_view text, std::int64_t now_ms);

  /// A key stands in a URL, where it is no key. For the log.
  void refuse_in_url() noexcept { count(key_refusal::in_url); }

  bool has(std::string_view id) const;
  /// Whether a key acts as that user that is so old, or older.
  bool has_of(std::string_view user, std::int64_t created_upto_ms) const;
  std::size_t size() const;
  std::vector<storage::stored_key> list(std::string_view after, std::size_t count_max) const;  ///< by id

  void put(storage::stored_key what);
  std::optional<storage::stored_key> erase(std::string_view id);  ///< none: there was none

  /// Of which keys the store does not know the last use; they count as written.
  std::vector<use> take_uses() const;

  std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }
  std::uint64_t accepted() const noexcept { return accepted_.load(std::memory_order_relaxed); }
  std::uint64_t refused(key_refusal why) const noexcept {
    return refused_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
  }

 private:
  using table = std::map<std::string, key_ptr, std::less<>>;

  void count(key_refusal why) noexcept {
    refused_[static_cast<std::size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  }
  std::shared_ptr<const table> all() const;
  std::variant<key_ptr, key_refusal> look(std::string_view text, std::int64_t now_ms) const;

  std::shared_ptr<const permissions> permissions_{};
  mutable std::mutex mutex_;  ///< of the pointer
  std::shared_ptr<const table> table_ = std::make_shared<const table>();
  std::mutex writing_;  ///< of those who change it
  std::atomic<std::uint64_t> changes_{0}, accepted_{0};
  std::array<std::atomic<std::uint64_t>, key_refusals> refused_{};
};

}  // namespace greenroom
