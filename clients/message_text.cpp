#include "clients/message_text.hpp"

#include "clients/json_text.hpp"

namespace greenroom::clients {
namespace {

/// A tree of supervisors is a handful of levels deep; what is deeper is no tree of ours.
constexpr std::size_t tree_depth_max = 16;

void describe_child(std::string_view child, std::size_t depth, std::string& out) {
  const object_members members{child};
  out.append(2 * depth, ' ').append(printable(members.text("name")));
  for (const auto* name : {"kind", "state", "restarts", "mailbox", "last_error"})
    if (const auto value = members.text(name); !value.empty())
      out.append(" ").append(name).append("=").append(printable(value));
  out += '\n';
  if (depth == tree_depth_max) return;
  for (const auto& below : array_elements(members.raw("children"))) describe_child(below, depth + 1, out);
}

}  // namespace

std::string describe_room_message(std::string_view params) {
  const object_members message{params};
  std::string line{"["};
  line.append(message.text("room")).append("] #").append(message.text("seq")).append(" ").append(message.text("from"));
  line.append(" ").append(message.text("event")).append(" ").append(message.raw("payload"));
  return printable(line);
}

std::string describe_inbox_message(std::string_view params) {
  const object_members message{params};
  std::string line{"#"};
  line.append(message.text("n")).append(" ").append(message.text("from")).append(" ").append(message.text("event"));
  return printable(line.append(" ").append(message.raw("payload")));
}

std::string describe_notification(std::string_view method, std::string_view params) {
  return printable(std::string{method} + " " + std::string{params});
}

std::string describe_plugins(std::string_view answer) {
  std::string out;
  for (const auto& one : array_elements(object_members{answer}.raw("plugins"))) {
    const object_members plugin{one};
    std::string line = plugin.text("name") + " " + plugin.text("version") + " (" + plugin.text("file") + ")";
    for (const auto* kind : {"rooms", "services"})
      if (plugin.raw(kind) != "[]") line.append(" ").append(kind).append("=").append(plugin.raw(kind));
    out += printable(line.append(" loads=").append(plugin.text("loads"))) + '\n';
  }
  if (out.empty()) return "this node has no plugins";
  out.pop_back();
  return out;
}

std::string describe_tree(std::string_view tree) {
  std::string out;
  describe_child(tree, 0, out);
  out.pop_back();
  return out;
}

}  // namespace greenroom::clients
