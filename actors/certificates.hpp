/// CERTIFICATES keeps the gateway's certificate new: it reads the files again when they change, on SIGHUP, and once a day, which
/// gives new keys to the session tickets. New connections take what is good; a bad one is logged and the old one stays.
///
/// Parent: operations supervisor, permanent, detached: it reads files.
/// Crash: it looks again after tls.reload_interval_ms.
/// Bounds: three files; a bad one is logged once until it changes.
#pragma once
#include <caf/actor.hpp>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::certificates {

struct options {
  context& ctx;  ///< with a `tls`
};

struct reload {};  ///< Read the files, changed or not.

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::certificates

GREENROOM_MESSAGE(greenroom::certificates::reload)
