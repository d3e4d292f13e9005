#include "actors/serve.hpp"

#include <signal.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <functional>
#include <string_view>
#include <thread>

#include "actors/engine.hpp"
#include "runtime/address.hpp"
#include "runtime/config.hpp"
#include "runtime/core_dump.hpp"
#include "runtime/descriptors.hpp"
#include "runtime/ip_network.hpp"
#include "runtime/log.hpp"

namespace greenroom {
namespace {

/// One whole line: there is nobody to tell where it cannot be written.
void say(int where, std::string line) {
  line += '\n';
  for (std::string_view left{line}; !left.empty();) {
    const auto done = ::write(where, left.data(), left.size());
    if (done <= 0) return;
    left.remove_prefix(static_cast<std::size_t>(done));
  }
}
void complain(const std::string& why) { say(STDERR_FILENO, "greenroom: " + why); }

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

class node_signals {
 public:
  explicit node_signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);  // inherited by every thread that starts later
    signal(SIGPIPE, SIG_IGN);
  }
  void listen(std::function<void()> stop, std::function<void()> reload) {
    std::thread{[set = set_, stop = std::move(stop), reload = std::move(reload)] {
      const auto next = [&] {
        int which = 0;
        sigwait(&set, &which);
        return which;
      };
      while (next() == SIGHUP) reload();
      stop();
      while (next() == SIGHUP) continue;
      _exit(0);
    }}.detach();
  }

 private:
  sigset_t set_;
};

/// Those that are not of this machine alone.
std::vector<std::string> plain_addresses(const runtime::config& from) {
  std::vector<std::string> all;
  for (const auto& text : from.gateway.listen) {
    const auto address = runtime::listen_address::parse(text);
    const auto host = address ? runtime::ip_address::parse(address->host) : std::nullopt;
    if (host && !address->tls && !host->is_loopback()) all.push_back(address->text());
  }
  return all;
}

}  // namespace

runtime::config_result load(const serve_options& options) {
  runtime::config_sources sources;
  sources.base = options.dev ? runtime::preset::dev : runtime::preset::closed;
  if (!options.config.empty()) sources.file = options.config;
  sources.environment = runtime::environment_of(environ);
  std::vector<runtime::config_problem> problems;
  sources.overrides = overrides_of(options, problems);
  auto loaded = runtime::load_config(sources);
  loaded.problems.insert(loaded.problems.begin(), problems.begin(), problems.end());
  return loaded;
}

void add_serve_options(CLI::App& command, serve_options& options) {
  command.add_flag("--dev", options.dev, "For development: anonymous callers on loopback may do everything");
  command.add_option("--config", options.config, "A TOML file; `greenroom config doc` explains every key")
      ->type_name("FILE");
  command
      .add_option(
          "--listen", options.listen,
          "Address to listen on, as 127.0.0.1:8080, [::1]:8080 or tls://0.0.0.0:8443; may be repeated; port 0: any "
          "free one")
      ->type_name("ADDR:PORT");
  command.add_option("--data", options.data, "The data directory, which no other node may use")->type_name("DIR");
  command.add_option("--shards", options.shards, "Threads that run connections and actors; default: the cores")
      ->type_name("N");
  command.add_flag("--core-dumps", options.core_dumps,
                   "Write core dumps as the system does: with the node's memory, and so with keys and tokens");
  command.add_option("--set", options.set, "Any other key: section.key=value; may be repeated")->type_name("KEY=VALUE");
  command.footer(
      "Prints one line `ready` with its addresses once it accepts.\n"
      "Exit codes: 0 stopped by SIGTERM or Ctrl-C, 69 the port or data directory is taken, 70 supervision gave up, 78 "
      "bad config.\n\n"
      "  greenroom serve --dev\n  greenroom serve --config /etc/greenroom.toml");
}

serve_exit serve(const serve_options& options, const std::string& version, extensions mine) {
  const auto loaded = load(options);
  for (const auto& each : loaded.problems) complain(each.text());
  if (!loaded.problems.empty()) return serve_exit::bad_config;
  runtime::raise_descriptor_limit();
  node_signals signals;
  try {
    runtime::log::scoped log{loaded.value.log};
    if (!options.core_dumps)
      if (const auto why = runtime::write_no_core_dumps())
        runtime::log::warn("a core dump may be written, and would hold secrets", {{"reason", why.message()}});
    if (options.dev)
      runtime::log::warn(
          "--dev: anonymous callers on loopback may do everything, and there are no rate limits. Never run this where "
          "others can connect.");
    if (loaded.value.gateway.proxies.empty())  // else it is them who speak TLS
      for (const auto& each : plain_addresses(loaded.value))
        runtime::log::warn("others can reach an address that speaks no TLS: tokens and messages pass in the clear",
                           {{"address", each}});
    engine node{loaded.value, version, std::move(mine)};
    signals.listen([&node] { node.request_stop(); }, [&node] { node.request_reload(); });
    std::string ready{"ready"};
    for (const auto& each : node.urls()) ready += ' ' + each;
    if (node.accepts()) say(STDOUT_FILENO, std::move(ready));
    const auto how = node.wait();
    node.stop();
    return how == engine::outcome::gave_up ? serve_exit::gave_up : serve_exit::stopped;
  } catch (const bad_config& e) {
    complain(e.what());
    return serve_exit::bad_config;
  } catch (const std::exception& e) {
    complain(e.what());
    return serve_exit::no_start;
  }
}

int run_program(int argc, char** argv, const std::string& version, extensions mine) {
  CLI::App app{"A Greenroom node with extensions of its own."};
  app.require_subcommand(1);
  app.set_version_flag("--version", version);
  serve_options options;
  add_serve_options(*app.add_subcommand("serve", "Run the node"), options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(serve_exit::usage);
  }
  return static_cast<int>(serve(options, version, std::move(mine)));
}

}  // namespace greenroom
