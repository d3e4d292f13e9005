/// PRESENCE knows which users are online, for those of its shard (users spread by the hash of their name): their
/// sessions report here, and whoever watches a user is told when that user is no longer as it was.
///
///   sessions ── track ──▶ presence ── session::seen, one message a watcher and batch ──▶ watching sessions
///                            ▲ down: however a session or a watcher ends, it is forgotten
///
///   recollecting ──every session of its users has registered again──▶ open        (at once in the first life)
///
/// A session that moves to another shard says so before it ends and keeps its user online until the new one registers.
///
/// Parent: presence supervisor, permanent, one a shard.
/// Crash: sessions register again, with what they had set and whom they watch; until then questions wait. When users
///   were last seen survives.
/// Bounds: config presence.watchers_max sessions that watch one user, presence.offline_max users who are gone;
///   sessions bound the rest. Changes are gathered for presence.interval_ms.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/answer.hpp"
#include "actors/ids.hpp"
#include "actors/presence_table.hpp"
#include "actors/shared_push.hpp"
#include "codecs/call.hpp"
#include "codecs/outcome.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::presence {

struct options {
  context& ctx;
  std::size_t shard = 0;
  std::shared_ptr<last_seen> away = nullptr;  ///< of all its lives; made by spawn
};

/// Which shard's presence actor is asked for a user.
std::size_t shard_of(std::string_view user, std::size_t shards);

/// What a watched user is now, made once for all its watchers.
struct change {
  change(std::string user, codecs::results::presence_state now);

  const codecs::results::presence_state& now() const;
  std::string user;
  std::uint64_t digest;  ///< of the state
  shared_push push;
};
using change_ptr = std::shared_ptr<const change>;

/// Whether a session registers because presence has asked it to.
enum class registration : std::uint8_t { fresh, again };

struct track {  ///< A session is there, or shows something else; in place of whoever spoke for it before.
  user_id user;
  session_id session;
  caf::actor actor;
  presence_words_ptr words;  ///< null: it has set nothing
  registration why = registration::fresh;
  answer reply;  ///< given when others see it
};
struct moving {  ///< That actor ends, and another one goes on with its session.
  user_id user;
  session_id session;
  caf::actor actor;
};
struct watch {  ///< From a session: its users of this shard. All of them, or none.
  caf::actor who;
  std::vector<std::string> users;
  struct reply {
    bool accepted = false;  ///< false: one of them is watched by as many as may be
    std::vector<change_ptr> now;
  };
};
struct unwatch {
  caf::actor who;
  std::vector<std::string> users;
};
struct rest {  ///< A session is detached: it watches nobody until it says so again.
  caf::actor who;
};
struct look {  ///< presence.get: goes from shard to shard, the last one answers.
  std::vector<std::string> users;
  codecs::results::presence_states found;
  answer reply;
};
struct list {  ///< presence.online, in the same way.
  codecs::calls::presence_online what;
  codecs::results::online found;
  answer reply;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::presence

GREENROOM_MESSAGE(greenroom::presence::track)
GREENROOM_MESSAGE(greenroom::presence::moving)
GREENROOM_REQUEST(greenroom::presence::watch)
GREENROOM_MESSAGE(greenroom::presence::unwatch)
GREENROOM_MESSAGE(greenroom::presence::rest)
GREENROOM_MESSAGE(greenroom::presence::look)
GREENROOM_MESSAGE(greenroom::presence::list)
