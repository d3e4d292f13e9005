/// STORE_KEEPER removes from the store what its time has passed: messages over their log's age, expired inbox messages
/// (to the dead letters), old dead letters and idempotency records.
///
/// Parent: store supervisor, permanent.
/// Crash: it goes on with the next round.
/// Bounds: one step removes storage::limits::sweep_removals_max rows, so that it never holds its shard; a round that has
///   more goes on in the next turn.
#pragma once
#include <caf/actor.hpp>

#include "runtime/actor.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::store_keeper {

struct options {
  context& ctx;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::store_keeper
