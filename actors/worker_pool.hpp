/// WORKER_POOL gives calls to remote workers, clients that have registered methods: it is the target that the routers
/// know for those methods, and each call it was given it answers once, with `answered` or `lost`.
///
///   worker's connection ── enlist, dismiss ──▶ pool ── add_target, remove_target ──▶ routers
///   router ── handle ──▶ the least busy worker, else the queue ── session::ask ──▶ its session ── request ──▶ worker
///
/// A worker is its connection: it ends with it, and registers again on its next one, also where the session resumes.
/// What a worker had when it went is told `lost`, so that the router gives what is idempotent to another one. A method
/// whose last worker was lost stays for limits::worker_linger, its calls wait; one whose last worker has unregistered
/// goes at once. A worker that unregisters is answered when what it had is answered.
/// A request keeps its place in the worker until the worker answers, also when nobody waits any more, at most
/// limits::work_overdue_max longer than its caller: who is slow gets less, and nobody else suffers.
///
/// Parent: services supervisor, permanent.
/// Crash: workers, their methods and the queue stay; what workers had is told `lost`; registrations under way are
///   answered "internal error".
/// Bounds: limits::workers_max, worker_methods_max, pool_methods_max, pool_described_bytes_max; work_queue has those of what waits, over them
///   `unavailable`; a worker's own capacity.
#pragma once
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/answer.hpp"
#include "actors/router.hpp"
#include "actors/work_queue.hpp"
#include "actors/worker_table.hpp"
#include "codecs/call.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::worker_pool {

struct method {
  router::target_method about;
  std::uint32_t registrations = 0;  ///< on their way
};
/// A request to a worker that it has not answered.
struct work {
  router::call_ptr what;
  worker_key who = 0;
  std::chrono::steady_clock::time_point since{};
};

/// What survives a life.
struct record {
  worker_table workers;
  work_queue queue;
  std::map<std::string, method, std::less<>> methods;  ///< all that the routers know
  std::map<std::uint64_t, work> at_work;               ///< by the number of the try
  std::uint64_t tries = 0;
  std::shared_ptr<service_figures> figures;
};

struct options {
  context& ctx;
  std::shared_ptr<record> keep;
};

struct enlist {  ///< service.register, from a client that may.
  session_id session;
  user_id user;
  caf::actor talks, connection;
  codecs::calls::service_register what;
  answer reply;
};
struct dismiss {  ///< service.unregister
  caf::actor connection;
  std::vector<std::string> methods;  ///< empty: all
  answer reply;
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::worker_pool

GREENROOM_MESSAGE(greenroom::worker_pool::enlist)
GREENROOM_MESSAGE(greenroom::worker_pool::dismiss)
