#include "clients/operator_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "clients/command_options.hpp"
#include "clients/operator_commands.hpp"
#include "clients/secret_commands.hpp"

namespace greenroom::clients {
namespace {

CLI::Option* add_paging(CLI::App& app, paging& page, const std::string& key) {
  auto* after = app.add_option("--after", page.after, "Begin behind this one, as the list names it")->type_name(key);
  auto* limit = app.add_option("--limit", page.limit, "So many at most")
                    ->type_name("N")
                    ->capture_default_str()
                    ->check(CLI::Validator{CLI::PositiveNumber}.description(""));
  app.add_flag("--all", page.all, "Everything")->excludes(limit);
  return after;
}

CLI::Validator natural() { return CLI::Validator{CLI::TypeValidator<std::uint64_t>{""}}.description(""); }

void add_yes(CLI::App& app, bool& yes) { app.add_flag("--yes", yes, "Do not ask first"); }

void add_user_argument(CLI::App& app, std::string& user) {
  app.add_option("USER", user, "Whose inbox")->type_name("")->required();
}

void add_queue(CLI::App& app, chosen_command& chosen) {
  auto& queue = *app.add_subcommand("queue", "Look after the inboxes of the node on this machine");
  queue.require_subcommand(1);

  auto& list = *queue.add_subcommand("list", "Print the users for whom messages wait");
  auto options = std::make_shared<queue_options>();
  add_paging(list, options->page, "USER");
  add_local(list, options->where);
  teach(list, "Example:\n  greenroom queue list --json --all | jq -r 'select(.sessions == 0).user'");
  run_when_chosen(list, options, chosen, [](const auto& what, terminal& to) { return queue_list(what, to); });

  auto& show = *queue.add_subcommand("show", "Print the messages that wait for a user, oldest first");
  options = std::make_shared<queue_options>();
  add_user_argument(show, options->user);
  add_paging(show, options->page, "N")->check(natural());
  add_local(show, options->where);
  teach(show,
        "Nothing is delivered or acknowledged by it.\n\nExample:\n  greenroom queue show bob --json | jq .payload");
  run_when_chosen(show, options, chosen, [](const auto& what, terminal& to) { return queue_show(what, to); });

  auto& replay = *queue.add_subcommand("replay", "Send a user's sessions once more what they have not acknowledged");
  options = std::make_shared<queue_options>();
  add_user_argument(replay, options->user);
  add_local(replay, options->where);
  teach(replay, "Clients of ours drop what they have seen.\n\nExample:\n  greenroom queue replay bob");
  run_when_chosen(replay, options, chosen, [](const auto& what, terminal& to) { return queue_replay(what, to); });

  auto& purge = *queue.add_subcommand("purge", "Drop everything that waits for a user");
  options = std::make_shared<queue_options>();
  add_user_argument(purge, options->user);
  add_yes(purge, options->yes);
  add_local(purge, options->where);
  teach(purge,
        "Nobody gets these messages any more; they are counted as purged.\n\nExample:\n  greenroom queue purge bob "
        "--yes");
  run_when_chosen(purge, options, chosen, [](const auto& what, terminal& to) { return queue_purge(what, to); });
}

void add_dead(CLI::App& app, chosen_command& chosen) {
  auto& dead = *app.add_subcommand(
      "dead", "Look after the dead letters: messages that expired, could not be delivered, or crashed their room");
  dead.require_subcommand(1);

  auto& list = *dead.add_subcommand("list", "Print the dead letters, oldest first");
  auto options = std::make_shared<dead_options>();
  auto* of_user = list.add_option("--user", options->user, "Only those of this user")->type_name("USER");
  list.add_option("--room", options->room, "Only those of this room")->type_name("ROOM")->excludes(of_user);
  add_paging(list, options->page, "LETTER")->check(natural());
  add_local(list, options->where);
  teach(list, "Examples:\n  greenroom dead list --user bob\n  greenroom dead list --room chess:12");
  run_when_chosen(list, options, chosen, [](const auto& what, terminal& to) { return dead_list(what, to); });

  auto& replay =
      *dead.add_subcommand("replay", "Put dead letters back into their inboxes, with a new life, or publish them");
  options = std::make_shared<dead_options>();
  auto* which = replay.add_option_group("Which of them")->require_option(1);
  which->add_option("LETTER", options->letters, "Their numbers, as `dead list` prints them")->type_name("");
  which->add_option("--user", options->user, "All of this user's")->type_name("USER");
  which->add_option("--room", options->room, "All of this room's")->type_name("ROOM");
  which->add_flag("--all", options->all, "All of all users and rooms");
  add_local(replay, options->where);
  teach(
      replay,
      "They go to the end of their inbox, and at once to sessions that are there. A letter whose inbox is full stays\n"
      "where it is: exit code 75. A room's letter is published in its room, as from its sender, and leaves once it is\n"
      "stored; one that crashes the room again stays (75), and so does one that the room refuses (65).\n\nExamples:\n"
      "  greenroom dead replay 17 18\n  greenroom dead replay --user bob\n  greenroom dead replay --room chess:12");
  run_when_chosen(replay, options, chosen, [](const auto& what, terminal& to) { return dead_replay(what, to); });

  auto& purge = *dead.add_subcommand("purge", "Drop dead letters");
  options = std::make_shared<dead_options>();
  which = purge.add_option_group("Which of them")->require_option(1, 2);
  auto* user = which->add_option("--user", options->user, "Those of this user")->type_name("USER");
  auto* room = which->add_option("--room", options->room, "Those of this room")->type_name("ROOM")->excludes(user);
  auto* upto = which->add_option("--upto", options->upto, "Up to this one and with it")->type_name("LETTER");
  which->add_flag("--all", options->all, "All of all users and rooms")->excludes(user)->excludes(room)->excludes(upto);
  add_yes(purge, options->yes);
  add_local(purge, options->where);
  teach(purge, "Examples:\n  greenroom dead purge --user bob --upto 17\n  greenroom dead purge --all --yes");
  run_when_chosen(purge, options, chosen, [](const auto& what, terminal& to) { return dead_purge(what, to); });
}

void add_backup(CLI::App& app, chosen_command& chosen) {
  auto& command = *app.add_subcommand("backup", "Copy the database of the node on this machine while it runs");
  const auto options = std::make_shared<backup_options>();
  options->where.timeout = limits::backup_timeout;
  command.add_option("FILE", options->file, "The copy, written by the node")->type_name("")->required();
  command.add_flag("--force", options->force, "Put it in the place of a file that is there");
  add_local(command, options->where);
  teach(command,
        "It holds everything that was acknowledged before it began, and is on disk when the command ends.\n"
        "`greenroom restore` begins with it.\n\nExample:\n  greenroom backup /var/backups/greenroom-$(date +%F).db");
  run_when_chosen(command, options, chosen, [](const auto& what, terminal& to) { return backup(what, to); });
}

}  // namespace

void add_operator_commands(CLI::App& app, chosen_command& chosen) {
  add_queue(app, chosen);
  add_dead(app, chosen);
  add_backup(app, chosen);
  add_secret_commands(app, chosen);
}

}  // namespace greenroom::clients
