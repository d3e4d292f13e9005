/// SERVICE_DIRECTORY starts the instances of the node's services, is their supervisor, and says to the routers who
/// answers what.
///
///   extensions ──▶ an instance for the node, or one a shard ──▶ added to every router, and again to one that restarts
///
/// Parent: services supervisor, permanent.
/// Crash: its instances end with it and start anew; what they worked on is lost, as when each of them crashes.
/// Bounds: the services that were registered. Instances restart with a back-off: none of them ends the node.
#pragma once
#include <caf/actor.hpp>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::service_directory {

struct options {
  context& ctx;
};

/// Answers `router::recollect`.
caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::service_directory
