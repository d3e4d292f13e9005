/// SESSION is one client of a user across its connections: it keeps the resume token, the rooms with their positions
/// and the inbox, and decides between resume and expiry.
///
///   opening ──rooms resumed, stored──▶ attached ──connection lost──▶ detached ──window over──▶ ending ──erased──▶ exit
///      ▲                                  └────────hand_over─────────────┤
///      └── built again on the shard of the new connection ───────┘
///
/// Parent: session_directory, transient.
/// Crash: rebuilt from its `record`; keeps its connection and its rooms; who asked its client something is told that the
///   answer was lost. Given up: the connection closes 1011.
/// Bounds: config sessions.rooms_max rooms, presence.watches_max users watched; inbox messages in flight: limits::inbox_in_flight_*; open questions to the
///   client: limits::requests_in_flight_max.
#pragma once
#include <caf/actor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/access.hpp"
#include "actors/answer.hpp"
#include "actors/behaviour.hpp"
#include "actors/ids.hpp"
#include "actors/memberships.hpp"
#include "codecs/call.hpp"
#include "codecs/envelope.hpp"
#include "codecs/outcome.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/session.hpp"

namespace greenroom {
struct context;
class peer;
struct presence_words;
namespace presence {
struct change;
}
}  // namespace greenroom

namespace greenroom::session {

/// How an opening ended up here, and who waits for its result.
struct opening {
  answer reply;
  bool resumed = false;
  std::string reason;                                   ///< why not resumed, where that was asked
  std::vector<codecs::calls::room_position> positions;  ///< what the client says it has
  std::string token{};                                  ///< the new one, as soon as it is made: one for all lives
  std::string presented{};                              ///< the one that the client came with
  std::shared_ptr<void> place{};                        ///< among those that open at a time
  bool keeps_token = false;                             ///< the one that resumes it stays
  std::string channel{};                                ///< whose service decides, too; empty: none
  codecs::payload_ptr payload{};                        ///< what that is told
  std::vector<codecs::push> held{};                     ///< what it says at once, for behind the reply
};

/// What survives a life of the session. On its shard.
struct record {
  storage::stored_session stored;                 ///< or to be, where `unstored`
  std::shared_ptr<memberships> rooms;             ///< and whom it watches
  std::shared_ptr<const presence_words> words;    ///< what it has set with presence.set; null: nothing
  std::shared_ptr<peer> client;                   ///< null while detached
  caf::actor connection;                          ///< of `client`
  std::unique_ptr<session::opening> opening;      ///< null once its reply is written
  std::uint64_t inbox_sent = 0, inbox_acked = 0;  ///< on this connection
  bool takes_inbox = true;                        ///< false: not before its client asks
  bool unstored = false;                          ///< the store has refused `stored`, or nobody knows
  std::uint32_t stored_in = 0;                    ///< which generation of the store has it
  std::shared_ptr<const credential> shown{};      ///< by its client, the newest; null: nothing
};

struct options {
  context& ctx;
  session_id id;
  principal who;  ///< what it has shown stands in the record, for that changes
  std::size_t shard = 0;
  std::shared_ptr<record> keep;
};

struct connection_lost {
  std::shared_ptr<peer> client;
};
struct hand_over {  ///< The client attaches elsewhere: give up the state, if the token is right.
  std::string token;
  struct reply {
    bool accepted = false;
    storage::stored_session stored;
    watches watched;                      ///< and what the client knows of them
    std::vector<std::string> channels{};  ///< that are open, and stay so
  };
};
struct close {
  answer reply;
};  ///< The client says goodbye.
struct expire {
  std::uint64_t detachment = 0;
};  ///< From itself when the window is over, or from the directory (0: whichever).
struct proven {
  std::uint64_t ping = 0;
};  ///< The client has answered that ping.
struct rooms_changed {};
/// Who keeps a table of sessions, and has to be told again after a crash.
enum class registry : std::uint8_t { relay, queue, presence };
struct readopt {  ///< One of them has restarted: register again.
  registry what = registry::relay;
  std::size_t shard = 0;
  std::uint32_t life = 0;  ///< its
};
struct set_presence {
  codecs::calls::presence_set what;
  answer reply;
};
struct watch {
  std::vector<std::string> users;
  answer reply;
};
struct unwatch {
  std::vector<std::string> users;
  answer reply;
};
struct seen {  ///< From presence: what watched users are now.
  std::vector<std::shared_ptr<const presence::change>> changes;
};
struct send_late {};  ///< To itself: an outbox had no space for what it heard.
struct ask_again {    ///< To itself: presence of that shard did not answer.
  std::size_t shard = 0;
};
struct notice {
  std::string code, text;
};
enum class question_end : std::uint8_t {
  answered,   ///< by the client, perhaps with an error
  timed_out,  ///< the client did not answer in time
  gone,       ///< the client was not there, or went
  full        ///< too many questions were open
};
struct push {
  codecs::push what;
};  ///< Says that to the client; dropped, and counted, where there is none.
struct
    after_pushes {  ///< Run behind what was pushed before: an answer does not overtake what its behaviour said first.
  std::function<void()> what;
};
struct ask {  ///< A request to the client. `unavailable` where there is none, where it goes before it has answered, or
              ///< with limits::requests_in_flight_max open; `timed_out` after `limit`, else what it answers.
  std::string method;
  codecs::payload_ptr params{};  ///< null when absent
  std::chrono::milliseconds limit{};
  std::optional<codecs::on_behalf> of{};  ///< whose call it carries on
  struct reply {
    codecs::outcome what;
    session::question_end how = session::question_end::answered;
  };
};
struct answered {  ///< From the connection: the client answers the request of that number.
  std::shared_ptr<peer> client;
  std::uint64_t number = 0;
  codecs::outcome what;
};
struct disconnect {  ///< Ends the session, which cannot be resumed; its connection closes with 1008, or as `how` says.
  std::string reason;
  farewell how = farewell::connection;
};
struct open_channel {  ///< The client opens a channel that a service serves.
  std::string channel;
  codecs::payload_ptr payload;  ///< null: it says nothing with it
  answer reply;
};
struct close_channel {
  std::string channel;
  answer reply;
};
struct move_member {  ///< A behaviour makes the session a member of that room, or no member any more.
  std::string room;
  enum class way : std::uint8_t { join, leave } where = way::join;
  struct reply {
    codecs::outcome what;  ///< what the client would have been answered
  };
};
struct inbox {
  std::vector<codecs::envelope_ptr> messages;
};                   ///< From the queue, in the order of n.
struct take_inbox {  ///< A client whose protocol has it so (Phoenix) takes what its inbox has, or no more.
  enum class way : std::uint8_t { open, close } what = way::open;
  answer reply;
};
struct inbox_ack {
  std::uint64_t upto = 0;
  answer reply;
};  ///< From the client.
struct inbox_acked {
  std::uint64_t upto = 0;
};  ///< Another session of the user did.

/// Whether that resume token is the session's: its newest, or the one before as long as the newest has not provably
/// arrived. The one that opens is then the newest again: it is what the client has, however many answers were lost.
bool opens(storage::stored_session& stored, const std::string& token);

std::shared_ptr<const presence_words> words_of(const storage::stored_presence& shown);

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::session

GREENROOM_MESSAGE(greenroom::session::connection_lost)
GREENROOM_REQUEST(greenroom::session::hand_over)
GREENROOM_MESSAGE(greenroom::session::close)
GREENROOM_MESSAGE(greenroom::session::expire)
GREENROOM_MESSAGE(greenroom::session::proven)
GREENROOM_MESSAGE(greenroom::session::rooms_changed)
GREENROOM_MESSAGE(greenroom::session::readopt)
GREENROOM_MESSAGE(greenroom::session::set_presence)
GREENROOM_MESSAGE(greenroom::session::watch)
GREENROOM_MESSAGE(greenroom::session::unwatch)
GREENROOM_MESSAGE(greenroom::session::seen)
GREENROOM_MESSAGE(greenroom::session::send_late)
GREENROOM_MESSAGE(greenroom::session::ask_again)
GREENROOM_MESSAGE(greenroom::session::notice)
GREENROOM_MESSAGE(greenroom::session::push)
GREENROOM_MESSAGE(greenroom::session::after_pushes)
GREENROOM_REQUEST(greenroom::session::ask)
GREENROOM_MESSAGE(greenroom::session::answered)
GREENROOM_MESSAGE(greenroom::session::disconnect)
GREENROOM_MESSAGE(greenroom::session::open_channel)
GREENROOM_MESSAGE(greenroom::session::close_channel)
GREENROOM_REQUEST(greenroom::session::move_member)
GREENROOM_MESSAGE(greenroom::session::inbox)
GREENROOM_MESSAGE(greenroom::session::take_inbox)
GREENROOM_MESSAGE(greenroom::session::inbox_ack)
GREENROOM_MESSAGE(greenroom::session::inbox_acked)
