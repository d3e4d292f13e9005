/// SESSION_INBOX is a session's end of its user's inbox: what the offline queue gives is written to the client, and what
/// the client acknowledges goes back.
///
/// Threading: its session's; a member of that actor's State. Bounds: limits::inbox_in_flight_*, which the queue keeps.
#pragma once
#include <caf/message_handler.hpp>

#include "actors/offline_queue.hpp"
#include "actors/session.hpp"

namespace greenroom::session {

class session_inbox {
 public:
  session_inbox(runtime::actor_base* self, const options& opts) : self_{self}, opts_{opts} {}

  void deliver(const inbox& m);
  void acknowledge(const inbox_ack& m);
  void take(const take_inbox& m);
  /// What the session answers where there is no client.
  static caf::message_handler refusing();

  void begin();           ///< The client is there, and may be told.
  void register_again();  ///< The queue has restarted.
  void end();             ///< The client has gone.

 private:
  offline_queue::attachment me() const { return {user_id{opts_.who.user}, opts_.id, caf::actor{self_}}; }
  const caf::actor& queue() const;

  runtime::actor_base* self_;
  const options& opts_;
};

}  // namespace greenroom::session
