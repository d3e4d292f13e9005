/// Sends one call to whoever answers it: rooms, queues, the session. The same for a WebSocket connection and for POST
/// /rpc.
#pragma once
#include <caf/actor.hpp>
#include <memory>

#include "actors/access.hpp"
#include "actors/answer.hpp"
#include "actors/memberships.hpp"
#include "codecs/call.hpp"

namespace greenroom {

struct context;
class peer;

/// Who calls. Without a client (POST /rpc) the calls that need a connection are refused.
struct caller {
  principal who;
  session_id session;  ///< empty without one
  caf::actor session_actor;
  std::shared_ptr<peer> client;
  std::shared_ptr<memberships> rooms;
  std::string address;  ///< of its end of the socket, for the access log
};

/// A member of that room to be, its incarnation its own.
subscription_ptr new_member(context& ctx, std::string room, const principal& who, const session_id& session,
                            std::shared_ptr<peer> client);

/// Whether who becomes a member of that room may see who is there.
roster_view view_of(const context& ctx, const principal& who, std::string_view room);

/// Every call that its caller may not make comes by here: counted, and a line in the access log and in the audit log.
/// `method` of static life; `target`: the room, user or method, where there is one; `reason`: a sentence of what was
/// missing, which the caller does not hear.
void log_refusal(context& ctx, const caller& from, std::string_view method, std::string_view target,
                 std::string_view reason, codecs::error_code code);

/// On the caller's shard. `reply` is used exactly once, here or by whom the call is sent to.
void dispatch(context& ctx, const caller& from, codecs::call what, answer reply);

}  // namespace greenroom
