/// MEMORY_WATCH measures the process' memory four times a second and says how near its budget it is (`pressure`). While it is
/// near, free memory is returned to the system, so that what was given up counts.
///
/// Parent: operations supervisor, permanent, detached: it reads files, and returning memory takes its time.
/// Crash: it measures again at once; the level stays what it was.
/// Bounds: memory is returned at most every two seconds.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <functional>

#include "runtime/actor.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::memory_watch {

struct options {
  context& ctx;                             ///< with a `pressure`
  std::function<std::uint64_t()> resident;  ///< null: the process'
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::memory_watch
