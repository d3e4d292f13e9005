#pragma once
#include <CLI/App.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

#include "clients/commands.hpp"
#include "clients/terminal.hpp"

/// What the client commands' options have in common, for the files that define them.
namespace greenroom::clients {

using chosen_command = std::function<int()>;

/// What stands below the options: examples, and how the command ends.
void teach(CLI::App& app, const std::string& text);

void add_timeout(CLI::App& app, std::chrono::milliseconds& timeout);
void add_output(CLI::App& app, output& as);
void add_local(CLI::App& app, local_target& where);

/// Makes `command` with its options what runs when app.parse() met this subcommand.
template <class Options, class Command>
void run_when_chosen(CLI::App& app, std::shared_ptr<Options> options, chosen_command& chosen, Command command) {
  app.callback([options, command, &chosen] {
    chosen = [options, command] {
      std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is then an error of write, which terminal::line sees
      terminal to{std::cout, std::cerr};
      return static_cast<int>(run_command(to, [&] { return command(*options, to); }));
    };
  });
}

}  // namespace greenroom::clients
