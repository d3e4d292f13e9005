/// SERVE is a node as a program: the options of `greenroom serve`, the line `ready`, signals and exit codes. It is the
/// same for the node's own program and for one that somebody else writes around the engine:
///
///   int main(int argc, char** argv) {
///     greenroom::extensions mine;
///     mine.add_room<counter>("counter");
///     return greenroom::run_program(argc, argv, "1.0.0", std::move(mine));
///   }
///
/// Prints one line `ready` with its addresses on standard output once it accepts; refusals go to standard error.
/// Threading: the main thread, before any other was made; it blocks until the node has stopped. SIGTERM and SIGINT stop
///   it, a second one ends the process at once: whatever was acknowledged is where it was acknowledged to be.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "actors/extensions.hpp"
#include "runtime/config.hpp"

namespace CLI {
class App;
}

namespace greenroom {

enum class serve_exit : int {
  stopped = 0,      ///< by SIGTERM or Ctrl-C
  usage = 64,       ///< EX_USAGE: the command line is not right
  no_start = 69,    ///< EX_UNAVAILABLE: a port or the data directory is taken
  gave_up = 70,     ///< EX_SOFTWARE: the root supervisor gave up; the service manager should restart the node
  bad_config = 78,  ///< EX_CONFIG
};

struct serve_options {
  bool dev = false;
  std::string config{}, data{};
  std::vector<std::string> listen{}, set{};
  std::uint32_t shards = 0;
  bool core_dumps = false;  ///< with the process's memory, and so with the secrets in it
};

/// Adds the options, and help that explains them, to a command.
void add_serve_options(CLI::App& command, serve_options& options);

/// What a node with these options would run with.
runtime::config_result load(const serve_options& options);

serve_exit serve(const serve_options& options, const std::string& version, extensions mine);

/// A whole main function: `PROGRAM serve OPTIONS`.
int run_program(int argc, char** argv, const std::string& version, extensions mine);

}  // namespace greenroom
