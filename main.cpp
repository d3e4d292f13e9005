// greenroom: the node (`serve`), the command line's client half, and what explains the config.
#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "actors/serve.hpp"
#include "clients/command_line.hpp"
#include "clients/exit_code.hpp"
#include "runtime/config.hpp"

namespace {

using namespace greenroom;

bool report(const std::vector<runtime::config_problem>& problems) {
  for (const auto& each : problems) std::cerr << "greenroom: " << each.text() << '\n';
  return !problems.empty();
}

int check_config(const std::string& file) {
  runtime::config_sources sources;
  sources.file = file;
  if (report(runtime::load_config(sources).problems)) return static_cast<int>(serve_exit::bad_config);
  std::cout << file << ": ok\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Greenroom: rooms, sessions and presence over WebSockets, and nothing lost that was acknowledged.",
               "greenroom"};
  app.require_subcommand(1);
  app.set_version_flag("--version", GREENROOM_VERSION);
  app.footer(
      "First minute:\n  greenroom serve --dev                 # then open http://127.0.0.1:8080\n  greenroom sub lobby "
      "                  # in a second terminal\n"
      "  greenroom pub lobby say '\"hello\"'     # in a third");

  serve_options options;
  add_serve_options(*app.add_subcommand("serve", "Run a node"), options);
  std::function<int()> client;
  clients::add_commands(app, client);

  auto& config = *app.add_subcommand("config", "Explain and check the config");
  config.require_subcommand(1);
  auto& config_doc = *config.add_subcommand("doc", "Every key with its meaning, default and range, as Markdown");
  auto& config_default = *config.add_subcommand("default", "The defaults as a commented TOML file");
  bool config_dev = false;
  config_default.add_flag("--dev", config_dev, "What --dev starts from");
  auto& config_check = *config.add_subcommand("check", "Check a file: exit code 0, or 78 with every problem");
  std::string file;
  config_check.add_option("FILE", file)->required();
  auto& version = *app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(clients::exit_code::usage);
  }
  if (client) return client();
  if (config_doc.parsed()) std::cout << runtime::config_reference();
  if (config_default.parsed())
    std::cout << runtime::config_defaults(config_dev ? runtime::preset::dev : runtime::preset::closed);
  if (config_check.parsed()) return check_config(file);
  if (version.parsed()) std::cout << "greenroom " << GREENROOM_VERSION << '\n';
  return app.got_subcommand("serve") ? static_cast<int>(serve(options, GREENROOM_VERSION, {})) : 0;
}
