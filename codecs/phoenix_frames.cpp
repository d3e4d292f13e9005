#include "codecs/phoenix_frames.hpp"

#include <array>
#include <charconv>
#include <initializer_list>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/rpc_writer.hpp"
#include "codecs/websocket_frame.hpp"

namespace greenroom::codecs::phoenix {
namespace {

constexpr std::size_t punctuation_guess = 64;  ///< a wrong one costs a copy and nothing else
constexpr std::string_view nothing = "{}";
constexpr std::string_view server = "server";  ///< the sender of what behaviours say

void write(json_writer& w, const ref& which) {
  switch (which.is) {
    case ref::sort::none: return w.null();
    case ref::sort::text: return w.text(which.content);
    case ref::sort::number: return w.raw(which.content);
  }
}

/// The array up to its payload.
void begin(json_writer& w, const ref& join, const ref& which, std::string_view topic, std::string_view event) {
  constexpr std::size_t members = 5;
  w.begin_array(members);
  w.item(), write(w, join);
  w.item(), write(w, which);
  w.item(), w.text(topic);
  w.item(), w.text(event);
  w.item();
}

std::size_t guess(std::string_view topic, std::string_view event, std::string_view body) {
  return punctuation_guess + topic.size() + event.size() + body.size();
}

bool fit(std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (name.size() > binary_name_bytes_max) return false;
  }
  return true;
}

/// Type, a byte with the length of each name, the names, the rest.
void append_binary(std::string& out, frame_type type, std::initializer_list<std::string_view> names,
                   std::string_view data) {
  std::size_t length = 1 + names.size() + data.size();
  for (const auto name : names) length += name.size();
  const websocket_frame frame{out, frame_kind::binary, framing::websocket, length};
  out += static_cast<char>(type);
  for (const auto name : names) out += static_cast<char>(name.size());
  for (const auto name : names) out += name;
  out += data;
}

/// Whether this JSON may be `{"$bytes": …}`: cheap, for every message passes here.
bool may_be_bytes(std::string_view json) {
  constexpr std::string_view space = " \t\r\n";
  const auto open = json.find_first_not_of(space);
  if (open == std::string_view::npos || json[open] != '{') return false;
  const auto quote = json.find_first_not_of(space, open + 1);
  if (quote == std::string_view::npos || json[quote] != '"' || quote + 1 == json.size()) return false;
  return json[quote + 1] == '$' || json[quote + 1] == '\\';
}

bool acted_upon(const envelope& m) {
  const std::string_view event = m.event;
  if (event.starts_with("phx_") || event.starts_with("chan_reply_")) return true;
  if (m.from.empty() || m.from == server) return false;
  return event == "presence_state" || event == "presence_diff" || event == "greenroom_position";
}

void append_meta(std::string& out, const results::presence_entry& entry) {
  json_writer w{out};
  w.begin_object();
  if (entry.meta) {
    const auto json = entry.meta->as(format::json);
    borrowed_document shown;
    const bool object = !shown->read(format::json, json, unbounded) && shown->root().is(kind::object);
    if (object) {
      for (const auto [key, what] : members_of(shown->root())) {
        if (key == "phx_ref" || key == "phx_ref_prev") continue;  // whose they are decides the node
        w.key(key);
        w.raw(what.raw());
      }
    } else {
      w.key("meta");
      w.raw(json);
    }
  }
  w.key("phx_ref");
  w.text(phx_ref(entry.ref));
  if (entry.ref_prev != 0) w.key("phx_ref_prev"), w.text(phx_ref(entry.ref_prev));
  w.end_object();
}

}  // namespace

std::optional<std::string_view> bytes_of(const payload& what) {
  if (what.origin() == format::json && !may_be_bytes(what.original())) return std::nullopt;
  auto packed = what.as(format::msgpack);
  constexpr unsigned char bin_8 = 0xc4, bin_32 = 0xc6;  // the types between: a length of 1, 2 or 4 bytes, the bytes
  const auto type = static_cast<unsigned char>(packed.front());
  if (type < bin_8 || type > bin_32) return std::nullopt;
  return packed.substr(1 + (std::size_t{1} << (type - bin_8)));
}

void append_text(std::string& out, const ref& join, const ref& which, std::string_view topic, std::string_view event,
                 std::string_view json) {
  const websocket_frame frame{out, frame_kind::text, framing::websocket, guess(topic, event, json)};
  json_writer w{out};
  begin(w, join, which, topic, event);
  w.raw(json);
  w.end_array();
}

