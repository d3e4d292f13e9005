#include "clients/access_commands.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "clients/json_text.hpp"
#include "clients/message_text.hpp"
#include "clients/operator_list.hpp"

namespace greenroom::clients {
namespace {

std::int64_t number(const object_members& from, std::string_view name) {
  const auto text = from.raw(name);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string list_of(const std::vector<std::string>& json) {
  std::string text = "[";
  for (const auto& each : json) text.append(text.size() == 1 ? "" : ",").append(each);
  return text + "]";
}

std::vector<std::string> quoted_all(const std::vector<std::string>& texts) {
  std::vector<std::string> all;
  for (const auto& each : texts) all.push_back(quoted(each));
  return all;
}

void add_time(object_text& request, std::chrono::seconds lasts) {
  if (lasts.count() != 0) request.raw("for_ms", std::to_string(std::chrono::milliseconds{lasts}.count()));
}

/// `2 sessions end`, or that nobody has said how many.
std::string describe_end(const object_members& reply) {
  const auto sessions = reply.raw("sessions");
  if (sessions == "null" || sessions.empty()) return "its sessions end within seconds";
  return std::string{sessions} + (sessions == "1" ? " session ends" : " sessions end");
}

std::string joined(std::string_view array) {
  std::string text;
  for (const auto& each : array_elements(array)) {
    const object_members one{"{\"t\":" + each + "}"};
    text.append(text.empty() ? "" : ",").append(one.text("t"));
  }
  return text;
}

}  // namespace

std::string grant_object(std::string_view text) {
  constexpr std::array<std::string_view, 4> names{"rooms", "actions", "methods", "users"};
  const auto part = [](std::string_view& rest, char end) {
    const auto at = std::min(rest.find(end), rest.size());
    const auto one = rest.substr(0, at);
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return one;
  };
  object_text grant;
  std::vector<std::string_view> seen;
  while (!text.empty()) {
    auto list = part(text, ' ');
    if (list.empty()) continue;
    const auto name = part(list, '=');
    if (std::ranges::find(names, name) == names.end() || std::ranges::find(seen, name) != seen.end() || list.empty())
      throw std::invalid_argument{
          "a grant is rooms=…, actions=…, methods=… and users=…, each once, with commas between "
          "its words; not " +
          std::string{name}};
    seen.push_back(name);
    std::vector<std::string> words;
    while (!list.empty()) words.push_back(quoted(part(list, ',')));
    grant.raw(name, list_of(words));
  }
  return grant.str();
}

std::string describe_key(std::string_view entry, std::int64_t now_ms) {
  const object_members key{entry};
  std::string text = key.text("id") + " " + key.text("user");
  if (const auto scopes = joined(key.raw("scopes")); !scopes.empty()) text += " " + scopes;
  text += ", made " + describe_time(now_ms - number(key, "created_ms")) + " ago";
  const auto expires = number(key, "expires_ms");
  const auto used = number(key, "used_ms");
  if (expires != 0)
    text += expires <= now_ms ? ", expired " + describe_time(now_ms - expires) + " ago"
                              : ", expires in " + describe_time(expires - now_ms);
  text += used == 0 ? ", never used" : ", last used " + describe_time(now_ms - used) + " ago";
  for (const auto& each : array_elements(key.raw("grants"))) {
    const object_members grant{each};
    text += " [";
    for (const auto* name : {"rooms", "actions", "methods", "users"})
      if (const auto words = joined(grant.raw(name)); !words.empty())
        text.append(text.ends_with('[') ? "" : " ").append(name).append("=").append(words);
    text += "]";
  }
  if (const auto note = key.text("note"); !note.empty()) text += ": " + note;
  return printable(text);
}

std::string describe_revocation(std::string_view entry, std::int64_t now_ms) {
  const object_members one{entry};
  const auto left = number(one, "until_ms") - now_ms;
  auto text = one.text("kind") + " " + one.text("name") + ", " + describe_time(now_ms - number(one, "at_ms")) + " ago";
  text += left > 0 ? ", for " + describe_time(left) + " more" : ", over";
  if (const auto note = one.text("note"); !note.empty()) text += ": " + note;
  return printable(text);
}

exit_code key_add(const key_options& what, terminal& to) {
  auto request = command("key_add").text("user", what.user);
  if (!what.scopes.empty()) request.raw("scopes", list_of(quoted_all(what.scopes)));
  std::vector<std::string> grants;
  for (const auto& each : what.grants) grants.push_back(grant_object(each));
  if (!grants.empty()) request.raw("grants", list_of(grants));
  if (!what.note.empty()) request.text("note", what.note);
  add_time(request, what.lasts);
  const auto answer = ask(what.where, request);
  if (what.where.as == output::json) {
    to.line(answer);
    return exit_code::ok;
  }
  to.line(object_members{answer}.text("key"));
  to.note("keep it: it is not shown again");
  return exit_code::ok;
}

exit_code key_list(const key_options& what, terminal& to) {
  paging page;
  page.all = true;
  return print_list(
      what.where, page, after_is::name, [] { return command("key_list"); }, "keys", describe_key, to);
}

exit_code key_revoke(const key_options& what, terminal& to) {
  const auto answer = ask(what.where, command("key_revoke").text("id", what.id));
  to.line(what.where.as == output::json
              ? answer
              : printable("revoked " + what.id + "; " + describe_end(object_members{answer})));
  return exit_code::ok;
}

exit_code revoke(const revoke_options& what, terminal& to) {
  auto request = command("revoke").text("kind", what.kind).text("name", what.name);
  if (!what.note.empty()) request.text("note", what.note);
  add_time(request, what.lasts);
  const auto answer = ask(what.where, request);
  to.line(what.where.as == output::json
              ? answer
              : printable("revoked " + what.kind + " " + what.name + "; " + describe_end(object_members{answer})));
  return exit_code::ok;
}

exit_code revoke_list(const revoke_options& what, terminal& to) {
  for (const std::string kind : {"user", "session", "token"}) {
    if (!what.kind.empty() && what.kind != kind) continue;
    paging page;
    page.all = true;
    const auto code = print_list(
        what.where, page, after_is::name, [&kind] { return command("revoke_list").text("kind", kind); }, "revoked",
        describe_revocation, to);
    if (code != exit_code::ok) return code;
  }
  return exit_code::ok;
}

exit_code revoke_undo(const revoke_options& what, terminal& to) {
  const auto answer = ask(what.where, command("revoke_undo").text("kind", what.kind).text("name", what.name));
  to.line(what.where.as == output::json ? answer : printable(what.kind + " " + what.name + " may come again"));
  return exit_code::ok;
}

}  // namespace greenroom::clients
