#pragma once
#include <functional>

/// The command line's client half as CLI11 subcommands: names, options and help texts. What they do is in commands.hpp.
namespace CLI {
class App;
}

namespace greenroom::clients {

/// Adds the command line's client half to `app`: pub, sub, send, inbox, call, announce, status. When app.parse() met
/// one of them, `chosen` holds what runs it and gives the process's exit code (exit_code.hpp); else it stays empty.
///
///   std::function<int()> chosen;
///   clients::add_commands(app, chosen);
///   app.parse(argc, argv);                 // CLI::ParseError: exit with app.exit(e) == 0 ? 0 : exit_code::usage
///   if (chosen) return chosen();
///
/// A command prints results on standard output and everything else on standard error. SIGPIPE is ignored while one
/// runs, and a reader that went away ends it quietly with exit code 0.
void add_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace greenroom::clients
