/// SUPERVISOR starts its children in order, restarts those that fail, and stops them in reverse. What happens next is decided
/// by `supervision`; this is the actor that carries it out.
///
/// Parent: another supervisor, or none (the root). Crash of a child: as its spec and the strategy say; address and mailbox
///   stay, for a sibling restarted with it too. A child that really ended (quit, killed) comes back with a new address.
/// Over the intensity: every child is suspended in reverse order, then this supervisor fails to its parent, whose restart
///   builds the children anew at their addresses; a root stops them, calls on_gave_up and ends with errc::gave_up.
/// Killed: so are its children. A child counts as started when its State was built, a supervisor when its children have.
/// Bounds: the children of its spec, and one timer each.
#pragma once

#include <caf/actor.hpp>
#include <caf/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/ask.hpp"
#include "runtime/child_spec.hpp"
#include "runtime/supervision.hpp"

namespace greenroom::runtime {

struct place;

namespace supervisor {

using runtime::child_state;
using runtime::to_string;

/// Answered by every supervisor, a dynamic one too, in whatever state it is.
struct describe {
  struct child {
    std::string id;
    child_state state = child_state::absent;
    runtime::kind kind = runtime::kind::worker;
    std::uint32_t restarts = 0;
    std::string last_error{};  ///< empty: it never failed
    std::uint32_t depth = 0;   ///< messages in its mailbox
    caf::actor handle;         ///< ask it the same where kind is supervisor
  };
  struct reply {
    std::string id;
    std::vector<child> children{};
    std::size_t total = 0;  ///< a dynamic supervisor lists at most 1,000 of them, those that failed first
  };
};

/// Throws std::invalid_argument with every problem of the spec; spawns nothing then.
caf::actor spawn(const place& where, supervisor_spec spec);

/// The mailbox of an actor of ours; 0 for others and for a null handle. Any thread.
std::uint32_t depth_of(const caf::actor& who);

}  // namespace supervisor
}  // namespace greenroom::runtime

GREENROOM_REQUEST(greenroom::runtime::supervisor::describe)
