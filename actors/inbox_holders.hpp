/// INBOX_HOLDERS: whose inbox may hold messages, so that nobody goes to the disk for a user who has none: of a thousand
/// sessions that open at once, few have mail.
///
/// It may name a user whose inbox has become empty, and never misses one that has not: a user comes in before a message
/// for him goes to the store, and until everybody whom the disk names has come in, each may have mail.
///
/// Threading: of one offline queue. Bounds: limits::inbox_holders_max users since the queue began; over it each may have
/// mail, as if there were no such list.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_set>

#include "actors/limits.hpp"

namespace greenroom {

class inbox_holders {
 public:
  bool may_hold(std::string_view user) const { return !listed_ || full_ || users_.contains(key(user)); }

  void add(std::string_view user) {
    if (full_) return;
    users_.insert(key(user));
    if (users_.size() <= limits::inbox_holders_max) return;
    full_ = true;
    std::unordered_set<std::uint64_t>{}.swap(users_);
  }

  void listed() { listed_ = true; }  ///< what the disk had has been added
  bool full() const { return full_; }

 private:
  /// Two users may share one: then the one is read for because of the other.
  static std::uint64_t key(std::string_view user) { return std::hash<std::string_view>{}(user); }

  std::unordered_set<std::uint64_t> users_;
  bool listed_ = false, full_ = false;
};

}  // namespace greenroom