void append_push(std::string& out, const ref& join, std::string_view topic, std::string_view event,
                 const payload_ptr& what) {
  const auto data = what ? bytes_of(*what) : std::nullopt;
  if (data && fit({join.content, topic, event}))
    append_binary(out, frame_type::push, {join.content, topic, event}, *data);
  else
    append_text(out, join, {}, topic, event, what ? what->as(format::json) : nothing);
}

void append_broadcast(std::string& out, std::string_view topic, std::string_view event, const payload& what) {
  const auto data = bytes_of(what);
  if (data && fit({topic, event}))
    append_binary(out, frame_type::broadcast, {topic, event}, *data);
  else
    append_text(out, {}, {}, topic, event, what.as(format::json));
}

void append_reply(std::string& out, const ref& join, const ref& which, std::string_view topic, std::string_view status,
                  std::string_view json) {
  const websocket_frame frame{out, frame_kind::text, framing::websocket, guess(topic, status, json)};
  json_writer w{out};
  begin(w, join, which, topic, "phx_reply");
  w.begin_object();
  w.key("status"), w.text(status);
  w.key("response"), w.raw(json);
  w.end_object();
  w.end_array();
}

void append_reply(std::string& out, const ref& join, const ref& which, std::string_view topic, std::string_view status,
                  const payload_ptr& what) {
  const auto data = what ? bytes_of(*what) : std::nullopt;
  if (data && fit({join.content, which.content, topic, status}))
    append_binary(out, frame_type::reply, {join.content, which.content, topic, status}, *data);
  else
    append_reply(out, join, which, topic, status, what ? what->as(format::json) : nothing);
}

void append_end(std::string& out, const ref& join, std::string_view topic, std::string_view event,
                std::string_view why) {
  std::string json{nothing};
  if (!why.empty()) {
    json.clear();
    json_writer w{json};
    w.begin_object();
    w.key("reason"), w.text(why);
    w.end_object();
  }
  append_text(out, join, join, topic, event, json);
}

void append_message(std::string& out, const envelope& message) {
  if (!acted_upon(message)) return append_broadcast(out, message.room, message.event, *message.body);
  std::string whole;
  append_envelope(format::json, message, whole);
  append_text(out, {}, {}, message.room, "greenroom_message", whole);
}

void append_position(std::string& out, const envelope& last) {
  std::string position;
  json_writer w{position};
  w.begin_object();
  w.key("epoch"), w.text(last.epoch);
  w.key("seq"), w.natural(last.seq);
  w.end_object();
  append_text(out, {}, {}, last.room, "greenroom_position", position);
}

std::string text_of(std::string_view binary) {
  constexpr std::size_t names_max = 4;
  const auto type = static_cast<frame_type>(binary.front());
  const std::size_t count = type == frame_type::push ? 3 : type == frame_type::reply ? names_max : 2;
  std::array<std::string_view, names_max> names;
  auto rest = binary.substr(1 + count);
  for (std::size_t i = 0; i != count; ++i) {
    names[i] = rest.substr(0, static_cast<unsigned char>(binary[1 + i]));
    rest.remove_prefix(names[i].size());
  }
  const auto as_ref = [](std::string_view name) {
    return name.empty() ? ref{} : ref{ref::sort::text, std::string{name}};
  };
  std::string body;
  body += R"({"$bytes":")";
  append_base64(body, rest);
  body += R"("})";
  std::string framed;
  if (type == frame_type::push)
    append_text(framed, as_ref(names[0]), {}, names[1], names[2], body);
  else if (type == frame_type::reply)
    append_reply(framed, as_ref(names[0]), as_ref(names[1]), names[2], names[3], body);
  else
    append_text(framed, {}, {}, names[0], names[1], body);
  std::string_view whole = framed;
  return std::string{take_frame(whole).body};
}

std::string phx_ref(std::uint64_t number) {
  constexpr int base = 36;
  std::array<char, 16> digits;  // 13 of 64 bits
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr};
}

std::string presence_of(const std::vector<results::member>& users) {
  std::string out;
  json_writer w{out};
  w.begin_object();
  for (const auto& each : users) {
    w.key(each.user);
    w.begin_object();
    w.key("metas");
    w.begin_array(each.entries.size());
    for (const auto& entry : each.entries) w.item(), append_meta(out, entry);
    w.end_array();
    w.end_object();
  }
  w.end_object();
  return out;
}

}  // namespace greenroom::codecs::phoenix
