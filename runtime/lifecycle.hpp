/// What an actor and its supervisor say to each other. The State of an actor is one *life*: it ends by an exception or
/// on the supervisor's word, and the next one is built at the same address, with the same mailbox.
///
///   built ──started──▶            ──suspend──▶ suspended ──restart──▶ built …
///   threw ──failed───▶ supervisor ──restart──▶ built …
///                                 ──exit─────▶ the actor ends, as CAF ends actors
#pragma once

#include <caf/actor_addr.hpp>
#include <caf/error.hpp>
#include <caf/message.hpp>

#include <cstdint>

#include "runtime/ask.hpp"

namespace greenroom::runtime::lifecycle {

/// Child to supervisor: the State of this life (0, 1, 2 …) was built.
struct started {
  caf::actor_addr who;
  std::uint32_t life;
};
/// Child to supervisor: this life ended by an exception; the child waits for `restart` or an exit.
struct failed {
  caf::actor_addr who;
  std::uint32_t life;
  caf::error reason;
};
/// Child to supervisor: the State is dropped, as asked; the child waits for `restart` or an exit.
struct suspended {
  caf::actor_addr who;
  std::uint32_t life;
};
/// Supervisor to child: drop the State, keep the mailbox.
struct suspend {};
/// Supervisor to child: build the State anew, go on with the mailbox.
struct restart {};

/// An actor to itself, through actor_base::later(): dropped when the life that set it is over.
struct later {
  std::uint32_t life;
  caf::message what;
};

}  // namespace greenroom::runtime::lifecycle

GREENROOM_MESSAGE(greenroom::runtime::lifecycle::started)
GREENROOM_MESSAGE(greenroom::runtime::lifecycle::failed)
GREENROOM_MESSAGE(greenroom::runtime::lifecycle::suspended)
GREENROOM_MESSAGE(greenroom::runtime::lifecycle::suspend)
GREENROOM_MESSAGE(greenroom::runtime::lifecycle::restart)
GREENROOM_MESSAGE(greenroom::runtime::lifecycle::later)
