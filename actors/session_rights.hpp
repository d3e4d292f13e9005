/// SESSION_RIGHTS are what a session's client may, as its rooms and channels feel it: a resume is let into what its token
/// still allows, and a newer token that allows less ends what is over.
///
///   session.refresh ──▶ connection ── permitted ──▶ session ──▶ rooms and channels that are not allowed any more:
///                                                               left, and `room.notice {code: "forbidden"}`
///
/// What a behaviour or a service has brought about without the client's own right stays: only what the older token allowed
/// and the newer one does not is taken away.
/// Threading: its session's; a member of that actor's State.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/dispatch.hpp"
#include "actors/session.hpp"

namespace greenroom::session {

class session_channels;

/// From its connection: the client has shown a newer token.
struct permitted {
  std::shared_ptr<const credential> shown;  ///< null: nothing, where a doorkeeper let it in
};

/// The session's client, with what it has shown last.
principal holder(const options& opts);
/// Whether it may open that channel; where not, that is logged.
bool may_open(const options& opts, const std::string& channel);

class session_rights {
 public:
  session_rights(runtime::actor_base* self, const options& opts, session_channels& channels);

  /// Whether a resume, or a position of session.open, may bring it into that room; where not, that is logged.
  bool lets_in(const std::string& room) const;
  /// A session that is resumed: channels that are not allowed any more end, of which its client hears behind the reply,
  /// and whom it may not see it does not watch.
  void resume();
  /// The users whom it watches and may not see any more.
  std::vector<std::string> replace(const permitted& m);

 private:
  void end(const subscription_ptr& one, const std::string& why);
  void end_channels(const std::function<bool(const std::string&)>& were_allowed,
                    const std::function<void(const codecs::push&)>& tell);
  void look_around(const subscription_ptr& one);

  runtime::actor_base* self_;
  const options& opts_;
  session_channels& channels_;
};

}  // namespace greenroom::session

GREENROOM_MESSAGE(greenroom::session::permitted)
