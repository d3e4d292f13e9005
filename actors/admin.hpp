/// ADMIN answers the command line on the node's own machine through DIR/admin.sock (mode 0600): one JSON object a line,
/// `{"command": …}`, answered by one line, an object; `{"error": a sentence, "code": …}` where it was refused, with a code
/// of the protocol's.
///
///   announce {text}   a notice to every session
///   status            as GET /status
///   plugins           the plugins, what each adds and how often it was loaded
///   reload {plugin}   a newer build of a plugin takes the older one's place (plugins.hpp)
///   tree              the supervisor tree with restarts, last errors and mailboxes
///
/// those about what the store holds (admin_store.hpp), who may come (admin_access.hpp), and secrets (admin_secrets.hpp).
///
/// Parent: operations supervisor, permanent.
/// Crash: the socket is made anew.
/// Bounds: the local socket's; limits::ask_timeout for each supervisor that is asked.
#pragma once
#include <caf/actor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "codecs/outcome.hpp"
#include "runtime/actor.hpp"
#include "runtime/ask.hpp"

namespace greenroom {
struct context;
}
namespace greenroom::runtime {
class local_peer;
}

namespace greenroom::admin {

struct options {
  context& ctx;
  std::string socket_path;
  caf::actor secrets{};  ///< null: it has no commands for them
};

using peer_ptr = std::shared_ptr<runtime::local_peer>;

struct tree_root {
  caf::actor node;
};  ///< From the engine: where `tree` begins.
struct request {
  peer_ptr from;
  std::string line;
};  ///< A line that came in.

void refuse(const peer_ptr& to, std::string_view why, codecs::error_code code = codecs::error_code::conflict);

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::admin

GREENROOM_MESSAGE(greenroom::admin::tree_root)
GREENROOM_MESSAGE(greenroom::admin::request)
