// TROUPE is a fixture with a supervisor over players who write down when they come and go, crash when told to, and are deaf
// or shy when asked to be. The names of OTP's world are brought in for its tests.
#pragma once

#include <stdexcept>

#include "runtime/supervisor.hpp"
#include "tests/support/actor_fixture.hpp"

namespace greenroom::tests::player {

/// What the children of a test did, in order: "+a" built, "-a" destroyed.
using script = std::vector<std::string>;

struct speak {
  struct reply {
    std::uint32_t life;
  };
};
struct crash {};
struct leave {
  caf::error reason;
};

struct options {
  std::string id;
  script* played = nullptr;
  bool deaf = false;                   ///< ignores exits
  const bool* cannot_start = nullptr;  ///< true there: the constructor throws
};

struct state {
  static inline const char* name = "player";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o} {
    if (opts.cannot_start && *opts.cannot_start) throw std::runtime_error{"stage fright"};
    if (opts.deaf) self->set_exit_handler([](caf::exit_msg&) {});
    opts.played->push_back("+" + opts.id);
  }
  ~state() { opts.played->push_back("-" + opts.id); }

  caf::behavior start() {
    return {
        [this](const speak&) { return speak::reply{self->life()}; },
        [](const crash&) { throw std::runtime_error{"fell off the stage"}; },
        [this](const leave& m) { self->quit(m.reason); },
    };
  }

  runtime::actor_base* self;
  options opts;
};

}  // namespace greenroom::tests::player

GREENROOM_REQUEST(greenroom::tests::player::speak)
GREENROOM_MESSAGE(greenroom::tests::player::crash)
GREENROOM_MESSAGE(greenroom::tests::player::leave)

namespace greenroom::tests {

using player::script;
using runtime::backoff;
using runtime::child_spec;
using runtime::child_state;
using runtime::errc;
using runtime::intensity;
using runtime::place;
using runtime::restart;
using runtime::strategy;
using runtime::supervisor_spec;
using runtime::supervisor::describe;

struct troupe : actor_fixture {
  script played;
  bool stage_fright = false;
  std::string last_words;  ///< what on_gave_up said

  ~troupe() { end_actors(); }

  child_spec child(std::string id, restart kind = restart::permanent) {
    return {.id = id,
            .start =
                [this, id](const place& p) {
                  return runtime::spawn<player::state>(p, player::options{id, &played});
                },
            .restart = kind};
  }
  child_spec child(player::options opts) {
    opts.played = &played;
    return {.id = opts.id, .start = [opts](const place& p) { return runtime::spawn<player::state>(p, opts); }};
  }

  caf::actor supervise(std::vector<child_spec> children, strategy how = strategy::one_for_one) {
    return supervise(supervisor_spec{.id = "top", .strategy = how, .children = std::move(children)});
  }
  caf::actor supervise(supervisor_spec spec) {
    spec.seed = 1;
    if (!spec.on_gave_up) spec.on_gave_up = [this](const caf::error& why) { last_words = runtime::explain(why); };
    auto top = keep(runtime::supervisor::spawn(here(), std::move(spec)));
    settle();
    return top;
  }

  describe::child look(const caf::actor& top, const std::string& id) {
    for (auto& each : ask(top, describe{}).children)
      if (each.id == id) return each;
    FAIL("no child " << id);
    return {};
  }
  caf::actor handle(const caf::actor& top, const std::string& id) { return look(top, id).handle; }

  void crash(const caf::actor& who) {
    runtime::tell(who, player::crash{});
    settle();
  }
  void end(const caf::actor& who, caf::exit_reason how = caf::exit_reason::user_shutdown) {
    caf::anon_send_exit(who, how);
    settle();
  }
  /// What happened since the last look.
  script scene() { return std::exchange(played, {}); }
};

}  // namespace greenroom::tests
