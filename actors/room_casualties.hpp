/// ROOM_CASUALTIES keeps the messages that a durable room crashes on: each becomes a dead letter, and when an operator
/// replays it the publish that it was.
///
///   behaviour throws ──▶ host ── fell ──▶ casualties ── dead_put ──▶ store_writer
///
/// Only the message that the room was handling becomes one. What waited beside it is answered as every call that is lost
/// on its way. Nothing of the message was stored, so that a repeat of its sender's is new.
///
/// Lifecycle: a member of the room's State. Threading: the room's. Bounds: those of all dead letters; where the store
///   takes nothing the writer says so in the log, and the sender, who was told "internal error", has to repeat it.
#pragma once
#include <caf/fwd.hpp>
#include <optional>
#include <string>

#include "actors/answer.hpp"
#include "codecs/payload.hpp"
#include "runtime/actor_base.hpp"

namespace greenroom::storage {
struct dead_letter;
}
namespace greenroom::room {
struct publish;
}

namespace greenroom {

struct context;
class room_log;

/// What a behaviour had done with a message when it threw.
enum class judgement : std::uint8_t { none, accepted, answered };

class room_casualties {
 public:
  room_casualties(runtime::actor_base* self, const context& ctx, const room_log& log)
      : self_{self}, ctx_{ctx}, log_{log} {}

  /// The behaviour threw. `event` and `payload` are the sender's own: it may have rewritten them.
  void fell(const room::publish& m, const std::string& event, const codecs::payload_ptr& payload, judgement so_far);
  /// The room did, on whatever message; nothing where the behaviour was it.
  void fell(const caf::message& cause);

 private:
  runtime::actor_base* self_;
  const context& ctx_;
  const room_log& log_;
  bool known_ = false;  ///< what ends this life
};

/// A room's letter on its way again: nobody's session, the sender's id. Nothing where it is damaged.
std::optional<room::publish> published_again(const storage::dead_letter& letter, answer reply);

}  // namespace greenroom
