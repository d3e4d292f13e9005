/// SERVICE_HOST runs one instance of a service behaviour: it hands calls over, takes the answers back to the router that
/// asked, and keeps within the service's bounds.
///
///   router ── handle ──▶ in work, up to concurrency_max ──▶ answered ──▶ router
///                          │ over it: queue, up to queue_max ─── over it: answered `unavailable`
///                          └── cancel: out of the queue; in work: the author sees cancelled(), its answer goes nowhere
///
/// Parent: service_directory, permanent, with a back-off: trouble of a service never ends the node.
/// Crash: the call whose callback threw is answered "internal error" at once; the others in work are told `lost`, and the
///   router repeats what is idempotent; the queue stays. A service that fails again and again is away for its callers
///   (`unavailable`) until a life of it has begun well.
/// Bounds: service_spec::concurrency_max and queue_max; behaviour_host.hpp has those of timers and questions.
#pragma once
#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "actors/router.hpp"
#include "actors/service_behaviour.hpp"
#include "actors/service_board.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::service_host {

/// A newer build of the service: whether it understands this instance's state, …
struct try_build {
  std::shared_ptr<const service_spec> spec;
  struct reply {
    std::string why;  ///< empty: it does
  };
};
/// … and then it takes over, when what is in work is answered, after limits::swap_patience at the latest: what is left
/// then is told `lost`. Calls that come meanwhile wait in the queue.
struct swap_build {
  std::shared_ptr<const service_spec> spec;
  struct reply {
    std::string why;  ///< not empty: the older build goes on
  };
};

/// What survives a life.
struct record {
  std::shared_ptr<const service_spec> spec;  ///< of the build that runs
  std::deque<router::call_ptr> queue;
  std::shared_ptr<service_figures> figures;
  std::uint32_t failures = 0;  ///< lives in a row that ended soon
};

struct options {
  context& ctx;
  std::size_t shard = 0;
  std::shared_ptr<record> keep;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::service_host

GREENROOM_REQUEST(greenroom::service_host::try_build)
GREENROOM_REQUEST(greenroom::service_host::swap_build)
