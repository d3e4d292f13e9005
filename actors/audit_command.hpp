/// AUDIT_COMMAND is `greenroom audit`: verify, tail and key. All of it works on files, of a running node, of a stopped one, or of
/// a copy on another machine.
///
/// Threading: the main thread of a process without a node; `tail -f` ends with the process.
/// Bounds: a line, and the lines of a page, in memory. Failure: a sentence on `err` and an exit code.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "actors/serve.hpp"

namespace CLI {
class App;
}

namespace greenroom {

enum class audit_exit : int {
  ok = 0,
  broken = 1,     ///< the log is not what was written
  usage = 64,     ///< an option cannot be read
  no_input = 66,  ///< there is no audit log
  bad_config = 78,
};

struct audit_command {
  enum class what : std::uint8_t { none, verify, tail, key } chosen = what::none;
  std::string directory{};  ///< a data directory, or that of an audit log itself; empty: as `node` says
  serve_options node{};
  bool json = false;
  // verify
  std::vector<std::string> keys{};  ///< files, or hexadecimal digits
  std::string head{};               ///< N:HASH, as an earlier verify has said it
  // tail
  std::size_t lines = 20;
  bool follow = false, refused = false;
  std::string user{}, action{};
};

/// Adds `audit` with its subcommands. After parsing, `to.chosen` says which one was met.
void add_audit_command(CLI::App& app, audit_command& to);

audit_exit run_audit(const audit_command& what, std::ostream& out, std::ostream& err);

}  // namespace greenroom
