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

/// The access log's line for a call that the caller may not make. `target`: the room, where there is one.
void log_refusal(const caller& from, std::string_view method, std::string_view target, codecs::error_code why);

/// On the caller's shard. `reply` is used exactly once, here or by whom the call is sent to.
void dispatch(context& ctx, const caller& from, codecs::call what, answer reply);

}  // namespace greenroom
