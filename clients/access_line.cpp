#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <map>
#include <memory>

#include "clients/access_commands.hpp"
#include "clients/command_options.hpp"

namespace greenroom::clients {
namespace {

void add_time(CLI::App& app, const std::string& name, const std::string& help, std::chrono::seconds& into) {
  constexpr std::int64_t minute = 60, hour = 60 * minute, day = 24 * hour, longest = 3'650 * day;
  app.add_option_function<std::int64_t>(
         name, [&into](std::int64_t s) { into = std::chrono::seconds{s}; }, help)
      ->type_name("TIME")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, std::int64_t>{{"s", 1}, {"m", minute}, {"h", hour}, {"d", day}})
              .description(""))
      ->check(CLI::Range(std::int64_t{1}, longest).description(""));
}

void add_key(CLI::App& app, chosen_command& chosen) {
  auto& key = *app.add_subcommand("key", "Look after the API keys of the node on this machine");
  key.require_subcommand(1);

  auto& add = *key.add_subcommand("add", "Make an API key and print it, this once");
  auto options = std::make_shared<key_options>();
  add.add_option("--user", options->user, "Whom it acts as")->type_name("USER")->required();
  add.add_option("--scope", options->scopes, "A scope that it has, as `worker`; may be repeated")
      ->type_name("SCOPE")
      ->allow_extra_args(false);
  add.add_option("--grant", options->grants, "What it may beside what the namespaces allow; may be repeated")
      ->type_name("GRANT")
      ->allow_extra_args(false);
  add_time(add, "--expires", "How long it holds: seconds, or as 8h, 90d [for ever]", options->lasts);
  add.add_option("--note", options->note, "What it is for")->type_name("TEXT");
  add_local(add, options->where);
  teach(add,
        "The node keeps a hash of it only: what is lost cannot be shown again. With the scope worker its holder may\n"
        "answer methods where access.workers is \"authenticated\".\n\nExamples:\n"
        "  greenroom key add --user billing --scope worker --expires 90d --note 'the invoices'\n"
        "  greenroom key add --user bot --grant 'rooms=chat:* actions=join,publish methods=market.* users=*'");
  run_when_chosen(add, options, chosen, [](const auto& what, terminal& to) { return key_add(what, to); });

  auto& list = *key.add_subcommand("list", "Print the API keys, without their secrets");
  options = std::make_shared<key_options>();
  add_local(list, options->where);
  teach(list,
        "When a key was last used is written once a minute.\n\nExample:\n"
        "  greenroom key list --json | jq -r 'select(.used_ms == 0).id'");
  run_when_chosen(list, options, chosen, [](const auto& what, terminal& to) { return key_list(what, to); });

  auto& revoke = *key.add_subcommand("revoke", "Erase an API key and close whoever came with it");
  options = std::make_shared<key_options>();
  revoke.add_option("ID", options->id, "As `key list` prints it")->type_name("")->required();
  add_local(revoke, options->where);
  teach(revoke,
        "It is on disk when the command ends, and cannot be undone.\n\nExample:\n"
        "  greenroom key revoke 0123456789ab");
  run_when_chosen(revoke, options, chosen, [](const auto& what, terminal& to) { return key_revoke(what, to); });
}

struct revoked_kind {
  std::string kind, argument, help, name_help, teaching;
};

void add_revoke_one(CLI::App& revoke, chosen_command& chosen, const revoked_kind& of) {
  auto& one = *revoke.add_subcommand(of.kind, of.help);
  const auto options = std::make_shared<revoke_options>();
  options->kind = of.kind;
  one.add_option(of.argument, options->name, of.name_help)->type_name("")->required();
  add_time(one, "--for", "How long it holds: at least as long as tokens do [30d]", options->lasts);
  one.add_option("--note", options->note, "Why")->type_name("TEXT");
  add_local(one, options->where);
  teach(one, of.teaching);
  run_when_chosen(one, options, chosen, [](const auto& what, terminal& to) { return clients::revoke(what, to); });
}

void add_revoke(CLI::App& app, chosen_command& chosen) {
  auto& revoke = *app.add_subcommand("revoke", "Take back what was given to a user, a session or a token");
  revoke.require_subcommand(1);
  add_revoke_one(
      revoke, chosen,
      {"user", "USER", "End a user's sessions; its tokens and API keys of until now count no more", "Whose",
       "Tokens that are issued after it, by a clock like the node's, count. Its API keys stay refused for as\n"
       "long as they are there.\n\nExample:\n  greenroom revoke user ann --note 'laptop stolen'"});
  add_revoke_one(revoke, chosen,
                 {"session", "SESSION", "End a session; nobody can resume it", "Its id, as room.members shows it",
                  "Its user may open another one.\n\nExample:\n  greenroom revoke session x7cVb1KqT0aYwE2"});
  add_revoke_one(revoke, chosen,
                 {"token", "JTI", "Refuse a token, and end the sessions that came with it", "The `jti` of its claims",
                  "Example:\n  greenroom revoke token 5f1c --for 8h"});

  auto& list = *revoke.add_subcommand("list", "Print what is revoked");
  auto options = std::make_shared<revoke_options>();
  add_local(list, options->where);
  teach(list, "Example:\n  greenroom revoke list --json | jq -r 'select(.kind == \"user\").name'");
  run_when_chosen(list, options, chosen, [](const auto& what, terminal& to) { return revoke_list(what, to); });

  auto& undo = *revoke.add_subcommand("undo", "Let in again whom a revocation keeps out");
  options = std::make_shared<revoke_options>();
  undo.add_option("KIND", options->kind, "user, session or token")
      ->type_name("")
      ->check(CLI::IsMember({"user", "session", "token"}).description(""))
      ->required();
  undo.add_option("NAME", options->name, "As `revoke list` prints it")->type_name("")->required();
  add_local(undo, options->where);
  teach(undo, "Sessions that have ended stay so.\n\nExample:\n  greenroom revoke undo user ann");
  run_when_chosen(undo, options, chosen, [](const auto& what, terminal& to) { return revoke_undo(what, to); });
}

}  // namespace

void add_access_commands(CLI::App& app, chosen_command& chosen) {
  add_key(app, chosen);
  add_revoke(app, chosen);
}

}  // namespace greenroom::clients
