/// ADMIN answers the command line on the node's own machine through DIR/admin.sock (mode 0600): one JSON object a line,
/// `{"command": …}`, answered by one line, an object; `{"error": a sentence}` where it was refused.
///
///   announce {text}   a notice to every session
///   status            as GET /status
///   plugins           the plugins, what each adds and how often it was loaded
///   reload {plugin}   a newer build of a plugin takes the older one's place (plugins.hpp)
///   tree              the supervisor tree with restarts, last errors and mailboxes
///
/// Parent: operations supervisor, permanent.
/// Crash: the socket is made anew.
/// Bounds: the local socket's; limits::ask_timeout for each supervisor that is asked.
#pragma once
#include <caf/actor.hpp>
#include <string>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::admin {

struct options {
  context& ctx;
  std::string socket_path;
};

struct tree_root {
  caf::actor node;
};  ///< From the engine: where `tree` begins.

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::admin

GREENROOM_MESSAGE(greenroom::admin::tree_root)
