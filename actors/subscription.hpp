/// SUBSCRIPTION is one member's place in a room's fan-out on its shard.
///
///   joining ──▶ live ◀──▶ catching_up          a resume: held ──▶ catching_up ──▶ live
///      └────────────┴──────────┴──▶ away (its connection is lost) ──▶ gone
///
/// Made by the connection that joins (or the session that resumes), registered by the relay, read by the session.
/// Pointers to it travel with messages; only its own shard's thread looks inside, so it needs no lock. `who` never
/// changes and any shard may read it.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "actors/ids.hpp"
#include "codecs/codec.hpp"
#include "codecs/payload.hpp"
#include "storage/session.hpp"

namespace greenroom {

class peer;
using storage::identity;

/// What a room's behaviour shows of a member instead of what the member asked for.
struct shown_member {
  std::string as;            ///< empty: its user's name
  codecs::payload_ptr meta;  ///< null: nothing
};

/// A session in a room, as the room knows it.
struct membership {
  session_id session;
  user_id user;
  identity kind = identity::anonymous;
  incarnation number = incarnation::none;
  std::size_t shard = 0;         ///< index of the shard whose relay serves it
  std::int64_t since_ms = 0;     ///< when the session joined first
  codecs::payload_ptr presence;  ///< shown to others; null when none was given
};

enum class phase : std::uint8_t {
  joining,      ///< the room has not answered
  held,         ///< resumed, but the answer of the resume is not written yet: nothing may be sent
  catching_up,  ///< fed from the log while the outbox is under half its bound; live frames pass it by
  live,         ///< receives what the room publishes
  away,         ///< its connection is gone, its session is not: counted, not sent to
  gone,         ///< left, replaced or refused; whoever still holds it forgets it
};

/// What a member knows of who is in its room.
enum class roster_view : std::uint8_t {
  unknown,  ///< gets the whole when it is live
  known,    ///< was sent the whole, and every change since
  starved,  ///< its outbox was full: unknown again when that has drained
  hidden,   ///< its user may not see who is here: it is told nothing
};

struct subscription {
  std::string room;
  membership who;
  std::atomic<std::shared_ptr<const shown_member>> shown{};  ///< written by its room; any shard; null: `who` stands
  std::shared_ptr<greenroom::peer> to;                       ///< null once the connection is gone
  codecs::codec_id codec{};                                  ///< what its messages are written in
  std::string epoch;
  phase at = phase::joining;
  roster_view roster = roster_view::unknown;
  bool waits = false;          ///< its session is not open yet: held until that lets it go
  bool left = false;           ///< its client has left: a room that starts does not take it back
  std::uint64_t position = 0;  ///< of the newest message that was written to the outbox
  std::uint64_t pinged = 0;    ///< `position` when the ping left whose answer is awaited
  std::uint64_t proven = 0;    ///< what has provably arrived
  std::size_t place = 0;       ///< index in the relay's list of members
};
using subscription_ptr = std::shared_ptr<subscription>;

/// The member as others see it.
inline membership seen(const subscription& one) {
  auto who = one.who;
  const auto shown = one.shown.load();
  if (!shown) return who;
  if (!shown->as.empty()) who.user = user_id{shown->as};
  who.presence = shown->meta;
  return who;
}

}  // namespace greenroom
