#include "clients/command_options.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "clients/exit_code.hpp"

namespace greenroom::clients {
namespace {

constexpr double timeout_s_max = 86'400;

}  // namespace

void teach(CLI::App& app, const std::string& text) { app.footer(text + "\n\n" + exit_codes_help()); }

void add_timeout(CLI::App& app, std::chrono::milliseconds& timeout) {
  app.add_option_function<double>(
         "--timeout", [&timeout](double s) { timeout = std::chrono::milliseconds{static_cast<long>(s * 1'000)}; },
         "For connecting and for each answer [" + std::to_string(timeout / std::chrono::seconds{1}) + "]")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, timeout_s_max).description(""));
}

void add_output(CLI::App& app, output& as) {
  app.add_flag_callback(
      "--json", [&as] { as = output::json; }, "Print JSON, one document a line");
}

void add_local(CLI::App& app, local_target& where) {
  app.add_option("--data", where.data_dir, "The running node's data directory")
      ->type_name("DIR")
      ->envname("GREENROOM_NODE_DATA_DIR")
      ->capture_default_str();
  add_timeout(app, where.timeout);
  add_output(app, where.as);
}

}  // namespace greenroom::clients
