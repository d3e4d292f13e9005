/// SESSION_CHANNELS are a session's dealings with services and rooms that are not its client's own calls: it asks the
/// service of a channel to let its client in, tells it when the client has left, and joins and leaves rooms where a
/// behaviour says so.
///
///   CONNECT /chat ──▶ session ── open ──▶ router ──▶ service: accept, refuse ──▶ the answer
///   behaviour ── move_member ──▶ session ──▶ room ──▶ behaviour: the outcome
///
/// Threading: its session's; a member of that actor's State. Bounds: limits::session_channels_max channels;
///   limits::requests_in_flight_max moves at a time.
#pragma once
#include <caf/message_handler.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "actors/party.hpp"
#include "actors/session.hpp"
#include "runtime/promise.hpp"

namespace greenroom::session {

struct moved {  ///< To the session, from its rooms: how a move has ended.
  std::uint64_t number = 0;
  codecs::outcome what;
};

class session_channels {
 public:
  session_channels(runtime::actor_base* self, const options& opts);

  /// Asks the service of the channel for which the session opens, where there is one; then `done`, with the reason
  /// where the client may not come in.
  void welcome(const std::function<void(std::optional<codecs::error>)>& done);
  /// The session ends: the services of its channels are told.
  void end();

  void open(const open_channel& m);
  void close(const close_channel& m);
  void drop(const std::string& channel);  ///< it is not allowed any more: its service hears that the client has left
  void move(const move_member& m);        ///< inside its handler: takes over its answer
  void settle(const moved& m);
  /// What the session answers where there is no client.
  static caf::message_handler refusing();

 private:
  void ask_service(const std::string& channel, codecs::payload_ptr payload, std::function<void(codecs::outcome)> done);
  void tell_service(const std::string& channel);
  void join(const std::string& room, answer reply);
  void leave(const std::string& room, answer reply);
  party me() const { return {opts_.who.user, opts_.id, opts_.who.kind}; }

  runtime::actor_base* self_;
  const options& opts_;
  struct moves {
    std::map<std::uint64_t, runtime::promise<move_member>> open;
    std::uint64_t last = 0;
  };
  std::unique_ptr<moves> moves_;  ///< null until the first
};

}  // namespace greenroom::session

GREENROOM_MESSAGE(greenroom::session::moved)
