#include "clients/commands.hpp"

#include <algorithm>
#include <iostream>
#include <utility>

#include "clients/admin.hpp"
#include "clients/json_text.hpp"
#include "clients/message_text.hpp"
#include "clients/visit.hpp"

namespace greenroom::clients {
namespace {

using clock = std::chrono::steady_clock;

std::string acknowledged(const object_members& reply) {
  return reply.text("ack") + ", id " + reply.text("id") + (reply.raw("duplicate") == "true" ? ", a repeat" : "");
}

/// What came for an inbox and is not printed yet: the handler may not use the connection, so the command acknowledges.
struct arrivals {
  std::vector<std::string> messages;

  void take(std::string_view method, std::string_view params, terminal& to) {
    if (method == "inbox.message") return void(messages.emplace_back(params));
    if (method != "inbox.acked") to.note(describe_notification(method, params));
  }
};

std::uint64_t number(const object_members& from, std::string_view name) {
  const auto text = from.text(name);
  return text.empty() ? 0 : std::stoull(text);
}

}  // namespace

exit_code pub(const pub_options& what, terminal& to) {
  object_text params;
  params.text("room", what.room).text("event", what.event);
  params.raw("payload", read_payload(what.payload, what.kind, std::cin));
  if (!what.id.empty()) params.text("id", what.id);
  if (what.durable) params.text("ack", "durable");
  if (!what.echo) params.raw("echo", "false");
  visit node{what.node, on_signal::untouched};
  const auto result = node.call("room.publish", params.str());
  const object_members reply{result};
  to.line(what.as == output::json
              ? result
              : printable("[" + what.room + "] #" + reply.text("seq") + " (" + acknowledged(reply) + ")"));
  return exit_code::ok;
}

exit_code sub(const sub_options& what, terminal& to) {
  std::uint64_t left = what.count.value_or(0);
  const auto on_notification = [&](std::string_view method, std::string_view params) {
    if (method != "room.message") return to.note(describe_notification(method, params));
    if (what.count && left == 0) return;
    to.line(what.as == output::json ? std::string{params} : describe_room_message(params));
    if (what.count) --left;
  };
  visit node{what.node, on_signal::interrupt, on_notification};
  for (const auto& room : what.rooms) {
    const object_members joined{node.call("room.join", object_text{}.text("room", room).str())};
    to.note(printable("joined " + room + " at #" + joined.text("seq") + ", members: " + joined.text("members")));
  }
  node.connection().wait_until(clock::time_point::max(), [&] { return what.count && left == 0; });
  return exit_code::ok;
}

exit_code send(const send_options& what, terminal& to) {
  object_text params;
  params.text("to", what.to_user).text("event", what.event);
  params.raw("payload", read_payload(what.payload, what.kind, std::cin));
  if (!what.id.empty()) params.text("id", what.id);
  if (what.ttl_s) params.raw("ttl_s", std::to_string(*what.ttl_s));
  visit node{what.node, on_signal::untouched};
  const auto result = node.call("user.send", params.str());
  to.line(what.as == output::json
              ? result
              : printable("to " + what.to_user + " (" + acknowledged(object_members{result}) + ")"));
  return exit_code::ok;
}

exit_code inbox(const inbox_options& what, terminal& to) {
  arrivals fresh;
  visit node{what.node, on_signal::interrupt,
             [&](std::string_view method, std::string_view params) { fresh.take(method, params, to); }};
  if (!what.node.user.empty() && node.user() != what.node.user) {
    to.note(printable("this is the inbox of " + node.user() + ", not of " + what.node.user));
    return exit_code::no_permission;
  }
  // Acknowledging nothing tells how many messages wait.
  auto waiting = number(object_members{node.call("inbox.ack", R"({"upto":0})")}, "left");
  while (what.follow || waiting > 0) {
    const auto deadline = what.follow ? clock::time_point::max() : clock::now() + limits::inbox_quiet;
    const auto end = node.connection().wait_until(deadline, [&] { return !fresh.messages.empty(); });
    if (end == client::wait_end::deadline) break;
    const auto messages = std::exchange(fresh.messages, {});  // more may come while these are acknowledged
    for (const auto& message : messages) to.line(what.as == output::json ? message : describe_inbox_message(message));
    waiting -= std::min<std::uint64_t>(waiting, messages.size());
    if (what.ack == inbox_ack::printed) {
      const auto upto = object_members{messages.back()}.text("n");
      waiting = number(object_members{node.call("inbox.ack", object_text{}.raw("upto", upto).str())}, "left");
    }
  }
  if (waiting > 0) to.note(std::to_string(waiting) + " more wait; acknowledge what was printed with --ack");
  return exit_code::ok;
}

exit_code call(const call_options& what, terminal& to) {
  const auto params = read_payload(what.params, payload_kind::json, std::cin);
  visit node{what.node, on_signal::untouched};
  to.line(node.call(what.method, params));
  return exit_code::ok;
}

exit_code announce(const local_target& where, const std::string& text, terminal& to) {
  const auto answer =
      ask_node_in(where.data_dir, object_text{}.text("command", "announce").text("text", text).str(), where.timeout);
  const object_members reply{answer};
  to.line(where.as == output::json ? answer : "announced to " + reply.text("sessions") + " sessions");
  return exit_code::ok;
}

exit_code status(const local_target& where, terminal& to) {
  const auto answer = ask_node_in(where.data_dir, object_text{}.text("command", "tree").str(), where.timeout);
  to.line(where.as == output::json ? answer : describe_tree(answer));
  return exit_code::ok;
}

exit_code plugin_list(const local_target& where, terminal& to) {
  const auto answer = ask_node_in(where.data_dir, object_text{}.text("command", "plugins").str(), where.timeout);
  to.line(where.as == output::json ? answer : describe_plugins(answer));
  return exit_code::ok;
}

exit_code plugin_reload(const local_target& where, const std::string& plugin, terminal& to) {
  const auto answer =
      ask_node_in(where.data_dir, object_text{}.text("command", "reload").text("plugin", plugin).str(), where.timeout);
  const object_members reply{answer};
  to.line(where.as == output::json
              ? answer
              : printable(plugin + " " + reply.text("version") + " has taken over: " + reply.text("rooms") +
                          " rooms, " + reply.text("services") + " services"));
  if (reply.raw("left") != "[]")
    to.note(printable("these stayed with the older build: " + std::string{reply.raw("left")}));
  return exit_code::ok;
}

}  // namespace greenroom::clients
