/// ROUTER brings the calls of its shard to whoever answers their method, a service or a remote worker, and owes each
/// caller exactly one answer: the target's, or `timed_out`, `unavailable`, "internal error".
///
///   connection, POST /rpc, behaviour ── request, ask, scatter ──▶ router ── handle, cancel ──▶ target
///                                                                   ▲                            │
///                                                                   └────── answered, lost ──────┘
///
/// Targets add themselves with their methods: a service's instances (a shard's callers get their shard's, where there is
/// one), or the pool of remote workers. All are spoken with in the same words. A call that its target lost is repeated
/// once where its method is idempotent.
/// `scatter` asks every target of a method and gathers what they say in time.
///
/// Parent: services supervisor, permanent, one a shard.
/// Crash: the calls that it owed are answered "internal error" and cancelled at their targets; the next life asks the
///   service directory and the pool of workers for their targets, and takes calls when it knows them.
/// Bounds: for each target as many open calls as it says that it holds, over it `unavailable`.
#pragma once
#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/answer.hpp"
#include "actors/behaviour.hpp"
#include "actors/party.hpp"
#include "actors/service_behaviour.hpp"
#include "actors/service_board.hpp"
#include "codecs/described_method.hpp"
#include "codecs/outcome.hpp"
#include "codecs/payload.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::router {

struct options {
  context& ctx;
  std::size_t shard = 0;
};

/// Whose end cancels a call, a connected client or a behaviour; null: it ends by itself. Compared by identity.
using caller_ptr = std::shared_ptr<const void>;

/// What a call is to its target.
enum class kind : std::uint8_t {
  method,  ///< `method` with its params
  open,    ///< somebody opens a channel; `params`: what it says with that
  event,   ///< `method` is an event in a channel; where nobody serves that, a method
  close    ///< a channel is left; the answer means nothing
};

// --- what callers say

struct request {  ///< A client's call.
  party from;
  std::string method;
  codecs::payload_ptr params;  ///< null when absent
  caller_ptr caller;
  answer reply;
  router::kind kind = router::kind::method;
  std::string channel{};
};
struct ask {  ///< A behaviour's call, or a session's that opens a channel.
  party from;
  std::string method;
  codecs::payload_ptr params;
  std::chrono::milliseconds limit{};  ///< the service's own holds, too
  caller_ptr caller;
  router::kind kind = router::kind::method;
  std::string channel{};
  struct reply {
    codecs::outcome what;
  };
};
/// To every target of the method; answered when all have answered, or after `limit` with what is there.
struct scatter {
  party from;
  std::string method;
  codecs::payload_ptr params;
  std::chrono::milliseconds limit{};
  caller_ptr caller;
  struct reply {
    std::vector<gathered> told;
  };
};
struct gone {  ///< That caller has ended: nobody waits for what it asked.
  caller_ptr caller;
};
struct discover {  ///< rpc.discover
  answer reply;
};

/// A call on its way, shared by the router that owes its answer and the target that works on it.
struct call {
  std::uint64_t id = 0;  ///< unique in the process; stays when the call is repeated
  caf::actor router;     ///< waits for `router::answered` or `router::lost`
  party from;
  std::string method;
  codecs::payload_ptr params;  ///< null when absent
  router::kind kind = router::kind::method;
  std::string channel;
  std::chrono::steady_clock::time_point due{};  ///< of the actors' clock; the router keeps it
  std::atomic<bool> cancelled{false};           ///< nobody waits any more; written by the router
  answer_hint reply{};  ///< of a client's call: for a target that must answer in a place of its own
};
using call_ptr = std::shared_ptr<call>;

/// Who of a target's is to answer.
enum class reach : std::uint8_t {
  any,  ///< one of them
  all   ///< each, for a scatter
};

// --- what it says to a target

struct handle {  ///< Answer this. Told again with the same id where the first try was lost.
  call_ptr what;
  router::reach reach = router::reach::any;
};
struct cancel {  ///< Nobody waits for that call any more; an answer would be ignored.
  std::uint64_t id = 0;
};
struct recollect {  ///< The router of that shard has restarted and knows nobody: answer when you have added yourself.
  std::size_t shard = 0;
  using reply = void;
};

// --- what targets say

struct answered {
  std::uint64_t id = 0;
  codecs::outcome what;
  std::string from;  ///< as in `gathered`; for a scatter
};
struct expected {  ///< To a `handle` with reach::all, before the answers: so many will come. Unsaid: one.
  std::uint64_t id = 0;
  std::size_t answers = 0;
};
/// The target does not know what became of the call: its instance crashed, the worker's connection ended. It is given to
/// the target once more where its method is idempotent, else answered.
struct lost {
  std::uint64_t id = 0;
  codecs::error_code otherwise = codecs::error_code::internal;
  std::string from;
};

enum class origin : std::uint8_t { service, workers };

struct target_method {
  codecs::described_method about;
  repeat again = repeat::unsafe;
};
/// Answers these methods from now on, beside those that it has added before. Methods that somebody else answers are not
/// taken: instances of one service share theirs, and so does the pool with itself.
struct add_target {
  caf::actor who;
  std::vector<target_method> methods;
  std::vector<std::string> channels{};  ///< patterns
  router::origin origin = router::origin::workers;
  std::string service;                 ///< the service's name; empty: the workers'
  std::optional<std::size_t> shard{};  ///< whose callers it is for; none: everybody's
  std::chrono::milliseconds time_limit{30'000};
  std::size_t open_max = 0;                  ///< calls of this router's that it holds at a time
  std::shared_ptr<service_figures> figures;  ///< never null; while `away`, calls are `unavailable`
  struct reply {
    std::vector<std::string> taken;  ///< by others, and not added
  };
};
struct remove_target {  ///< Answers them no more; calls that are open stay open.
  caf::actor who;
  std::vector<std::string> methods;  ///< empty: all
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::router

GREENROOM_MESSAGE(greenroom::router::request)
GREENROOM_REQUEST(greenroom::router::ask)
GREENROOM_REQUEST(greenroom::router::scatter)
GREENROOM_MESSAGE(greenroom::router::gone)
GREENROOM_MESSAGE(greenroom::router::discover)
GREENROOM_MESSAGE(greenroom::router::handle)
GREENROOM_MESSAGE(greenroom::router::cancel)
GREENROOM_MESSAGE(greenroom::router::recollect)
GREENROOM_MESSAGE(greenroom::router::answered)
GREENROOM_MESSAGE(greenroom::router::expected)
GREENROOM_MESSAGE(greenroom::router::lost)
GREENROOM_REQUEST(greenroom::router::add_target)
GREENROOM_MESSAGE(greenroom::router::remove_target)
