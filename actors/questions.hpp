/// QUESTIONS are what one session's client was asked and has not answered yet. Each is settled once: by the client, by
/// its time, or by the end of the connection; one that goes with a crashed life of the session is answered by its
/// promise.
///
/// Threading: its session's. Bounds: limits::requests_in_flight_max, limits::client_answer_max.
#pragma once
#include <cstdint>

#include "actors/deadlines.hpp"
#include "actors/session.hpp"
#include "runtime/promise.hpp"

namespace greenroom::session {

struct look {};  ///< To the session, from itself: the time of a question has come.

/// What an asker is told of a session that has no client.
ask::reply not_connected();

class questions {
 public:
  questions(runtime::actor_base* self, context& ctx) : self_{self}, ctx_{ctx}, bell_{self} {}

  /// Inside the handler of `m`: takes over its answer.
  void put(peer& client, const ask& m);
  void settle(std::uint64_t number, codecs::outcome what);
  void on_look();
  /// The client has gone.
  void refuse_all();

 private:
  runtime::actor_base* self_;
  context& ctx_;
  deadline_map<std::uint64_t, runtime::promise<ask>> open_;  ///< by the number of the request
  alarm<look> bell_;
};

}  // namespace greenroom::session

GREENROOM_MESSAGE(greenroom::session::look)
