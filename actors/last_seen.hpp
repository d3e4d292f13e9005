#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace greenroom {

/// LAST_SEEN remembers when users who are not there were online last. It survives the actor that fills it.
///
/// Bounds: `users_max`; over it whoever was written longest ago is forgotten, and counted.
class last_seen {
 public:
  explicit last_seen(std::size_t users_max) : users_max_{users_max} {}

  void write(const std::string& user, std::int64_t at_ms);
  std::optional<std::int64_t> of(std::string_view user) const;
  void erase(std::string_view user);
  std::size_t size() const noexcept { return by_age_.size(); }
  std::uint64_t forgotten() const noexcept { return forgotten_; }

 private:
  using list = std::list<std::pair<std::string, std::int64_t>>;

  std::size_t users_max_;
  list by_age_;                                               ///< the oldest first
  std::unordered_map<std::string_view, list::iterator> all_;  ///< names are those of the list
  std::uint64_t forgotten_ = 0;
};

}  // namespace greenroom
