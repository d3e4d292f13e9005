// greenroom: the node (`serve`), the command line's client half, and what explains the config.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "actors/engine.hpp"
#include "clients/command_line.hpp"
#include "clients/exit_code.hpp"
#include "runtime/config.hpp"
#include "runtime/log.hpp"

namespace {

using namespace greenroom;

constexpr int exit_gave_up =
    70;  ///< EX_SOFTWARE: the root supervisor gave up; the service manager should restart the node
constexpr int exit_bad_config = 78;  ///< EX_CONFIG
constexpr int exit_no_start = 69;    ///< EX_UNAVAILABLE: a port or the data directory is taken

struct serve_options {
  bool dev = false;
  std::string config, data;
  std::vector<std::string> listen, set;
  std::uint32_t shards = 0;
};

std::vector<std::pair<std::string, std::string>> overrides_of(const serve_options& from,
                                                              std::vector<runtime::config_problem>& problems) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& each : from.set) {
    auto equals = each.find('=');
    if (equals == std::string::npos)
      problems.push_back({"--set", each, "expected section.key=value"});
    else
      all.emplace_back(each.substr(0, equals), each.substr(equals + 1));
  }
  std::string listen;
  for (const auto& each : from.listen) listen += (listen.empty() ? "" : ",") + each;
  if (!listen.empty()) all.emplace_back("gateway.listen", listen);
  if (!from.data.empty()) all.emplace_back("node.data_dir", from.data);
  if (from.shards != 0) all.emplace_back("node.shards", std::to_string(from.shards));
  return all;
}

bool report(const std::vector<runtime::config_problem>& problems) {
  for (const auto& each : problems) std::cerr << "greenroom: " << each.text() << '\n';
  return !problems.empty();
}

/// SIGTERM and SIGINT ask the node to stop, a second one ends the process at once: whatever was acknowledged is where
/// it was acknowledged to be.
class stop_signals {
 public:
  explicit stop_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // inherited by every thread that starts later
    signal(SIGPIPE, SIG_IGN);
  }
  void on_stop(std::function<void()> stop) {
    std::thread{[set = set_, stop = std::move(stop)] {
      int which = 0;
      sigwait(&set, &which);
      stop();
      sigwait(&set, &which);
      _exit(0);
    }}.detach();
  }

 private:
  sigset_t set_;
};

int serve(const serve_options& options) {
  runtime::config_sources sources;
  sources.base = options.dev ? runtime::preset::dev : runtime::preset::closed;
  if (!options.config.empty()) sources.file = options.config;
  sources.environment = runtime::environment_of(environ);
  std::vector<runtime::config_problem> problems;
  sources.overrides = overrides_of(options, problems);
  auto loaded = runtime::load_config(sources);
  loaded.problems.insert(loaded.problems.begin(), problems.begin(), problems.end());
  if (report(loaded.problems)) return exit_bad_config;

  stop_signals signals;
  try {
    runtime::log::scoped log{loaded.value.log};
    if (options.dev)
      runtime::log::warn(
          "--dev: anonymous callers on loopback may do everything, and there are no rate limits. Never run this where "
          "others can connect.");
    engine node{loaded.value, GREENROOM_VERSION};
    signals.on_stop([&node] { node.request_stop(); });
    std::string addresses;
    for (const auto& each : node.addresses()) addresses += " http://" + each;
    if (node.accepts()) std::cout << "ready" << addresses << std::endl;
    const auto how = node.wait();
    node.stop();
    return how == engine::outcome::gave_up ? exit_gave_up : 0;
  } catch (const std::exception& e) {
    std::cerr << "greenroom: " << e.what() << '\n';
    return exit_no_start;
  }
}

void add_serve(CLI::App& app, serve_options& options) {
  auto& command = *app.add_subcommand("serve", "Run a node");
  command.add_flag("--dev", options.dev, "For development: anonymous callers on loopback may do everything");
  command.add_option("--config", options.config, "A TOML file; `greenroom config doc` explains every key")
      ->type_name("FILE");
  command
      .add_option("--listen", options.listen,
                  "Address to listen on, as 127.0.0.1:8080 or [::1]:8080; may be repeated; port 0: any free one")
      ->type_name("ADDR:PORT");
  command.add_option("--data", options.data, "The data directory, which no other node may use")->type_name("DIR");
  command.add_option("--shards", options.shards, "Threads that run connections and actors; default: the cores")
      ->type_name("N");
  command.add_option("--set", options.set, "Any other key: section.key=value; may be repeated")->type_name("KEY=VALUE");
  command.footer(
      "Prints one line `ready` with its addresses once it accepts.\n"
      "Exit codes: 0 stopped by SIGTERM or Ctrl-C, 69 the port or data directory is taken, 70 supervision gave up, 78 "
      "bad config.\n\n"
      "  greenroom serve --dev\n  greenroom serve --config /etc/greenroom.toml");
}

int check_config(const std::string& file) {
  runtime::config_sources sources;
  sources.file = file;
  if (report(runtime::load_config(sources).problems)) return exit_bad_config;
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
  add_serve(app, options);
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
  return app.got_subcommand("serve") ? serve(options) : 0;
}
