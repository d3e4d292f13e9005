/// REHEARSAL makes an actor fail on purpose, between two messages, as if a handler had thrown: supervision that was never
/// rehearsed is a hope.
///
/// Off unless allow() was called (config `node.rehearsals`); then the message is an unexpected one like any other.
/// Threading: allow() before the first actor, allowed() anywhere.
#pragma once
#include <string>

#include "runtime/ask.hpp"

namespace greenroom::runtime::rehearsal {

struct fail {
  std::string why;
};

void allow(bool yes) noexcept;
bool allowed() noexcept;

}  // namespace greenroom::runtime::rehearsal

GREENROOM_MESSAGE(greenroom::runtime::rehearsal::fail)
