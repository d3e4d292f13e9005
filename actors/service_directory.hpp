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
#include <map>
#include <memory>
#include <string>

#include "actors/service_behaviour.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::service_directory {

/// Newer builds than those that the node started with, by the service's name. Survives a life.
using newer_builds = std::map<std::string, std::shared_ptr<const service_spec>>;

struct options {
  context& ctx;
  std::shared_ptr<newer_builds> newer = std::make_shared<newer_builds>();
};

/// A newer build of a service: whether every instance's state is understood, …
struct try_build {
  std::shared_ptr<const service_spec> spec;
  struct reply {
    std::string why;  ///< empty: it is
  };
};
/// … and then it takes over in each instance, and its methods are what the routers know.
struct swap_build {
  std::shared_ptr<const service_spec> spec;
  struct reply {
    std::string why;  ///< not empty: an instance goes on with the older build
  };
};

/// Answers `router::recollect`.
caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::service_directory

GREENROOM_REQUEST(greenroom::service_directory::try_build)
GREENROOM_REQUEST(greenroom::service_directory::swap_build)
