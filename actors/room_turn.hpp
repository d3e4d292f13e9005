/// ROOM_TURN is what one turn of a room publishes, until it leaves as one message to each shard that has members or
/// callers; the acknowledgements travel with it.
///
/// Lifecycle: a member of the room's State. Threading: the room's. Bounds: limits::turn_messages_max, which its room
///   looks at.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "actors/answer.hpp"
#include "actors/broadcast.hpp"
#include "actors/relay.hpp"
#include "actors/subscription.hpp"
#include "codecs/outcome.hpp"

namespace greenroom {

/// Of that session among these members; none where it is not there.
incarnation number_of(const std::map<session_id, subscription_ptr>& members, const session_id& session);

class room_turn {
 public:
  /// The message, its position given, and whom it spares.
  void add(codecs::envelope_ptr message, incarnation spared, std::chrono::steady_clock::time_point received);
  void add(const answer& to, codecs::outcome&& what);
  bool empty() const noexcept { return messages_.empty() && !answered_; }
  std::size_t messages() const noexcept { return messages_.size(); }
  /// `members_on` counts the room's members by shard.
  void send(runtime::actor_base* self, const context& ctx, const std::vector<std::uint32_t>& members_on);

 private:
  broadcast::list messages_;
  std::vector<std::shared_ptr<relay::settlements>> answers_;  ///< by the shard of the caller; null: none there
  bool answered_ = false;                                     ///< there are some
  std::size_t usual_ = 0;                                     ///< messages of the turn before: as many may come again
  std::chrono::steady_clock::time_point received_{};          ///< when the oldest was read from its socket
};

}  // namespace greenroom
