#include "clients/message_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "clients/json_text.hpp"

namespace greenroom::clients {
namespace {

/// A tree of supervisors is a handful of levels deep; what is deeper is no tree of ours.
constexpr std::size_t tree_depth_max = 16;
constexpr std::size_t payload_shown = 120;  ///< bytes of a payload on one line of a list

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

std::int64_t number(const object_members& from, std::string_view name) {
  const auto text = from.raw(name);
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string plural(std::int64_t count, std::string_view what) {
  return std::to_string(count).append(" ").append(what).append(count == 1 ? "" : "s");
}

/// `ann alarm {"at":"noon"}`, or why not.
std::string describe_content(const object_members& message) {
  if (message.raw("damaged") == "true") return "(damaged: it cannot be read)";
  auto payload = std::string{message.raw("payload")};
  if (payload.empty())
    payload = "(" + describe_bytes(static_cast<std::uint64_t>(number(message, "payload_bytes"))) + ")";
  if (payload.size() > payload_shown) {
    auto end = payload_shown;
    while (end > 0 && (static_cast<unsigned char>(payload[end]) & 0xc0u) == 0x80u) --end;  // between two characters
    payload.resize(end);
    payload += "…";
  }
  return message.text("from") + " " + message.text("event") + " " + payload;
}

}  // namespace

std::string describe_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto tenths = bytes * 10;
  for (; tenths >= 10'240 && unit + 1 < units.size(); ++unit) tenths /= 1'024;
  auto text = std::to_string(tenths / 10);
  if (unit != 0 && tenths < 100) text += "." + std::to_string(tenths % 10);
  return text + " " + units[unit];
}

std::string describe_time(std::int64_t ms) {
  constexpr std::array<std::pair<std::int64_t, std::string_view>, 4> units{
      {{86'400'000, " d"}, {3'600'000, " h"}, {60'000, " min"}, {1'000, " s"}}};
  ms = std::max<std::int64_t>(ms, 0);
  const auto unit = std::ranges::find_if(units.begin(), units.end() - 1, [ms](const auto& u) { return ms >= u.first; });
  return std::to_string(ms / unit->first).append(unit->second);
}

std::string describe_inbox(std::string_view entry, std::int64_t now_ms) {
  const object_members box{entry};
  return printable(box.text("user") + ": " + plural(number(box, "messages"), "message") + ", " +
                   describe_bytes(static_cast<std::uint64_t>(number(box, "bytes"))) + ", the oldest " +
                   describe_time(now_ms - number(box, "oldest_ms")) + " old, " +
                   plural(number(box, "sessions"), "session"));
}

std::string describe_waiting_message(std::string_view entry, std::int64_t now_ms) {
  const object_members message{entry};
  const auto left = number(message, "expires_ms") - now_ms;
  return printable("#" + message.text("n") + " " + describe_content(message) + " (" +
                   describe_time(now_ms - number(message, "at_ms")) + " old, " +
                   (left > 0 ? "expires in " + describe_time(left) : "expired") + ", " +
                   plural(number(message, "attempts"), "failed delivery attempt") + ")");
}

std::string describe_dead_letter(std::string_view entry, std::int64_t now_ms) {
  const object_members letter{entry};
  const auto room = letter.text("room");
  const auto whose = room.empty() ? letter.text("user") : "[" + room + "]";
  return printable(letter.text("letter") + " " + whose + " " + letter.text("reason") + " " +
                   describe_time(now_ms - number(letter, "died_ms")) + " ago: " + describe_content(letter));
}

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
