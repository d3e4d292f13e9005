#include "clients/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "clients/access_commands.hpp"
#include "clients/command_options.hpp"
#include "clients/commands.hpp"
#include "clients/operator_line.hpp"
#include "clients/token_command.hpp"

namespace greenroom::clients {
namespace {

void add_target(CLI::App& app, target& node) {
  app.add_option("--url", node.url, "The node, as ws://host:port/ws")
      ->type_name("URL")
      ->envname("GREENROOM_URL")
      ->capture_default_str();
  app.add_option("--token", node.token, "Who you are, as the node's tokens say it")
      ->type_name("TOKEN")
      ->envname("GREENROOM_TOKEN");
  app.add_flag_callback(
      "--msgpack", [&node] { node.format = codecs::format::msgpack; }, "Talk MessagePack to the node instead of JSON");
  add_timeout(app, node.timeout);
}

void add_user(CLI::App& app, target& node) {
  app.add_option("--user", node.user, "The name you give yourself, where the node runs with --dev")->type_name("NAME");
}

void add_payload(CLI::App& app, std::string& payload, payload_kind& kind) {
  app.add_option("PAYLOAD", payload, "JSON; - reads standard input, @FILE a file")->type_name("")->required();
  app.add_flag_callback(
      "--text", [&kind] { kind = payload_kind::text; }, "PAYLOAD is plain text and is sent as a JSON string");
}

void add_pub(CLI::App& app, chosen_command& chosen) {
  auto& command = *app.add_subcommand("pub", "Publish a message to a room");
  const auto options = std::make_shared<pub_options>();
  command.add_option("ROOM", options->room, "The room, as lobby or durable:orders")->type_name("")->required();
  command.add_option("EVENT", options->event, "What kind of message it is, as chat")->type_name("")->required();
  add_payload(command, options->payload, options->kind);
  command.add_option("--id", options->id, "Your id of the message: publishing it again changes nothing")
      ->type_name("ID");
  command.add_flag("--durable", options->durable, "Insist that it is stored before it is acknowledged");
  command.add_flag_callback(
      "--no-echo", [options] { options->echo = false; }, "Not to your own session");
  add_target(command, options->node);
  add_user(command, options->node);
  add_output(command, options->as);
  teach(command,
        "Examples:\n"
        "  greenroom pub lobby chat '{\"text\":\"hello\"}'\n"
        "  greenroom pub lobby chat --text 'hello there'\n"
        "  date | greenroom pub lobby tick --text -\n"
        "  greenroom pub durable:orders placed @order.json --id order-4711");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) { return pub(what, to); });
}

void add_sub(CLI::App& app, chosen_command& chosen) {
  auto& command = *app.add_subcommand("sub", "Join rooms and print their messages as they come");
  const auto options = std::make_shared<sub_options>();
  command.add_option("ROOM", options->rooms, "One room or more")->type_name("")->required();
  command.add_option("--count", options->count, "End after so many messages")
      ->type_name("N")
      ->check(CLI::Validator{CLI::PositiveNumber}.description(""));
  add_target(command, options->node);
  add_user(command, options->node);
  add_output(command, options->as);
  teach(command,
        "Messages go to standard output, everything else to standard error. Ctrl-C ends it with exit code 0.\n\n"
        "Examples:\n"
        "  greenroom sub lobby\n"
        "  greenroom sub lobby durable:orders --json | jq .payload\n"
        "  greenroom sub lobby --count 1");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) { return sub(what, to); });
}

void add_send(CLI::App& app, chosen_command& chosen) {
  auto& command =
      *app.add_subcommand("send", "Send a message to a user's inbox; it waits there until it is acknowledged");
  const auto options = std::make_shared<send_options>();
  command.add_option("USER", options->to_user, "Who gets it, connected or not")->type_name("")->required();
  command.add_option("EVENT", options->event, "What kind of message it is")->type_name("")->required();
  add_payload(command, options->payload, options->kind);
  command.add_option("--id", options->id, "Your id of the message: sending it again changes nothing")->type_name("ID");
  command.add_option("--ttl", options->ttl_s, "How long it may wait to be delivered [7 days]")
      ->type_name("SECONDS")
      ->check(CLI::Validator{CLI::PositiveNumber}.description(""));
  add_target(command, options->node);
  add_user(command, options->node);
  add_output(command, options->as);
  teach(command, "Example:\n  greenroom send bob alarm '{\"at\":\"noon\"}' --ttl 3600");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) { return send(what, to); });
}

