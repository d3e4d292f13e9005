/// CHILD_SPEC and SUPERVISOR_SPEC describe a supervisor tree as data, so that it can be read, tested and refused before
/// the first actor is spawned.
///
///   supervisor_spec{.id = "node", .strategy = strategy::rest_for_one, .children = {
///     {.id = "store", .start = start_store, .limit = backoff{}},
///     {.id = "rooms", .start = [](const place& p) { return supervisor::spawn(p, rooms()); }, .kind =
///     kind::supervisor}}}
#pragma once

#include <caf/fwd.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "runtime/restart_policy.hpp"

namespace greenroom::runtime {

struct place;

enum class kind : std::uint8_t { worker, supervisor };

/// Who else is restarted with a child that failed: nobody, everybody, or those that were started after it.
enum class strategy : std::uint8_t { one_for_one, one_for_all, rest_for_one };

/// A shutdown time without an end, for a supervisor whose children have theirs.
inline constexpr caf::timespan as_long_as_it_takes = caf::timespan::max();

struct child_spec {
  std::string id;  ///< unique among its siblings
  /// Spawns the child with runtime::spawn at (or near) the place given, whose supervisor it keeps. May throw: a failed
  /// start.
  std::function<caf::actor(const place&)> start;
  runtime::restart restart = runtime::restart::permanent;
  caf::timespan shutdown = limits::child_shutdown;  ///< from the exit message to the kill
  runtime::kind kind = runtime::kind::worker;
  restart_limit limit = runtime::intensity{};  ///< over an intensity the supervisor fails itself; a back-off has no end
};

struct supervisor_spec {
  std::string id;
  runtime::strategy strategy = runtime::strategy::one_for_one;
  /// Over the restarts of all children together, as OTP counts; none: only each child's own. Back-offs do not count.
  std::optional<runtime::intensity> intensity = std::nullopt;
  std::vector<child_spec> children{};  ///< started in this order, stopped in reverse
  std::function<void(const caf::error&)> on_gave_up =
      nullptr;                                       ///< a root has nobody to fail to: it stops, then calls this
  std::optional<std::uint32_t> seed = std::nullopt;  ///< of the back-offs' jitter; none: random
};

/// What is wrong with a spec, a sentence each; empty: it can be started.
std::vector<std::string> validate(const supervisor_spec& spec);

}  // namespace greenroom::runtime
