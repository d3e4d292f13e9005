/// RESTORE begins a data directory with a backup, while no node runs in it.
///
/// Threading: the main thread of a process without a node; it blocks for as long as the disk needs.
/// Failure: a sentence and an exit code; the directory has no database then.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>

#include "actors/serve.hpp"

namespace greenroom {

enum class restore_exit : int {
  restored = 0,
  refused = 65,     ///< EX_DATAERR: the backup is damaged or not ours, or there is a database already
  no_input = 66,    ///< EX_NOINPUT: no such backup
  taken = 69,       ///< EX_UNAVAILABLE: a node runs in the directory, or it cannot be made
  bad_config = 78,  ///< EX_CONFIG
};

struct restore_options {
  std::string backup;
  serve_options node;  ///< of the node that will run there: its config and data directory
  bool accept_damage = false;
  bool json = false;
};

/// What it began goes to `out`, a refusal to `err`.
restore_exit restore(const restore_options& what, std::ostream& out, std::ostream& err);

}  // namespace greenroom