void add_inbox(CLI::App& app, chosen_command& chosen) {
  auto& command = *app.add_subcommand("inbox", "Print the messages that wait for a user");
  const auto options = std::make_shared<inbox_options>();
  command.add_option("USER", options->node.user, "Whose inbox; with --token its subject")->type_name("")->required();
  command.add_flag_callback(
      "--ack", [options] { options->ack = inbox_ack::printed; }, "Acknowledge what was printed: it is gone then");
  command.add_flag("--follow", options->follow, "Stay and print what comes");
  add_target(command, options->node);
  add_output(command, options->as);
  teach(command, "Examples:\n  greenroom inbox bob\n  greenroom inbox bob --ack --follow --json");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) { return inbox(what, to); });
}

void add_call(CLI::App& app, chosen_command& chosen) {
  auto& command = *app.add_subcommand("call", "Call any method and print its result as JSON");
  const auto options = std::make_shared<call_options>();
  command.add_option("METHOD", options->method, "As room.history; rpc.discover lists them all")
      ->type_name("")
      ->required();
  command.add_option("PARAMS", options->params, "A JSON object; - reads standard input, @FILE a file [{}]")
      ->type_name("");
  add_target(command, options->node);
  add_user(command, options->node);
  teach(command,
        "Examples:\n"
        "  greenroom call rpc.discover | jq -r '.methods[].name'\n"
        "  greenroom call room.history '{\"room\":\"lobby\",\"limit\":10}'");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) { return call(what, to); });
}

void add_announce(CLI::App& app, chosen_command& chosen) {
  struct announcement {
    local_target where;
    std::string text;
  };
  auto& command = *app.add_subcommand("announce", "Tell all sessions of the node on this machine something");
  const auto options = std::make_shared<announcement>();
  command.add_option("TEXT", options->text, "Clients get it as session.notice, code announcement")
      ->type_name("")
      ->required();
  add_local(command, options->where);
  teach(command, "Example:\n  greenroom announce 'We restart at 22:00.' --data /var/lib/greenroom");
  run_when_chosen(command, options, chosen,
                  [](const auto& what, terminal& to) { return announce(what.where, what.text, to); });
}

void add_status(CLI::App& app, chosen_command& chosen) {
  auto& command = *app.add_subcommand("status", "Print the supervisor tree of the node on this machine");
  const auto options = std::make_shared<local_target>();
  add_local(command, *options);
  teach(command, "Example:\n  greenroom status --data /var/lib/greenroom");
  run_when_chosen(command, options, chosen, [](const auto& where, terminal& to) { return status(where, to); });
}

void add_plugin(CLI::App& app, chosen_command& chosen) {
  struct reloading {
    local_target where;
    std::string plugin;
  };
  auto& command = *app.add_subcommand("plugin", "List and reload the plugins of the node on this machine");
  command.require_subcommand(1);
  auto& list = *command.add_subcommand("list", "Print each plugin with its version and what it adds");
  const auto where = std::make_shared<local_target>();
  add_local(list, *where);
  run_when_chosen(list, where, chosen, [](const auto& from, terminal& to) { return plugin_list(from, to); });

  auto& reload =
      *command.add_subcommand("reload", "Put the build that its file holds now in the place of the running one");
  const auto options = std::make_shared<reloading>();
  options->where.timeout = limits::reload_timeout;
  reload.add_option("NAME", options->plugin, "The plugin's own name, as `plugin list` prints it")
      ->type_name("")
      ->required();
  add_local(reload, options->where);
  teach(reload,
        "Every room and service first restores its state in the new build on trial; where one cannot, everything stays "
        "as it was.\nNo connection notices.\n\nExample:\n  greenroom plugin reload counter");
  run_when_chosen(reload, options, chosen,
                  [](const auto& what, terminal& to) { return plugin_reload(what.where, what.plugin, to); });
}

}  // namespace

void add_commands(CLI::App& app, std::function<int()>& chosen) {
  add_pub(app, chosen);
  add_sub(app, chosen);
  add_send(app, chosen);
  add_inbox(app, chosen);
  add_call(app, chosen);
  add_announce(app, chosen);
  add_status(app, chosen);
  add_plugin(app, chosen);
  add_token_command(app, chosen);
  add_operator_commands(app, chosen);
  add_access_commands(app, chosen);
}

}  // namespace greenroom::clients
