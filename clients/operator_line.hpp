#pragma once
#include <functional>

/// The operators' commands as CLI11 subcommands: names, options and help texts. What they do is in operator_commands.hpp.
namespace CLI {
class App;
}

namespace greenroom::clients {

/// As add_commands (command_line.hpp), for queue, dead and backup.
void add_operator_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace greenroom::clients
