/// MEMBERSHIPS are the rooms of one session and the users whom it watches, on its shard: its connection adds and removes
/// rooms, its session keeps and resumes them, pings prove what has arrived. One object per session, shared by the two actors, one thread; it
/// survives a crash of either.
///
/// Bounds: rooms_max (config `sessions.rooms_max`, default 128); a join over it is refused.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/subscription.hpp"
#include "actors/watches.hpp"
#include "storage/session.hpp"

namespace greenroom {

class memberships {
 public:
  explicit memberships(std::uint32_t rooms_max) : rooms_max_{rooms_max} {}

  subscription_ptr find(std::string_view room);
  subscription_ptr find(incarnation number);
  /// Puts `one` in the place of an older membership of the same room. False: closed, or no space for one more room.
  bool add(subscription_ptr one);
  void remove(std::string_view room);
  const std::vector<subscription_ptr>& all();           ///< without those that are gone
  std::vector<storage::stored_membership> to_stored();  ///< of those, with what is proven
  /// The session ends here: takes no room any more. Those it has stay in it until each is gone, so that whoever ends it
  /// last, or again, gives them all away.
  std::vector<subscription_ptr> close();
  bool closed() const noexcept { return closed_; }

  /// That ping leaves now, and nothing is unsent: its answer proves every position. One mark at a time; the older one
  /// stays.
  void ping_left(std::uint64_t ping);
  /// An answer to a ping answers all before it.
  void ping_answered(std::uint64_t ping);

  watches watched;
  std::vector<std::string> channels;  ///< that a service serves, and this session has open

 private:
  void forget_gone();

  std::uint32_t rooms_max_;
  bool closed_ = false;
  std::uint64_t marked_ = 0;           ///< the ping whose answer proves `subscription::pinged`; 0: none
  std::vector<subscription_ptr> all_;  ///< few: a search is shorter than a hash
};

}  // namespace greenroom
