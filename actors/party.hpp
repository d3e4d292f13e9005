/// PARTY is who a behaviour deals with: a client's session, or a caller without one (POST /rpc, another service). A
/// value; it says nothing of whether the client is connected now.
#pragma once
#include "actors/access.hpp"
#include "actors/ids.hpp"

namespace greenroom {

struct party {
  user_id user;        ///< never empty
  session_id session;  ///< empty: there is nobody to push to or to ask
  identity kind = identity::anonymous;

  bool operator==(const party& other) const noexcept { return user == other.user && session == other.session; }
};

}  // namespace greenroom
