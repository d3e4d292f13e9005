#include "clients/operator_commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <span>

#include "clients/json_text.hpp"
#include "clients/message_text.hpp"
#include "clients/operator_list.hpp"

namespace greenroom::clients {
namespace {

enum class consent : std::uint8_t { given, refused, cannot_ask };

consent ask_first(const std::string& question, bool yes, terminal& to) {
  if (yes) return consent::given;
  if (::isatty(STDIN_FILENO) == 0) {
    to.note("there is no terminal to ask at: say --yes");
    return consent::cannot_ask;
  }
  std::cerr << printable(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return consent::given;
  to.note("nothing was dropped");
  return consent::refused;
}

exit_code exit_code_of(consent c) { return c == consent::cannot_ask ? exit_code::usage : exit_code::ok; }

std::string counted(std::string_view number, std::string_view one, std::string_view many) {
  return std::string{number} + " " + std::string{number == "1" ? one : many};
}

}  // namespace

exit_code queue_list(const queue_options& what, terminal& to) {
  return print_list(
      what.where, what.page, after_is::name, [] { return command("queue_list"); }, "inboxes", describe_inbox, to);
}

exit_code queue_show(const queue_options& what, terminal& to) {
  return print_list(
      what.where, what.page, after_is::number,
      [&] {
        auto request = command("queue_show");
        request.text("user", what.user);
        return request;
      },
      "messages", describe_waiting_message, to);
}

exit_code queue_replay(const queue_options& what, terminal& to) {
  const auto answer = ask(what.where, command("queue_replay").text("user", what.user));
  const object_members reply{answer};
  if (what.where.as == output::json)
    to.line(answer);
  else if (reply.raw("sessions") == "0")
    to.line(printable(what.user + " has no session here: what waits comes with the next one"));
  else
    to.line(printable("sent " + counted(reply.raw("messages"), "message", "messages") + " again to " +
                      counted(reply.raw("sessions"), "session", "sessions") + " of " + what.user));
  return exit_code::ok;
}

exit_code queue_purge(const queue_options& what, terminal& to) {
  if (!what.yes) {
    const object_members shown{ask(what.where, command("queue_show").text("user", what.user).raw("limit", "1"))};
    const auto asked = ask_first(
        "Drop what waits for " + what.user + ", " + counted(shown.raw("waiting"), "message", "messages") + "?",
        what.yes, to);
    if (asked != consent::given) return exit_code_of(asked);
  }
  const auto answer = ask(what.where, command("queue_purge").text("user", what.user));
  to.line(what.where.as == output::json
              ? answer
              : printable("dropped " + counted(object_members{answer}.raw("messages"), "message", "messages") + " of " +
                          what.user));
  return exit_code::ok;
}

namespace {

void name_owner(object_text& request, const dead_options& what) {
  if (!what.user.empty()) request.text("user", what.user);
  if (!what.room.empty()) request.text("room", what.room);
}

}  // namespace

exit_code dead_list(const dead_options& what, terminal& to) {
  return print_list(
      what.where, what.page, after_is::number,
      [&] {
        auto request = command("dead_list");
        name_owner(request, what);
        return request;
      },
      "letters", describe_dead_letter, to);
}

namespace {

/// What became of the letters of one request.
struct replayed {
  std::uint64_t count = 0, published = 0;  ///< published: those of rooms among them
  bool later = false;                      ///< some could not be queued or published now
  bool missing = false;                    ///< some are not there, or not wanted

  void take(const std::string& answer, output as, terminal& to) {
    const object_members reply{answer};
    count += std::stoull("0" + reply.text("replayed"));
    published += std::stoull("0" + reply.text("published"));
    if (as == output::json) to.line(answer);
    note(reply.raw("full"), "the inbox is full for", later, to);
    note(reply.raw("crashed"), "the room crashed again, and keeps", later, to);
    note(reply.raw("failed"), "nobody said that this was queued or published:", later, to);
    note(reply.raw("refused"), "the room does not take", missing, to);
    note(reply.raw("missing"), "there is no dead letter", missing, to);
  }

  std::string sentence() const {
    const auto some = [](std::uint64_t n) {
      return counted(std::to_string(n), "dead letter", "dead letters") + " again";
    };
    if (published == 0) return "queued " + some(count);
    return (count == published ? "" : "queued " + some(count - published) + ", ") + "published " + some(published);
  }

 private:
  static void note(std::string_view letters, std::string_view why, bool& any, terminal& to) {
    if (letters.size() <= std::string_view{"[]"}.size()) return;
    any = true;
    to.note(std::string{why} + " " + std::string{letters.substr(1, letters.size() - 2)});
  }
};

std::string list_of(std::span<const std::uint64_t> letters) {
  std::string text = "[";
  for (const auto each : letters) text += (text.size() == 1 ? "" : ",") + std::to_string(each);
  return text + "]";
}

}  // namespace

exit_code dead_replay(const dead_options& what, terminal& to) {
  replayed all;
  for (std::span<const std::uint64_t> left{what.letters}; !left.empty();) {
    const auto some = left.first(std::min<std::size_t>(left.size(), limits::list_page));
    all.take(ask(what.where, command("dead_replay").raw("letters", list_of(some))), what.where.as, to);
    left = left.subspan(some.size());
  }
  for (std::string after = "0"; what.letters.empty() && !after.empty();) {
    auto request = command("dead_replay").raw("after", after).raw("limit", std::to_string(limits::list_page));
    name_owner(request, what);
    const auto answer = ask(what.where, request);
    all.take(answer, what.where.as, to);
    after = object_members{answer}.text("next");
  }
  if (what.where.as == output::human) to.line(all.sentence());
  if (all.later) return exit_code::try_again;
  return all.missing ? exit_code::bad_data : exit_code::ok;
}

exit_code dead_purge(const dead_options& what, terminal& to) {
  auto question = std::string{"Drop the dead letters"};
  if (what.upto) question += " up to " + std::to_string(*what.upto);
  const auto& whose = what.user.empty() ? what.room : what.user;
  question += whose.empty() ? " of all users and rooms?" : " of " + whose + "?";
  if (const auto asked = ask_first(question, what.yes, to); asked != consent::given) return exit_code_of(asked);
  auto request = command("dead_purge");
  if (what.upto) request.raw("upto", std::to_string(*what.upto));
  name_owner(request, what);
  const auto answer = ask(what.where, request);
  to.line(what.where.as == output::json
              ? answer
              : "dropped " + counted(object_members{answer}.raw("letters"), "dead letter", "dead letters"));
  return exit_code::ok;
}

exit_code backup(const backup_options& what, terminal& to) {
  const auto file = std::filesystem::absolute(what.file).lexically_normal().string();
  const auto answer =
      ask(what.where, command("backup").text("file", file).raw("replace", what.force ? "true" : "false"));
  const object_members reply{answer};
  to.line(what.where.as == output::json
              ? answer
              : printable("backed up to " + file + ": " + describe_bytes(std::stoull("0" + reply.text("bytes"))) +
                          " in " + reply.text("took_ms") + " ms"));
  return exit_code::ok;
}

}  // namespace greenroom::clients
