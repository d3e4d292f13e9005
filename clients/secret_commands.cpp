#include "clients/secret_commands.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <iterator>
#include <memory>
#include <thread>

#include "clients/admin.hpp"
#include "clients/json_text.hpp"
#include "clients/message_text.hpp"
#include "clients/payload_argument.hpp"
#include "codecs/base64.hpp"

namespace greenroom::clients {
namespace {

constexpr std::size_t key_bytes = 32, value_bytes_max = 32u << 10;
constexpr std::chrono::milliseconds between_looks{200};

std::string ask(const local_target& where, const object_text& request) {
  return ask_node_in(where.data_dir, request.str(), where.timeout);
}

object_text command(std::string_view name) {
  object_text request;
  request.text("command", name);
  return request;
}

/// What stands on standard input; the end of line that `echo` adds is not part of it.
std::string read_value() {
  std::string value;
  for (char c = 0; value.size() <= value_bytes_max + 1 && std::cin.get(c);) value += c;
  if (value.ends_with('\n')) value.pop_back();
  if (value.empty()) throw payload_failure{payload_failure::kind::unreadable, "standard input holds no secret"};
  if (value.size() > value_bytes_max)
    throw payload_failure{payload_failure::kind::too_large,
                          "a secret has " + std::to_string(value_bytes_max) + " bytes at most"};
  return value;
}

std::string progress_text(const object_members& now) {
  auto text = now.raw("done").empty() ? std::string{} : std::string{now.raw("done")};
  text += " data keys wrapped anew, " + std::string{now.raw("left")} + " left";
  if (now.raw("locked") != "0" && !now.raw("locked").empty())
    text += ", of which " + std::string{now.raw("locked")} + " do not open: their key is not in secrets.keys";
  return text;
}

}  // namespace

exit_code secret_put(const secret_options& what, terminal& to) {
  std::string encoded;
  codecs::append_base64(encoded, read_value());
  const auto answer = ask(what.where, command("secret_put").text("name", what.name).text("value", encoded));
  to.line(what.where.as == output::json ? answer : printable("kept " + what.name));
  return exit_code::ok;
}

exit_code secret_list(const secret_options& what, terminal& to) {
  auto after = what.page.after;
  for (std::uint64_t left = what.page.all ? UINT64_MAX : what.page.limit; left > 0;) {
    auto request =
        command("secret_list").raw("limit", std::to_string(std::min<std::uint64_t>(left, limits::list_page)));
    if (!after.empty()) request.text("after", after);
    const auto answer = ask(what.where, request);
    const object_members reply{answer};
    const auto entries = array_elements(reply.raw("secrets"));
    for (const auto& each : entries) {
      const object_members one{each};
      to.line(what.where.as == output::json
                  ? each
                  : printable(one.text("name") + " " + one.text("bytes") + " bytes, under the key " + one.text("key")));
    }
    left -= std::min<std::uint64_t>(left, entries.size());
    after = reply.text("next");
    if (after.empty()) return exit_code::ok;
  }
  to.note(printable("more follow: --after " + after + ", or --all"));
  return exit_code::ok;
}

exit_code secret_erase(const secret_options& what, terminal& to) {
  const auto answer = ask(what.where, command("secret_erase").text("name", what.name));
  to.line(what.where.as == output::json ? answer : printable("erased " + what.name));
  return exit_code::ok;
}

exit_code secret_rotate(const secret_options& what, terminal& to) {
  auto answer = ask(what.where, command("secret_rotate"));
  while (object_members{answer}.raw("running") == "true") {
    std::this_thread::sleep_for(between_looks);
    answer = ask(what.where, command("secret_progress"));
  }
  const object_members now{answer};
  to.line(what.where.as == output::json ? answer : printable(progress_text(now)));
  if (!now.text("why").empty()) {
    to.note(printable(now.text("why") + ": begin again later, it goes on where it was"));
    return exit_code::try_again;
  }
  return now.raw("locked") == "0" ? exit_code::ok : exit_code::config;
}

exit_code secret_status(const secret_options& what, terminal& to) {
  const auto answer = ask(what.where, command("secret_status"));
  if (what.where.as == output::json) {
    to.line(answer);
    return exit_code::ok;
  }
  const object_members reply{answer};
  const auto keys = array_elements(reply.raw("keys"));
  if (keys.empty()) to.line("secrets.keys names no key, and nothing is encrypted");
  for (const auto& each : keys) {
    const object_members key{each};
    const auto count = key.text("data_keys");
    auto line = key.text("id") + ": ";
    line += count == "0" ? "wraps nothing" : "wraps " + count + (count == "1" ? " data key" : " data keys");
    if (key.raw("here") != "true")
      line += "; MISSING in secrets.keys: what is under it is unavailable";
    else if (key.text("id") == reply.text("newest"))
      line += "; the newest, for what comes";
    else
      line += count == "0" ? "; may go from secrets.keys" : "; `greenroom secrets rotate` wraps them anew";
    to.line(printable(line));
  }
  if (reply.raw("running") == "true") to.line(printable("rotating: " + progress_text(reply)));
  if (reply.raw("locked_in_memory") == "false")
    to.note("the node could not lock the memory of its keys (RLIMIT_MEMLOCK): they may be swapped");
  return exit_code::ok;
}

exit_code new_secret_key(terminal& to) {
  std::string key(key_bytes, '\0');
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    to.note("the system gives no random bytes");
    return exit_code::internal;
  }
  std::string text;
  codecs::append_base64(text, key);
  to.line(text);
  return exit_code::ok;
}

