/// ACCESS_KEEPER looks after API keys and revocations while nobody asks: it sees to it that what was revoked ends, writes
/// when keys were last used, and forgets revocations whose time has passed.
///
///   something was revoked ──at most `look` later──▶ session_directory::look_for_revoked
///
/// Who revokes something tells the directory itself; this is for the case that it ended in between.
///
/// Parent: operations supervisor, permanent.
/// Crash: the next life looks once more. Bounds: one write for each key that was used in a round, a round a minute.
/// Failure: what the store did not take is written with the key's next use, and forgotten in a later round.
#pragma once
#include <caf/actor.hpp>
#include <memory>

#include "runtime/actor.hpp"

namespace greenroom {
class api_keys;
class permissions;
class revocations;
struct context;
}  // namespace greenroom
namespace greenroom::storage {
class store;
}

namespace greenroom::access_keeper {

struct options {
  context& ctx;
};

caf::actor spawn(const runtime::place& where, options opts);

/// What the store has, for a node that starts. Throws std::runtime_error where it cannot be read: a node that does not
/// know what was revoked lets nobody in.
std::shared_ptr<api_keys> load_keys(const storage::store& from, std::shared_ptr<const permissions> config);
std::shared_ptr<revocations> load_revocations(const storage::store& from);

}  // namespace greenroom::access_keeper
