// greenroom: the node (`serve`), the command line's client half, and what explains the config.
#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "actors/audit_command.hpp"
#include "actors/doctor.hpp"
#include "actors/restore.hpp"
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

void add_config_and_data(CLI::App& command, serve_options& node) {
  command.add_flag("--dev", node.dev, "The node runs with --dev");
  command.add_option("--config", node.config, "The node's config file")->type_name("FILE");
  command.add_option("--data", node.data, "Its data directory, where the config does not say it")->type_name("DIR");
  command.add_option("--set", node.set, "Any other key of the config, as `serve` takes it")->type_name("KEY=VALUE");
}

CLI::App& add_restore(CLI::App& app, restore_options& what) {
  auto& command = *app.add_subcommand("restore", "Begin a data directory with a backup, while no node runs in it");
  command.add_option("FILE", what.backup, "What `greenroom backup` has made")->type_name("")->required();
  add_config_and_data(command, what.node);
  command.add_flag("--accept-damage", what.accept_damage,
                   "Also where rows of the backup are damaged: those are left out");
  command.add_flag("--json", what.json, "Print JSON");
  command.footer(
      "Checks the whole backup first. Rooms begin new epochs, inboxes go on with numbers 1,000,000 higher, and resume\n"
      "tokens are void, so that no client takes what it saw after the backup for what comes now.\n\n"
      "Exit codes: 0 restored, 65 the backup is damaged or there is a database, 66 no such file, 69 a node runs\n"
      "there, 78 bad config.\n\nExample:\n  greenroom restore /var/backups/greenroom-2026-11-20.db --data "
      "/var/lib/greenroom");
  return command;
}

CLI::App& add_doctor(CLI::App& app, serve_options& node, bool& json) {
  auto& command =
      *app.add_subcommand("doctor", "Look at config, ports, descriptors, disk, database and clock of a node");
  add_config_and_data(command, node);
  command.add_option("--listen", node.listen, "Its addresses, where the config does not say them")
      ->type_name("ADDR:PORT");
  command.add_flag("--json", json, "Print JSON, one document a line");
  command.footer(
      "Before a node starts or while it runs; it changes nothing. Reads the whole database.\n\n"
      "Exit codes: 0 no problems (there may be warnings), 1 problems.\n\nExample:\n  greenroom doctor --config "
      "/etc/greenroom.toml");
  return command;
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
  restore_options restoring;
  const auto& restore_command = add_restore(app, restoring);
  serve_options examined;
  bool doctor_json = false;
  const auto& doctor_command = add_doctor(app, examined, doctor_json);
  audit_command audited;
  add_audit_command(app, audited);
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
  if (restore_command.parsed()) return static_cast<int>(restore(restoring, std::cout, std::cerr));
  if (doctor_command.parsed()) return doctor(examined, doctor_json ? report_as::json : report_as::text, std::cout);
  if (audited.chosen != audit_command::what::none) return static_cast<int>(run_audit(audited, std::cout, std::cerr));
  if (version.parsed()) std::cout << "greenroom " << GREENROOM_VERSION << '\n';
  return app.got_subcommand("serve") ? static_cast<int>(serve(options, GREENROOM_VERSION, {})) : 0;
}