void add_secret_commands(CLI::App& app, chosen_command& chosen) {
  auto& secrets = *app.add_subcommand("secrets", "Look after what the node keeps secret, and the keys that encrypt it");
  secrets.require_subcommand(1);
  const auto add = [&](const char* name, const char* about, const std::string& lesson, bool named, auto run) {
    auto& command = *secrets.add_subcommand(name, about);
    auto options = std::make_shared<secret_options>();
    if (named) command.add_option("NAME", options->name, "The secret's name")->type_name("")->required();
    add_local(command, options->where);
    teach(command, lesson);
    run_when_chosen(command, options, chosen, run);
    return std::pair{&command, options};
  };
  add("put", "Keep a secret, in the place of one of that name",
      "The value is what standard input holds, without one end of line. It is encrypted before it is stored, and no\n"
      "command prints it.\n\nExample:\n  openssl rand -base64 48 | greenroom secrets put tokens-2026",
      true, [](const auto& what, terminal& to) { return secret_put(what, to); });
  const auto [list, options] =
      add("list", "Print the names of the secrets", "Example:\n  greenroom secrets list --json", false,
          [](const auto& what, terminal& to) { return secret_list(what, to); });
  list->add_option("--after", options->page.after, "Begin behind this one")->type_name("NAME");
  list->add_flag("--all", options->page.all, "Everything");
  add("erase", "Drop a secret", "Example:\n  greenroom secrets erase tokens-2025", true,
      [](const auto& what, terminal& to) { return secret_erase(what, to); });
  add("rotate", "Wrap every data key anew under the newest key of secrets.keys",
      "Put the new key first into secrets.keys, restart the node, then rotate. The node goes on meanwhile, and an\n"
      "interrupted rotation goes on where it was. The old key may go when `secrets status` says that it wraps "
      "nothing;\n"
      "backups that were made before need it still.\n\n"
      "Exit codes: 0 done, 75 the store took nothing any more, 78 some data keys do not open.\n\n"
      "Example:\n  greenroom secrets rotate --data /var/lib/greenroom",
      false, [](const auto& what, terminal& to) { return secret_rotate(what, to); });
  add("status", "Print which keys encrypt how much", "Example:\n  greenroom secrets status", false,
      [](const auto& what, terminal& to) { return secret_status(what, to); });
  auto& fresh = *secrets.add_subcommand("new-key", "Print a fresh key for secrets.keys");
  teach(fresh, "Example:\n  (umask 077; greenroom secrets new-key > /etc/greenroom/kek-2026-11)");
  run_when_chosen(fresh, std::make_shared<secret_options>(), chosen,
                  [](const auto&, terminal& to) { return new_secret_key(to); });
}

}  // namespace greenroom::clients
